// Numbers of releases, claimed at registries in memory. Claims in ledgers of image streams: unit/memory.

#include "promotion/plan/numbering.hpp"

#include "records/store.hpp"
#include "unit/promotion/promotion_testing.hpp"

#include <gtest/gtest.h>

namespace sluice::promotion {
namespace {

using support::Verb;
using support::why;

class NumberingTest : public World {
 protected:
  static std::string release(int version) {
    return records::release_id({{"web", digest_of("web", version), "latest"}});
  }
  Numbering numbering() {
    return {.line = "shop@dev.example.com/dev/web",
            .image = "web",
            .ledgers = false,
            .places = {target("dev.example.com", "dev"), target("prod.example.com", "shop")},
            .at_least = 0};
  }
  Result<std::int64_t> claim(const Numbering& at, int version) {
    dev();
    prod();
    return claim_number(places, at, release(version), stop.get_token());
  }
  /// -1: an error.
  std::int64_t number(const Numbering& at, int version) {
    const auto claimed = claim(at, version);
    EXPECT_TRUE(claimed.ok()) << why(claimed);
    return claimed.ok() ? *claimed : -1;
  }
};

TEST_F(NumberingTest, OneReleaseHasOneNumberAndAnotherTheNext) {
  for (const auto& [version, wanted] : std::vector<std::pair<int, int>>{{1, 1}, {2, 2}, {1, 1}, {2, 2}}) {
    EXPECT_EQ(number(numbering(), version), wanted) << "version " << version;
  }
}

TEST_F(NumberingTest, GoesOnFromWhatIsKnownElsewhere) {
  auto at = numbering();
  at.at_least = 41;
  EXPECT_EQ(number(at, 1), 42);
}

TEST_F(NumberingTest, ARegistryGivesThemAsThePlaceOfBirthAlone) {
  EXPECT_EQ(number(numbering(), 1), 1);
  EXPECT_TRUE(prod().call_texts({Verb::put_manifest}).empty());
}

TEST_F(NumberingTest, WhoMayNotWriteThereGivesOutNone) {
  dev().script({.verb = Verb::put_manifest, .kind = ErrorKind::denied, .times = 100});
  EXPECT_EQ(number(numbering(), 1), 0);
}

TEST_F(NumberingTest, WithoutPlacesNobodyIsAsked) {
  auto at = numbering();
  at.places.clear();
  EXPECT_EQ(number(at, 1), 0);
  EXPECT_TRUE(dev().call_texts({}).empty());
}

TEST_F(NumberingTest, APlanRemembersWhereTheyAreGivenOut) {
  build(1);
  const auto planned = plan();
  ASSERT_TRUE(planned.ok()) << why(planned);
  const auto again = from_record(to_record(planned->plan));
  ASSERT_TRUE(again.ok()) << why(again);
  EXPECT_EQ(again->numbering.line, planned->plan.numbering.line);
  EXPECT_EQ(again->numbering.image, "web");
  ASSERT_EQ(again->numbering.places.size(), 2U);
  EXPECT_EQ(again->numbering.places.front().id(), target("dev.example.com", "dev").id());
}

// Else two machines of which one promotes further on would look at different places, and give one number twice.
TEST_F(NumberingTest, AreGivenOutAtTheSamePlacesWhereverOnePromotes) {
  app.environments.push_back(environment("live", {target("backup.example.com", "live")}));
  backup();
  build(1);
  ASSERT_TRUE(promote().ok());
  const auto planned = plan({.environment = "live"});
  ASSERT_TRUE(planned.ok()) << why(planned);
  ASSERT_EQ(planned->plan.numbering.places.size(), 2U);
  EXPECT_EQ(planned->plan.numbering.places.back().id(), app.environments[1].targets.front().id());
}

}  // namespace
}  // namespace sluice::promotion
