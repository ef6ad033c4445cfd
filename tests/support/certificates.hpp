#pragma once
// Certificate authorities that live for one test: no key is ever committed.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

namespace comet::inline v0_1::test {

// A key and a certificate for it, signed by an authority (or by itself: then it is one).
class Certificate {
 public:
  // `names` as OpenSSL's subjectAltName: "DNS:server,IP:10.0.0.1"; empty: an authority.
  Certificate(const std::string& common_name, const std::string& names,
              const Certificate* issuer = nullptr, long valid_from_days = -1,
              long valid_to_days = 30)
      : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")), certificate_(X509_new()) {
    X509* x509 = certificate_.get();
    check(key_ != nullptr && x509 != nullptr);
    static long last_serial = 0;
    check(X509_set_version(x509, X509_VERSION_3));
    check(ASN1_INTEGER_set(X509_get_serialNumber(x509), ++last_serial));
    constexpr long kDay = 24 * 3600;
    check(X509_gmtime_adj(X509_getm_notBefore(x509), valid_from_days * kDay) != nullptr);
    check(X509_gmtime_adj(X509_getm_notAfter(x509), valid_to_days * kDay) != nullptr);
    check(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(common_name.c_str()),
                                     -1, -1, 0));
    X509* signer = issuer == nullptr ? x509 : issuer->certificate_.get();
    check(X509_set_issuer_name(x509, X509_get_subject_name(signer)));
    check(X509_set_pubkey(x509, key_.get()));
    add_extension(signer, NID_basic_constraints, names.empty() ? "critical,CA:TRUE" : "CA:FALSE");
    if (!names.empty()) add_extension(signer, NID_subject_alt_name, names);
    check(X509_sign(x509, issuer == nullptr ? key_.get() : issuer->key_.get(), EVP_sha256()) > 0);
  }

  [[nodiscard]] std::string certificate_pem() const {
    Memory memory;
    check(PEM_write_bio_X509(memory.bio.get(), certificate_.get()));
    return memory.text();
  }
  // Encrypted when there is a password.
  [[nodiscard]] std::string key_pem(const std::string& password = {}) const {
    Memory memory;
    const EVP_CIPHER* cipher = password.empty() ? nullptr : EVP_aes_256_cbc();
    check(PEM_write_bio_PKCS8PrivateKey(memory.bio.get(), key_.get(), cipher, password.c_str(),
                                        static_cast<int>(password.size()), nullptr, nullptr));
    return memory.text();
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* x509) const { X509_free(x509); }
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  };
  struct Memory {
    std::unique_ptr<BIO, Free> bio{BIO_new(BIO_s_mem())};
    [[nodiscard]] std::string text() const {
      std::string all(static_cast<std::size_t>(BIO_pending(bio.get())), '\0');
      check(BIO_read(bio.get(), all.data(), static_cast<int>(all.size())) > 0);
      return all;
    }
  };
  static void check(bool ok) {
    if (!ok) throw std::runtime_error("OpenSSL cannot make a certificate");
  }
  static void check(int ok) { check(ok > 0); }
  void add_extension(X509* signer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, signer, certificate_.get(), nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, Free> extension(
        X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    check(extension != nullptr);
    check(X509_add_ext(certificate_.get(), extension.get(), -1));
  }

  std::unique_ptr<EVP_PKEY, Free> key_;
  std::unique_ptr<X509, Free> certificate_;
};

inline std::string write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  return path;
}

}  // namespace comet::inline v0_1::test
