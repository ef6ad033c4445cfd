// Every order in which registrations, role switches, late closes, goodbyes and silence of two
// addresses can follow each other, against a model that is too simple to be wrong.

#include <boost/test/unit_test.hpp>

#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "route_table_fixture.hpp"
#include "tables/route_table.hpp"

using comet::Instant;
using namespace comet::test;

namespace {

struct Event {
  enum Kind { registers, closes, says_goodbye, nothing_for_two_minutes };
  Kind kind;
  std::string_view address;
  std::string name;
  std::int64_t id = 0;
  std::uint64_t connection = 0;
};

std::vector<Event> all_events() {
  return {
      {Event::registers, kA, "broker-a", 0, 1},  // A over its first and its second connection
      {Event::registers, kA, "broker-a", 0, 2},
      {Event::registers, kA, "broker-a", 1, 1},  // as a slave
      {Event::registers, kA, "broker-a", 1, 2},
      {Event::registers, kA, "other", 0, 2},  // the address in the hands of another broker
      {Event::registers, kB, "broker-a", 0, 3},
      {Event::registers, kB, "broker-a", 1, 3},
      {Event::closes, {}, {}, 0, 1},
      {Event::closes, {}, {}, 0, 2},
      {Event::closes, {}, {}, 0, 3},
      {Event::says_goodbye, kA, {}, 0, 0},
      {Event::says_goodbye, kB, {}, 0, 0},
      {Event::nothing_for_two_minutes, {}, {}, 0, 0},
  };
}

std::string describe(const Event& event) {
  switch (event.kind) {
    case Event::registers:
      return std::string(event.address) + " registers as " + event.name + "/" +
             std::to_string(event.id) + " over " + std::to_string(event.connection) + "; ";
    case Event::closes:
      return "connection " + std::to_string(event.connection) + " closes; ";
    case Event::says_goodbye:
      return std::string(event.address) + " says goodbye; ";
    default:
      return "two minutes of silence; ";
  }
}

// Who is what, as the rules of RouteTable say it.
class Model {
 public:
  void apply(const Event& event, Instant now) {
    switch (event.kind) {
      case Event::registers:
        return register_broker(event, now);
      case Event::closes:
        return remove_if([&](const Peer& peer) { return peer.connection == event.connection; });
      case Event::says_goodbye:
        return remove_if([&](const Peer& peer) { return peer.address == event.address; });
      default:
        remove_if([&](const Peer& peer) { return now - peer.seen > 120s; });
    }
  }

  // Broker name to addresses by id; names with a topic.
  [[nodiscard]] std::map<std::string, std::map<std::int64_t, std::string>> brokers() const {
    std::map<std::string, std::map<std::int64_t, std::string>> all;
    for (const Peer& peer : peers_) all[peer.name][peer.id] = peer.address;
    return all;
  }
  [[nodiscard]] bool has_topic(const std::string& name) const { return with_topic_.contains(name); }

 private:
  struct Peer {
    std::string address;
    std::string name;
    std::int64_t id;
    std::uint64_t connection;
    Instant seen;
  };

  void register_broker(const Event& event, Instant now) {
    std::erase_if(peers_, [&](const Peer& peer) {
      return peer.address == event.address || (peer.name == event.name && peer.id == event.id);
    });
    peers_.push_back({std::string(event.address), event.name, event.id, event.connection, now});
    forget_topics_of_the_gone();
    if (event.id == 0) with_topic_.insert(event.name);
  }
  template <class Condition>
  void remove_if(Condition condition) {
    std::erase_if(peers_, condition);
    forget_topics_of_the_gone();
  }
  void forget_topics_of_the_gone() {
    std::erase_if(with_topic_, [&](const std::string& name) { return !brokers().contains(name); });
  }

  std::vector<Peer> peers_;
  std::set<std::string> with_topic_;
};

class Life {
 public:
  void apply(const Event& event) {
    now_ += event.kind == Event::nothing_for_two_minutes ? comet::Duration(121s) : 1s;
    model_.apply(event, now_);
    switch (event.kind) {
      case Event::registers:
        table_.register_broker(
            Registration().at(event.address).name(event.name).id(event.id).over(event.connection),
            now_);
        break;
      case Event::closes:
        table_.connection_closed(event.connection);
        break;
      case Event::says_goodbye:
        table_.unregister_broker(event.address);
        break;
      default:
        table_.expire(now_);
    }
    (void)table_.sweep();  // one step, so that there is always something left to sweep
  }

  [[nodiscard]] bool is_as_the_model_says() const {
    std::map<std::string, std::map<std::int64_t, std::string>> found;
    for (const auto& [cluster, brokers] : table_.clusters()) {
      for (const auto& broker : brokers) found[broker.broker_name] = broker.broker_addrs;
    }
    if (found != model_.brokers()) return false;
    std::map<std::string, std::map<std::int64_t, std::string>> routed;
    if (const auto route = table_.find_route("T")) {
      for (const auto& broker : route->brokers) routed[broker.broker_name] = broker.broker_addrs;
    }
    std::erase_if(found, [&](const auto& item) { return !model_.has_topic(item.first); });
    return routed == found;
  }

 private:
  RouteTable table_;
  Model model_;
  Instant now_ = kStart;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(route_table_life)

BOOST_AUTO_TEST_CASE(whatever_the_order_of_events_only_who_is_there_is_shown) {
  constexpr std::size_t kLength = 4;
  const std::vector<Event> events = all_events();
  std::array<std::size_t, kLength> order{};
  std::size_t orders = 0;
  for (bool done = false; !done; ++orders) {
    Life life;
    std::string story;
    for (const std::size_t index : order) {
      story += describe(events[index]);
      life.apply(events[index]);
      BOOST_REQUIRE_MESSAGE(life.is_as_the_model_says(), story);
    }
    done = true;
    for (std::size_t& digit : order) {
      if (++digit < events.size()) {
        done = false;
        break;
      }
      digit = 0;
    }
  }
  BOOST_TEST(orders == events.size() * events.size() * events.size() * events.size());
}

BOOST_AUTO_TEST_SUITE_END()
