#include "comet/remoting/acl.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/remoting/errors.hpp"

namespace comet::inline v0_1::remoting {
namespace {

constexpr std::size_t kSha1Size = 20;
constexpr std::size_t kBase64Size = (kSha1Size + 2) / 3 * 4;

// Fetching an algorithm costs more than using it.
EVP_MAC* hmac() {
  static const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> algorithm(
      EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr), EVP_MAC_free);
  return algorithm.get();
}

// A thread's own, made once: a context that knows its digest costs several times a signature. One
// at a time for each thread.
class HmacSha1 {
 public:
  explicit HmacSha1(std::string_view key) : context_(threads_own()) {
    require(EVP_MAC_init(context_, bytes_of(key), key.size(), nullptr) == 1);
  }

  void add(std::string_view text) {
    if (!text.empty()) require(EVP_MAC_update(context_, bytes_of(text), text.size()) == 1);
  }

  [[nodiscard]] std::string base64() {
    std::array<unsigned char, kSha1Size> hash{};
    std::size_t size = 0;
    require(EVP_MAC_final(context_, hash.data(), &size, hash.size()) == 1);
    std::array<unsigned char, kBase64Size + 1> text{};  // EncodeBlock writes a terminator
    EVP_EncodeBlock(text.data(), hash.data(), static_cast<int>(hash.size()));
    return {reinterpret_cast<const char*>(text.data()), kBase64Size};
  }

 private:
  using Context = std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)>;

  static EVP_MAC_CTX* threads_own() {
    thread_local const Context own = make();
    return own.get();
  }
  static Context make() {
    Context context(EVP_MAC_CTX_new(hmac()), EVP_MAC_CTX_free);
    char digest[] = "SHA1";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    require(context != nullptr && EVP_MAC_CTX_set_params(context.get(), parameters) == 1);
    return context;
  }
  static const unsigned char* bytes_of(std::string_view text) noexcept {
    static constexpr unsigned char nothing = 0;  // OpenSSL takes a null pointer for "no key"
    return text.empty() ? &nothing : reinterpret_cast<const unsigned char*>(text.data());
  }
  // OpenSSL's HMAC-SHA1 fails for want of memory, and in installations that forbid SHA1.
  static void require(bool done) {
    if (!done) throw Error(RemotingErrc::cannot_sign, "compute HMAC-SHA1");
  }

  EVP_MAC_CTX* context_;
};

using Field = std::pair<std::string_view, std::string_view>;

// Java sorts by UTF-16 units: as bytes, but that what lies beyond U+FFFF comes before U+E000 to
// U+FFFF.
bool comes_before(std::string_view a, std::string_view b) noexcept {
  const std::size_t size = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < size; ++i) {
    const auto left = static_cast<unsigned char>(a[i]);
    const auto right = static_cast<unsigned char>(b[i]);
    if (left == right) continue;
    const bool left_is_pair = left >= 0xf0;
    const bool right_is_pair = right >= 0xf0;
    if (left_is_pair != right_is_pair && left >= 0xee && right >= 0xee) return left_is_pair;
    return left < right;
  }
  return a.size() < b.size();
}

// A thread's own memory, until its next call.
const std::vector<Field>& sorted_fields(const RemotingCommand& request) {
  thread_local std::vector<Field> fields;
  fields.clear();
  for (std::size_t i = 0; i < request.fields.size(); ++i) fields.push_back(request.fields[i]);
  auto by_name = [](const Field& a, const Field& b) { return comes_before(a.first, b.first); };
  if (!std::is_sorted(fields.begin(), fields.end(), by_name)) {
    std::stable_sort(fields.begin(), fields.end(), by_name);
  }
  return fields;
}

// What some clients send and do not sign.
class LeftOut {
 public:
  bool unique_key_query = false;
  bool zone = false;

  [[nodiscard]] bool has(std::string_view name) const noexcept {
    return (unique_key_query && name == acl_field::kUniqueKeyQuery) ||
           (zone && (name == acl_field::kZoneName || name == acl_field::kZoneMode));
  }
};

std::string sign(const RemotingCommand& request, std::string_view secret_key,
                 const LeftOut& left_out) {
  HmacSha1 hmac_sha1(secret_key);
  const std::vector<Field>& fields = sorted_fields(request);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto& [name, value] = fields[i];
    if (name == acl_field::kSignature || left_out.has(name)) continue;
    // Of a name that is there twice the last value counts.
    if (i + 1 < fields.size() && fields[i + 1].first == name) continue;
    hmac_sha1.add(value);
  }
  for (std::size_t i = 0; i < request.body.pieces(); ++i) {
    hmac_sha1.add(request.body.piece(i).view());
  }
  return hmac_sha1.base64();
}

bool equal(std::string_view expected, std::string_view given) noexcept {
  return expected.size() == given.size() &&
         CRYPTO_memcmp(expected.data(), given.data(), expected.size()) == 0;
}

}  // namespace

std::string sign(const RemotingCommand& request, std::string_view secret_key) {
  return sign(request, secret_key, LeftOut());
}

bool has_valid_signature(const RemotingCommand& request, std::string_view secret_key) {
  const std::string_view given = request.fields.find(acl_field::kSignature).value_or("");
  const auto is_right = [&](bool unique_key_query, bool zone) {
    LeftOut left_out;
    left_out.unique_key_query = unique_key_query;
    left_out.zone = zone;
    return equal(sign(request, secret_key, left_out), given);
  };
  if (is_right(false, false)) return true;
  const bool has_query = request.fields.find(acl_field::kUniqueKeyQuery).has_value();
  const bool has_zone = request.fields.find(acl_field::kZoneName).has_value() ||
                        request.fields.find(acl_field::kZoneMode).has_value();
  return (has_query && is_right(true, false)) || (has_zone && is_right(false, true)) ||
         (has_query && has_zone && is_right(true, true));
}

void AclSigner::before_request(const Address&, RemotingCommand& request) {
  if (request.fields.find(acl_field::kSignature)) return;
  request.fields.add(acl_field::kAccessKey, credentials_.access_key);
  if (!credentials_.security_token.empty()) {
    request.fields.add(acl_field::kSecurityToken, credentials_.security_token);
  }
  request.fields.add(acl_field::kSignature, sign(request, credentials_.secret_key));
}

}  // namespace comet::inline v0_1::remoting
