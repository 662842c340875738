#include "app/login_order.hpp"

#include "app/session.hpp"
#include "support/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::app {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> places(const places::RegistryOptions& registry) {
  std::vector<std::string> out;
  for (const auto& step : registry.looked_at("shop/web")) {
    out.push_back(step.where + (step.won ? ": won" : ": " + step.why));
  }
  return out;
}

TEST(LoginOrder, SaysWhatTheEntryOfTheClustersFileComesTo) {
  EXPECT_EQ(entry_looked_at({.name = "", .has_login = true, .beaten = false}), std::nullopt);
  EXPECT_TRUE(entry_looked_at({.name = "c (prod)", .has_login = true, .beaten = false})->won);
  EXPECT_EQ(entry_looked_at({.name = "c (prod)", .has_login = false, .beaten = false})->why,
            "the entry has no user name and password");
  const auto beaten = entry_looked_at({.name = "c (prod)", .has_login = true, .beaten = true});
  EXPECT_FALSE(beaten->won);
  EXPECT_EQ(beaten->why, "not asked: what stands before it won");
}

TEST(LoginOrder, PutsEachSourceBeforeTheOthers) {
  places::RegistryOptions registry;
  note_first(registry, auth::LookedAt{"the file", {}, {}, true, {}});
  note_first(registry, [](std::string_view repository) {
    return auth::LookedAt{"the token", {}, {}, false, "none for " + std::string(repository)};
  });
  EXPECT_THAT(places(registry), ElementsAre("the token: none for shop/web", "the file: won"));
}

TEST(LoginOrder, KnowsForWhichRepositoriesATokenWasThere) {
  TokensShown shown;
  shown.note("a", true);
  shown.note("b", false);
  EXPECT_TRUE(shown.looked_at("the token", "a").won);
  EXPECT_FALSE(shown.looked_at("the token", "b").won);
  EXPECT_FALSE(shown.looked_at("the token", "c").won);
  EXPECT_NE(shown.looked_at("the token", "b").why, "");
}

TEST(LoginOrder, OfASessionHasEveryRegistryThatWasOpened) {
  const support::TempFolder folder;
  Session session({}, Environment([&](std::string_view name) -> std::optional<std::string> {
                    return name == "HOME" ? std::optional(folder.path().string()) : std::nullopt;
                  }),
                  {});
  EXPECT_TRUE(session.explain_logins().empty());
  for (const auto* host : {"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:1"})
    ASSERT_TRUE(session.registry(host, Session::Side::source).ok()) << host;
  std::vector<std::string> hosts;
  for (const auto& login : session.explain_logins()) hosts.push_back(login.registry);
  EXPECT_THAT(hosts, ElementsAre("127.0.0.1:1", "127.0.0.1:2"));
}

}  // namespace
}  // namespace sluice::app
