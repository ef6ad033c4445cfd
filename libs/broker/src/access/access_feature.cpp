#include "access/access_feature.hpp"

#include <utility>

#include "comet/base/log.hpp"
#include "comet/remoting/codes.hpp"
#include "request/answers.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::Reply;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResponseCode;

// Of Apache's brokers with access control: the change of an account failed.
constexpr std::pair<RequestCode, std::int32_t> kAccountCodes[] = {
    {RequestCode::update_and_create_acl_config, 209},
    {RequestCode::delete_acl_config, 210},
    {RequestCode::update_global_white_addrs_config, 211},
    {RequestCode::get_broker_cluster_acl_info, 1},
    {RequestCode::get_broker_cluster_acl_config, 1},
};

Reply refuse_account_code(Request& request, std::int32_t code) {
  return refusal(request, static_cast<ResponseCode>(code),
                 "accounts are seen and changed in this broker's files alone, which are read again "
                 "within 5 seconds (docs/access.md)");
}

void log_remarks(const access::AccountTable& table) {
  for (const std::string& remark : table.remarks()) log::warn("access control: {}", remark);
}

}  // namespace

AccessFeature::AccessFeature(asio::any_io_executor home, TimeSource& time,
                             std::shared_ptr<access::AccessControl> accounts)
    : time_(time), accounts_(std::move(accounts)), log_(time), reader_(home, time) {}

AccessFeature::~AccessFeature() { reader_.abandon(); }

void AccessFeature::install(remoting::Dispatcher& dispatcher) {
  for (const auto& [code, answer] : kAccountCodes) {
    dispatcher.on(
        code, [answer = answer](Request& request) { return refuse_account_code(request, answer); });
  }
  dispatcher.before([this](Request& request) { return check(request); });
}

Reply AccessFeature::check(Request& request) {
  const IpEndpoint& from = request.connection->remote();
  const access::Verdict verdict = accounts_->check(request.command, from);
  if (verdict.is_allowed()) return std::nullopt;
  const bool is_observed = accounts_->is_observing();
  const std::string line = log_.note(verdict, request.command.code, from, is_observed);
  if (!line.empty()) log::warn("{}", line);
  if (is_observed) return std::nullopt;
  ResponseCode code = ResponseCode::system_error;
  if (request.command.request_code() == RequestCode::query_consumer_offset) {
    // Clients of 4.x take every error for "no offset" and begin by their rule, some at the first
    // message; an answer that does not come they ask for again.
    if (request.command.version < remoting::kVersionV5_0_0) request.command.mark_oneway();
    code = ResponseCode::no_permission;
  }
  return refusal(request, code, verdict.remark);
}

void AccessFeature::start(TaskGroup& tasks) {
  const auto table = accounts_->accounts();
  for (const std::string& file : table->files()) log::info("access control: read {}", file);
  log::info("access control: {} accounts{}", table->accounts().size(),
            accounts_->is_observing() ? "; aclMode=observe: nothing is refused" : "");
  log_remarks(*table);
  tasks.spawn("files of accounts", repeat_every(time_, kLookEvery, kLookEvery, "files of accounts",
                                                [this] { return look(); }));
}

asio::awaitable<void> AccessFeature::look() {
  reader_.post([this] {
    if (accounts_->look()) read_again();
  });
  co_return;
}

void AccessFeature::reload() {
  reader_.post([this] { read_again(); });
}

void AccessFeature::read_again() {
  const std::string problem = accounts_->reload();
  if (!problem.empty()) {
    return log::error("access control: the accounts stay as they were: {}", problem);
  }
  const auto table = accounts_->accounts();
  log::info("access control: read again, {} accounts hold", table->accounts().size());
  log_remarks(*table);
}

asio::awaitable<void> AccessFeature::finish() { return reader_.finish(); }

}  // namespace comet::inline v0_1::broker
