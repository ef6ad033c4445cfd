// Bodies of registrations, plain or compressed as the first byte says: what a name server makes of
// them stays within its limits and goes with the broker, and what a broker would send in parts is
// what it would send whole.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "../../libs/broker/src/registration/registration_bodies.hpp"
#include "comet/base/log.hpp"
#include "tables/route_table.hpp"

namespace {

using namespace comet;

void must(bool holds) {
  if (!holds) std::abort();
}

void check_table(routing::RegisterBrokerBody body) {
  namesrv::RouteTableLimits limits;
  limits.max_topics_per_broker = 10;
  limits.max_name_bytes = 100;
  limits.max_mapped_queues = 10;
  limits.max_filter_servers = 3;
  namesrv::RouteTable table(limits);
  const auto names = body.topic_config.topics;
  namesrv::BrokerRegistration registration;
  registration.cluster = "C";
  registration.broker_name = "b";
  registration.address = "10.0.0.1:10911";
  registration.connection = 1;
  registration.body = std::move(body);
  const auto outcome = table.register_broker(std::move(registration), Instant());
  must(table.topic_count() <= 10 && outcome.topics == table.topic_count());
  std::size_t bytes = 0;
  for (const std::string& topic : table.topics()) {
    bytes += topic.size();
    must(table.find_route_json(topic, routing::IntegerKeys::quoted).has_value());
  }
  must(bytes <= 100);
  (void)table.wipe_write_permission("b");
  (void)table.save();
  if (outcome.refusal.empty()) must(table.connection_closed(1).size() == 1);
  while (table.sweep()) continue;
  must(table.topic_count() == 0 && table.brokers() == 0);
}

void check_parts(const routing::TopicConfigTable& table) {
  broker::BrokerConfig config;
  const auto whole = broker::registration_bodies(config, table, 1 << 24);
  const auto parts = broker::registration_bodies(config, table, 600);
  must(whole.size() == 1 && !parts.empty());
  std::map<std::string, routing::TopicConfig, std::less<>> together;
  std::size_t topics = 0;
  for (const std::string& part : parts) {
    const auto read = routing::parse_register_broker_body(part);
    must(read.has_value());
    must(part.size() <= 600 || read->topic_config.topics.size() <= 1);
    topics += read->topic_config.topics.size();
    for (const auto& [name, topic] : read->topic_config.topics) together[name] = topic;
  }
  const auto read = routing::parse_register_broker_body(whole.front());
  must(read.has_value() && read->topic_config.topics == together && topics == together.size());
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  log::set_level(log::Level::error);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto body = (data[0] & 1) != 0 ? routing::decode_compressed(text, (data[0] & 2) != 0, 1 << 16)
                                 : routing::parse_register_broker_body(text);
  if (!body) return 0;
  check_parts(body->topic_config);
  check_table(std::move(*body));
  return 0;
}
