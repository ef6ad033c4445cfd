#include "replication/replication_feature.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "comet/base/timer.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/codes.hpp"
#include "replication/replication_side.hpp"
#include "request/answers.hpp"
#include "request/await_call.hpp"
#include "request/header_of.hpp"
#include "request/on_header.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;

namespace {

constexpr Duration kStatsPeriod = 250ms;
constexpr int kSavePeriods = 4;  // of those
constexpr Duration kAnswerFirst = 200ms;

std::unique_ptr<ReplicationSide> make_side(const asio::any_io_executor& home, Network& network,
                                           TimeSource& time, const BrokerConfig& config,
                                           const ReplicatedTables& tables, CopyWaits& copies) {
  if (config.replication.is_slave()) {
    return std::make_unique<SlaveSide>(home, network, time, config, tables);
  }
  return std::make_unique<MasterSide>(home, network, time, config, tables, copies);
}

}  // namespace

ReplicationFeature::ReplicationFeature(asio::any_io_executor home, Network& network,
                                       TimeSource& time, const BrokerConfig& config,
                                       ReplicatedTables tables, CopyWaits& copies)
    : home_(std::move(home)),
      time_(time),
      config_(config),
      copies_(copies),
      side_(make_side(home_, network, time, config, tables, copies)),
      tasks_(home_, time) {
  stats_.role = config.replication.role;
}

ReplicationFeature::~ReplicationFeature() = default;

void ReplicationFeature::begin() { side_->begin(); }

void ReplicationFeature::start(const std::string& broker_address, std::uint16_t port) {
  replication::PeerName self;
  self.cluster = config_.cluster_name;
  self.broker_name = config_.broker_name;
  self.id = config_.broker_id;
  self.address = broker_address;
  const std::uint16_t ha_port = side_->start(self, port, tasks_);
  const std::string& ip = config_.replication.announced_ip;
  ha_address_ = Address(ip.empty() ? config_.broker_ip : ip, ha_port).to_string();
  tasks_.spawn("replication's state", note_stats());
}

void ReplicationFeature::master_is(const std::optional<Address>& address,
                                   const std::optional<Address>& ha_address) {
  side_->master_is(address, ha_address);
}

bool ReplicationFeature::looks_for_master() const { return side_->looks_for_master(); }

void ReplicationFeature::topics_changed() {
  if (TableSource* source = side_->source()) source->topics_changed();
}

void ReplicationFeature::groups_changed() {
  if (TableSource* source = side_->source()) source->groups_changed();
}

void ReplicationFeature::modes_changed() {
  if (TableSource* source = side_->source()) source->modes_changed();
}

bool ReplicationFeature::has_old_offsets() const {
  const NewerOffsets* newer = side_->newer_offsets();
  return newer != nullptr && newer->is_pending();
}

asio::awaitable<bool> ReplicationFeature::offsets_are_new() const {
  co_return co_await side_->newer_offsets()->wait();
}

asio::awaitable<void> ReplicationFeature::stop() {
  co_await side_->stop();
  side_->save_confirmed();
  tasks_.cancel();
  co_await tasks_.join();
}

void ReplicationFeature::look() {
  ReplicationStats now;
  now.role = config_.replication.role;
  side_->add_stats(now);
  const std::lock_guard lock(mutex_);
  stats_ = std::move(now);
}

asio::awaitable<void> ReplicationFeature::note_stats() {
  Timer timer(home_, time_);
  for (int round = 1;; ++round) {
    look();
    if (round % kSavePeriods == 0) side_->save_confirmed();
    co_await timer.wait_for(kStatsPeriod);
  }
}

ReplicationStats ReplicationFeature::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

asio::awaitable<ReplicationStats> ReplicationFeature::present_stats() {
  look();
  co_return stats();
}

remoting::Handling ReplicationFeature::ha_status(remoting::Request request) {
  const ReplicationStats now = co_await AwaitCall(present_stats(), home_);
  co_return json_answer(request.command, now.role == BrokerRole::slave
                                             ? replication::ha_status_json(now.follower)
                                             : replication::ha_status_json(now.master));
}

remoting::Handling ReplicationFeature::promote(remoting::Request request) {
  const auto header = header_of<remoting::PromoteBrokerHeader>(request.command);
  const std::string name(header.broker_role.value_or("SYNC_MASTER"));
  if (name != "SYNC_MASTER" && name != "ASYNC_MASTER") {
    co_return refusal(request, "brokerRole is SYNC_MASTER or ASYNC_MASTER");
  }
  const BrokerRole role =
      name == "SYNC_MASTER" ? BrokerRole::sync_master : BrokerRole::async_master;
  OrderOutcome outcome =
      co_await AwaitCall(side_->promote(role, header.force.value_or(false)), home_);
  co_return answer_order(request, std::move(outcome));
}

remoting::Handling ReplicationFeature::resync(remoting::Request request) {
  const auto header = header_of<remoting::ResyncBrokerHeader>(request.command);
  OrderOutcome outcome = co_await AwaitCall(side_->resync(header.force.value_or(false)), home_);
  co_return answer_order(request, std::move(outcome));
}

remoting::RemotingCommand ReplicationFeature::answer_order(const remoting::Request& request,
                                                           OrderOutcome outcome) {
  if (!outcome.is_taken) return refusal(request, std::move(outcome.text));
  remoting::RemotingCommand answer = success(request);
  answer.remark = std::move(outcome.text);
  if (config_.on_restart_due) {
    answer.remark += ". The broker starts anew now";
    asio::post(home_, [this] { tasks_.spawn("a new start", start_anew()); });
  } else {
    answer.remark += ". It counts from the broker's next start on";
  }
  return answer;
}

asio::awaitable<void> ReplicationFeature::start_anew() {
  Timer timer(home_, time_);
  co_await timer.wait_for(kAnswerFirst);
  config_.on_restart_due();
}

void ReplicationFeature::install(remoting::Dispatcher& dispatcher) {
  on_handling(dispatcher, remoting::RequestCode::promote_broker, this,
              &ReplicationFeature::promote);
  on_handling(dispatcher, remoting::RequestCode::resync_broker, this, &ReplicationFeature::resync);
  on_handling(dispatcher, remoting::RequestCode::get_broker_ha_status, this,
              &ReplicationFeature::ha_status);
}

}  // namespace comet::inline v0_1::broker
