#include "tls_context.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <string_view>
#include <system_error>
#include <vector>

#include "comet/base/printable.hpp"

namespace comet::inline v0_1 {
namespace {

class TlsCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "comet.tls"; }
  std::string message(int code) const override {
    switch (static_cast<TlsErrc>(code)) {
      case TlsErrc::handshake_failed:
        return "the TLS handshake failed";
      case TlsErrc::peer_not_trusted:
        return "the peer's certificate is not trusted";
      case TlsErrc::wrong_host:
        return "the peer's certificate is for other hosts";
      case TlsErrc::refused_by_peer:
        return "the peer ended the TLS connection with an alert";
      case TlsErrc::no_client_certificate:
        return "the peer has no certificate, which this server requires";
      case TlsErrc::plaintext_refused:
        return "the peer does not speak TLS, which this server requires";
      case TlsErrc::tls_refused:
        return "the peer speaks TLS, which this server does not";
      case TlsErrc::broken_record:
        return "the peer sent bytes that are not TLS records of this connection";
      case TlsErrc::truncated:
        return "the peer closed the connection without ending TLS";
      case TlsErrc::bad_file:
        return "the certificate or key cannot be used";
    }
    return "unknown error";
  }
};

}  // namespace

const boost::system::error_category& tls_category() noexcept {
  static TlsCategory category;
  return category;
}

}  // namespace comet::inline v0_1

namespace comet::inline v0_1::tls {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

[[noreturn]] void fail(std::string_view what, const std::string& path) {
  std::string reason = take_openssl_reason();
  throw Error(TlsErrc::bad_file, fmt::format("{} {} ({})", what, path, reason));
}

// Without it, OpenSSL would ask on the terminal.
int give_password(char* into, int size, int /*is_writing*/, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  if (text.empty() || static_cast<int>(text.size()) > size) return -1;
  std::memcpy(into, text.data(), text.size());
  return static_cast<int>(text.size());
}

void use_certificate(SSL_CTX* context, const std::string& cert_path, const std::string& key_path,
                     const std::string& password) {
  if (SSL_CTX_use_certificate_chain_file(context, cert_path.c_str()) != 1) {
    fail("TLS certificate", cert_path);
  }
  std::unique_ptr<BIO, Free> file(BIO_new_file(key_path.c_str(), "r"));
  if (!file) fail("TLS key", key_path);
  void* secret = const_cast<std::string*>(&password);  // NOLINT: give_password does not write
  std::unique_ptr<EVP_PKEY, Free> key(
      PEM_read_bio_PrivateKey(file.get(), nullptr, give_password, secret));
  if (!key) {
    const std::string reason = take_openssl_reason();
    throw Error(TlsErrc::bad_file,
                fmt::format("TLS key {} ({}{})", key_path, reason,
                            password.empty() ? "; no password is configured" : ""));
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    fail(fmt::format("TLS certificate {} with key", cert_path), key_path);
  }
}

// Forward secrecy and authenticated encryption.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20:!PSK";

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t begin = text.find_first_not_of(",: ");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(",: "), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

[[noreturn]] void fail_cipher(std::string_view word) {
  ERR_clear_error();
  throw Error(BaseErrc::bad_value,
              fmt::format("tls.ciphers: \"{}\" is no cipher that OpenSSL has", printable(word)));
}

// OpenSSL passes over names that it does not know, as long as one is left.
void add_cipher(SSL_CTX* context, const std::string& word, std::string& older,
                std::string& of_1_3) {
  const bool standard = word.starts_with("TLS_");
  if (standard && word.find("_WITH_") == std::string::npos) {
    if (SSL_CTX_set_ciphersuites(context, word.c_str()) != 1) fail_cipher(word);
    of_1_3 += (of_1_3.empty() ? "" : ":") + word;
    return;
  }
  const std::string name = standard ? OPENSSL_cipher_name(word.c_str()) : word;
  const bool changes_others = std::string_view("!-+@").find(name.front()) != std::string_view::npos;
  if (!changes_others && SSL_CTX_set_cipher_list(context, name.c_str()) != 1) fail_cipher(word);
  older += (older.empty() ? "" : ":") + name;
}

void set_ciphers(SSL_CTX* context, const std::string& ciphers) {
  std::string older;
  std::string of_1_3;
  for (const std::string& word : split_list(ciphers)) add_cipher(context, word, older, of_1_3);
  if (!of_1_3.empty() && SSL_CTX_set_ciphersuites(context, of_1_3.c_str()) != 1) {
    fail_cipher(of_1_3);
  }
  if (older.empty() && !of_1_3.empty()) SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  if (older.empty()) older = kCiphers;
  if (SSL_CTX_set_cipher_list(context, older.c_str()) != 1) fail_cipher(older);
}

void set_protocols(SSL_CTX* context, const std::string& protocols) {
  bool has_1_2 = false;
  bool has_1_3 = false;
  for (const std::string& word : split_list(protocols)) {
    if (word != "TLSv1.2" && word != "TLSv1.3") {
      throw Error(BaseErrc::bad_value,
                  fmt::format("tls.protocols: \"{}\" is not spoken, only TLSv1.2 and TLSv1.3",
                              printable(word)));
    }
    (word == "TLSv1.2" ? has_1_2 : has_1_3) = true;
  }
  if (has_1_3 && !has_1_2) SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  if (has_1_2 && !has_1_3) SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
}

ContextPtr make_context(const SSL_METHOD* method, const TlsRules& rules) {
  ERR_clear_error();
  ContextPtr context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) throw Error(TlsErrc::handshake_failed, "prepare TLS: " + take_openssl_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  set_ciphers(context.get(), rules.ciphers);
  set_protocols(context.get(), rules.protocols);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Buffers of idle connections are given back.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  // Clients keep their sessions themselves (tickets); here they would only take memory.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

void trust(SSL_CTX* context, const std::string& path) {
  if (SSL_CTX_load_verify_file(context, path.c_str()) != 1) fail("TLS trusted certificates", path);
}

std::string date_of(const ASN1_TIME* time) {
  std::tm broken_down{};
  if (ASN1_TIME_to_tm(time, &broken_down) != 1) return "an unknown date";
  return fmt::format("{:04}-{:02}-{:02}", broken_down.tm_year + 1900, broken_down.tm_mon + 1,
                     broken_down.tm_mday);
}

}  // namespace

std::string take_openssl_reason() {
  const unsigned long code = ERR_peek_error();  // the first is the cause, the others report it
  ERR_clear_error();
  if (code == 0) return "no reason given";
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? fmt::format("OpenSSL error {:x}", code) : reason;
}

ContextPtr make_server_context(const TlsServerConfig& config) {
  if (config.mode == TlsMode::disabled) return nullptr;
  ContextPtr context = make_context(TLS_server_method(), config.rules);
  use_certificate(context.get(), config.cert_path, config.key_path, config.key_password);
  // Sessions may only be resumed by servers of the same kind; needed with client certificates.
  static constexpr unsigned char kSessionsOf[] = {'c', 'o', 'm', 'e', 't'};
  SSL_CTX_set_session_id_context(context.get(), kSessionsOf, sizeof kSessionsOf);
  if (config.client_auth == TlsClientAuth::none) return context;
  if (config.trust_cert_path.empty()) {
    throw Error(TlsErrc::bad_file,
                "TLS client certificates cannot be checked without a file of "
                "trusted certificates (tls.server.trustCertPath)");
  }
  trust(context.get(), config.trust_cert_path);
  SSL_CTX_set_client_CA_list(context.get(),
                             SSL_load_client_CA_file(config.trust_cert_path.c_str()));
  int mode = SSL_VERIFY_PEER;
  if (config.client_auth == TlsClientAuth::require) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context.get(), mode, nullptr);
  return context;
}

