#include "records/sqlite.hpp"
#include "unit/records/records_testing.hpp"

#include <gtest/gtest.h>

namespace sluice::records {
namespace {

using std::chrono::seconds;
using testing::failed_with;
using testing::ids_of;
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
  const auto release = testing::kept(*store_, "a", 41);
  Promotion wanted;
  wanted.app = "shop";
  wanted.environment = "prod";
  wanted.kind = PromotionKind::rollback;
  wanted.release = release.id;
  wanted.number = 40;
  wanted.places = {"uid:7d0c/web:latest", "r/shop/api:latest", "uid:7d0c/web:latest"};
  wanted.who.set("user", "ann");
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
  EXPECT_EQ(got.release, release.id);
  EXPECT_EQ(got.number, 40) << "the label that it was recorded with";
  EXPECT_EQ(got.places, (std::vector<std::string>{"uid:7d0c/web:latest", "r/shop/api:latest"})) << "each once";
  EXPECT_EQ(added->places, got.places);
  EXPECT_EQ(got.who, wanted.who) << got.who.dump();
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
  for (const std::string release : {"", "0123456789abcdef"}) {
    wanted.release = release;
    EXPECT_TRUE(failed_with(store_->add_promotion(wanted), ErrorKind::not_found, "there is no release"));
  }
  wanted.release = testing::kept(*store_, "a", 0, "cart").id;
  EXPECT_TRUE(failed_with(store_->add_promotion(wanted), ErrorKind::not_found,
                          "there is no release " + wanted.release.substr(0, 12)))
      << "that of another app";
}

TEST_F(Promotions, WithAPlanThatCouldNotBeReadBackAreRefused) {
  auto wanted = planned(*store_);
  wanted.id.clear();
  wanted.plan = Json(1);
  for (int depth = 0; depth < 100; ++depth) wanted.plan = Json::array().push(std::move(wanted.plan));
  EXPECT_TRUE(failed_with(store_->add_promotion(wanted), ErrorKind::unsupported, "the plan of a promotion"));
}

TEST_F(Promotions, WithoutALabelShowTheNewestOfTheirRelease) {
  const auto promotion = planned(*store_);
  EXPECT_EQ(promotion.number, 0);
  for (const std::int64_t number : {3, 12}) {
    ASSERT_TRUE(store_->label_release("shop", promotion.release, "line", number).ok());
    EXPECT_EQ(stored(promotion.id).number, number);
  }
  EXPECT_EQ(planned(*store_).number, 12) << "as it is when it is added";
}

TEST_F(Promotions, OutOfRangeAreRefused) {
  const auto good = planned(*store_);
  const std::string huge(17U * 1024 * 1024, 'x');
  const struct {
    const char* part;
    std::function<void(Promotion&)> spoil;
  } rows[] = {
      {"numbers go from 1 to 9999999", [](Promotion& wanted) { wanted.number = 10'000'000; }},
      {"numbers go from 1 to 9999999", [](Promotion& wanted) { wanted.number = -1; }},
      {"the environment is longer", [&](Promotion& wanted) { wanted.environment = huge; }},
      {"a place has no name", [](Promotion& wanted) { wanted.places = {"a", ""}; }},
      {"the name of a place is longer", [&](Promotion& wanted) { wanted.places = {huge}; }},
      {"places at once", [](Promotion& wanted) { wanted.places.assign(100'001, "a"); }},
      {"who asked for it is longer", [&](Promotion& wanted) { wanted.who.set("user", std::string(20'000, 'x')); }},
  };
  for (const auto& row : rows) {
    auto wanted = good;
    wanted.id.clear();
    row.spoil(wanted);
    EXPECT_TRUE(failed_with(store_->add_promotion(wanted), ErrorKind::usage, row.part));
  }
  auto wanted = good;
  wanted.who = "ann";
  EXPECT_TRUE(failed_with(store_->add_promotion(wanted), ErrorKind::internal, "neither an object nor null"));
  EXPECT_EQ(ids_of(store_->promotions(10)), std::vector<std::string>{good.id}) << "nothing is left of them";
}

TEST_F(Promotions, AreListedNewestFirst) {
  const auto first = planned(*store_).id;
  const auto second = planned(*store_).id;
  const auto third = planned(*store_).id;
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids_of(store_->promotions(SIZE_MAX)), (Ids{third, second, first}));
  EXPECT_EQ(ids_of(store_->promotions(2)), (Ids{third, second}));
  EXPECT_EQ(ids_of(store_->promotions(0)), Ids{});
  EXPECT_LT(first, second) << "ids sort by age";
  EXPECT_LT(second, third) << "ids sort by age";
}

TEST_F(Promotions, AreFoundByAnyOfTheirPlacesNewestFirstAndOnce) {
  const auto first = planned(*store_, {"a", "b"}).id;
  const auto second = planned(*store_, {"b", "c"}).id;
  const auto third = planned(*store_, {"a"}).id;
  planned(*store_, {});
  const struct {
    const char* name;
    std::vector<std::string> places;
    std::size_t limit;
    std::vector<std::string> ids;
  } rows[] = {
      {"one place", {"a"}, 10, {third, first}},
      {"two places that one shares", {"a", "b"}, 10, {third, second, first}},
      {"a place twice", {"c", "c"}, 10, {second}},
      {"a limit over several places", {"b", "a"}, 2, {third, second}},
      {"one known and one unknown key", {"uid:x", "c"}, 10, {second}},
      {"nothing there", {"d", "A", "a "}, 10, {}},
      {"no place", {}, 10, {}},
      {"none", {"a"}, 0, {}},
  };
  for (const auto& row : rows) EXPECT_EQ(ids_of(store_->promotions_at(row.places, row.limit)), row.ids) << row.name;
  EXPECT_TRUE(failed_with(store_->promotions_at({""}, 1), ErrorKind::usage, "a place has no name"));
}

TEST_F(Promotions, KeepTheBeginningOfAFailureThatIsEndless) {
  const auto id = planned(*store_).id;
  ASSERT_TRUE(store_->advance(id, PromotionState::failed, std::string(1U << 20U, 'x'), step("failed"), {}).ok());
  const auto failure = stored(id).failure;
  EXPECT_TRUE(failure.starts_with("xxxx"));
  EXPECT_LE(failure.size(), 17'000U);
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
    auto moved = store_->advance(id, row.state, row.failure, step("left"), {});
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
  ASSERT_TRUE(store_->append(other, step("content"), {}).ok());
  ASSERT_TRUE(store_->append(id, step("switch"), {}).ok());
  auto got = store_->journal(id);
  ASSERT_TRUE(got.ok()) << why(got);
  ASSERT_EQ(got->size(), 2U);
  EXPECT_EQ((*got)[0].sequence, 1);
  EXPECT_EQ((*got)[0].at, 17);
  EXPECT_EQ(to_string((*got)[0].step), "before");
  EXPECT_EQ((*got)[0].target, "b/shop");
  EXPECT_EQ((*got)[0].image, "web");
  EXPECT_EQ((*got)[0].detail.string_at("digest"), "sha256:1");
  EXPECT_EQ((*got)[1].sequence, 2);
  EXPECT_EQ(to_string((*got)[1].step), "switch");
  EXPECT_GT((*got)[1].at, 1'700'000'000);
}

TEST_F(Promotions, ThatDoNotExistCannotMove) {
  EXPECT_TRUE(failed_with(store_->append("p1", step("left"), {}), ErrorKind::not_found, "no promotion p1"));
  EXPECT_TRUE(failed_with(store_->advance("p1", PromotionState::failed, "", step("left"), {}), ErrorKind::not_found,
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
  EXPECT_TRUE(failed_with(store_->append(id, step("left"), {{"d/shop", 1}}), ErrorKind::conflict,
                          "nobody holds the lease of d/shop"));

  EXPECT_EQ(stored(id).state, PromotionState::planned) << "a refused write leaves nothing behind";
  auto journal = store_->journal(id);
  ASSERT_TRUE(journal.ok()) << why(journal);
  EXPECT_EQ(journal->size(), 1U);
  EXPECT_TRUE(store_->append(id, step("left"), {{"b/shop", theirs->fence}}).ok());
}

TEST_F(Promotions, GetTheirStepsBackWithNumberAndTime) {
  const auto id = planned(*store_).id;
  const auto first = store_->append(id, step("before", "b/shop", "web"), {});
  ASSERT_TRUE(first.ok()) << why(first);
  const auto second = store_->advance(id, PromotionState::switching, "", step("switch", "b/shop"), {});
  ASSERT_TRUE(second.ok()) << why(second);
  EXPECT_EQ(first->sequence, 1);
  EXPECT_EQ(second->sequence, 2);
  EXPECT_EQ(to_string(second->step), "switch");
  EXPECT_EQ(first->image, "web");
  const auto journal = store_->journal(id);
  ASSERT_TRUE(journal.ok()) << why(journal);
  ASSERT_EQ(journal->size(), 2U);
  EXPECT_EQ((*journal)[1].at, second->at);
}

TEST(Steps, AreReadByTheNamesThatTheyAreWrittenBy) {
  const char* names[] = {"copying",   "content", "arrived",   "before",   "switch",        "switched",    "pause",
                         "resumed",   "patch",   "start",     "verified", "verifying",     "rolling-out", "put-back",
                         "undone",    "left",    "resume",    "undo",     "put-back-done", "ended-alone", "taken-over",
                         "succeeded", "failed",  "cancelled", "partial",  "rolled-back",   "rejected",    "expired"};
  for (const auto* name : names) {
    const auto step = parse_step(name);
    ASSERT_TRUE(step) << name;
    EXPECT_EQ(to_string(*step), name);
  }
  EXPECT_FALSE(parse_step("Switch"));
  EXPECT_FALSE(parse_step(""));
}

TEST(Steps, EndAsTheirStateIsNamed) {
  for (const auto state :
       {PromotionState::succeeded, PromotionState::failed, PromotionState::rolled_back, PromotionState::rejected,
        PromotionState::expired, PromotionState::cancelled, PromotionState::partial}) {
    EXPECT_EQ(to_string(end_step(state)), to_string(state));
  }
}

TEST_F(Promotions, AreAppendOnlyForWhoeverOpensTheFile) {
  const auto id = planned(*store_).id;
  ASSERT_TRUE(store_->append(id, step("before"), {}).ok());
  ASSERT_TRUE(store_->acquire("b/shop", "me", seconds(60)).ok());
  ASSERT_TRUE(store_->label_release("shop", stored(id).release, "", 1).ok());
  auto database = Database::open(folder_ / "records.db", std::chrono::milliseconds(100));
  ASSERT_TRUE(database.ok()) << why(database);
  for (const auto* sql : {"UPDATE journal SET step = 'x'", "DELETE FROM journal", "UPDATE releases SET adopted = 1",
                          "DELETE FROM releases", "UPDATE release_images SET tag = 'x'", "DELETE FROM release_images",
                          "UPDATE promotions SET plan_json = '{}'", "DELETE FROM promotions", "DELETE FROM leases",
                          "UPDATE leases SET fence = fence - 1", "UPDATE promotions SET number = 2",
                          "UPDATE promotions SET who_json = '{}'", "UPDATE promotions SET release_serial = 2",
                          "UPDATE promotion_places SET place = 'x'", "DELETE FROM promotion_places",
                          "UPDATE release_labels SET number = 2", "DELETE FROM release_labels"}) {
    EXPECT_FALSE((*database)->run(sql).ok()) << sql;
  }
}

}  // namespace
}  // namespace sluice::records
