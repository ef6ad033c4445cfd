#include "comet/remoting/name_server_channel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <optional>

#include "comet/remoting/errors.hpp"

namespace comet::inline v0_1::remoting {
namespace {

bool can_serve(const RemotingCommand& answer) {
  switch (answer.response_code()) {
    case ResponseCode::system_error:
    case ResponseCode::system_busy:
    case ResponseCode::request_code_not_supported:
    case ResponseCode::go_away:
      return false;
    default:
      return true;
  }
}

std::string complaint(const RemotingCommand& answer) {
  std::string text(to_string(answer.response_code()));
  if (!answer.remark.empty()) text += ": " + answer.remark;
  return text;
}

}  // namespace

bool is_timeout(const error_code& code) noexcept {
  return code == asio::error::timed_out || code == RemotingErrc::timed_out;
}

std::string describe_failure(const error_code& code, Duration elapsed) {
  if (code == RemotingErrc::timed_out) {
    return fmt::format("no answer within {} ms", to_millis(elapsed));
  }
  if (code == asio::error::timed_out) {
    return fmt::format("no connection within {} ms", to_millis(elapsed));
  }
  return code.message();
}

NameServerChannel::NameServerChannel(Client& client, TimeSource& time,
                                     std::vector<Address> addresses, std::uint64_t seed)
    : client_(client), time_(time), random_(seed), addresses_(std::move(addresses)) {
  std::shuffle(addresses_.begin(), addresses_.end(), random_);
}

bool NameServerChannel::replace(std::vector<Address> addresses) {
  std::vector<Address> before = addresses_;
  std::vector<Address> after = addresses;
  std::sort(before.begin(), before.end());
  std::sort(after.begin(), after.end());
  if (before == after) return false;
  std::shuffle(addresses.begin(), addresses.end(), random_);
  const std::optional<Address> used = empty() ? std::nullopt : std::optional<Address>(current());
  addresses_ = std::move(addresses);
  current_ = 0;
  if (!used) return true;
  const auto kept = std::find(addresses_.begin(), addresses_.end(), *used);
  if (kept != addresses_.end()) {
    current_ = static_cast<std::size_t>(kept - addresses_.begin());
  } else {
    client_.close(*used);
  }
  return true;
}

asio::awaitable<RemotingCommand> NameServerChannel::ask(RemotingCommand request, Instant deadline) {
  std::string failures;
  // The list may be replaced meanwhile.
  for (std::size_t left = addresses_.size(); left > 0 && !empty(); --left) {
    const Address server = current();
    const Instant begin = time_.now();
    const Instant share = begin + (deadline - begin) / static_cast<int>(left);
    std::string reason;
    try {
      RemotingCommand answer = co_await client_.invoke(server, request, share);
      if (can_serve(answer)) co_return answer;
      reason = complaint(answer);
    } catch (const boost::system::system_error& error) {
      if (error.code() == asio::error::operation_aborted) throw;
      reason = describe_failure(error.code(), time_.now() - begin);
    }
    failures += fmt::format("{}{} ({})", failures.empty() ? "" : ", ", server.to_string(), reason);
    if (!empty() && current() == server) give_up_current();
  }
  throw Error(RemotingErrc::no_name_server,
              failures.empty() ? "no name server is known"
                               : fmt::format("no name server answered: {}; {}", failures, kAdvice));
}

void NameServerChannel::give_up_current() {
  if (empty()) return;
  client_.close(current());
  current_ = (current_ + 1) % addresses_.size();
}

std::string NameServerChannel::list() const {
  std::string text;
  for (const Address& address : addresses_) {
    if (!text.empty()) text += ", ";
    text += address.to_string();
  }
  return text;
}

}  // namespace comet::inline v0_1::remoting
