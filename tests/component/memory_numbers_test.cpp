// Numbers of releases in a plain registry. Fake registry.

#include "component/memory_testing.hpp"
#include "memory/registry_numbers.hpp"
#include "support/fake_registry.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

namespace {

using memory::claim_tag;
using support::failed_with;
using support::FakeKnobs;
using support::why;

std::string id(int i) {
  auto out = std::to_string(i);
  return std::string(12 - out.size(), 'a') + out + std::string(52, 'e');
}

class MemoryNumbersTest : public testing::MemoryTest {
 protected:
  MemoryNumbersTest() : place_(client(registry_.host())) {}

  Result<std::optional<std::int64_t>> claim(int release, std::int64_t at_least = 0) {
    return memory::claim_number(*place_, kRepository, id(release), at_least, kPauses, {});
  }
  std::optional<std::int64_t> number(int release, std::int64_t at_least = 0) {
    const auto got = claim(release, at_least);
    EXPECT_TRUE(got.ok()) << why(got);
    return got.ok() ? *got : std::nullopt;
  }
  memory::Numbers read() {
    const auto got = memory::read_numbers(*place_, kRepository, {});
    EXPECT_TRUE(got.ok()) << why(got);
    return got.ok() ? *got : memory::Numbers{};
  }
  static std::string id12(int release) { return id(release).substr(0, 12); }

  const std::vector<std::chrono::milliseconds> kPauses = std::vector<std::chrono::milliseconds>(3);
  support::FakeRegistry registry_;
  std::unique_ptr<places::Registry> place_;
};

TEST_F(MemoryNumbersTest, AFreshRepositoryHasNone) { EXPECT_EQ(read().last(), 0); }

TEST_F(MemoryNumbersTest, NumbersGoUpAndStay) {
  EXPECT_EQ(number(1), 1);
  EXPECT_EQ(number(2), 2);
  EXPECT_EQ(number(1), 1);
  EXPECT_EQ(number(3, 41), 42);
  const auto numbers = read();
  EXPECT_EQ(numbers.last(), 42);
  EXPECT_EQ(numbers.meaning(2), id12(2));
  EXPECT_EQ(numbers.number_of(id(3)), 42);
  EXPECT_EQ(numbers.meaning(3), std::nullopt);
}

TEST_F(MemoryNumbersTest, ANewNumberTakesFourExchangesAndAKnownOneTwo) {
  ASSERT_EQ(number(1), 1);
  auto before = registry_.log().size();
  ASSERT_EQ(number(2), 2);
  EXPECT_EQ(registry_.log().size() - before, 4U);
  before = registry_.log().size();
  ASSERT_EQ(number(2), 2);
  EXPECT_EQ(registry_.log().size() - before, 2U);
  before = registry_.log().size();
  read();
  EXPECT_EQ(registry_.log().size() - before, 1U);
}

TEST_F(MemoryNumbersTest, AClaimThatCameInBetweenGetsANumberOfItsOwn) {
  ASSERT_EQ(number(1), 1);
  const auto other = client(registry_.host());
  // Release 3 claims all at once between the list and the push of release 2.
  registry_.add({.method = "PUT", .path = "*/sluice-number-2-*", .before = [&](const support::FakeRequest&) {
                   const auto got = memory::claim_number(*other, kRepository, id(3), 0, kPauses, {});
                   ASSERT_TRUE(got.ok()) << why(got);
                   EXPECT_EQ(*got, 2);
                 }});
  EXPECT_EQ(number(2), 3);
  const auto numbers = read();
  EXPECT_EQ(numbers.claims.at(2).size(), 2U);
  EXPECT_EQ(numbers.meaning(2), id12(3));
  EXPECT_EQ(numbers.meaning(3), id12(2));
  EXPECT_EQ(number(3), 2) << "its contested number was confirmed";
}

TEST_F(MemoryNumbersTest, AClaimThatNobodyConfirmedMeansNothingBesideAnother) {
  const auto put = [&](int release) {
    const auto artifact = memory::make_artifact(memory::kNumberType, {{"io.sluice.release", id(release)}});
    registry_.put_manifest(kRepository, artifact.bytes, artifact.media_type, claim_tag(7, id(release)));
  };
  put(1);
  EXPECT_EQ(read().meaning(7), id12(1));
  put(2);
  EXPECT_EQ(read().meaning(7), std::nullopt);
  EXPECT_EQ(number(1), 8);
  EXPECT_EQ(number(2), 9);
}

TEST_F(MemoryNumbersTest, AReadingAsksForABoundedNumberOfArtifacts) {
  const auto artifact = memory::make_artifact(memory::kNumberType, {{"io.sluice.release", id(1)}});
  for (int n = 1; n <= 50; ++n) {
    for (int release = 1; release <= 3; ++release)
      registry_.put_manifest(kRepository, artifact.bytes, artifact.media_type, claim_tag(n, id(release)));
  }
  EXPECT_EQ(read().last(), 50);
  EXPECT_EQ(registry_.count("GET", "*/manifests/*"), 60U);
}

TEST_F(MemoryNumbersTest, WhoMayOnlyReadGivesOutNone) {
  ASSERT_EQ(number(1), 1);
  registry_.add({.method = "P*", .times = 0, .status = 403, .code = "DENIED"});
  EXPECT_EQ(number(2), std::nullopt);
  EXPECT_EQ(number(1), 1) << "what was given out is still read";
}

TEST_F(MemoryNumbersTest, WhoMayNotListGivesOutNone) {
  registry_.add({.method = "GET", .path = "*/tags/list", .times = 0, .status = 403, .code = "DENIED"});
  EXPECT_EQ(number(1), std::nullopt);
  EXPECT_EQ(registry_.count("P*"), 0U);
}

TEST_F(MemoryNumbersTest, ARegistryThatTakesNoArtifactsGivesOutNone) {
  registry_.turn([](FakeKnobs& knobs) { knobs.artifacts = false; });
  EXPECT_EQ(number(1), std::nullopt);
}

TEST_F(MemoryNumbersTest, ImmutableTagsGiveOutNumbersAllTheSame) {
  registry_.turn([](FakeKnobs& knobs) { knobs.immutable = FakeKnobs::Immutable::different; });
  EXPECT_EQ(number(1), 1);
  EXPECT_EQ(number(2), 2);
  EXPECT_EQ(number(1), 1);
  EXPECT_EQ(read().meaning(2), id12(2));
}

TEST_F(MemoryNumbersTest, AListThatLagsIsWaitedFor) {
  ASSERT_EQ(number(1), 1);
  registry_.add({.method = "GET",
                 .path = "*/tags/list",
                 .times = 2,
                 .skip = 1,
                 .status = 200,
                 .headers = {{"Content-Type", "application/json"}},
                 .body = R"({"name":"shop/web","tags":[")" + claim_tag(1, id(1)) + "\"]}"});
  EXPECT_EQ(number(2), 2);
}

