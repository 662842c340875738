#include "sandbox/control/certificates.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>

namespace sluice::sandbox {

namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;
using CertificatePtr = std::unique_ptr<X509, FreeCertificate>;
using BioPtr = std::unique_ptr<BIO, FreeBio>;

constexpr long kLifeSeconds = 10L * 365 * 24 * 3600;

Error refused(const char* what) { return Error(ErrorKind::internal, fmt::format("OpenSSL could not {}", what)); }

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  return length > 0 ? std::string(data, static_cast<std::size_t>(length)) : "";
}

Result<std::string> pem_of(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) return refused("write a certificate");
  return text_of(bio.get());
}

Result<std::string> pem_of(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return refused("write a key");
  }
  return text_of(bio.get());
}

struct Subject {
  std::string common_name;
  std::string organization;
};

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  auto* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

void add_name(X509_NAME* name, const char* field, const std::string& value) {
  if (value.empty()) return;
  X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()),
                             static_cast<int>(value.size()), -1, 0);
}

struct Extension {
  int nid;
  std::string value;
};

// Signed by `issuer_key`; `issuer` null: signed by itself.
Result<CertificatePtr> issue(EVP_PKEY* key, const Subject& subject, X509* issuer, EVP_PKEY* issuer_key,
                             const std::vector<Extension>& extensions) {
  CertificatePtr certificate(X509_new());
  if (!certificate) return refused("make a certificate");
  std::array<unsigned char, 8> serial{};
  if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) return refused("find random bytes");
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7FU) | 0x01U);
  BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_set_version(certificate.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -300);  // clocks differ
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kLifeSeconds);
  auto* name = X509_get_subject_name(certificate.get());
  add_name(name, "O", subject.organization);
  add_name(name, "CN", subject.common_name);
  X509* signer = issuer != nullptr ? issuer : certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  if (X509_set_pubkey(certificate.get(), key) != 1) return refused("use a key");
  for (const auto& extension : extensions) {
    if (!add_extension(certificate.get(), signer, extension.nid, extension.value)) {
      return refused("write a certificate extension");
    }
  }
  if (X509_sign(certificate.get(), issuer_key, EVP_sha256()) == 0) return refused("sign a certificate");
  return certificate;
}

std::string alternative_names(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) {
    const bool address =
        name.find_first_not_of("0123456789.") == std::string::npos || name.find(':') != std::string::npos;
    list += fmt::format("{}{}:{}", list.empty() ? "" : ",", address ? "IP" : "DNS", name);
  }
  return list;
}

Result<IssuedCertificate> issue_for(const Subject& subject, X509* ca, EVP_PKEY* ca_key,
                                    const std::vector<Extension>& extensions) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return refused("make a key");
  SLUICE_TRY(const auto certificate, issue(key.get(), subject, ca, ca_key, extensions));
  IssuedCertificate issued;
  SLUICE_TRY(issued.certificate_pem, pem_of(certificate.get()));
  SLUICE_TRY(issued.key_pem, pem_of(key.get()));
  return issued;
}

}  // namespace

Result<Authority> make_authority(const std::vector<std::string>& names) {
  const KeyPtr ca_key(EVP_EC_gen("P-256"));
  if (!ca_key) return refused("make a key");
  SLUICE_TRY(const auto ca, issue(ca_key.get(), {"sluice sandbox CA", ""}, nullptr, ca_key.get(),
                                  {{NID_basic_constraints, "critical,CA:TRUE"},
                                   {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                   {NID_subject_key_identifier, "hash"}}));
  Authority authority;
  SLUICE_TRY(authority.ca_pem, pem_of(ca.get()));
  SLUICE_TRY(authority.server, issue_for({names.empty() ? "localhost" : names.front(), ""}, ca.get(), ca_key.get(),
                                         {{NID_basic_constraints, "critical,CA:FALSE"},
                                          {NID_key_usage, "critical,digitalSignature"},
                                          {NID_ext_key_usage, "serverAuth"},
                                          {NID_subject_alt_name, alternative_names(names)}}));
  SLUICE_TRY(authority.admin, issue_for({"system:admin", "system:masters"}, ca.get(), ca_key.get(),
                                        {{NID_basic_constraints, "critical,CA:FALSE"},
                                         {NID_key_usage, "critical,digitalSignature"},
                                         {NID_ext_key_usage, "clientAuth"}}));
  return authority;
}

}  // namespace sluice::sandbox
