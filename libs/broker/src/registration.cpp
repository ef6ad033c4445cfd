#include "registration.hpp"

#include <fmt/format.h>

#include "comet/base/log.hpp"
#include "comet/message/record.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "comet/routing/topic_route.hpp"

namespace comet::broker {

using namespace std::chrono_literals;
using remoting::RemotingCommand;

namespace {

constexpr Duration kRequestTimeout = 6s;  // Apache: registerBrokerTimeoutMills
constexpr Duration kUnregisterTimeout = 3s;
constexpr Duration kConnectionCheck = 1s;
constexpr Duration kFirstRetry = 500ms;  // doubles up to register_period

}  // namespace

Registration::Registration(asio::any_io_executor executor, Network& network, TimeSource& time,
                           const BrokerConfig& config, const TopicTable& topics,
                           std::string broker_address, std::string ha_address)
    : time_(time),
      config_(config),
      topics_(topics),
      broker_address_(std::move(broker_address)),
      ha_address_(std::move(ha_address)),
      executor_(executor),
      client_(executor, network, time),
      tasks_(executor, time),
      changed_(executor, time) {}

void Registration::start() {
  for (const Address& name_server : config_.name_servers) {
    tasks_.spawn(fmt::format("registration with {}", name_server.to_string()),
                 keep_registered(name_server));
  }
}

void Registration::topics_changed() {
  ++change_count_;
  changed_.notify_all();
}

asio::awaitable<void> Registration::keep_registered(Address name_server) {
  bool registered = false;
  bool complained = false;
  Duration retry = kFirstRetry;
  for (;;) {
    const std::uint64_t seen_change = change_count_;
    Duration pause = config_.register_period;
    std::string problem;
    try {
      co_await register_once(name_server);
    } catch (const Error& error) {
      problem = error.what();
    }
    if (problem.empty()) {
      if (!registered)
        log::info("registered with name server {} as {}", name_server.to_string(), broker_address_);
      registered = true;
      complained = false;
      retry = kFirstRetry;
    } else {
      if (!complained)
        log::warn("not registered with name server {}: {}; trying again", name_server.to_string(),
                  problem);
      complained = true;
      registered = false;
      pause = retry;
      retry = std::min(2 * retry, config_.register_period);
    }
    if (registered) {
      co_await wait_for_reason(name_server, time_.now() + pause, seen_change);
      registered = client_.find(name_server) != nullptr;
      if (!registered) log::warn("connection to name server {} lost", name_server.to_string());
    } else {
      Timer timer(executor_, time_);
      co_await timer.wait_for(pause);
    }
  }
}

// Returns when there is a reason to register again.
asio::awaitable<void> Registration::wait_for_reason(Address name_server, Instant until,
                                                    std::uint64_t seen_change) {
  while (time_.now() < until && change_count_ == seen_change &&
         client_.find(name_server) != nullptr) {
    co_await changed_.wait(std::min(until, time_.now() + kConnectionCheck));
  }
}

asio::awaitable<void> Registration::register_once(Address name_server) {
  RemotingCommand request = make_request();
  RemotingCommand answer =
      co_await client_.invoke(name_server, std::move(request), time_.now() + kRequestTimeout);
  if (answer.response_code() != remoting::ResponseCode::success) {
    throw Error(make_error_code(answer.response_code()),
                fmt::format("name server {} refused: {}", name_server.to_string(), answer.remark));
  }
}

RemotingCommand Registration::make_request() const {
  routing::RegisterBrokerBody body;
  body.topic_config = topics_.snapshot();
  // A broker that may not be read or written says so through its topics.
  constexpr std::int32_t kReadWrite = routing::perm::kRead | routing::perm::kWrite;
  if ((config_.broker_permission & kReadWrite) != kReadWrite) {
    for (auto& [name, topic] : body.topic_config.topics) topic.perm = config_.broker_permission;
  }
  std::string bytes = routing::to_json(body);
  remoting::RegisterBrokerHeader header;
  header.broker_name = config_.broker_name;
  header.broker_addr = broker_address_;
  header.cluster_name = config_.cluster_name;
  header.ha_server_addr = ha_address_;
  header.broker_id = config_.broker_id;
  header.compressed = false;
  header.body_crc32 = body_crc(bytes);
  return RemotingCommand::request(remoting::RequestCode::register_broker, header,
                                  Body(std::move(bytes)));
}

asio::awaitable<void> Registration::unregister_from(Address name_server, Instant deadline) {
  if (client_.find(name_server) == nullptr) co_return;
  remoting::BrokerIdentityHeader header;
  header.broker_name = config_.broker_name;
  header.broker_addr = broker_address_;
  header.cluster_name = config_.cluster_name;
  header.broker_id = config_.broker_id;
  RemotingCommand request =
      RemotingCommand::request(remoting::RequestCode::unregister_broker, header);
  co_await client_.invoke(name_server, std::move(request), deadline);
}

asio::awaitable<void> Registration::stop(Instant deadline) {
  tasks_.cancel();
  co_await tasks_.join();
  deadline = std::min(deadline, time_.now() + kUnregisterTimeout);
  for (const Address& name_server : config_.name_servers) {
    tasks_.spawn(fmt::format("unregistration from {}", name_server.to_string()),
                 unregister_from(name_server, deadline));
  }
  co_await tasks_.join();
  co_await client_.stop();
}

}  // namespace comet::broker
