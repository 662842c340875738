#include "auth/realm.hpp"

#include "unit/auth/auth_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::url;
using testing::why;

TEST(TrustedRealm, IsHttpsOrTheNeighbourOfAnHttpRegistry) {
  const struct {
    const char* registry;
    const char* realm;
    const char* refused;  ///< nullptr: trusted
  } rows[] = {
      {"https://r.example.com/v2/", "https://auth.example.com/token", nullptr},
      {"https://r.example.com/v2/", "https://r.example.com/token", nullptr},
      {"http://r.example.com/v2/", "https://auth.example.com/token", nullptr},
      {"http://r.example.com:5000/v2/", "http://r.example.com:5001/token", nullptr},
      {"http://127.0.0.1:5000/v2/", "http://localhost:5001/token", nullptr},
      {"http://localhost:5000/v2/", "http://[::1]:5001/token", nullptr},
      {"http://127.1.2.3:5000/v2/", "http://127.0.0.1/token", nullptr},
      {"https://r.example.com/v2/", "http://r.example.com/token",
       "untrusted: r.example.com sends logins to the token server r.example.com over plain http"},
      {"http://r.example.com/v2/", "http://auth.example.com/token", "token server auth.example.com over plain http"},
      {"http://127.0.0.1:5000/v2/", "http://auth.example.com/token", "token server auth.example.com over plain http"},
      {"http://r.example.com/v2/", "http://localhost/token", "token server localhost over plain http"},
      {"https://localhost:5000/v2/", "http://localhost:5001/token", "token server localhost:5001 over plain http"},
      {"http://localhost:5000/v2/", "http://localhost.evil.com/token",
       "token server localhost.evil.com over plain http"},
      {"http://127.0.0.1:5000/v2/", "http://127.0.0.1.evil.com/token",
       "token server 127.0.0.1.evil.com over plain http"},
      {"https://r.example.com/v2/", "", "protocol: r.example.com names a token server that cannot be used"},
      {"https://r.example.com/v2/", "file:///etc/passwd", "protocol: "},
      {"https://r.example.com/v2/", "/token", "protocol: "},
      {"https://r.example.com/v2/", "https://user:pw@auth.example.com/", "protocol: "},
      {"https://r.example.com/v2/", "https://auth.example.com/\r\nX: y", "protocol: "},
  };
  for (const auto& row : rows) {
    const auto realm = trusted_realm(url(row.registry), row.realm);
    EXPECT_EQ(realm.ok(), row.refused == nullptr) << row.registry << " -> " << row.realm << ": " << why(realm);
    EXPECT_THAT(why(realm), HasSubstr(row.refused != nullptr ? row.refused : ""))
        << row.registry << " -> " << row.realm;
  }
}

TEST(LeadsTo, ComparesHostAndPort) {
  const struct {
    const char* url;
    const char* registry;
    bool expected;
  } rows[] = {
      {"https://r.example.com/v2/", "r.example.com", true},
      {"https://r.example.com/v2/", "R.Example.com", true},
      {"https://r.example.com:443/v2/", "r.example.com:443", true},
      {"http://r.example.com:5000/v2/", "r.example.com:5000", true},
      {"https://[::1]:5000/v2/", "[::1]:5000", true},
      {"https://registry-1.docker.io/v2/", "docker.io", true},
      {"https://r.example.com/v2/", "r.example.com:5000", false},
      {"https://r.example.com.evil.com/v2/", "r.example.com", false},
      {"https://evil.com/v2/r.example.com", "r.example.com", false},
      {"https://evil.com/v2/", "", false},
  };
  for (const auto& row : rows)
    EXPECT_EQ(leads_to(url(row.url), row.registry), row.expected) << row.url << " / " << row.registry;
}

class RealmEndpoint : public ::testing::Test {
 protected:
  std::shared_ptr<const net::Endpoint> registry_ =
      std::make_shared<const net::Endpoint>(net::Endpoint{.verify_tls = false,
                                                          .ca_files = {"/ca.pem"},
                                                          .client_cert_file = "/c.pem",
                                                          .client_key_file = "/k.pem",
                                                          .addresses = net::AddressRule::any,
                                                          .proxy = "http://proxy:3128"});
};

TEST_F(RealmEndpoint, IsTheRegistrysOnItsOwnHost) {
  EXPECT_EQ(realm_endpoint(url("https://r:5000/"), url("https://r/token"), registry_), registry_);
  EXPECT_EQ(realm_endpoint(url("https://r/"), url("https://r/token"), nullptr), nullptr);
}

TEST_F(RealmEndpoint, KeepsOnlyTrustAndProxyElsewhere) {
  const auto endpoint = realm_endpoint(url("https://r/"), url("https://auth/token"), registry_);
  EXPECT_TRUE(endpoint->verify_tls) << "what is allowed for a registry is not allowed for others";
  EXPECT_THAT(endpoint->ca_files, ElementsAre("/ca.pem"));
  EXPECT_EQ(endpoint->client_cert_file, "");
  EXPECT_EQ(endpoint->client_key_file, "");
  EXPECT_EQ(endpoint->proxy, "http://proxy:3128");
  EXPECT_EQ(endpoint->addresses, net::AddressRule::not_local) << "a registry elsewhere names nothing on this machine";
}

TEST_F(RealmEndpoint, MayBeOnThisMachineWhereTheRegistryIs) {
  EXPECT_EQ(realm_endpoint(url("https://127.0.0.1:5000/"), url("https://auth/token"), registry_)->addresses,
            net::AddressRule::any);
  net::Endpoint local;
  local.addresses = net::AddressRule::loopback_only;  // a name that leads to loopback
  EXPECT_EQ(realm_endpoint(url("https://r/"), url("https://auth/token"), std::make_shared<const net::Endpoint>(local))
                ->addresses,
            net::AddressRule::any);
}

TEST_F(RealmEndpoint, LeavesTheProxyToTheEnvironmentWhenTheRegistryNeedsNone) {
  net::Endpoint near;
  near.proxy = "";
  const auto shared = std::make_shared<const net::Endpoint>(near);
  EXPECT_FALSE(realm_endpoint(url("https://r/"), url("https://auth/token"), shared)->proxy);
  EXPECT_THAT(realm_endpoint(url("https://r/"), url("https://auth/token"), nullptr)->ca_files, IsEmpty());
}

TEST_F(RealmEndpoint, HoldsPlainHttpToLoopbackAddresses) {
  const auto endpoint = realm_endpoint(url("http://127.0.0.1:5000/"), url("http://localhost:5001/token"), registry_);
  EXPECT_EQ(endpoint->addresses, net::AddressRule::loopback_only);
}

}  // namespace
}  // namespace sluice::auth
