// What people are told about credentials that have ended: there where they come from.

#include "kube/identity/renewal.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace sluice::kube {
namespace {

using Kind = CredentialOrigin::Kind;

constexpr const char* kServer = "https://api.example.com:6443";

struct Row {
  CredentialOrigin origin;
  std::string account;  ///< of the token; empty: of a person
  std::optional<int> minor;
  std::string renewal;
};

TEST(Renewal, LeadsToWhereTheCredentialsComeFrom) {
  const std::vector<Row> rows{
      {{Kind::nobody, ""}, "", {}, "sluice login https://api.example.com:6443 -u \"$(id -un)\""},
      {{Kind::login, "ann/api-example-com:6443"}, "", {}, "sluice login https://api.example.com:6443 -u ann"},
      {{Kind::login, "bot"},
       "ci/bot",
       27,
       "oc create token bot -n ci | sluice login https://api.example.com:6443 --token -"},
      {{Kind::file, "/etc/a b"}, "", {}, "write a new token into /etc/a b"},
      {{Kind::file, "/etc/a b"}, "ci/bot", 11, "oc sa get-token bot -n ci > '/etc/a b'"},
      {{Kind::file, "/etc/t"}, "ci/bot", 23, "oc sa get-token bot -n ci > /etc/t"},
      {{Kind::file, "/etc/t"}, "ci/bot", 24, "oc create token bot -n ci > /etc/t"},
      {{Kind::file, "/etc/t"},
       "ci/bot",
       {},
       "oc create token bot -n ci > /etc/t  # before OpenShift 4.11: oc sa get-token bot -n ci"},
      {{Kind::pod, ""},
       "ci;id/x y",
       27,
       "the cluster renews it by itself: see whether the service account is still there, oc get serviceaccount 'x y' "
       "-n "
       "'ci;id'"},
      {{Kind::variable, "TOKEN"}, "", {}, "set the variable TOKEN to a new token"},
      {{Kind::variable, "TOKEN"}, "ci/bot", 27, "export TOKEN=\"$(oc create token bot -n ci)\""},
      {{Kind::program, "vault"}, "", {}, "run it by hand, and look why it gives a token that has ended: vault"},
      {{Kind::certificate, "c.crt"}, "", {}, "have a new client certificate made, and put it into c.crt"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.renewal);
    TokenLife life;
    life.service_account = row.account;
    const auto told = renewal_of(row.origin, kServer, life, row.minor);
    EXPECT_EQ(told, row.renewal);
    EXPECT_EQ(told.find("USER"), std::string::npos);
  }
}

TEST(Renewal, ReadsTheMinorNumberOfAServerAsFarAsItSaysIt) {
  const auto minor = [](const char* text) { return minor_in(Json::object().set("minor", text)); };
  EXPECT_EQ(minor("11+"), 11);
  EXPECT_EQ(minor("27"), 27);
  EXPECT_EQ(minor(""), std::nullopt);
  EXPECT_EQ(minor_in(Json()), std::nullopt);
}

}  // namespace
}  // namespace sluice::kube
