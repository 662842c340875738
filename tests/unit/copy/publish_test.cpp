#include "unit/copy/copy_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace sluice::copy {
namespace {

using places::ManifestName;
using support::failed_with;
using support::fake_image;
using support::FakeFault;
using support::Verb;
using support::why;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class PublishTest : public CopyBench {
 protected:
  const support::FakeImage web_image = fake_image("web", {"one"});
  const support::FakeImage api_image = fake_image("api", {"two"});

  /// Both images carried to prod, not yet published.
  Survey carried(std::vector<std::string> tags) {
    dev.hold_image("dev/web", web_image, "latest");
    dev.hold_image("dev/api", api_image, "latest");
    auto found = look({item_of(dev, "dev/web", ManifestName::tag("latest"), prod, "shop/web", tags),
                       item_of(dev, "dev/api", ManifestName::tag("latest"), prod, "shop/api", tags)});
    EXPECT_TRUE(found.ok()) << why(found);
    const auto done = carry(*found, options, events, {});
    EXPECT_TRUE(done.ok()) << why(done);
    prod.forget_calls();
    return std::move(*found);
  }
};

TEST_F(PublishTest, WritesAllTagsAndReadsAllBack) {
  auto found = carried({"v1", "live"});
  Guarded<std::vector<std::string>> told;
  const Switched switched = [&](const SurveyedItem& item, const std::string& tag) -> Status {
    told.with([&](auto& list) { list.push_back(item.item.label + ":" + tag); });
    return {};
  };
  const auto done = publish(found, {0, 1}, switched, kAtOnce, events, {});
  ASSERT_TRUE(done.ok()) << why(done);
  for (const auto* tag : {"v1", "live"}) {
    EXPECT_EQ(prod.tag_of("shop/web", tag), web_image.digest());
    EXPECT_EQ(prod.tag_of("shop/api", tag), api_image.digest());
  }
  told.with([](const auto& list) {
    EXPECT_THAT(list, UnorderedElementsAre("shop/web:v1", "shop/web:live", "shop/api:v1", "shop/api:live"));
  });
  const auto calls = prod.calls();
  ASSERT_EQ(calls.size(), 8U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(calls[i].verb, Verb::put_manifest) << "all are written first";
  for (std::size_t i = 4; i < 8; ++i) EXPECT_EQ(calls[i].verb, Verb::find_manifest) << "then all are read back";
}

TEST_F(PublishTest, TouchesOnlyTheItemsItIsGiven) {
  auto found = carried({"live"});
  ASSERT_TRUE(publish(found, {1}, {}, kAtOnce, events, {}).ok());
  EXPECT_EQ(prod.tag_of("shop/web", "live"), std::nullopt);
  EXPECT_EQ(prod.tag_of("shop/api", "live"), api_image.digest());
}

TEST_F(PublishTest, LeavesATagThatIsRightAlone) {
  auto found = carried({"v1", "live"});
  found.items[0].before[0] = web_image.digest();
  ASSERT_TRUE(publish(found, {0}, {}, kAtOnce, events, {}).ok());
  EXPECT_THAT(prod.call_texts({Verb::put_manifest}), UnorderedElementsAre("put_manifest shop/web live"));
}

TEST_F(PublishTest, CallsWhatReadsBackWrongAnIntegrityError) {
  struct Row {
    const char* name;
    FakeFault fault;
    const char* part;
  };
  const std::vector<Row> rows{
      {"nothing is there",
       {.verb = Verb::find_manifest, .effect = FakeFault::Effect::deny_there, .times = 3, .name = "live"},
       "reads back as nothing"},
      {"the write was forgotten",
       {.verb = Verb::put_manifest, .effect = FakeFault::Effect::forget, .name = "live"},
       "reads back as nothing"},
  };
  for (const auto& row : rows) {
    auto found = carried({"live"});
    prod.script(row.fault);
    EXPECT_TRUE(failed_with(publish(found, {0}, {}, kAtOnce, events, {}), ErrorKind::integrity, row.part)) << row.name;
    EXPECT_THAT(events.of(EventKind::tag), IsEmpty()) << row.name;
    prod.set_tag("shop/web", "live", std::nullopt);
  }
}

TEST_F(PublishTest, LooksAgainBeforeAReadThatLagsIsJudged) {
  auto found = carried({"live"});
  prod.script({.verb = Verb::find_manifest, .effect = FakeFault::Effect::deny_there, .times = 2, .name = "live"});
  const auto done = publish(found, {0}, {}, kAtOnce, events, {});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(prod.calls_of(Verb::find_manifest).size(), 3U);
  EXPECT_EQ(events.of(EventKind::note).size(), 2U) << "each look that lagged is told";
  EXPECT_EQ(events.of(EventKind::tag).size(), 1U);
}

TEST_F(PublishTest, IsPatientForAboutTenSeconds) {
  std::chrono::milliseconds sum{0};
  for (const auto& pause : read_back_pauses()) sum += pause;
  EXPECT_GE(sum, std::chrono::seconds(9));
  EXPECT_LE(sum, std::chrono::seconds(12));
}

TEST_F(PublishTest, NoticesThatSomebodyElseWonTheTag) {
  auto found = carried({"live"});
  const Switched switched = [&](const SurveyedItem&, const std::string&) -> Status {
    prod.hold_image("shop/web", api_image, "live");
    return {};
  };
  EXPECT_TRUE(
      failed_with(publish(found, {0}, switched, kAtOnce, events, {}), ErrorKind::integrity, api_image.digest().text()));
}

TEST_F(PublishTest, EndsWithTheErrorOfWhoeverIsTold) {
  auto found = carried({"live"});
  const Switched refuse = [](const SurveyedItem&, const std::string&) -> Status {
    return Error(ErrorKind::conflict, "the lease is lost");
  };
  EXPECT_TRUE(
      failed_with(publish(found, {0, 1}, refuse, kAtOnce, events, {}), ErrorKind::conflict, "the lease is lost"));
  EXPECT_THAT(prod.call_texts({Verb::find_manifest}), IsEmpty()) << "nothing is read back after a failure";
}

TEST_F(PublishTest, PassesOnWhatThePlaceSays) {
  for (const auto kind : {ErrorKind::denied, ErrorKind::conflict, ErrorKind::unsupported, ErrorKind::unreachable}) {
    auto found = carried({"live"});
    prod.script({.verb = Verb::put_manifest, .kind = kind, .name = "live"});
    EXPECT_TRUE(failed_with(publish(found, {0}, {}, kAtOnce, events, {}), kind)) << to_string(kind);
  }
}

TEST_F(PublishTest, DoesNotBeginWhenTheUserHasStopped) {
  auto found = carried({"live"});
  std::stop_source user;
  user.request_stop();
  EXPECT_TRUE(failed_with(publish(found, {0, 1}, {}, kAtOnce, events, user.get_token()), ErrorKind::cancelled));
  EXPECT_THAT(prod.call_texts({Verb::put_manifest}), IsEmpty());
}

TEST_F(PublishTest, FailsWhenTheUserStopsBetweenWritingAndReadingBack) {
  auto found = carried({"live"});
  std::stop_source user;
  prod.script({.verb = Verb::find_manifest, .effect = FakeFault::Effect::hold});
  std::jthread thread([&] {
    prod.wait_until_held();
    user.request_stop();
  });
  EXPECT_TRUE(failed_with(publish(found, {0}, {}, kAtOnce, events, user.get_token()), ErrorKind::cancelled));
  EXPECT_THAT(prod.call_texts({Verb::put_manifest}), Contains("put_manifest shop/web live"));
}

}  // namespace
}  // namespace sluice::copy
