// What a bearer token says of itself.

#include "auth/token_rights.hpp"

#include "base/encoding.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace sluice::auth {
namespace {

std::string token_with(const std::string& claims) {
  auto encoded = encoding::base64(claims);
  std::replace(encoded.begin(), encoded.end(), '+', '-');
  std::replace(encoded.begin(), encoded.end(), '/', '_');
  while (!encoded.empty() && encoded.back() == '=') encoded.pop_back();
  return "e30." + encoded + ".c2ln";
}

std::string access(const std::string& entries) { return token_with("{\"access\":[" + entries + "]}"); }

const Scope kPush{.repository = "shop/web", .push = true};
const Scope kPull{.repository = "shop/web", .push = false};

TEST(TokenRights, ARightThatIsListedIsGranted) {
  const auto token = access(R"({"type":"repository","name":"shop/web","actions":["pull","push"]})");
  EXPECT_EQ(grant_of(token, kPush), Grant::granted);
  EXPECT_EQ(grant_of(token, kPull), Grant::granted);
  EXPECT_EQ(grant_of(access(R"({"type":"repository","name":"shop/web","actions":["*"]})"), kPush), Grant::granted);
}

TEST(TokenRights, ARightThatIsNotListedIsRefused) {
  const auto token = access(R"({"type":"repository","name":"shop/web","actions":["pull"]})");
  EXPECT_EQ(grant_of(token, kPush), Grant::refused);
  EXPECT_EQ(grant_of(token, kPull), Grant::granted);
  EXPECT_EQ(grant_of(access(""), kPull), Grant::refused);
}

TEST(TokenRights, OtherRepositoriesAloneSayNothing) {
  const auto token = access(R"({"type":"repository","name":"mirror/shop/web","actions":["pull","push"]})");
  EXPECT_EQ(grant_of(token, kPush), Grant::unsaid);
}

TEST(TokenRights, AnotherTypeOfTheSameNameIsNoRight) {
  EXPECT_EQ(grant_of(access(R"({"type":"registry","name":"shop/web","actions":["*"]})"), kPush), Grant::refused);
}

TEST(TokenRights, WhatIsNoSuchTokenSaysNothing) {
  for (const std::string token : {"", "opaque", "a.b", "..", "e30.!!!.x", "e30.e30.x"}) {
    EXPECT_EQ(grant_of(token, kPush), Grant::unsaid) << token;
  }
  EXPECT_EQ(grant_of(token_with("[]"), kPush), Grant::unsaid);
  EXPECT_EQ(grant_of(token_with(R"({"access":"all"})"), kPush), Grant::unsaid);
  EXPECT_EQ(grant_of(access(R"({"type":"repository","name":"shop/web","actions":["push"]})") + std::string(70000, 'x'),
                     kPush),
            Grant::unsaid);
}

}  // namespace
}  // namespace sluice::auth
