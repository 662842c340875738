// Registry over TLS: unknown authorities, certificates of certs.d, client certificates, redirects out of TLS.

#include "component/registry_testing.hpp"
#include "places/certs_d.hpp"
#include "support/registry_process.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

namespace sluice::places {
namespace {

using support::ChildProcess;
using support::failed_with;
using support::RegistryProcess;
using support::TempFolder;
using support::TestCertificates;
using support::why;

class RegistryTls : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!support::find_program("openssl")) return;
    folder_ = std::make_unique<TempFolder>();
    certificates_ = TestCertificates::make(folder_->path());
  }
  static void TearDownTestSuite() { folder_.reset(); }

  void SetUp() override {
    if (!certificates_) GTEST_SKIP() << "openssl is not installed (Debian package openssl)";
  }
  void TearDown() override { EXPECT_EQ(loop_.counters().live_transfers, 0U) << "a transfer was left in the loop"; }

  Registry open(const std::string& host, net::Endpoint endpoint = {}, bool insecure = false) {
    RegistryOptions options;
    options.host = host;
    options.endpoint = std::move(endpoint);
    options.insecure = insecure;
    options.retry_times = 0;
    return Registry(loop_, options);
  }
  static net::Endpoint with_ca() {
    net::Endpoint endpoint;
    endpoint.ca_files = {certificates_->ca};
    endpoint.proxy = "";
    return endpoint;
  }
  /// certs.d of docker and podman for `host`, in a configuration folder of its own.
  static Environment with_certs_d(const TempFolder& home, const std::string& host, bool client) {
    const auto folder = home / "containers/certs.d" / host;
    std::filesystem::create_directories(folder);
    std::filesystem::copy_file(certificates_->ca, folder / "ca.crt");
    if (client) {
      std::filesystem::copy_file(certificates_->client_cert, folder / "client.cert");
      std::filesystem::copy_file(certificates_->client_key, folder / "client.key");
    }
    return Environment([path = home.path().string()](std::string_view name) -> std::optional<std::string> {
      return name == "XDG_CONFIG_HOME" ? std::optional(path) : std::nullopt;
    });
  }

  inline static std::unique_ptr<TempFolder> folder_;
  inline static std::optional<TestCertificates> certificates_;
  net::TransferLoop loop_;
};

TEST_F(RegistryTls, TrustsTheAuthoritiesItWasGivenAndNoOthers) {
  if (const auto reason = RegistryProcess::missing(); !reason.empty()) GTEST_SKIP() << reason;
  const RegistryProcess process({.tls = &*certificates_});
  EXPECT_TRUE(failed_with(open(process.host()).check_login({}), ErrorKind::untrusted, process.host()));

  auto trusting = open(process.host(), with_ca());
  const auto trusted = trusting.check_login({});
  EXPECT_TRUE(trusted.ok()) << why(trusted);

  const TempFolder home;
  net::Endpoint endpoint;
  ASSERT_TRUE(add_host_certificates(endpoint, process.host(), with_certs_d(home, process.host(), false)).ok());
  const auto by_folder = open(process.host(), endpoint).check_login({});
  EXPECT_TRUE(by_folder.ok()) << why(by_folder);

  const auto by_flag = open(process.host(), {}, true).check_login({});
  EXPECT_TRUE(by_flag.ok()) << why(by_flag);
  EXPECT_TRUE(failed_with(open(process.host()).check_login({}), ErrorKind::untrusted))
      << "a connection that another endpoint trusted was used";
}

TEST_F(RegistryTls, SaysWhichCertificateFileIsUnusable) {
  net::Endpoint missing;
  missing.ca_files = {folder_->path() / "none.crt"};
  EXPECT_TRUE(failed_with(open("127.0.0.1:1", missing).check_login({}), ErrorKind::not_found, "none.crt"));
  net::Endpoint empty;
  empty.ca_files = {folder_->path() / "empty.crt"};
  std::ofstream(empty.ca_files[0]) << "nothing\n";
  EXPECT_TRUE(failed_with(open("127.0.0.1:1", empty).check_login({}), ErrorKind::config, "empty.crt"));
  auto keyless = with_ca();
  keyless.client_cert_file = certificates_->client_cert;
  keyless.client_key_file = (folder_->path() / "none.key").string();
  EXPECT_TRUE(failed_with(open("127.0.0.1:1", keyless).check_login({}), ErrorKind::config, "none.key"));
}

