#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include "answers.hpp"
#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "comet/message/record.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "comet/routing/topic_config.hpp"
#include "service.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kLongestTimeout = 24h;

// Brokers of 5.3 send compressed bodies with a header that denies it.
bool is_compressed(const remoting::RegisterBrokerHeader& header, std::string_view body) {
  constexpr char kZlib = 0x78;  // no JSON begins with an 'x'
  return header.compressed.value_or(false) || body.starts_with(kZlib);
}

Result<routing::RegisterBrokerBody> read_body(const Service& service, const Request& request,
                                              const remoting::RegisterBrokerHeader& header) {
  const std::string_view body = request.command.body.view();
  if (body.empty()) return routing::RegisterBrokerBody();
  if (is_compressed(header, body)) {
    const bool with_mappings = request.command.version >= remoting::kVersionV5_0_0;
    return routing::decode_compressed(body, with_mappings, service.config.max_inflated);
  }
  return routing::parse_register_broker_body(body);
}

// The caller holds the mutex.
Duration timeout_of(const Service& service, const remoting::RegisterBrokerHeader& header) {
  const std::int64_t millis = header.heartbeat_timeout_millis.value_or(0);
  if (millis <= 0) return service.live.broker_expiry;
  return std::min(std::chrono::milliseconds(millis), kLongestTimeout);
}

RemotingCommand refuse(Service& service, const Request& request, const std::string& why) {
  const std::scoped_lock lock(service.mutex);
  log_refusal(service, request, why);
  return failure(request, ResponseCode::system_error, why);
}

// One move is a restart elsewhere. More within ten minutes: two brokers have one name and id.
void log_move(const std::string& name, std::int64_t id, const RegisterOutcome& outcome,
              const std::string& address) {
  if (outcome.moves < 2) {
    log::info("broker {}: id {} moved from {} to {}", name, id, outcome.previous_address, address);
    return;
  }
  log::warn(
      "broker {}: id {} moved from {} to {}, {} times within ten minutes: two brokers have this "
      "name and id, and clients are sent to the one or the other; give one of them another "
      "brokerName or brokerId",
      name, id, outcome.previous_address, address, outcome.moves);
}

// What an operator wants to know; a repeated registration is nothing.
void log_registration(const remoting::RegisterBrokerHeader& header,
                      const RegisterOutcome& outcome) {
  const std::string name = printable(header.broker_name);
  const std::string address = printable(header.broker_addr);
  if (outcome.stale) {
    log::warn("broker {}: {} comes with an older state than the present id {}: ignored", name,
              address, header.broker_id);
    return;
  }
  if (!outcome.previous_name.empty()) {
    log::info("{} was broker {} and is {} now", address, printable(outcome.previous_name), name);
  }
  if (outcome.previous_id) {
    log::info("broker {}: {} had id {} and has {} now", name, address, *outcome.previous_id,
              header.broker_id);
  }
  if (!outcome.previous_address.empty()) {
    log_move(name, header.broker_id, outcome, address);
  } else if (outcome.first) {
    log::info("broker {} registered: id {} at {}, cluster {}, {} topics", name, header.broker_id,
              address, printable(header.cluster_name), outcome.topics);
  } else if (outcome.confirmed) {
    log::info("broker {}: id {} at {} has registered, {} topics; its routes were restored ones",
              name, header.broker_id, address, outcome.topics);
  }
  if (outcome.left_out_changed && outcome.topics_left_out > 0) {
    log::warn("broker {}: {} topics left out, their names are unusable or there is no room", name,
              outcome.topics_left_out);
  }
}

RemotingCommand answer_registration(Service& service, const Request& request,
                                    const RegisterOutcome& outcome) {
  RemotingCommand answer = success(request);
  if (outcome.stale) return answer;
  remoting::RegisterBrokerResponseHeader header;
  if (!outcome.master_addr.empty()) {
    header.master_addr = outcome.master_addr;
    header.ha_server_addr = outcome.master_ha_server_addr;
  }
  remoting::write_header(header, answer.fields);
  if (service.live.return_order_topic_config) {
    const KvConfig::Table* order = service.kv.find_namespace(kOrderTopicConfig);
    if (order != nullptr) answer.body = kv_table_json(*order);
  }
  return answer;
}

