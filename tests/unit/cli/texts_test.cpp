// Times, events as JSON lines, plans and outcomes as text and JSON.

#include "cli/view/event_log.hpp"
#include "cli/view/promotion.hpp"
#include "cli/view/times.hpp"
#include "support/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace sluice::cli {
namespace {

using support::failed_with;
using support::why;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> out;
  for (const auto& [name, value] : object.members()) out.push_back(name);
  return out;
}

TEST(Times, AreUtcInIsoForm) {
  EXPECT_EQ(utc(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc(1'795'442'700), "2026-11-23T14:05:00Z");
  EXPECT_THAT(utc_now(), MatchesRegex("[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9:]{8}\\.[0-9]{3}Z"));
}

TEST(Times, SayHowLongAgo) {
  struct Row {
    std::int64_t seconds;
    const char* expected;
  };
  for (const auto& row : {Row{-5, "just now"}, Row{0, "just now"}, Row{59, "just now"}, Row{60, "1 min ago"},
                          Row{3599, "59 min ago"}, Row{3600, "1 h ago"}, Row{48 * 3600 - 1, "47 h ago"},
                          Row{48 * 3600, "2 days ago"}, Row{12 * 86400, "12 days ago"}}) {
    EXPECT_EQ(ago(1'000'000, 1'000'000 + row.seconds), row.expected) << row.seconds << " s";
  }
}

TEST(EventJson, HasEveryMember) {
  const auto json = to_json(copy::Event{.kind = copy::EventKind::blob_done,
                                        .image = "web",
                                        .target = "",
                                        .digest = "sha256:12",
                                        .bytes = 7,
                                        .detail = "moved"},
                            7, "2026-11-23T14:05:00.123Z");
  EXPECT_THAT(keys(json), ::testing::ElementsAre("schema", "sequence", "time", "promotion", "app", "environment",
                                                 "journal", "kind", "image", "target", "digest", "bytes", "detail"));
  EXPECT_EQ(json.integer_at("sequence"), 7);
  EXPECT_EQ(json.string_at("time"), "2026-11-23T14:05:00.123Z");
  EXPECT_EQ(json.string_at("schema"), "sluice.event/1");
  EXPECT_EQ(json.string_at("kind"), "blob-done");
  EXPECT_EQ(json.string_at("image"), "web");
  EXPECT_TRUE(json.find("target")->is_null());
  EXPECT_TRUE(json.find("promotion")->is_null());
  EXPECT_TRUE(json.find("journal")->is_null());
  EXPECT_EQ(json.integer_at("bytes"), 7);
}

TEST(EventJson, TellsWhatAStepWasAboutAndItsNumberInTheJournal) {
  using records::Step;
  const auto digest = "sha256:" + std::string(64, 'a');
  struct Row {
    Step step;
    std::optional<records::PromotionState> state;
    const char* kind;
    std::string target;
    std::string detail;
  };
  const Row rows[] = {
      {Step::begin_switch, records::PromotionState::switching, "state", "prod/shop", "switching"},
      {Step::undone, std::nullopt, "put-back", "prod/shop/web:live", "put back to " + digest},
      {Step::pause, std::nullopt, "step", "prod/shop", "pause"},
  };
  const auto scope = std::make_shared<const copy::EventScope>(copy::EventScope{"p-1", "shop", "prod"});
  for (const auto& row : rows) {
    promotion::RecordedStep step{scope, {.sequence = 4, .step = row.step, .image = "web"}, "prod/shop", row.state};
    if (row.step == Step::undone) step.entry.detail = Json::object().set("tag", "live").set("digest", digest);
    const auto json = to_json(step, 9, "2026-11-23T14:05:00.123Z");
    EXPECT_EQ(json.string_at("kind"), row.kind);
    EXPECT_EQ(json.string_at("target"), row.target);
    EXPECT_EQ(json.string_at("detail"), row.detail);
    EXPECT_EQ(json.integer_at("journal"), 4);
    EXPECT_EQ(json.integer_at("sequence"), 9);
    EXPECT_EQ(json.string_at("promotion"), "p-1");
    EXPECT_EQ(json.string_at("app"), "shop");
    EXPECT_EQ(json.string_at("environment"), "prod");
  }
}

TEST(EventLog, WritesALinePerEventAndNoneForProgress) {
  const support::TempFolder folder;
  const auto file = folder / "events.jsonl";
  {
    auto log = EventLog::open(file.string());
    ASSERT_TRUE(log.ok()) << why(log);
    EventFan fan;
    support::RecordedEvents other;
    fan.add(**log);
    fan.add(other);
    const auto emit = [&](copy::EventKind kind, const std::string& detail) {
      fan.emit({.kind = kind, .bytes = 1, .detail = detail});
    };
    emit(copy::EventKind::blob_started, "one");
    emit(copy::EventKind::blob_progress, "two");
    emit(copy::EventKind::note, "line\nbreak");
    EXPECT_EQ(other.of(copy::EventKind::blob_progress).size(), 1U) << "the fan gives everything to everybody";
  }
  std::ifstream in(file);
  std::vector<std::string> details;
  for (std::string line; std::getline(in, line);) {
    const auto json = parse_json(line);
    ASSERT_TRUE(json.ok()) << line;
    details.push_back(json->string_at("detail").value_or(""));
  }
  EXPECT_THAT(details, ::testing::ElementsAre("one", "line\nbreak"));
}

TEST(EventLog, SaysThatItCannotWrite) {
  const support::TempFolder folder;
  const auto log = EventLog::open((folder / "none" / "events.jsonl").string());
  EXPECT_TRUE(failed_with(log, ErrorKind::usage, "events.jsonl"));
}

/// Neither stdout nor stderr of a test is a terminal that wants colour.
Console plain_console() {
  return Console(Environment([](std::string_view name) -> std::optional<std::string> {
    return name == "NO_COLOR" ? std::optional<std::string>("1") : std::nullopt;
  }));
}

const std::string kRelease = "9f3c1b2a40d7" + std::string(52, '0');

promotion::Plan sample() {
  promotion::Plan plan;
  plan.app = "shop";
  plan.environment = "prod";
  plan.release = 42;
  plan.release_id = kRelease;
  promotion::PlannedTarget target;
  target.target = {.cluster = {}, .registry = "b.example.com", .project = "shop", .position = {}};
  target.images = {{.name = "web",
                    .after = oci::Digest::of("web 42"),
                    .tags = {{"v1", std::nullopt}, {"live", oci::Digest::of("web 41")}},
                    .origins = {},
                    .road = copy::Road::stream,
                    .why = "another registry",
                    .bytes = {.moved = 2048, .mounted = 0, .present = 1024}},
                   {.name = "api",
                    .after = oci::Digest::of("api 42"),
                    .tags = {{"live", oci::Digest::of("api 42")}},
                    .origins = {},
                    .road = copy::Road::present,
                    .why = "the tag stands for this digest already",
                    .bytes = {.moved = 0, .mounted = 0, .present = 10}}};
  plan.targets = {target};
  return plan;
}

TEST(PlanText, ShowsWhatWillHappen) {
  const auto plan = sample();
  EXPECT_EQ(plan_text(plan, plain_console(), true),
            "shop 42 -> prod\n"
            "\n"
            "  b.example.com/shop\n"
            "    web  " +
                oci::Digest::of("web 41").brief() + " -> " + oci::Digest::of("web 42").brief() +
                "  as v1, live\n"
                "      road stream: another registry; 2.0 KiB to move, 1.0 KiB present\n"
                "    api  " +
                oci::Digest::of("api 42").brief() +
                "  live already\n"
                "\n"
                "  verified by: reading the tags back\n"
                "  on failure: stop\n"
                "  2.0 KiB to move, 1.0 KiB present\n"
                "  plan " +
                plan.hash() + "\n");
}

TEST(PlanText, ShowsHowItIsVerifiedAndWhere) {
  auto plan = sample();
  auto& target = plan.targets[0];
  target.target = {.cluster = "prod-a", .registry = {}, .project = "shop", .has_api = true, .position = {}};
  target.target.server = "api.example.com:6443";
  target.user = "ann";
  target.settings = {.registry = "r.example.com", .insecure = true, .proxy = "proxy.example.com:3128"};
  plan.sources = {{.target = {.cluster = {}, .registry = "dev.example.com", .project = "dev", .position = {}},
                   .settings = {.registry = {}, .insecure = false, .proxy = "none"}},
                  {.target = {.cluster = {}, .registry = "b.example.com", .project = "b", .position = {}}}};
  plan.verify.watch = std::chrono::minutes(10);
  plan.verify.http = "https://shop.example.com/healthz";
  plan.rollback_on_failure = true;
  auto text = plan_text(plan, plain_console(), true);
  EXPECT_THAT(text, HasSubstr("\n  prod-a/shop  in api.example.com:6443 as ann\n"
                              "    registry r.example.com, insecure: its certificate is not checked, through proxy "
                              "proxy.example.com:3128\n"));
  EXPECT_THAT(text,
              HasSubstr("\n  from dev.example.com/dev: through no proxy\n"
                        "  verified by: rollout within 10m, watched for 10m, GET https://shop.example.com/healthz\n"
                        "  on failure: put back what was there\n"));
  EXPECT_THAT(text, Not(HasSubstr("from b.example.com")));
  EXPECT_EQ(where_text(plan), "in api.example.com:6443 as ann");
  plan.targets.push_back(target);
  EXPECT_EQ(where_text(plan), "in api.example.com:6443 as ann") << "each once";
  plan.targets[1].user.clear();
  EXPECT_EQ(where_text(plan), "in api.example.com:6443 as ann, api.example.com:6443");
  plan.verify.rollout = false;
  text = plan_text(plan, plain_console(), true);
  EXPECT_THAT(text, HasSubstr("  verified by: reading the tags back (no rollout is followed), watched for 10m"));
}

TEST(PlanText, SaysWhenThereIsNothingToDo) {
  auto plan = sample();
  plan.targets[0].images.erase(plan.targets[0].images.begin());
  EXPECT_THAT(plan_text(plan, plain_console(), true), HasSubstr("nothing to do: every tag is right already"));
}

TEST(PlanText, ShowsFindingsWithTheirFix) {
  auto plan = sample();
  plan.kind = records::PromotionKind::rollback;
  plan.release.reset();
  plan.findings.push_back({"environment-held", Severity::blocker, "prod", "prod is on hold", "sluice unhold prod"});
  plan.targets[0].findings.push_back({"odd", Severity::warning, "x", "something is odd", ""});
  const auto text = plan_text(plan, plain_console(), true);
  EXPECT_THAT(text, HasSubstr("shop (9f3c1b2a40d7) -> prod  (rollback)\n"));
  EXPECT_THAT(text, HasSubstr("  blocker environment-held: prod is on hold\n    fix: sluice unhold prod\n"));
  EXPECT_THAT(text, HasSubstr("  warning odd: something is odd\n  "));
}

TEST(PlanText, SumsUpAReleaseOfManyImages) {
  auto plan = sample();
  auto& images = plan.targets[0].images;
  while (images.size() < 30) images.push_back(images.front());
  EXPECT_THAT(plan_text(plan, plain_console(), true), HasSubstr("... and 10 more images\n"));
  images.resize(21, images.front());
  EXPECT_THAT(plan_text(plan, plain_console(), true), Not(HasSubstr("more images"))) << "one more fits as well";
}

promotion::Outcome ended(records::PromotionState state) {
  records::Promotion promotion;
  promotion.id = "p0123456789ab";
  promotion.app = "shop";
  promotion.environment = "prod";
  promotion.release = kRelease;
  promotion.number = 42;
  promotion.plan_hash = "sha256:12";
  promotion.state = state;
  return {.promotion = promotion,
          .plan = sample(),
          .targets = {{"b.example.com/shop", state}},
          .error = {},
          .findings = {}};
}

TEST(OutcomeText, TellsWhatWasReached) {
  const auto text = outcome_text(ended(records::PromotionState::succeeded), plain_console());
  EXPECT_THAT(text, HasSubstr("shop 42 -> prod: succeeded  (p0123456789ab)\n  b.example.com/shop  succeeded\n"));
  EXPECT_THAT(text, HasSubstr("web  " + oci::Digest::of("web 42").text() +
                              "  by stream: 2.0 KiB moved, 0 B mounted, 1.0 KiB present"));
  EXPECT_THAT(text, HasSubstr("no rollout was observed"));
  EXPECT_THAT(outcome_text(ended(records::PromotionState::partial), plain_console()), Not(HasSubstr("rollout")));
}

TEST(OutcomeText, TellsWhatStandsAfterARollback) {
  auto outcome = ended(records::PromotionState::rolled_back);
  auto& image = outcome.plan.targets[0].images[0];
  image.tags.back().before = oci::Digest::of("web 41");
  EXPECT_THAT(outcome_text(outcome, plain_console()),
              HasSubstr("web  " + image.after.brief() + " did not stay; back to " + oci::Digest::of("web 41").text()));
  image.tags.back().before.reset();
  EXPECT_THAT(outcome_text(outcome, plain_console()), HasSubstr("did not stay; back to nothing\n"));
}

TEST(OutcomeJson, HasEveryMemberWhateverTheState) {
  for (const auto state : {records::PromotionState::succeeded, records::PromotionState::failed,
                           records::PromotionState::partial, records::PromotionState::rolled_back}) {
    const auto json = outcome_json(ended(state), "promote");
    EXPECT_THAT(keys(json), ::testing::ElementsAre("schema", "promotion", "app", "release", "release_id", "environment",
                                                   "kind", "state", "plan", "targets", "accepts", "findings",
                                                   "put_back", "failure", "receipt"))
        << to_string(state);
    EXPECT_EQ(json.string_at("schema"), "sluice.promote/1");
    EXPECT_EQ(json.string_at("state"), to_string(state));
    EXPECT_TRUE(json.find("failure")->is_null());
    const auto& target = json.find("targets")->items().front();
    EXPECT_EQ(target.string_at("state"), to_string(state));
    EXPECT_EQ(target.find("images")->items().size(), 2U);
  }
  EXPECT_EQ(outcome_json(ended(records::PromotionState::failed), "undo").string_at("schema"), "sluice.undo/1");
}

}  // namespace
}  // namespace sluice::cli