TEST_F(RegistryTls, ShowsItsClientCertificate) {
  if (const auto reason = RegistryProcess::missing(); !reason.empty()) GTEST_SKIP() << reason;
  const RegistryProcess process({.tls = &*certificates_, .client_certificates = true});
  const auto nameless = open(process.host(), with_ca()).check_login({});
  ASSERT_FALSE(nameless.ok());
  // The reset that follows the server's alert may overtake it; when the alert is seen, it is understood.
  if (why(nameless).find("alert") != std::string::npos) {
    EXPECT_TRUE(failed_with(nameless, ErrorKind::unauthenticated, process.host()));
  } else {
    EXPECT_TRUE(failed_with(nameless, ErrorKind::unreachable, process.host()));
  }

  const TempFolder home;
  net::Endpoint endpoint;
  ASSERT_TRUE(add_host_certificates(endpoint, process.host(), with_certs_d(home, process.host(), true)).ok());
  const auto known = open(process.host(), endpoint).check_login({});
  EXPECT_TRUE(known.ok()) << why(known);
}

/// A TLS server that answers GET by whole files: `openssl s_server -HTTP`.
class FileServer {
 public:
  FileServer(const TestCertificates& certificates, const std::filesystem::path& folder)
      : process_(
            {*support::find_program("env"), "-C", folder.string(), *support::find_program("openssl"), "s_server",
             "-HTTP", "-accept", "127.0.0.1:0", "-cert", certificates.server_cert, "-key", certificates.server_key},
            {}) {
    const auto port = process_.wait_for_number_after("ACCEPT 127.0.0.1:");
    EXPECT_TRUE(port.has_value()) << "openssl s_server did not start: " << process_.output();
    // Under this name it is no loopback registry, and is never spoken to in plain HTTP first.
    host_ = "0.0.0.0:" + std::to_string(port.value_or(1));
  }
  const std::string& host() const { return host_; }

 private:
  ChildProcess process_;
  std::string host_;
};

TEST_F(RegistryTls, IsNotLuredOutOfTls) {
  support::ScriptedServer plain;
  plain.on("GET", "/data", {.status = 200});
  const TempFolder files;
  std::filesystem::create_directories(files / "v2/shop/web/manifests");
  std::ofstream(files / "v2/shop/web/manifests/latest") << "HTTP/1.1 307 Moved\r\nLocation: http://" << plain.host()
                                                        << "/data\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  const FileServer server(*certificates_, files.path());
  for (const bool insecure : {false, true}) {
    auto registry = open(server.host(), with_ca(), insecure);
    EXPECT_TRUE(failed_with(registry.manifest("shop/web", ManifestName::tag("latest"), {}), ErrorKind::untrusted,
                            "plain http"));
  }
  EXPECT_TRUE(plain.requests().empty());
}

// The registry and its token server share a host, and a certificate that nobody vouches for.
TEST_F(RegistryTls, AsksTheTokenServerOfAnInsecureRegistryWithoutVerifyingIt) {
  if (const auto reason = RegistryProcess::missing(); !reason.empty()) GTEST_SKIP() << reason;
  const RegistryProcess realm({.tls = &*certificates_});
  const RegistryProcess process({.tls = &*certificates_, .token_realm = "https://" + realm.host() + "/token"});
  auto registry = open(process.host(), {}, true);
  const auto read = registry.manifest("shop/web", ManifestName::tag("latest"), {});
  EXPECT_TRUE(failed_with(read, ErrorKind::protocol, "answered 404")) << "the token server was not reached";
  EXPECT_TRUE(failed_with(open(process.host()).check_login({}), ErrorKind::untrusted, process.host()));
}

}  // namespace
}  // namespace sluice::places
