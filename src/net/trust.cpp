#include "net/trust.hpp"

#include "base/environment.hpp"
#include "base/guarded.hpp"
#include "net/authorities.hpp"

#include <curl/curl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <atomic>
#include <ctime>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::net {

namespace {

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

std::atomic<std::uint64_t> bundle_reads{0};

Authorities read_system() {
  const auto* info = curl_version_info(CURLVERSION_NOW);
  return read_authorities(Environment::process(), info->cainfo != nullptr ? info->cainfo : "");
}

std::atomic<bool> bundle_was_read{false};

// As it was read, once per process. A machine without a bundle trusts nobody but the CAs that it was given.
const Authorities& system_bundle() {
  static const Authorities kRead = [] {
    ++bundle_reads;
    auto read = read_system();
    read.pem.clear();
    read.pem.shrink_to_fit();
    return read;
  }();
  bundle_was_read = true;
  return kRead;
}

bool is_in_force(const X509* certificate) {
  return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
         X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

std::string time_text(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return "?";
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", parts);
}

std::string name_text(const X509_NAME* name) {
  char text[200] = {};
  // The common name is what people know it by; without one the whole name.
  if (X509_NAME_get_text_by_NID(const_cast<X509_NAME*>(name), NID_commonName, text, sizeof text) > 0) return text;
  return X509_NAME_oneline(name, text, sizeof text) != nullptr ? text : "";
}

struct NamesFreed {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

std::vector<std::string> names_of(const X509* certificate) {
  constexpr std::size_t kMost = 8;
  std::vector<std::string> out;
  const std::unique_ptr<GENERAL_NAMES, NamesFreed> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int at = 0; names && at < sk_GENERAL_NAME_num(names.get()) && out.size() < kMost; ++at) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), at);
    if (name->type == GEN_DNS) {
      out.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                       static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      char text[INET6_ADDRSTRLEN] = {};
      const int family = ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6;
      if (::inet_ntop(family, ASN1_STRING_get0_data(name->d.iPAddress), text, sizeof text) != nullptr) {
        out.emplace_back(text);
      }
    }
  }
  if (out.empty() && names == nullptr) out.push_back(name_text(X509_get_subject_name(certificate)));
  return out;
}

void note(X509_STORE_CTX* context, bool good, SeenChain& seen) {
  const X509* certificate = X509_STORE_CTX_get_current_cert(context);
  const int depth = X509_STORE_CTX_get_error_depth(context);
  if (certificate == nullptr) return;
  if (depth == 0) {
    seen.known = true;
    seen.names = names_of(certificate);
  }
  if (good || seen.error != X509_V_OK) return;
  seen.error = X509_STORE_CTX_get_error(context);
  seen.depth = depth;
  seen.subject = name_text(X509_get_subject_name(certificate));
  seen.issuer = name_text(X509_get_issuer_name(certificate));
  seen.not_before = time_text(X509_get0_notBefore(certificate));
  seen.not_after = time_text(X509_get0_notAfter(certificate));
}

using SeenPtr = std::shared_ptr<SeenChain>;

extern "C" {
void sluice_free_seen(void*, void* held, CRYPTO_EX_DATA*, int, long, void*) noexcept {
  delete static_cast<SeenPtr*>(held);
}
}

// A connection outlives the transfer that made it, and its server may ask for a new handshake: so both hold the note.
int seen_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, sluice_free_seen);
  return kIndex;
}

extern "C" {
// OpenSSL asks for whoever issued `certificate`. Only when our own do not include it is the bundle needed: also when
// ours has expired, since the bundle may have a newer one of the same name.
int sluice_find_issuer(X509** issuer, X509_STORE_CTX* context, X509* certificate) noexcept {
  const int found = X509_STORE_CTX_get1_issuer(issuer, context, certificate);
  if (found < 0 || (found == 1 && is_in_force(*issuer))) return found;
  X509_STORE* store = X509_STORE_CTX_get0_store(context);
  // What is in there already is not added twice.
  for (const auto& each : system_bundle().certificates) (void)X509_STORE_add_cert(store, each.get());
  if (found == 1) {
    X509_free(*issuer);
    *issuer = nullptr;
  }
  // Of several with the name it gives the one that is in force.
  return X509_STORE_CTX_get1_issuer(issuer, context, certificate);
}
int sluice_on_verified(int good, X509_STORE_CTX* context) noexcept {
  const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* seen =
      ssl == nullptr ? nullptr : static_cast<const SeenPtr*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), seen_index()));
  if (seen != nullptr) note(context, good == 1, **seen);
  return good;
}
}

class Store final : public Trust {
 public:
  explicit Store(StorePtr store) : store_(std::move(store)) {}
  bool use_for(void* ssl_ctx, const std::shared_ptr<SeenChain>& seen) const override {
    auto* context = static_cast<SSL_CTX*>(ssl_ctx);
    auto held = std::make_unique<SeenPtr>(seen);
    if (SSL_CTX_set_ex_data(context, seen_index(), held.get()) != 1) return false;
    (void)held.release();
    SSL_CTX_set_verify(context, SSL_CTX_get_verify_mode(context), sluice_on_verified);
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
  if ((!own || own->empty()) && !own_pem.empty()) {
    return Error(ErrorKind::config, "the CA certificates that were given cannot be read as PEM")
        .with_hint("`openssl x509 -noout -text -in FILE` says what is wrong with a certificate");
  }
  for (const auto& each : *own) {
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

std::string system_authorities() { return read_system().pem; }

std::string bundle_problem() { return bundle_was_read ? system_bundle().problem : std::string(); }

TrustCounts trust_counts() {
  return {kept().with([](const Kept& all) { return all.made; }), bundle_reads.load()};
}

}  // namespace sluice::net
