#pragma once
// Certificates and rules of one side, as OpenSSL wants them.

#include <openssl/types.h>

#include <memory>
#include <string>

#include "comet/base/tls_network.hpp"

namespace comet::inline v0_1::tls {

using ContextPtr = std::shared_ptr<SSL_CTX>;

// Null for TlsMode::disabled, which needs no certificate. Both throw Error naming the file or
// the cipher.
[[nodiscard]] ContextPtr make_server_context(const TlsServerConfig& config);
[[nodiscard]] ContextPtr make_client_context(const TlsClientConfig& config);

// When the first certificate of the chain expires, seconds since 1970; nullopt: there is none.
[[nodiscard]] std::optional<std::int64_t> expiry(SSL_CTX& context);
[[nodiscard]] std::string describe_certificate(const SSL_CTX& context);

// The reason of OpenSSL's failure on this thread, in its words; empties the queue of reasons.
[[nodiscard]] std::string take_openssl_reason();

}  // namespace comet::inline v0_1::tls
