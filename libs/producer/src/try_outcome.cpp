#include "try_outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "comet/remoting/errors.hpp"

namespace comet::inline v0_1 {
namespace {

using remoting::ResponseCode;

// Brokers' remarks may have several lines.
std::string in_one_line(std::string_view text) {
  std::string line(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

// With these a broker refuses a message before it stores anything. Others (SYSTEM_ERROR,
// SERVICE_NOT_AVAILABLE, unknown ones) also come when something fails afterwards.
bool says_not_stored(ResponseCode code) noexcept {
  switch (code) {
    case ResponseCode::system_busy:
    case ResponseCode::request_code_not_supported:
    case ResponseCode::message_illegal:
    case ResponseCode::no_permission:
    case ResponseCode::topic_not_exist:
    case ResponseCode::no_buyer_id:
    case ResponseCode::not_in_current_unit:
    case ResponseCode::go_away:
      return true;
    default:
      return false;
  }
}

}  // namespace

void TryOutcome::refused(const remoting::RemotingCommand& answer, const ProducerConfig& config) {
  answered_ = true;
  error_ = answer.response_code();
  text_ = fmt::format("{} ({})", remoting::to_string(answer.response_code()), answer.code);
  if (!answer.remark.empty()) text_ += " " + in_one_line(answer.remark);
  repeatable_ = std::ranges::count(config.retry_response_codes(), answer.response_code()) > 0;
  may_be_stored_ = !says_not_stored(answer.response_code());
}

void TryOutcome::failed(error_code error, std::string text, bool repeatable) {
  error_ = error;
  text_ = std::move(text);
  repeatable_ = repeatable;
}

}  // namespace comet::inline v0_1
