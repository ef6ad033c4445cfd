#include "route_change.hpp"

#include <fmt/format.h>

#include <map>

namespace comet::inline v0_1::client {
namespace {

// One broker of a route, as far as producers care.
class Part {
 public:
  std::string master;  // "ip:port"; empty: none
  std::int32_t queues = 0;
  std::int32_t perm = 0;
};
using Parts = std::map<std::string, Part>;

Parts parts_of(const routing::TopicRouteData& route) {
  Parts parts;
  for (const routing::BrokerData& broker : route.brokers) {
    const auto master = broker.broker_addrs.find(routing::kMasterId);
    if (master != broker.broker_addrs.end()) parts[broker.broker_name].master = master->second;
  }
  for (const routing::QueueData& queue : route.queues) {
    Part& part = parts[queue.broker_name];
    part.queues = queue.write_queue_nums;
    part.perm = queue.perm;
  }
  return parts;
}

std::string or_none(const std::string& master) { return master.empty() ? "no master" : master; }

std::string describe(const Part& part) {
  return fmt::format("{}, {} queues", or_none(part.master), part.queues);
}

void add(std::string& text, const std::string& more) {
  if (!text.empty()) text += "; ";
  text += more;
}

std::string describe_change(const Part& before, const Part& after) {
  std::string text;
  const auto note = [&text](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  if (before.master != after.master) {
    note(fmt::format("{} -> {}", or_none(before.master), or_none(after.master)));
  }
  if (before.queues != after.queues) {
    note(fmt::format("{} -> {} queues", before.queues, after.queues));
  }
  if (before.perm != after.perm) note(fmt::format("perm {} -> {}", before.perm, after.perm));
  return text;
}

}  // namespace

std::string describe_route(const routing::TopicRouteData& route) {
  std::string text;
  for (const auto& [name, part] : parts_of(route)) {
    add(text, fmt::format("{} ({})", name, describe(part)));
  }
  return text.empty() ? "no broker" : text;
}

std::string describe_change(const routing::TopicRouteData& before,
                            const routing::TopicRouteData& after) {
  const Parts then = parts_of(before);
  const Parts now = parts_of(after);
  std::string text;
  for (const auto& [name, part] : now) {
    const auto known = then.find(name);
    if (known == then.end()) {
      add(text, fmt::format("{} new ({})", name, describe(part)));
    } else if (const std::string change = describe_change(known->second, part); !change.empty()) {
      add(text, fmt::format("{}: {}", name, change));
    }
  }
  for (const auto& [name, part] : then) {
    if (!now.contains(name)) add(text, name + " gone");
  }
  if (before.order_topic_conf != after.order_topic_conf) {
    add(text, fmt::format("order '{}' -> '{}'", before.order_topic_conf, after.order_topic_conf));
  }
  return text.empty() ? "slaves or other details" : text;
}

}  // namespace comet::inline v0_1::client
