#include "promotion/leases/keeper.hpp"
#include "support/checks.hpp"

#include <gtest/gtest.h>

namespace sluice::promotion {
namespace {

using std::chrono::seconds;
using support::failed_with;
using support::why;

const std::string kOther = "ci-7/boot/pid:812:99";

class LeaseKeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = records::open_sqlite(folder / "records.db");
    ASSERT_TRUE(opened.ok()) << why(opened);
    store = std::move(*opened);
  }
  support::TempFolder folder;
  std::unique_ptr<records::Store> store;
};

TEST_F(LeaseKeeperTest, HoldsEveryTargetAndGivesThemBack) {
  {
    const auto keeper = LeaseKeeper::take(*store, {"b/shop", "a/shop"});
    ASSERT_TRUE(keeper.ok()) << why(keeper);
    ASSERT_EQ((*keeper)->fences().size(), 2U);
    EXPECT_EQ((*keeper)->fences()[0].target, "a/shop") << "in one order, so that two cannot wait for each other";
    EXPECT_TRUE(failed_with(store->acquire("a/shop", kOther, seconds(60)), ErrorKind::busy));
    EXPECT_TRUE(failed_with(store->acquire("b/shop", kOther, seconds(60)), ErrorKind::busy));
  }
  EXPECT_TRUE(store->acquire("a/shop", kOther, seconds(60)).ok());
  EXPECT_TRUE(store->acquire("b/shop", kOther, seconds(60)).ok());
}

TEST_F(LeaseKeeperTest, KeepsNoneWhenOneIsHeldByAnother) {
  ASSERT_TRUE(store->acquire("b/shop", kOther, seconds(60)).ok());
  EXPECT_TRUE(failed_with(LeaseKeeper::take(*store, {"a/shop", "b/shop"}), ErrorKind::busy, "b/shop"));
  EXPECT_TRUE(store->acquire("a/shop", kOther, seconds(60)).ok()) << "the first one was given back";
}

}  // namespace
}  // namespace sluice::promotion
