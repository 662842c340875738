#include "engine/ledger.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <stop_token>
#include <string>
#include <thread>

namespace sluice::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class EngineLedger : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sluice-ledger-XXXXXX";
    folder = ::mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::filesystem::path folder;
};

TEST_F(EngineLedger, KeepsWhatWasBroughtAndNotRemoved) {
  {
    auto ledger = Ledger::open(folder, "unix:///a", {});
    ASSERT_TRUE(ledger.ok());
    EXPECT_THAT(ledger->held(), IsEmpty());
    ASSERT_TRUE(ledger->bring("one@sha256:a").ok());
    ASSERT_TRUE(ledger->bring("two:tag").ok());
    ASSERT_TRUE(ledger->gone("one@sha256:a").ok());
  }
  const auto next = Ledger::open(folder, "unix:///a", {});
  ASSERT_TRUE(next.ok());
  EXPECT_THAT(next->held(), ElementsAre("two:tag"));
}

TEST_F(EngineLedger, EachEngineHasItsOwn) {
  auto one = Ledger::open(folder, "unix:///a", {});
  ASSERT_TRUE(one.ok());
  ASSERT_TRUE(one->bring("x").ok());
  const auto other = Ledger::open(folder, "unix:///b", {});
  ASSERT_TRUE(other.ok());
  EXPECT_THAT(other->held(), IsEmpty());
}

TEST_F(EngineLedger, OneRunAtATimeAndWhoWaitsCanBeStopped) {
  const auto one = Ledger::open(folder, "unix:///a", {});
  ASSERT_TRUE(one.ok());
  std::stop_source stop;
  stop.request_stop();
  const auto second = Ledger::open(folder, "unix:///a", stop.get_token());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind(), ErrorKind::cancelled);
}

TEST_F(EngineLedger, DamageIsToldAndNotTakenForNothing) {
  {
    auto ledger = Ledger::open(folder, "unix:///a", {});
    ASSERT_TRUE(ledger.ok());
    ASSERT_TRUE(ledger->bring("x").ok());
  }
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() == ".json") std::ofstream(file.path()) << "{";
  }
  const auto next = Ledger::open(folder, "unix:///a", {});
  ASSERT_FALSE(next.ok());
  EXPECT_EQ(next.error().kind(), ErrorKind::storage);
}

}  // namespace
}  // namespace sluice::engine
