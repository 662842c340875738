#include "net/trust.hpp"

#include "base/file.hpp"
#include "base/guarded.hpp"

#include <climits>
#include <curl/curl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <atomic>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::net {

namespace {

constexpr std::size_t kMaxBundleBytes = std::size_t{4} * 1024 * 1024;
// One for each registry and cluster with a CA of its own; whoever has more of them makes some anew.
constexpr std::size_t kMaxKept = 64;

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using StorePtr = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using CertificatePtr = std::unique_ptr<X509, Freed<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free>>;

std::atomic<std::uint64_t> bundle_reads{0};

struct InfosFreed {
  void operator()(STACK_OF(X509_INFO) * infos) const { sk_X509_INFO_pop_free(infos, X509_INFO_free); }
};

// All certificates of a PEM text; other things in it are left out. Empty when a part of it is broken, as in libcurl.
std::vector<CertificatePtr> certificates_in(std::string_view pem) {
  std::vector<CertificatePtr> out;
  if (pem.size() > INT_MAX) return out;
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return out;
  const std::unique_ptr<STACK_OF(X509_INFO), InfosFreed> infos(
      PEM_X509_INFO_read_bio(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!infos) return out;
  for (int at = 0; at < sk_X509_INFO_num(infos.get()); ++at) {
    X509_INFO* info = sk_X509_INFO_value(infos.get(), at);
    if (info->x509 != nullptr) out.emplace_back(std::exchange(info->x509, nullptr));
  }
  return out;
}

std::vector<CertificatePtr> read_bundle() {
  ++bundle_reads;
  const auto* info = curl_version_info(CURLVERSION_NOW);
  if (info->cainfo == nullptr) return {};
  const auto pem = read_file(info->cainfo, kMaxBundleBytes);
  // A machine without a bundle trusts nobody but the CAs that it was given.
  return pem ? certificates_in(*pem) : std::vector<CertificatePtr>();
}

const std::vector<CertificatePtr>& system_certificates() {
  static const std::vector<CertificatePtr> kRead = read_bundle();
  return kRead;
}

extern "C" {
// OpenSSL asks for whoever issued `certificate`. Only when our own do not include it is the bundle needed.
int sluice_find_issuer(X509** issuer, X509_STORE_CTX* context, X509* certificate) noexcept {
  const int found = X509_STORE_CTX_get1_issuer(issuer, context, certificate);
  if (found != 0) return found;
  X509_STORE* store = X509_STORE_CTX_get0_store(context);
  // What is in there already is not added twice.
  for (const auto& each : system_certificates()) (void)X509_STORE_add_cert(store, each.get());
  return X509_STORE_CTX_get1_issuer(issuer, context, certificate);
}
}

class Store final : public Trust {
 public:
  explicit Store(StorePtr store) : store_(std::move(store)) {}
  bool use_for(void* ssl_ctx) const override {
    auto* context = static_cast<SSL_CTX*>(ssl_ctx);
    SSL_CTX_set1_cert_store(context, store_.get());
    return SSL_CTX_get_cert_store(context) == store_.get();
  }

 private:
  StorePtr store_;
};

Result<std::shared_ptr<const Trust>> make(const std::string& own_pem) {
  StorePtr store(X509_STORE_new());
  if (!store) return Error(ErrorKind::config, "OpenSSL has no memory for the authorities of servers");
  // As libcurl does: an issuer that is trusted counts, whoever issued it in turn.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_set_get_issuer(store.get(), sluice_find_issuer);
  const auto own = certificates_in(own_pem);
  if (own.empty() && !own_pem.empty()) {
    return Error(ErrorKind::config, "the CA certificates that were given cannot be read as PEM")
        .with_hint("`openssl x509 -noout -text -in FILE` says what is wrong with a certificate");
  }
  for (const auto& each : own) {
    if (X509_STORE_add_cert(store.get(), each.get()) != 1) {
      ERR_clear_error();
      return Error(ErrorKind::config, "OpenSSL refuses a CA certificate that was given");
    }
  }
  return std::shared_ptr<const Trust>(std::make_shared<Store>(std::move(store)));
}

struct Kept {
  std::map<std::string, std::shared_ptr<const Trust>> stores;
  std::uint64_t made = 0;
};

Guarded<Kept>& kept() {
  static Guarded<Kept> all;
  return all;
}

}  // namespace

Result<std::shared_ptr<const Trust>> trust_of(const std::string& own_pem) {
  return kept().with([&](Kept& all) -> Result<std::shared_ptr<const Trust>> {
    if (const auto found = all.stores.find(own_pem); found != all.stores.end()) return found->second;
    SLUICE_TRY(auto made, make(own_pem));
    ++all.made;
    // Connections hold what they use.
    if (all.stores.size() >= kMaxKept) all.stores.clear();
    all.stores.emplace(own_pem, made);
    return made;
  });
}

TrustCounts trust_counts() {
  return {kept().with([](const Kept& all) { return all.made; }), bundle_reads.load()};
}

}  // namespace sluice::net
