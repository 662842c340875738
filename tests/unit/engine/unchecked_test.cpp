#include "engine/unchecked.hpp"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

TEST(EngineUnchecked, ARegistryIsCoveredByItsName) {
  EXPECT_TRUE(leaves_unchecked({"registry.example.com:5000"}, "registry.example.com:5000"));
  EXPECT_FALSE(leaves_unchecked({"registry.example.com:5000"}, "registry.example.com"));
  EXPECT_FALSE(leaves_unchecked({}, "registry.example.com:5000"));
}

TEST(EngineUnchecked, AnAddressIsCoveredByItsNetwork) {
  EXPECT_TRUE(leaves_unchecked({"10.0.0.0/8"}, "10.1.2.3:5000"));
  EXPECT_TRUE(leaves_unchecked({"10.1.2.3/32"}, "10.1.2.3"));
  EXPECT_TRUE(leaves_unchecked({"0.0.0.0/0"}, "192.0.2.1:443"));
  EXPECT_TRUE(leaves_unchecked({"2001:db8::/33"}, "[2001:db8:7fff::1]:5000"));
  EXPECT_FALSE(leaves_unchecked({"10.0.0.0/9"}, "10.128.2.3:5000"));
  EXPECT_FALSE(leaves_unchecked({"2001:db8::/33"}, "[2001:db8:8000::1]:5000"));
  EXPECT_FALSE(leaves_unchecked({"0.0.0.0/0"}, "[2001:db8::1]:5000"));
  EXPECT_FALSE(leaves_unchecked({"10.0.0.0/8"}, "registry.example.com:5000"));
}

TEST(EngineUnchecked, NobodyElseAnswersOnLoopback) {
  EXPECT_FALSE(leaves_unchecked({"127.0.0.0/8", "::1/128"}, "127.0.0.1:5000"));
  EXPECT_FALSE(leaves_unchecked({"127.0.0.0/8", "::1/128"}, "[::1]:5000"));
  EXPECT_TRUE(leaves_unchecked({"127.0.0.1:5000"}, "127.0.0.1:5000")) << "that was said by somebody";
}

TEST(EngineUnchecked, WhatIsNoNetworkCoversNothing) {
  for (const auto* odd : {"", "/", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/33", "10.0.0.0/8 ", "ten/8", "[::1", "["}) {
    EXPECT_FALSE(leaves_unchecked({odd}, "10.1.2.3:5000")) << odd;
    EXPECT_FALSE(leaves_unchecked({"10.0.0.0/8"}, odd)) << odd;
  }
}

}  // namespace
}  // namespace sluice::engine
