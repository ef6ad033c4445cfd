#pragma once
// RocketMQ's signatures (ACL 1.0): who sends a request proves that he knows a secret key.

#include <string>
#include <string_view>

#include "comet/remoting/command.hpp"
#include "comet/remoting/hook.hpp"

namespace comet::inline v0_1::remoting {

// A class with a constructor, as values are that may be made within an awaited call.
class Credentials {
 public:
  Credentials(std::string access_key_in, std::string secret_key_in,
              std::string security_token_in = {})
      : access_key(std::move(access_key_in)),
        secret_key(std::move(secret_key_in)),
        security_token(std::move(security_token_in)) {}
  std::string access_key;
  std::string secret_key;
  std::string security_token;  // empty: none
};

// Names of the fields of a signed request.
namespace acl_field {
inline constexpr std::string_view kAccessKey = "AccessKey";
inline constexpr std::string_view kSecurityToken = "SecurityToken";
inline constexpr std::string_view kSignature = "Signature";
// Left out of the signature by some versions.
inline constexpr std::string_view kUniqueKeyQuery = "_UNIQUE_KEY_QUERY";
// Added behind the signature by Java's clients of 5.x.
inline constexpr std::string_view kZoneName = "__ZONE_NAME";
inline constexpr std::string_view kZoneMode = "__ZONE_MODE";
}  // namespace acl_field

// The signature of a request as it stands: base64 of HMAC-SHA1 over the values of all its fields
// but the signature, in the order of their names, and its body.
[[nodiscard]] std::string sign(const RemotingCommand& request, std::string_view secret_key);

// For servers: whether the request carries the signature that this key makes. Takes the same time
// whatever the wrong signature is. Clients differ in whether they sign the fields
// _UNIQUE_KEY_QUERY, __ZONE_NAME and __ZONE_MODE: both are right.
[[nodiscard]] bool has_valid_signature(const RemotingCommand& request, std::string_view secret_key);

// Signs every request of a client: ClientConfig::hooks.
class AclSigner final : public RpcHook {
 public:
  explicit AclSigner(Credentials credentials) : credentials_(std::move(credentials)) {}
  // A request that has a signature already is left alone.
  void before_request(const Address& to, RemotingCommand& request) override;

 private:
  Credentials credentials_;
};

}  // namespace comet::inline v0_1::remoting
