#include "replication/master_poll.hpp"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <utility>

#include "comet/base/json.hpp"
#include "comet/base/log.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/base/timer.hpp"
#include "comet/remoting/codes.hpp"
#include "replication/signed_client.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;
using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

namespace {

constexpr Duration kPollTimeout = 3s;  // Apache: BrokerOuterAPI
constexpr std::uint16_t kVipPortDistance = 2;

std::optional<Address> vip_of(const Address& address) {
  if (address.port() <= kVipPortDistance) return std::nullopt;
  return Address(address.host(), static_cast<std::uint16_t>(address.port() - kVipPortDistance));
}

}  // namespace

MasterPoll::MasterPoll(asio::any_io_executor executor, Network& network, TimeSource& time,
                       const ReplicationConfig& config, SlaveTables& tables)
    : time_(time),
      executor_(executor),
      config_(config),
      tables_(tables),
      client_(executor, network, time, signed_client(config)) {}

asio::awaitable<void> MasterPoll::run(std::function<bool()> is_wanted) {
  Timer timer(executor_, time_);
  Duration pause = config_.first_poll;
  for (;;) {
    co_await timer.wait_for(pause);
    pause = config_.poll_period;
    if (master_ && is_wanted()) co_await poll();
  }
}

asio::awaitable<void> MasterPoll::poll() {
  is_round_good_ = true;
  auto topics = co_await ask(RequestCode::get_all_topic_config);
  if (topics) {
    auto table = routing::parse_topic_config_table(*topics);
    error_code error = table ? error_code() : table.error();
    if (table && table->topics.empty()) error = BaseErrc::bad_value;
    if (!error) error = co_await tables_.replace_topics(std::move(table->topics), false);
    note(RequestCode::get_all_topic_config, error);
  }
  const auto offsets = co_await ask(RequestCode::get_all_consumer_offset);
  if (offsets) note(RequestCode::get_all_consumer_offset, tables_.merge_offsets(*offsets));
  auto delays = co_await ask(RequestCode::get_all_delay_offset);
  if (delays) {
    const error_code error = co_await tables_.take_delays(std::move(*delays));
    note(RequestCode::get_all_delay_offset, error);
  }
  auto groups = co_await ask(RequestCode::get_all_subscriptiongroup_config);
  if (groups) {
    const error_code error = co_await tables_.replace_groups(std::move(*groups));
    note(RequestCode::get_all_subscriptiongroup_config, error);
  }
  auto modes = co_await ask(RequestCode::get_all_message_request_mode);
  if (modes && !modes->empty()) {
    const error_code error = co_await tables_.replace_modes(std::move(*modes));
    note(RequestCode::get_all_message_request_mode, error);
  }
  if (is_round_good_) last_success_ = time_.now();
}

asio::awaitable<std::optional<std::string>> MasterPoll::ask(RequestCode code) {
  if (!master_) co_return std::nullopt;
  Address to = *master_;
  if (code == RequestCode::get_all_topic_config) to = vip_of(to).value_or(to);
  std::string problem;
  try {
    const RemotingCommand answer = co_await exchange(to, code);
    if (answer.response_code() == ResponseCode::success) {
      co_return std::string(answer.body.view());
    }
    // 4.9 has no modes (402), and says so.
    const bool is_absent = code == RequestCode::get_all_message_request_mode &&
                           answer.response_code() == ResponseCode::request_code_not_supported;
    if (is_absent) co_return std::nullopt;
    problem = fmt::format("answered {}: {}", answer.code, answer.remark);
  } catch (const Error& error) {
    problem = error.what();
  }
  complain(code, std::move(problem));
  co_return std::nullopt;
}

asio::awaitable<RemotingCommand> MasterPoll::exchange(Address to, RequestCode code) {
  RemotingCommand request = RemotingCommand::request(code);
  co_return co_await client_.invoke(to, std::move(request), time_.now() + kPollTimeout);
}

asio::awaitable<std::int64_t> MasterPoll::master_end() {
  if (!master_) {
    throw Error(make_error_code(boost::system::errc::not_connected),
                "no name server has said where the master takes requests");
  }
  const Address to = *master_;
  const RemotingCommand answer = co_await exchange(to, RequestCode::get_broker_runtime_info);
  const auto parsed = parse_json(answer.body.view());
  const boost::json::object* root = parsed ? parsed->if_object() : nullptr;
  const boost::json::value* table = root == nullptr ? nullptr : root->if_contains("table");
  if (answer.response_code() == ResponseCode::success && table != nullptr && table->is_object()) {
    const std::int64_t end = get_int(table->get_object(), "commitLogMaxOffset", -1);
    if (end >= 0) co_return end;
  }
  throw Error(BaseErrc::bad_value,
              fmt::format("master {} does not say where its log ends", to.to_string()));
}

asio::awaitable<bool> MasterPoll::answers() {
  if (!master_) co_return false;
  const Address to = *master_;
  bool has_answered = false;
  try {
    const RemotingCommand answer = co_await exchange(to, RequestCode::get_broker_runtime_info);
    has_answered = answer.is_response();
  } catch (const Error& error) {
    log::info("the master at {} does not answer: {}", to.to_string(), error.what());
  }
  co_return has_answered;
}

// Once for each problem.
void MasterPoll::complain(RequestCode code, std::string problem) {
  is_round_good_ = false;
  std::string& last = complaints_[code];
  if (last == problem) return;
  log::warn("the master's tables: {} at {}: {}", to_string(code),
            master_ ? master_->to_string() : "nobody", problem);
  last = std::move(problem);
}

void MasterPoll::note(RequestCode code, const error_code& error) {
  if (error) return complain(code, error.message());
  complaints_.erase(code);
}

}  // namespace comet::inline v0_1::broker
