#include "base/deadline.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, NeverDoesNotExpire) {
  EXPECT_FALSE(Deadline::never().is_bounded());
  EXPECT_FALSE(Deadline::never().expired());
}

TEST(Deadline, ExpiresWhenItsMomentHasCome) {
  EXPECT_TRUE(Deadline::after(0ms).expired());
  EXPECT_TRUE(Deadline::after(-1h).expired());
  EXPECT_FALSE(Deadline::after(24h).expired());
  EXPECT_TRUE(Deadline::after(24h).is_bounded());
}

TEST(Deadline, GivesWayToTheEarlierOne) {
  const auto soon = Deadline::after(1h);
  const auto late = Deadline::after(24h);
  EXPECT_EQ(soon.earlier(late).at(), soon.at());
  EXPECT_EQ(late.earlier(soon).at(), soon.at());
  EXPECT_EQ(Deadline::never().earlier(soon).at(), soon.at());
  EXPECT_EQ(soon.earlier(Deadline::never()).at(), soon.at());
}

}  // namespace
}  // namespace sluice