TEST_F(MemoryNumbersTest, AListThatNeverShowsTheClaimGivesOutNone) {
  registry_.add({.method = "GET",
                 .path = "*/tags/list",
                 .times = 0,
                 .status = 200,
                 .headers = {{"Content-Type", "application/json"}},
                 .body = R"({"name":"shop/web","tags":[]})"});
  EXPECT_EQ(number(1), std::nullopt);
}

TEST_F(MemoryNumbersTest, ANumberThatSomebodyWroteByHandEndsThem) {
  registry_.put_manifest(kRepository, "{}", std::string(oci::media::kOciManifest), claim_tag(9'999'999, id(5)));
  EXPECT_TRUE(failed_with(claim(1), ErrorKind::unsupported, "no numbers left"));
}

TEST_F(MemoryNumbersTest, ManyClaimsAtOnceAllGetNumbersOfTheirOwn) {
  std::vector<std::thread> threads;
  std::vector<std::optional<std::int64_t>> got(6);
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      const auto mine = client(registry_.host());
      const auto one = memory::claim_number(*mine, kRepository, id(i), 0, kPauses, {});
      EXPECT_TRUE(one.ok()) << why(one);
      if (one) got[static_cast<std::size_t>(i)] = *one;
    });
  }
  for (auto& thread : threads) thread.join();
  const auto numbers = read();
  std::set<std::int64_t> different;
  for (int i = 0; i < 6; ++i) {
    const auto one = got[static_cast<std::size_t>(i)];
    ASSERT_TRUE(one.has_value()) << i;
    different.insert(*one);
    EXPECT_EQ(numbers.meaning(*one), id12(i)) << *one;
  }
  EXPECT_EQ(different.size(), 6U);
}

}  // namespace

}  // namespace sluice
