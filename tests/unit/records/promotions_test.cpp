#include "records/sqlite.hpp"
#include "unit/records/records_testing.hpp"

#include <gtest/gtest.h>

namespace sluice::records {
namespace {

using std::chrono::seconds;
using testing::failed_with;
using testing::planned;
using testing::step;
using testing::why;

class Promotions : public ::testing::Test {
 protected:
  Promotion stored(std::string_view id) {
    auto got = store_->promotion(id);
    EXPECT_TRUE(got.ok() && got->has_value()) << why(got);
    return got.ok() && got->has_value() ? **got : Promotion{};
  }

  testing::TempFolder folder_;
  std::unique_ptr<Store> store_ = testing::open(folder_ / "records.db");
};

TEST_F(Promotions, StartPlannedWithAnIdAndComeBackAsTheyWere) {
  auto release = store_->find_or_create_release(testing::release_of("shop", {testing::image("web", "a")}));
  ASSERT_TRUE(release.ok()) << why(release);
  Promotion wanted;
  wanted.app = "shop";
  wanted.environment = "prod";
  wanted.kind = PromotionKind::rollback;
  wanted.release = 1;
  wanted.plan_hash = "abc";
  wanted.plan.set("b", 1).set("a", "two");
  wanted.state = PromotionState::succeeded;
  wanted.ended_at = 5;
  auto added = store_->add_promotion(wanted);
  ASSERT_TRUE(added.ok()) << why(added);
  EXPECT_EQ(added->id.size(), 13U) << added->id;
  EXPECT_EQ(added->id[0], 'p');

  const auto got = stored(added->id);
  EXPECT_EQ(got.id, added->id);
  EXPECT_EQ(got.app, "shop");
  EXPECT_EQ(got.environment, "prod");
  EXPECT_EQ(got.kind, PromotionKind::rollback);
  EXPECT_EQ(got.release, 1);
  EXPECT_EQ(got.plan_hash, "abc");
  EXPECT_EQ(got.plan, wanted.plan) << got.plan.dump();
  EXPECT_EQ(got.state, PromotionState::planned);
  EXPECT_EQ(got.failure, "");
  EXPECT_GT(got.created_at, 1'700'000'000);
  EXPECT_EQ(got.ended_at, 0);
}

TEST_F(Promotions, KeepAnIdThatTheyBringUnlessItIsTaken) {
  auto wanted = planned(*store_);
  EXPECT_TRUE(failed_with(store_->add_promotion(wanted), ErrorKind::conflict, "there is one with this id"));
  wanted.id = "p00000000000z";
  auto added = store_->add_promotion(wanted);
  ASSERT_TRUE(added.ok()) << why(added);
  EXPECT_EQ(added->id, "p00000000000z");
}

TEST_F(Promotions, OfAReleaseThatIsNotRecordedAreRefused) {
  Promotion wanted;
  wanted.app = "shop";
  wanted.environment = "prod";
  wanted.release = 9;
  EXPECT_TRUE(failed_with(store_->add_promotion(wanted), ErrorKind::not_found, "no release shop 9"));
}

TEST_F(Promotions, WithAPlanThatCouldNotBeReadBackAreRefused) {
  auto wanted = planned(*store_);
  wanted.id.clear();
  wanted.plan = Json(1);
  for (int depth = 0; depth < 100; ++depth) wanted.plan = Json::array().push(std::move(wanted.plan));
  EXPECT_TRUE(failed_with(store_->add_promotion(wanted), ErrorKind::unsupported, "the plan of a promotion"));
}

TEST_F(Promotions, AreListedNewestFirstByEnvironment) {
  const auto first = planned(*store_, "test").id;
  const auto second = planned(*store_, "prod").id;
  const auto third = planned(*store_, "test").id;
  const struct {
    const char* name;
    std::string environment;
    std::size_t limit;
    std::vector<std::string> ids;
  } rows[] = {
      {"all", "", 10, {third, second, first}},  {"one environment", "test", 10, {third, first}},
      {"a limit", "", 2, {third, second}},      {"a limit within an environment", "test", 1, {third}},
      {"no such environment", "stage", 10, {}}, {"none", "", 0, {}},
  };
  for (const auto& row : rows) {
    auto got = store_->promotions("shop", row.environment, row.limit);
    ASSERT_TRUE(got.ok()) << why(got);
    std::vector<std::string> ids;
    for (const auto& each : *got) ids.push_back(each.id);
    EXPECT_EQ(ids, row.ids) << row.name;
  }
  EXPECT_LT(first, second) << "ids sort by age";
  EXPECT_LT(second, third) << "ids sort by age";
}

TEST_F(Promotions, EndAndLeaveTheirEndAgain) {
  const auto id = planned(*store_).id;
  const struct {
    PromotionState state;
    const char* failure;
    bool ended;
  } rows[] = {
      {PromotionState::waiting, "", false},        {PromotionState::copying, "", false},
      {PromotionState::partial, "b failed", true}, {PromotionState::switching, "", false},
      {PromotionState::succeeded, "", true},
  };
  for (const auto& row : rows) {
    auto moved = store_->advance(id, row.state, row.failure, step(std::string(to_string(row.state))), {});
    ASSERT_TRUE(moved.ok()) << why(moved);
    const auto got = stored(id);
    EXPECT_EQ(got.state, row.state);
    EXPECT_EQ(got.failure, row.failure);
    EXPECT_EQ(got.ended_at != 0, row.ended) << to_string(row.state) << " ended at " << got.ended_at;
  }
  auto journal = store_->journal(id);
  ASSERT_TRUE(journal.ok()) << why(journal);
  EXPECT_EQ(journal->size(), std::size(rows)) << "one entry per advance";
}

TEST_F(Promotions, KeepTheirJournalInOrder) {
  const auto id = planned(*store_).id;
  const auto other = planned(*store_).id;
  auto first = step("before", "b/shop", "web");
  first.detail.set("digest", "sha256:1");
  first.at = 17;
  ASSERT_TRUE(store_->append(id, first, {}).ok());
  ASSERT_TRUE(store_->append(other, step("other"), {}).ok());
  ASSERT_TRUE(store_->append(id, step("switch"), {}).ok());
  auto got = store_->journal(id);
  ASSERT_TRUE(got.ok()) << why(got);
  ASSERT_EQ(got->size(), 2U);
  EXPECT_EQ((*got)[0].sequence, 1);
  EXPECT_EQ((*got)[0].at, 17);
  EXPECT_EQ((*got)[0].step, "before");
  EXPECT_EQ((*got)[0].target, "b/shop");
  EXPECT_EQ((*got)[0].image, "web");
  EXPECT_EQ((*got)[0].detail.string_at("digest"), "sha256:1");
  EXPECT_EQ((*got)[1].sequence, 2);
  EXPECT_EQ((*got)[1].step, "switch");
  EXPECT_GT((*got)[1].at, 1'700'000'000);
}

TEST_F(Promotions, ThatDoNotExistCannotMove) {
  EXPECT_TRUE(failed_with(store_->append("p1", step("x"), {}), ErrorKind::not_found, "no promotion p1"));
  EXPECT_TRUE(failed_with(store_->advance("p1", PromotionState::failed, "", step("x"), {}), ErrorKind::not_found,
                          "no promotion p1"));
  auto got = store_->promotion("p1");
  ASSERT_TRUE(got.ok()) << why(got);
  EXPECT_FALSE(got->has_value());
  auto journal = store_->journal("p1");
  ASSERT_TRUE(journal.ok()) << why(journal);
  EXPECT_TRUE(journal->empty());
}

TEST_F(Promotions, AreNotWrittenUnderAFenceThatSomebodyTookOver) {
  const auto id = planned(*store_).id;
  auto mine = store_->acquire("b/shop", "me", seconds(0));  // expired at once
  ASSERT_TRUE(mine.ok()) << why(mine);
  auto free = store_->acquire("c/shop", "me", seconds(60));
  ASSERT_TRUE(free.ok()) << why(free);
  const std::vector<Fence> fences = {{"c/shop", free->fence}, {"b/shop", mine->fence}};
  ASSERT_TRUE(store_->append(id, step("switch", "b/shop"), fences).ok()) << "nobody took it over yet";

  auto theirs = store_->acquire("b/shop", "ci-7/boot/pid:812:99", seconds(60));
  ASSERT_TRUE(theirs.ok()) << why(theirs);
  const auto* sentence = "another process took over b/shop (process 812 on ci-7)";
  EXPECT_TRUE(failed_with(store_->append(id, step("switched"), fences), ErrorKind::conflict, sentence));
  EXPECT_TRUE(failed_with(store_->advance(id, PromotionState::verifying, "", step("switched"), fences),
                          ErrorKind::conflict, sentence));
  EXPECT_TRUE(failed_with(store_->append(id, step("x"), {{"d/shop", 1}}), ErrorKind::conflict,
                          "nobody holds the lease of d/shop"));

  EXPECT_EQ(stored(id).state, PromotionState::planned) << "a refused write leaves nothing behind";
  auto journal = store_->journal(id);
  ASSERT_TRUE(journal.ok()) << why(journal);
  EXPECT_EQ(journal->size(), 1U);
  EXPECT_TRUE(store_->append(id, step("x"), {{"b/shop", theirs->fence}}).ok());
}

TEST_F(Promotions, NeedANameForEveryStep) {
  const auto id = planned(*store_).id;
  EXPECT_TRUE(failed_with(store_->append(id, step(""), {}), ErrorKind::internal, "its step has no name"));
}

TEST_F(Promotions, AreAppendOnlyForWhoeverOpensTheFile) {
  const auto id = planned(*store_).id;
  ASSERT_TRUE(store_->append(id, step("before"), {}).ok());
  ASSERT_TRUE(store_->acquire("b/shop", "me", seconds(60)).ok());
  auto database = Database::open(folder_ / "records.db", std::chrono::milliseconds(100));
  ASSERT_TRUE(database.ok()) << why(database);
  for (const auto* sql : {"UPDATE journal SET step = 'x'", "DELETE FROM journal", "UPDATE releases SET adopted = 1",
                          "DELETE FROM releases", "UPDATE release_images SET tag = 'x'", "DELETE FROM release_images",
                          "UPDATE promotions SET plan_json = '{}'", "DELETE FROM promotions", "DELETE FROM leases",
                          "UPDATE leases SET fence = fence - 1"}) {
    EXPECT_FALSE((*database)->run(sql).ok()) << sql;
  }
}

}  // namespace
}  // namespace sluice::records