BrokerRegistration make_registration(const Request& request,
                                     const remoting::RegisterBrokerHeader& header) {
  BrokerRegistration registration;
  registration.cluster = header.cluster_name;
  registration.broker_name = header.broker_name;
  registration.broker_id = header.broker_id;
  registration.address = header.broker_addr;
  registration.ha_server_addr = header.ha_server_addr.value_or(std::string());
  registration.connection = request.connection->id();
  registration.enable_acting_master = header.enable_acting_master;
  registration.zone_name = header.zone_name.value_or(std::string());
  // Brokers send the same body again and again; 0 stands for "not known".
  registration.body_digest = std::hash<std::string_view>{}(request.command.body.view()) | 1;
  return registration;
}

// The caller holds the mutex.
RemotingCommand finish_registration(Service& service, const Request& request,
                                    const remoting::RegisterBrokerHeader& header,
                                    const RegisterOutcome& outcome) {
  if (!outcome.refusal.empty()) {
    log_refusal(service, request, outcome.refusal);
    return failure(request, ResponseCode::system_error, outcome.refusal);
  }
  ++service.counters.registrations;
  if (!outcome.stale) service.connections[request.connection->id()] = request.connection;
  log_registration(header, outcome);
  tell_members(service, outcome.min_id_change);
  sweep_soon(service);
  return answer_registration(service, request, outcome);
}

// Its connection's end may have been dealt with before the worker has come to the registration.
RemotingCommand too_late(const Request& request) {
  return failure(request, ResponseCode::system_error, "the connection has closed");
}

Reply register_broker(Service& service, Request& request) {
  std::string missing;
  const auto header = remoting::read_header<remoting::RegisterBrokerHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return lacks(request, missing);
  const std::int32_t crc = header->body_crc32.value_or(0);
  if (crc != 0 && crc != body_crc(request.command.body.view())) {
    return refuse(service, request, "crc32 not match");
  }
  BrokerRegistration registration = make_registration(request, *header);
  {
    const std::scoped_lock lock(service.mutex);
    if (!request.connection->is_open()) return too_late(request);
    registration.timeout = timeout_of(service, *header);
    const auto repeated = service.table.register_again(registration, service.time.now());
    if (repeated) return finish_registration(service, request, *header, *repeated);
  }
  // What takes long: outside the lock.
  Result<routing::RegisterBrokerBody> body = read_body(service, request, *header);
  if (!body) {
    return refuse(service, request, "the body cannot be read: " + body.error().message());
  }
  registration.body = std::move(*body);

  const std::scoped_lock lock(service.mutex);
  if (!request.connection->is_open()) return too_late(request);
  const RegisterOutcome outcome =
      service.table.register_broker(std::move(registration), service.time.now());
  return finish_registration(service, request, *header, outcome);
}

Reply unregister_broker(Service& service, Request& request) {
  std::string missing;
  const auto header = remoting::read_header<remoting::BrokerIdentityHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return lacks(request, missing);
  const std::scoped_lock lock(service.mutex);
  if (const auto removed = service.table.unregister_broker(header->broker_addr)) {
    ++service.counters.unregistered;
    after_removal(service, {*removed}, "it has said goodbye");
  }
  return success(request);
}

Reply query_data_version(Service& service, Request& request) {
  std::string missing;
  const auto header = remoting::read_header<remoting::BrokerIdentityHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return lacks(request, missing);
  const auto theirs = routing::parse_data_version(request.command.body.view());

  const std::scoped_lock lock(service.mutex);
  // As in 5.x the question itself is a sign of life.
  service.table.touch(header->broker_addr, service.time.now());
  const auto known = service.table.data_version(header->broker_addr);
  RemotingCommand answer = success(request);
  remoting::QueryDataVersionResponseHeader verdict;
  verdict.changed = !known || !theirs || *known != *theirs;
  remoting::write_header(verdict, answer.fields);
  if (known) answer.body = to_json(*known);
  return answer;
}

Reply broker_heartbeat(Service& service, Request& request) {
  std::string missing;
  const auto header = remoting::read_header<remoting::BrokerHeartbeatHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return lacks(request, missing);
  const std::scoped_lock lock(service.mutex);
  service.table.touch(header->broker_addr, service.time.now());
  return success(request);
}

}  // namespace

void install_broker_handlers(remoting::Dispatcher& dispatcher,
                             const std::shared_ptr<Service>& service) {
  serve(dispatcher, RequestCode::register_broker, service, register_broker);
  serve(dispatcher, RequestCode::unregister_broker, service, unregister_broker);
  serve(dispatcher, RequestCode::query_data_version, service, query_data_version);
  serve(dispatcher, RequestCode::broker_heartbeat, service, broker_heartbeat);
}

}  // namespace comet::inline v0_1::namesrv
