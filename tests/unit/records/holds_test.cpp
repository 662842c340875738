#include "records/sqlite.hpp"
#include "unit/records/records_testing.hpp"

#include <gtest/gtest.h>

namespace sluice::records {
namespace {

using testing::failed_with;
using testing::hold_of;
using testing::why;

class Holds : public ::testing::Test {
 protected:
  std::vector<Hold> at(const std::vector<std::string>& places) {
    auto got = store_->holds(places);
    EXPECT_TRUE(got.ok()) << why(got);
    return got.ok() ? *got : std::vector<Hold>{};
  }

  testing::TempFolder folder_;
  std::unique_ptr<Store> store_ = testing::open(folder_ / "records.db");
};

TEST_F(Holds, AreSetReplacedAndClearedByPlace) {
  EXPECT_TRUE(at({"a"}).empty());
  ASSERT_TRUE(store_->set_hold(hold_of("a", "rolled back", 0)).ok());
  auto wanted = hold_of("a", "inventory", 1'700'000'000);
  wanted.who.set("user", "ann");
  ASSERT_TRUE(store_->set_hold(wanted).ok());
  const auto held = at({"a"});
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held[0].place, "a");
  EXPECT_EQ(held[0].reason, "inventory");
  EXPECT_EQ(held[0].since, 1'700'000'000);
  EXPECT_EQ(held[0].who, wanted.who) << held[0].who.dump();
  EXPECT_TRUE(at({"b"}).empty());

  for (const bool expected : {true, false}) {
    auto cleared = store_->clear_holds({"b", "a"});
    ASSERT_TRUE(cleared.ok()) << why(cleared);
    EXPECT_EQ(*cleared, expected);
  }
  EXPECT_TRUE(at({"a"}).empty());
}

TEST_F(Holds, AreFoundInTheOrderOfThePlacesEachOnce) {
  for (const auto* place : {"a", "b", "c"}) ASSERT_TRUE(store_->set_hold(hold_of(place)).ok());
  const auto held = at({"c", "x", "a", "c"});
  ASSERT_EQ(held.size(), 2U);
  EXPECT_EQ(held[0].place, "c");
  EXPECT_EQ(held[1].place, "a");
  EXPECT_TRUE(held[1].who.is_null());
  ASSERT_TRUE(store_->clear_holds({"a", "c"}).ok());
  EXPECT_EQ(at({"a", "b", "c"}).size(), 1U);
}

TEST_F(Holds, StartNowWhenTheyNameNoTime) {
  ASSERT_TRUE(store_->set_hold(hold_of("a", "", 0)).ok());
  const auto held = at({"a"});
  ASSERT_EQ(held.size(), 1U);
  EXPECT_GT(held[0].since, 1'700'000'000);
}

TEST_F(Holds, OutOfRangeAreRefused) {
  const std::string huge(17U * 1024 * 1024, 'x');
  EXPECT_TRUE(failed_with(store_->set_hold(hold_of("")), ErrorKind::usage, "a place has no name"));
  EXPECT_TRUE(failed_with(store_->set_hold(hold_of(huge)), ErrorKind::usage, "the name of a place is longer"));
  EXPECT_TRUE(failed_with(store_->set_hold(hold_of("a", huge)), ErrorKind::usage, "the reason of a hold is longer"));
  EXPECT_TRUE(failed_with(store_->holds({huge}), ErrorKind::usage, "the name of a place is longer"));
  EXPECT_TRUE(failed_with(store_->clear_holds({""}), ErrorKind::usage, "a place has no name"));
  EXPECT_TRUE(failed_with(store_->old_hold(huge, "prod"), ErrorKind::usage, "the app is longer"));
}

TEST_F(Holds, OfOldRecordsAreFoundByAppAndEnvironmentUntilTheyAreCleared) {
  auto database = Database::open(folder_ / "records.db", std::chrono::milliseconds(100));
  ASSERT_TRUE(database.ok()) << why(database);
  ASSERT_TRUE((*database)->run("INSERT INTO holds VALUES ('shop', 'prod', 'inventory', 17)").ok());
  auto held = store_->old_hold("shop", "prod");
  ASSERT_TRUE(held.ok() && held->has_value()) << why(held);
  EXPECT_EQ((*held)->place, "");
  EXPECT_EQ((*held)->reason, "inventory");
  EXPECT_EQ((*held)->since, 17);
  auto elsewhere = store_->old_hold("shop", "test");
  ASSERT_TRUE(elsewhere.ok()) << why(elsewhere);
  EXPECT_FALSE(elsewhere->has_value());
  for (const bool expected : {true, false}) {
    auto cleared = store_->clear_old_hold("shop", "prod");
    ASSERT_TRUE(cleared.ok()) << why(cleared);
    EXPECT_EQ(*cleared, expected);
  }
}

}  // namespace
}  // namespace sluice::records
