#include "access/access_log.hpp"

#include <fmt/format.h>

#include "comet/base/printable.hpp"
#include "comet/remoting/codes.hpp"

namespace comet::inline v0_1::broker {
namespace {

using access::Reason;

std::string_view words_of(Reason reason) {
  switch (reason) {
    case Reason::no_access_key:
      return "is not signed (no AccessKey)";
    case Reason::unknown_account:
      return "names an access key that no file has";
    case Reason::bad_signature:
      return "has a signature that neither secret key of the account makes";
    case Reason::unreadable_body:
      return "has a body that cannot be read";
    default:
      return "has no permission";
  }
}

}  // namespace

AccessLog::Noted& AccessLog::noted_of(Key key, Instant now) {
  const auto found = noted_.find(key);
  if (found != noted_.end()) return found->second;
  if (noted_.size() >= kMostKept) {
    std::erase_if(noted_, [now](const auto& item) {
      return item.second.next_line <= now && item.second.left_out == 0;
    });
  }
  if (noted_.size() >= kMostKept) return noted_[Key()];  // the one of all others
  return noted_[std::move(key)];
}

std::string AccessLog::note(const access::Verdict& verdict, std::int32_t code,
                            const IpEndpoint& from, bool is_observed) {
  const std::lock_guard lock(mutex_);
  const Instant now = time_.now();
  std::string who =
      fmt::format("{} {} {}", verdict.access_key, to_string(verdict.reason), verdict.missing);
  Noted& noted = noted_of({std::move(who), from.ip_text()}, now);
  if (now < noted.next_line) {
    ++noted.left_out;
    return {};
  }
  const std::uint64_t left_out = std::exchange(noted.left_out, 0);
  noted.next_line = now + kEvery;
  std::string line = fmt::format(
      "access control {} {} ({}) from {}{}{}: it {}", is_observed ? "would refuse" : "refused",
      code, remoting::to_string(static_cast<remoting::RequestCode>(code)), from.to_string(),
      verdict.access_key.empty() ? "" : ", account " + verdict.access_key,
      verdict.client_id.empty() ? "" : ", client " + verdict.client_id, words_of(verdict.reason));
  if (!verdict.missing.empty()) line += ": " + verdict.missing;
  if (left_out > 0) line += fmt::format("; {} such lines left out", left_out);
  return line;
}

}  // namespace comet::inline v0_1::broker
