// What servers are verified by: one store for each setting, the system's bundle once and only when it is needed.

#include "net/trust.hpp"

#include "base/file.hpp"
#include "places/registry.hpp"
#include "support/registry_process.hpp"

#include <curl/curl.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <memory>
#include <optional>
#include <string>

namespace sluice::net {
namespace {

using places::Registry;
using places::RegistryOptions;
using support::failed_with;
using support::RegistryProcess;
using support::TempFolder;
using support::TestCertificates;
using support::why;

constexpr int kConnections = 12;

class TrustTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = RegistryProcess::missing(); !reason.empty()) GTEST_SKIP() << reason;
    if (!support::find_program("openssl")) GTEST_SKIP() << "openssl is not installed (Debian package openssl)";
    ours_ = TestCertificates::make(folder_ / "ours");
    others_ = TestCertificates::make(folder_ / "others");
    registry_ = std::make_unique<RegistryProcess>(RegistryProcess::Options{.tls = &*ours_});
  }

  /// A login check through `loop`.
  Status knock(TransferLoop& loop, const std::optional<TestCertificates>& trusted) const {
    RegistryOptions options;
    options.host = registry_->host();
    options.endpoint.proxy = "";
    if (trusted) options.endpoint.ca_files = {trusted->ca};
    options.retry_times = 0;
    const auto answer = Registry(loop, options).check_login({});
    if (!answer) return answer.error();
    return {};
  }
  /// The same through a loop of its own, which has no connection yet.
  Status knock(const std::optional<TestCertificates>& trusted) const {
    TransferLoop loop;
    return knock(loop, trusted);
  }

  TempFolder folder_;
  std::optional<TestCertificates> ours_;
  std::optional<TestCertificates> others_;
  std::unique_ptr<RegistryProcess> registry_;
};

TEST_F(TrustTest, ManyConnectionsToAHostWithACaOfItsOwnMakeOneStoreAndNeverReadTheBundle) {
  const auto before = trust_counts();
  for (int count = 0; count < kConnections; ++count) {
    const auto answer = knock(ours_);
    ASSERT_TRUE(answer.ok()) << why(answer);
  }
  EXPECT_EQ(trust_counts().stores_made, before.stores_made + 1);
  EXPECT_EQ(trust_counts().bundle_reads, before.bundle_reads);
}

TEST_F(TrustTest, TheBundleIsReadOnceForAllConnectionsThatNeedIt) {
  for (int count = 0; count < kConnections; ++count) {
    EXPECT_TRUE(failed_with(knock(std::nullopt), ErrorKind::untrusted, registry_->host()));
    EXPECT_TRUE(failed_with(knock(others_), ErrorKind::untrusted, registry_->host()));
  }
  EXPECT_EQ(trust_counts().bundle_reads, 1U);
  const auto answer = knock(ours_);
  EXPECT_TRUE(answer.ok()) << why(answer);
}

TEST_F(TrustTest, AConnectionServesOnlyThoseWhoTrustTheSameAuthorities) {
  TransferLoop loop;
  const auto first = knock(loop, ours_);
  ASSERT_TRUE(first.ok()) << why(first);
  EXPECT_TRUE(failed_with(knock(loop, others_), ErrorKind::untrusted, registry_->host()));
  EXPECT_TRUE(failed_with(knock(loop, std::nullopt), ErrorKind::untrusted, registry_->host()));
  const auto again = knock(loop, ours_);
  EXPECT_TRUE(again.ok()) << why(again);
}

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using CertificatePtr = std::unique_ptr<X509, Freed<X509_free>>;

/// The first certificate of the system's bundle that a fresh OpenSSL store with that bundle verifies; null without one.
CertificatePtr some_authority(const char* bundle) {
  const auto pem = read_file(bundle, std::size_t{4} * 1024 * 1024);
  if (!pem) return nullptr;
  const std::unique_ptr<BIO, Freed<BIO_free>> bio(BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())));
  const std::unique_ptr<X509_STORE, Freed<X509_STORE_free>> store(X509_STORE_new());
  X509_STORE_load_file(store.get(), bundle);
  while (CertificatePtr next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    const std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>> check(X509_STORE_CTX_new());
    X509_STORE_CTX_init(check.get(), store.get(), next.get(), nullptr);
    if (X509_verify_cert(check.get()) == 1) return next;
  }
  return nullptr;
}

bool verifies(const Trust& trust, X509& certificate) {
  const std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context(SSL_CTX_new(TLS_client_method()));
  if (!trust.use_for(context.get(), std::make_shared<SeenChain>())) return false;
  const std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>> check(X509_STORE_CTX_new());
  X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(context.get()), &certificate, nullptr);
  return X509_verify_cert(check.get()) == 1;
}

TEST(Trust, AuthoritiesOfTheBundleCountWithAndWithoutOwnOnes) {
  const auto* info = curl_version_info(CURLVERSION_NOW);
  const auto authority = info->cainfo != nullptr ? some_authority(info->cainfo) : nullptr;
  if (!authority) GTEST_SKIP() << "this machine has no bundle of authorities (Debian package ca-certificates)";
  const TempFolder folder;
  const auto own = TestCertificates::make(folder.path());
  const auto own_pem = read_file(own.ca, 65536);
  ASSERT_TRUE(own_pem.ok()) << why(own_pem);
  const auto plain = trust_of("");
  const auto with_own = trust_of(*own_pem);
  ASSERT_TRUE(plain.ok()) << why(plain);
  ASSERT_TRUE(with_own.ok()) << why(with_own);
  EXPECT_TRUE(verifies(**plain, *authority));
  EXPECT_TRUE(verifies(**with_own, *authority));

  const auto stranger_pem = read_file(TestCertificates::make(folder / "stranger").server_cert, 65536);
  const std::unique_ptr<BIO, Freed<BIO_free>> bio(
      BIO_new_mem_buf(stranger_pem->data(), static_cast<int>(stranger_pem->size())));
  const CertificatePtr stranger(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  EXPECT_FALSE(verifies(**with_own, *stranger));
}

TEST(Trust, ATextWithoutAReadableCertificateIsRefused) {
  const std::string broken = "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n";
  EXPECT_TRUE(failed_with(trust_of(broken), ErrorKind::config, "cannot be read"));
}

}  // namespace
}  // namespace sluice::net