ContextPtr make_client_context(const TlsClientConfig& config) {
  ContextPtr context = make_context(TLS_client_method(), config.rules);
  if (!config.cert_path.empty()) {
    use_certificate(context.get(), config.cert_path, config.key_path, config.key_password);
  }
  if (!config.auth_server) return context;
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (!config.trust_cert_path.empty()) {
    trust(context.get(), config.trust_cert_path);
  } else if (SSL_CTX_set_default_verify_paths(context.get()) != 1) {
    fail("TLS trusted certificates", "of the system");
  }
  return context;
}

std::optional<std::int64_t> expiry(SSL_CTX& context) {
  std::optional<std::int64_t> first;
  const auto look_at = [&first](const X509* certificate) {
    std::tm broken_down{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &broken_down) != 1) return;
    const std::int64_t end = ::timegm(&broken_down);
    if (!first || end < *first) first = end;
  };
  const X509* certificate = SSL_CTX_get0_certificate(&context);
  if (certificate == nullptr) return first;
  look_at(certificate);
  STACK_OF(X509)* issuers = nullptr;
  SSL_CTX_get0_chain_certs(&context, &issuers);
  for (int i = 0; i < sk_X509_num(issuers); ++i) look_at(sk_X509_value(issuers, i));
  return first;
}

std::string describe_certificate(const SSL_CTX& context) {
  const X509* certificate = SSL_CTX_get0_certificate(&context);
  if (certificate == nullptr) return "no certificate";
  std::unique_ptr<BIO, Free> text(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* subject = nullptr;
  const long size = BIO_get_mem_data(text.get(), &subject);
  return fmt::format("certificate {}, valid until {}",
                     std::string_view(subject, static_cast<std::size_t>(size)),
                     date_of(X509_get0_notAfter(certificate)));
}

}  // namespace comet::inline v0_1::tls
