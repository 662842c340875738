// What is learned about a host, and what of it is believed later.

#include "places/host_profile.hpp"

#include <gtest/gtest.h>

namespace sluice::places {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} * 1024 * 1024;
constexpr std::int64_t kDay = 24 * 60 * 60;

TEST(HostProfileTest, HalvesWhatWasTooLargeUntilItIsNotWorthIt) {
  HostProfile profile;
  EXPECT_TRUE(profile.learn_too_large(1024 * kMiB));
  EXPECT_EQ(profile.max_body_bytes, 64 * kMiB);
  EXPECT_TRUE(profile.learn_too_large(64 * kMiB));
  EXPECT_EQ(profile.max_body_bytes, 32 * kMiB);
  EXPECT_TRUE(profile.learn_too_large(1024 * kMiB)) << "a transfer that began before";
  EXPECT_EQ(profile.max_body_bytes, 32 * kMiB);
  EXPECT_TRUE(profile.learn_too_large(kMiB));
  EXPECT_TRUE(profile.learn_too_large(HostProfile::kLeastBodyBytes + 1));
  EXPECT_EQ(profile.max_body_bytes, HostProfile::kLeastBodyBytes) << "the last thing that is tried";
  EXPECT_FALSE(profile.learn_too_large(HostProfile::kLeastBodyBytes));
}

TEST(HostProfileTest, NeverChunksWhereChunksAreLost) {
  for (const auto* host : {"123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu.gcr.io", "europe-docker.pkg.dev"}) {
    auto profile = seed_profile(host);
    EXPECT_FALSE(profile.learn_too_large(1024 * kMiB)) << host;
    EXPECT_EQ(profile.max_body_bytes, std::nullopt) << host;
  }
  EXPECT_TRUE(seed_profile("registry.example.com").takes_chunks);
}

TEST(HostProfileTest, ComesBackAsItWasKeptForAMonth) {
  const HostProfile kept{.max_body_bytes = 8 * kMiB, .blob_slots = 3};
  const auto text = profile_text(kept, 100 * kDay);
  EXPECT_EQ(read_profile(text, {}, 100 * kDay), kept);
  EXPECT_EQ(read_profile(text, {}, 129 * kDay), kept);
  EXPECT_EQ(read_profile(text, {}, 131 * kDay), HostProfile{}) << "hosts change";
  EXPECT_EQ(read_profile(text, {}, 99 * kDay), HostProfile{}) << "from the future";
}

TEST(HostProfileTest, TakesNothingThatMakesNoSense) {
  const std::string head = R"({"version":1,"learned":8640000,)";
  for (const auto& text : {std::string(), std::string("{"), std::string("[]"), head + R"("max_body_bytes":1})",
                           head + R"("max_body_bytes":-5,"blob_slots":0})", head + R"("blob_slots":100000})",
                           head + R"("scheme":"http","insecure":true,"realm":"http://evil"})"}) {
    EXPECT_EQ(read_profile(text, {}, 101 * kDay), HostProfile{}) << text;
  }
}

}  // namespace
}  // namespace sluice::places
