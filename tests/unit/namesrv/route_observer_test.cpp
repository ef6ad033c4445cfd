#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "route_table_fixture.hpp"
#include "tables/route_table.hpp"

using namespace comet::test;

namespace {

using Names = std::vector<std::string>;

class Observer : public comet::namesrv::RouteObserver {
 public:
  bool active() const noexcept override { return watching; }
  void routes_changed(const Names& topics) override {
    BOOST_TEST(!topics.empty());
    changes.push_back(topics);
  }
  // What has been told since the last call.
  std::vector<Names> take() { return std::exchange(changes, {}); }

  bool watching = true;

 private:
  std::vector<Names> changes;
};

class ObservedTable {
 public:
  ObservedTable() { table.set_observer(&observer); }
  // The topics that the call has changed in one go; none: nothing has been told.
  template <class Call>
  Names changed_by(Call call) {
    (void)observer.take();
    call();
    const auto changes = observer.take();
    BOOST_TEST(changes.size() <= 1u);
    return changes.empty() ? Names() : changes.front();
  }
  Names changed_by(const Registration& registration) {
    return changed_by([&] { table.register_broker(registration, kStart); });
  }

  Observer observer;
  RouteTable table;
};

void expect(const Names& changed, const Names& expected) {
  BOOST_TEST(changed == expected, boost::test_tools::per_element());
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(route_observer, ObservedTable)

BOOST_AUTO_TEST_CASE(a_registration_tells_its_topics_and_a_repeated_one_nothing) {
  expect(changed_by(Registration({"U", "T"})), {"T", "U"});
  expect(changed_by(Registration({"U", "T"})), {});
  expect(changed_by(Registration({"U", "T"}).version(2)), {});
}

BOOST_AUTO_TEST_CASE(a_new_version_tells_the_topics_that_differ) {
  table.register_broker(Registration({"T", "U"}), kStart);
  expect(changed_by(Registration({"U", "V"}).topic(topic("T", 8)).version(2)), {"T", "V"});
}

BOOST_AUTO_TEST_CASE(a_slave_that_comes_or_goes_changes_all_topics_of_its_broker) {
  table.register_broker(Registration({"T", "U"}), kStart);
  table.register_broker(Registration({"V"}).name("other").at("10.0.0.9:1").over(9), kStart);
  expect(changed_by(Registration().id(1).at(kB).over(2)), {"T", "U"});
  expect(changed_by([&] { table.connection_closed(2); }), {"T", "U"});
}

BOOST_AUTO_TEST_CASE(the_end_of_a_broker_tells_all_its_topics) {
  const auto twice = [&] {
    table.register_broker(Registration({"T", "U"}), kStart);
    table.register_broker(Registration({"U", "V"}).name("b").at(kB).over(2), kStart);
  };
  twice();
  expect(changed_by([&] { table.connection_closed(1); }), {"T", "U"});
  twice();
  expect(changed_by([&] { table.unregister_broker(kA); }), {"T", "U"});
  twice();
  expect(changed_by([&] { table.expire(kStart + 121s); }), {"T", "U", "V"});
}

BOOST_AUTO_TEST_CASE(an_address_that_changes_its_broker_name_tells_the_topics_of_both) {
  table.register_broker(Registration({"T", "U"}).name("old"), kStart);
  expect(changed_by(Registration({"U", "V"}).name("new")), {"T", "U", "V"});
}

BOOST_AUTO_TEST_CASE(filter_servers_and_the_cluster_are_part_of_a_route) {
  table.register_broker(Registration(), kStart);
  Registration changed;
  changed.body.filter_servers = {"10.0.0.9:1"};
  expect(changed_by(changed), {"T"});
  changed.cluster = "d";
  expect(changed_by(changed), {"T"});
}

BOOST_AUTO_TEST_CASE(permissions_tell_only_what_they_change) {
  table.register_broker(Registration({"T"}).topic(topic("R", 4, 4)), kStart);
  expect(changed_by([&] { table.wipe_write_permission("broker-a"); }), {"T"});
  expect(changed_by([&] { table.wipe_write_permission("broker-a"); }), {});
  expect(changed_by([&] { table.add_write_permission("broker-a"); }), {"R", "T"});
}

BOOST_AUTO_TEST_CASE(a_deleted_topic_is_told) {
  table.register_broker(Registration({"T", "U"}), kStart);
  expect(changed_by([&] { table.remove_topic("T"); }), {"T"});
  expect(changed_by([&] { table.remove_topic("T"); }), {});
  expect(changed_by([&] { table.remove_topic("U", "elsewhere"); }), {});
}

BOOST_AUTO_TEST_CASE(without_an_active_observer_nothing_is_told_later) {
  observer.watching = false;
  expect(changed_by(Registration({"T"})), {});
  observer.watching = true;
  expect(changed_by(Registration({"T"})), {});
  table.set_observer(nullptr);
  expect(changed_by(Registration({"T"}).topic(topic("T", 9)).version(2)), {});
}

BOOST_AUTO_TEST_SUITE_END()
