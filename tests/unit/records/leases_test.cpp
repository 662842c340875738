#include "unit/records/records_testing.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace sluice::records {
namespace {

using std::chrono::seconds;
using testing::failed_with;
using testing::why;

class Leases : public ::testing::Test {
 protected:
  Lease take(std::string_view holder, seconds span = seconds(60)) {
    auto got = store_->acquire("b/shop", holder, span);
    EXPECT_TRUE(got.ok()) << why(got);
    return got.ok() ? *got : Lease{};
  }

  testing::TempFolder folder_;
  std::unique_ptr<Store> store_ = testing::open(folder_ / "records.db");
};

TEST_F(Leases, BelongToOneHolderAtATime) {
  const auto lease = take("me");
  EXPECT_EQ(lease.target, "b/shop");
  EXPECT_EQ(lease.holder, "me");
  EXPECT_EQ(lease.fence, 1);
  EXPECT_GT(lease.expires_at, 1'700'000'000);
  const auto other = store_->acquire("b/shop", "ci-7/boot/pid:812:99", seconds(60));
  EXPECT_TRUE(failed_with(other, ErrorKind::busy, "me holds it for another "));
  EXPECT_TRUE(store_->acquire("c/shop", "you", seconds(60)).ok()) << "another target is free";
}

TEST_F(Leases, AreTakenOverByForceWithTheNextFence) {
  const auto mine = take("me");
  auto yours = store_->acquire("b/shop", "you", seconds(60), Taking::over);
  ASSERT_TRUE(yours.ok()) << why(yours);
  EXPECT_EQ(yours->fence, mine.fence + 1);
  EXPECT_TRUE(failed_with(store_->renew(mine, seconds(60)), ErrorKind::conflict, "another process took it over (you)"));
  const auto id = testing::planned(*store_).id;
  EXPECT_TRUE(failed_with(store_->append(id, testing::step("switch"), {{"b/shop", mine.fence}}), ErrorKind::conflict,
                          "another process took over"));
}

TEST_F(Leases, AreLookedAtWithoutTakingThem) {
  EXPECT_FALSE(store_->lease("b/shop")->has_value());
  take("me");
  const auto seen = store_->lease("b/shop");
  ASSERT_TRUE(seen.ok() && seen->has_value()) << why(seen);
  EXPECT_EQ((*seen)->holder, "me");
  take("me", seconds(0));
  EXPECT_FALSE(store_->lease("b/shop")->has_value()) << "expired";
}

TEST_F(Leases, NameTheHolderForPeople) {
  take("ci-7/boot/pid:812:99");
  EXPECT_TRUE(failed_with(store_->acquire("b/shop", "me", seconds(60)), ErrorKind::busy, "process 812 on ci-7"));
}

TEST_F(Leases, KeepTheirFenceWhenTheSameHolderComesAgain) {
  const auto first = take("me", seconds(10));
  const auto second = take("me", seconds(1000));
  EXPECT_EQ(second.fence, first.fence);
  EXPECT_GT(second.expires_at, first.expires_at);
}

TEST_F(Leases, GetALargerFenceWithEveryNewHolder) {
  EXPECT_EQ(take("me", seconds(0)).fence, 1);
  EXPECT_EQ(take("you", seconds(0)).fence, 2) << "expired: taken over";
  const auto lease = take("me");
  EXPECT_EQ(lease.fence, 3);
  ASSERT_TRUE(store_->release_lease(lease).ok());
  EXPECT_EQ(take("me").fence, 4) << "given back and taken anew";
}

TEST_F(Leases, AreRenewedByTheirHolderOnly) {
  const auto mine = take("me", seconds(0));
  auto renewed = store_->renew(mine, seconds(0));
  ASSERT_TRUE(renewed.ok()) << why(renewed);
  EXPECT_EQ(renewed->fence, mine.fence);

  const auto yours = take("you");
  EXPECT_TRUE(failed_with(store_->renew(mine, seconds(60)), ErrorKind::conflict, "another process took it over (you)"));
  auto longer = store_->renew(yours, seconds(1000));
  ASSERT_TRUE(longer.ok()) << why(longer);
  EXPECT_GT(longer->expires_at, yours.expires_at);

  ASSERT_TRUE(store_->release_lease(yours).ok());
  EXPECT_TRUE(failed_with(store_->renew(yours, seconds(60)), ErrorKind::conflict, "it was given back"));
}

TEST_F(Leases, AreNotGivenBackByAnEarlierHolder) {
  const auto mine = take("me", seconds(0));
  take("you");
  ASSERT_TRUE(store_->release_lease(mine).ok());
  EXPECT_FALSE(store_->acquire("b/shop", "me", seconds(60)).ok()) << "you still have it";
}

TEST_F(Leases, SurviveSpansBeyondAllTime) {
  EXPECT_GT(take("me", seconds::max()).expires_at, 1'700'000'000);
  EXPECT_LT(take("me", seconds::min()).expires_at, 1'700'000'000'000);
}

TEST_F(Leases, NeedATargetAndAHolder) {
  EXPECT_TRUE(failed_with(store_->acquire("", "me", seconds(60)), ErrorKind::internal, "needs a target"));
  EXPECT_TRUE(failed_with(store_->acquire("b/shop", "", seconds(60)), ErrorKind::internal, "needs a target"));
}

// The store of a test like this is opened only after the fork.
int take_in_child(const std::filesystem::path& file) {
  auto store = open_sqlite(file);
  if (!store.ok()) return 2;
  return (*store)->acquire("b/shop", this_process(), seconds(3600)).ok() ? 0 : 3;
}

TEST(LeaseOfAnotherProcess, IsTakenOverWhenThatProcessIsDead) {
  const testing::TempFolder folder;
  const auto file = folder / "records.db";
  const pid_t child = testing::start_child([&] { return take_in_child(file); });
  ASSERT_EQ(testing::wait_for(child), 0);

  auto store = testing::open(file);
  auto lease = store->acquire("b/shop", this_process(), seconds(60));
  ASSERT_TRUE(lease.ok()) << why(lease);
  EXPECT_EQ(lease->fence, 2);
  const auto id = testing::planned(*store).id;
  EXPECT_TRUE(failed_with(store->append(id, testing::step("switch"), {{"b/shop", 1}}), ErrorKind::conflict,
                          "another process took over b/shop"));
  EXPECT_TRUE(store->append(id, testing::step("switch"), {{"b/shop", 2}}).ok());
}

TEST(LeaseOfAnotherProcess, IsRespectedWhileThatProcessLives) {
  const testing::TempFolder folder;
  const auto file = folder / "records.db";
  testing::Pipe taken;
  testing::Pipe stop;
  const pid_t child = testing::start_child([&] {
    stop.close_write();
    const int code = take_in_child(file);
    taken.write("x");
    stop.read_one();
    return code;
  });
  taken.read_one();
  auto store = testing::open(file);
  EXPECT_TRUE(failed_with(store->acquire("b/shop", this_process(), seconds(60)), ErrorKind::busy,
                          "process " + std::to_string(child) + " on "));
  ::kill(child, SIGKILL);
  EXPECT_EQ(testing::wait_for(child), 128 + SIGKILL);
  auto lease = store->acquire("b/shop", this_process(), seconds(60));
  ASSERT_TRUE(lease.ok()) << why(lease);
  EXPECT_EQ(lease->fence, 2);
}

}  // namespace
}  // namespace sluice::records
