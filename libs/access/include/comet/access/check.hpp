#pragma once
// May this request be done? A pure function of the request, its peer's address and the accounts.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "comet/access/account_table.hpp"
#include "comet/remoting/command.hpp"

namespace comet::inline v0_1::access {

enum class Reason : std::uint8_t {
  allowed,
  white_address,    // allowed: globalWhiteRemoteAddresses, or the account's own
  no_access_key,    // the request is not signed
  unknown_account,  // the client is told the same as for the next
  bad_signature,
  not_admin,
  no_permission,    // of a topic or a group
  unreadable_body,  // of a request whose body names them
};
inline constexpr std::size_t kReasons = 8;
[[nodiscard]] std::string_view to_string(Reason reason) noexcept;  // "no_permission"

// What access control says to one request.
class Verdict {
 public:
  Reason reason = Reason::allowed;
  std::string access_key;  // as the request names it, at most some hundred bytes; may be nobody's
  std::string missing;     // "SUB of topic:T", "admin"; empty when it is no permission
  std::string client_id;   // of a heartbeat that is refused
  std::string remark;      // for the client: in Apache's words, and it learns nothing else

  [[nodiscard]] bool is_allowed() const noexcept {
    return reason == Reason::allowed || reason == Reason::white_address;
  }
};

class CheckOptions {
 public:
  // A request from an account's white address needs no right signature, as with Apache's brokers:
  // who knows an access key then does from there what he likes. False: the address saves the
  // permissions, not the signature.
  bool white_account_needs_no_signature = false;
};

// In Apache's order: global white addresses, access key, white addresses of the account, signature,
// trace messages (which all may send), administrators' codes, topics and groups. Unknown access
// keys take the time of wrong signatures. The request's body is in one piece, as received ones are.
// Throws Error where OpenSSL does not compute HMAC-SHA1. Thread-safe.
[[nodiscard]] Verdict check(const AccountTable& accounts, const remoting::RemotingCommand& request,
                            const IpEndpoint& peer, const CheckOptions& options);

// Whether an account may, by its permissions and defaults. `name`: of a topic; %RETRY%g is group g.
[[nodiscard]] bool may(const Account& account, Permission needed, bool is_group,
                       std::string_view name) noexcept;

}  // namespace comet::inline v0_1::access
