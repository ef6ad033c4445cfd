// Queries on other threads while the table changes; what the thread sanitizer looks at.

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "route_table_fixture.hpp"
#include "tables/route_table.hpp"

using namespace comet::test;
using comet::namesrv::RouteTableOptions;
using comet::routing::parse_topic_route;

namespace {

constexpr int kTopics = 200;

std::string topic_name(int i) { return "topic-" + std::to_string(i); }

// A broker with topics of which each has the same number of queues.
Registration broker(const std::string& name, std::string_view address, int queues,
                    std::int64_t version) {
  Registration registration({});
  registration.name(name).at(address).version(version);
  for (int i = 0; i < kTopics; ++i) registration.topic(topic(topic_name(i), queues));
  return registration;
}

// What must hold for every answer, at any moment.
bool is_sound(const TopicRouteData& route) {
  if (route.brokers.empty() || route.brokers.size() != route.queues.size()) return false;
  for (std::size_t i = 0; i < route.brokers.size(); ++i) {
    if (route.brokers[i].broker_addrs.empty()) return false;
    if (route.brokers[i].broker_name != route.queues[i].broker_name) return false;
    if (route.queues[i].read_queue_nums != route.queues[i].write_queue_nums) return false;
  }
  return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(route_table_threads)

BOOST_AUTO_TEST_CASE(answers_are_whole_and_steady_brokers_always_there_while_others_come_and_go) {
  RouteTable table;
  table.register_broker(broker("steady", "10.0.0.9:1", 4, 1), kStart);
  std::atomic<bool> done{false};
  std::atomic<int> unsound{0};
  std::atomic<int> queries{0};
  const auto ask = [&] {
    for (int i = 0; !done; ++i) {
      const std::string name = topic_name(i % kTopics);
      const auto json = table.find_route_json(name, IntegerKeys::quoted);
      const auto parsed = json ? parse_topic_route(json->view()) : comet::error_code();
      const auto direct = table.find_route(name);
      if (!parsed || !is_sound(*parsed) || !direct || !is_sound(*direct)) ++unsound;
      ++queries;
    }
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) readers.emplace_back(ask);

  for (int round = 0; round < 30 || queries < 2000; ++round) {
    const int queues = 1 + round % 5;
    table.register_broker(broker("b", kA, queues, round), kStart);
    // The steady broker's only member changes its id: it is never away.
    table.register_broker(broker("steady", "10.0.0.9:1", 4, 1).id(round % 2), kStart);
    table.wipe_write_permission("b");
    RouteTableOptions options;
    options.support_acting_master = round % 2 == 0;
    table.set_options(options);
    table.unregister_broker(kA);
    (void)table.sweep();
    table.register_broker(broker("c", kB, queues, round).over(7), kStart);
    table.remove_topic(topic_name(round % kTopics), "elsewhere");
    table.connection_closed(7);
    while (round % 3 == 0 && table.sweep()) continue;
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  BOOST_TEST(unsound == 0);
}

BOOST_AUTO_TEST_SUITE_END()
