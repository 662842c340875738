#include "base/lease_held.hpp"
#include "openshift/streams/lease_rules.hpp"
#include "openshift/streams/state.hpp"
#include "unit/openshift/openshift_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace sluice::openshift {
namespace {

using support::failed_with;
using support::why;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::json_reply;
using testing::parsed;
using testing::status_reply;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::chrono::seconds kSpan{60};

std::string digest(char digit) { return "sha256:" + std::string(64, digit); }

kube::ImageStream stream_with(std::string_view key, std::string annotation) {
  auto stream = kube::ImageStream::named("prod", "web");
  stream.annotate(key, std::move(annotation));
  return stream;
}

StreamState state_in(std::string annotation) {
  return read_state(stream_with(kStateAnnotation, std::move(annotation)));
}

KeptRelease release(std::int64_t number, char digit) { return {number, digest(digit), "1.0", true, "p-1", kNow}; }

/// A lease as older programs write it.
std::string note_of(const std::string& holder, std::int64_t expires) {
  return R"({"holder":")" + holder + R"(","promotion":"","fence":7,"expires-at":)" + std::to_string(expires) + "}";
}

/// A server with the image stream prod/web alone, where the resourceVersion decides.
class WithStream : public testing::ClusterTest {
 protected:
  WithStream() {
    exchanger.otherwise([this](const net::HttpRequest& request, const auto&) { return answer(request); });
  }
  Result<StreamLease> take(const std::string& holder, std::int64_t now = kNow, const LeaseTaking& how = {}) {
    return take_stream_lease(client(), {"prod", "web", holder, "p-" + holder}, kSpan, now, context(), how);
  }

  kube::ImageStream stream = kube::ImageStream::named("prod", "web");
  int version = 1;
  int writes = 0;
  int storms = 0;  ///< how many writes find that somebody else was faster

 private:
  net::HttpResponse answer(const net::HttpRequest& request) {
    if (request.method == net::Method::get) {
      kube::set_at(stream.json(), {"metadata", "resourceVersion"}, Json(std::to_string(version)));
      return json_reply(200, stream.json());
    }
    if (storms > 0) {
      --storms;
      ++version;
    }
    kube::ImageStream sent(parsed(request.body));
    if (sent.resource_version() != std::to_string(version)) return status_reply(409, "Conflict", "has been modified");
    ++version;
    ++writes;
    stream = std::move(sent);
    return json_reply(200, stream.json());
  }
};
using StreamLeaseTest = WithStream;

// --- Reading ------------------------------------------------------------------------------------------------------

TEST(StreamStateReading, KnowsNothingWithoutTheAnnotation) {
  const auto state = read_state(kube::ImageStream::named("prod", "web"));
  EXPECT_THAT(state.tags, IsEmpty());
  EXPECT_EQ(state.problem, "");
}

TEST(StreamStateReading, TakesEveryMember) {
  const auto state = state_in(
      R"({"live":{"app":"shop","environment":"prod","release":42,"promotion":"p-9","digest":")" + digest('b') +
      R"(","previous":")" + digest('a') + R"(","hold":"rolled back","later":1,"releases":[{"number":42,"digest":")" +
      digest('b') + R"(","tag":"1.0","pattern-tag":true,"promotion":"p-1","at":1800000000,"x":[]}]}})");
  EXPECT_EQ(state.problem, "");
  ASSERT_TRUE(state.tags.contains("live"));
  EXPECT_EQ(state.tags.at("live"),
            (TagState{"shop", "prod", 42, "p-9", digest('b'), digest('a'), "rolled back", {release(42, 'b')}}));
}

TEST(StreamStateReading, TellsOfDamageAndReadsTheRest) {
  const std::string many(200'000, 'x');
  std::string releases;
  for (int i = 1; i <= 51; ++i) {
    releases += (i == 1 ? "" : ",") + std::string(R"({"number":)") + std::to_string(i) + R"(,"digest":")" +
                digest('a') + R"("})";
  }
  struct Row {
    const char* name;
    std::string annotation;
    const char* problem;
    std::size_t tags;
  };
  const std::vector<Row> rows{
      {"no JSON", "{oops", "is not the JSON of ours", 0},
      {"too long", R"({"live":{"app":")" + many + R"("}})", "is not the JSON of ours", 0},
      {"too deep", std::string(100, '[') + std::string(100, ']'), "is not the JSON of ours", 0},
      {"a list", "[]", "is no JSON object", 0},
      {"a number for a tag", R"({"live":7,"test":{}})", "of the tag live what is no object", 1},
      {"a text for a number", R"({"live":{"release":"42"},"test":{}})", "unreadable 'release'", 1},
      {"a release below zero", R"({"live":{"release":-1}})", "unreadable 'release'", 0},
      {"a number for a text", R"({"live":{"app":1}})", "unreadable 'app'", 0},
      {"an escape sequence", R"({"live":{"app":"\u001b[2J"}})", "unreadable 'app'", 0},
      {"a long name", R"({"live":{"app":")" + std::string(300, 'a') + R"("}})", "unreadable 'app'", 0},
      {"no digest", R"({"live":{"digest":"latest"}})", "no digest as its 'digest'", 0},
      {"releases that are no list", R"({"live":{"releases":{}}})", "unreadable list of releases", 0},
      {"too many releases", R"({"live":{"releases":[)" + releases + "]}}", "unreadable list of releases", 0},
      {"a release without digest", R"({"live":{"releases":[{"number":1}]}})", "lacks its number or digest", 0},
      {"a release that is a text", R"({"live":{"releases":["1"]}})", "a release that is no object", 0},
      {"a release twice",
       R"({"live":{"releases":[{"number":1,"digest":")" + digest('a') + R"("},{"number":1,"digest":")" + digest('b') +
           R"("}]}})",
       "a release twice", 0},
      {"a tag without a name", R"({"":{},"test":{}})", "no tag's name", 1},
  };
  for (const auto& row : rows) {
    const auto state = state_in(row.annotation);
    EXPECT_THAT(state.problem, HasSubstr(row.problem)) << row.name;
    EXPECT_THAT(state.problem, HasSubstr("sluice/state of the image stream prod/web")) << row.name;
    EXPECT_EQ(state.tags.size(), row.tags) << row.name;
  }
}

// --- Pins ---------------------------------------------------------------------------------------------------------

TEST(StreamPins, AreNamedByTheirDigest) {
  EXPECT_EQ(pin_tag("sha256:0123456789abcdef" + std::string(48, '0')), "sluice-0123456789ab");
}

// --- Writing ------------------------------------------------------------------------------------------------------

/// A stream, and what is noted of its tags.
class StreamStateWrite : public ::testing::Test {
 protected:
  Result<bool> note(std::string_view tag, const std::function<void(TagState&)>& change) {
    return change_state(stream, tag, change);
  }
  TagState noted(std::string_view tag) { return read_state(stream).tags.find(tag)->second; }
  kube::ImageStream stream = kube::ImageStream::named("prod", "web");
};

TEST_F(StreamStateWrite, WhatIsWrittenIsReadBack) {
  const TagState wanted{"shop", "prod", 42, "p-9", digest('b'), digest('a'), "rolled back", {release(42, 'b')}};
  const auto done = note("live", [&](TagState& state) { state = wanted; });
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_TRUE(*done);
  EXPECT_EQ(noted("live"), wanted);
  const auto again = note("live", [&](TagState& state) { state = wanted; });
  ASSERT_TRUE(again.ok()) << why(again);
  EXPECT_FALSE(*again) << "nothing has changed";
}

TEST_F(StreamStateWrite, LeavesOtherTagsAndUnknownMembersAlone) {
  stream.annotate(kStateAnnotation,
                  R"({"test":7,"live":{"later":{"deep":1},"release":41,"releases":[{"number":41,"digest":")" +
                      digest('a') + R"(","signed":true}]},"old":{"app":"shop"}})");
  stream.annotate("other", "stays");
  const auto done = note("live", [](TagState& state) {
    state.release = 42;
    state.releases.insert(state.releases.begin(), release(42, 'b'));
  });
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(stream.annotation("other"), "stays");
  const auto all = parsed(stream.annotation(kStateAnnotation));
  EXPECT_EQ(kube::number_at(all, {"test"}), 7);
  EXPECT_EQ(kube::text_at(all, {"old", "app"}), "shop");
  EXPECT_EQ(kube::number_at(all, {"live", "later", "deep"}), 1);
  EXPECT_EQ(kube::number_at(all, {"live", "release"}), 42);
  ASSERT_EQ(kube::list_at(all, {"live", "releases"}).size(), 2U);
  EXPECT_TRUE(kube::flag_at(kube::list_at(all, {"live", "releases"})[1], {"signed"}));
}

TEST_F(StreamStateWrite, WritesWhatIsDamagedAnew) {
  for (const auto* damage : {"{oops", "[]", R"({"live":{"release":"x","later":1}})"}) {
    stream.annotate(kStateAnnotation, damage);
    const auto done = note("live", [](TagState& state) { state.release += 1; });
    ASSERT_TRUE(done.ok()) << damage << ": " << why(done);
    EXPECT_EQ(read_state(stream).problem, "") << damage;
    EXPECT_EQ(noted("live").release, 1) << damage;
  }
}

TEST_F(StreamStateWrite, MakesTheReasonOfAHoldPrintableAndShort) {
  const auto reason = "rolled\nback \x1b[31m" + std::string(5000, 'x');
  const auto done = note("live", [&](TagState& state) { state.hold = reason; });
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_THAT(noted("live").hold, ::testing::StartsWith("rolled back ?[31mxxx"));
  EXPECT_LE(noted("live").hold.size(), 1003U);
}

TEST_F(StreamStateWrite, NotesNothingThatCouldNotBeReadBack) {
  EXPECT_TRUE(
      failed_with(note("live", [](TagState& state) { state.digest = "latest"; }), ErrorKind::internal, "no digest"));
  EXPECT_EQ(stream.annotation(kStateAnnotation), "");
}

TEST_F(StreamStateWrite, ForgetsTagsThatAreGoneBeforeItGrowsTooLarge) {
  auto all = Json::object();
  auto tags = Json::array();
  for (int i = 0; i < 128; ++i) {
    const auto tag = "t" + std::to_string(i);
    all.set(tag, Json::object().set("hold", std::string(1000, 'x')));
    if (i % 2 == 0) tags.push(Json::object().set("tag", tag));
  }
  stream.annotate(kStateAnnotation, all.dump());
  kube::set_at(stream.json(), {"status", "tags"}, std::move(tags));
  const auto done = note("new", [](TagState& state) { state.hold = std::string(1000, 'y'); });
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(read_state(stream).problem, "");
  EXPECT_EQ(read_state(stream).tags.size(), 65U) << "those that the stream has, and the new one";
}

TEST_F(StreamStateWrite, SaysWhenTheAnnotationHasNoRoom) {
  auto all = Json::object();
  auto tags = Json::array();
  for (int i = 0; i < 128; ++i) {
    const auto tag = "t" + std::to_string(i);
    all.set(tag, Json::object().set("hold", std::string(1000, 'x')));
    tags.push(Json::object().set("tag", tag));
  }
  stream.annotate(kStateAnnotation, all.dump());
  kube::set_at(stream.json(), {"status", "tags"}, std::move(tags));
  EXPECT_TRUE(failed_with(note("new", [](TagState& state) { state.hold = std::string(1000, 'y'); }),
                          ErrorKind::unsupported, "sluice/state of prod/web"));
}

// --- Leases -------------------------------------------------------------------------------------------------------

TEST_F(StreamLeaseTest, CountsItsHoldersAndKeepsTheFenceWhenGivenBack) {
  const auto first = take("a");
  ASSERT_TRUE(first.ok()) << why(first);
  EXPECT_EQ(first->fence, 1);
  EXPECT_EQ(first->expires_at, kNow + 60);
  const auto seen = read_lease(stream);
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->holder, "a");
  EXPECT_EQ(seen->promotion, "p-a");
  EXPECT_EQ(seen->project + "/" + seen->stream, "prod/web");
  const auto given_back = release_stream_lease(client(), *first, context());
  ASSERT_TRUE(given_back.ok()) << why(given_back);
  EXPECT_FALSE(read_lease(stream).has_value());
  const auto second = take("b");
  ASSERT_TRUE(second.ok()) << why(second);
  EXPECT_EQ(second->fence, 2);
}

TEST_F(StreamLeaseTest, AnotherHolderIsNamed) {
  ASSERT_TRUE(take("a").ok());
  const auto refused = take("b", kNow + 20);
  EXPECT_TRUE(failed_with(refused, ErrorKind::busy,
                          "prod/web is being worked on: promotion p-a, a, since 08:00 UTC (just now), holds it for "
                          "another 220 s unless it renews it"));
  EXPECT_FALSE(refused.error().to_be_retried());
  const auto* held = lease_held(refused.error());
  ASSERT_NE(held, nullptr);
  EXPECT_EQ(held->holder, "a");
  EXPECT_EQ(held->promotion, "p-a");
  EXPECT_EQ(held->since, kNow);
  EXPECT_EQ(writes, 1);
}

TEST_F(StreamLeaseTest, SaysWhoAndSinceWhen) {
  const std::string endless(500, 'x');
  ASSERT_TRUE(
      take_stream_lease(client(), {"prod", "web", "a", "p-a", 0, 0, "ann\n" + endless}, kSpan, kNow, context()));
  const auto refused = take("b", kNow + 20);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("promotion p-a by ann xxx"));
  EXPECT_LE(lease_held(refused.error())->who.size(), 204U) << "200 bytes, and a mark that it was cut";
  const auto renewed = renew_stream_lease(client(), *read_lease(stream), kSpan, kNow + 40, context());
  ASSERT_TRUE(renewed.ok()) << why(renewed);
  EXPECT_EQ(read_lease(stream)->since, kNow) << "a renewal is no beginning";
}

TEST_F(StreamLeaseTest, ThatEndsFarAwayIsCutOnceAndNamesItsHolder) {
  stream.annotate(kLeaseAnnotation, note_of("a", kNow + 20 * 3600));
  const auto refused = take("b");
  EXPECT_TRUE(failed_with(refused, ErrorKind::busy, "a holds it for another 300 s"));
  EXPECT_EQ(read_lease(stream)->holder, "a");
  EXPECT_EQ(read_lease(stream)->fence, 7);
  EXPECT_EQ(writes, 1);
  EXPECT_TRUE(failed_with(take("c", kNow + 100), ErrorKind::busy, "another 200 s"));
  EXPECT_EQ(writes, 1) << "cut once";
  const auto taken = take("b", kNow + 300);
  ASSERT_TRUE(taken.ok()) << why(taken);
  EXPECT_EQ(taken->fence, 8);
}

TEST_F(StreamLeaseTest, ThatWasCutIsRenewedByAnHonestHolder) {
  stream.annotate(kLeaseAnnotation, note_of("a", kNow + 3600));
  const auto before = *read_lease(stream);
  ASSERT_FALSE(take("b").ok());
  // An hour ahead of us.
  const auto renewed = renew_stream_lease(client(), before, kSpan, kNow + 3610, context());
  ASSERT_TRUE(renewed.ok()) << why(renewed);
  EXPECT_TRUE(failed_with(take("b", kNow + 299), ErrorKind::busy));
}

TEST_F(StreamLeaseTest, ThatCannotBeCutIsStillSomebodyElses) {
  stream.annotate(kLeaseAnnotation, note_of("a", kNow + 3600));
  storms = 100;
  EXPECT_TRUE(failed_with(take("b"), ErrorKind::busy, "a holds it"));
}

TEST_F(StreamLeaseTest, IsTakenOverByForceAndItsHolderHearsOfIt) {
  const auto old = take("a");
  ASSERT_TRUE(old.ok()) << why(old);
  EXPECT_FALSE(lost_lease(*old, stream).has_value());
  const auto taken = take("b", kNow + 1, {.is_gone = {}, .take_over = true});
  ASSERT_TRUE(taken.ok()) << why(taken);
  EXPECT_EQ(taken->fence, 2);
  const auto lost = lost_lease(*old, stream);
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->kind(), ErrorKind::conflict);
  EXPECT_THAT(lost->message(), HasSubstr("b (promotion p-b) took it over"));
  EXPECT_TRUE(failed_with(renew_stream_lease(client(), *old, kSpan, kNow + 2, context()), ErrorKind::conflict,
                          "b (promotion p-b) took it over"));
}

TEST_F(StreamLeaseTest, NeverCountsFromOneAgain) {
  struct Row {
    const char* fence;
    std::int64_t next;
  };
  const std::vector<Row> rows{
      {"9007199254740992", 9007199254740993},  // 2^53: more than some readers of JSON can tell apart
      {"9007199254740993", 9007199254740994},
      {"9223372036854775807", kMaxFence},
      {"18446744073709551616", kMaxFence},
      {"1e300", kMaxFence},
      {"41.5", 43},
      {"-3", 1},
      {"\"41\"", 1},
  };
  for (const auto& row : rows) {
    stream.annotate(kLeaseAnnotation,
                    R"({"holder":"a","promotion":"","fence":)" + std::string(row.fence) + R"(,"expires-at":1})");
    for (int round = 0; round < 2; ++round) {
      const auto taken = take(round == 0 ? "b" : "c", kNow + 1000 * round);
      ASSERT_TRUE(taken.ok()) << row.fence << ": " << why(taken);
      EXPECT_EQ(taken->fence, std::min(row.next + round, kMaxFence)) << row.fence;
    }
  }
}

TEST_F(StreamLeaseTest, IsFreeOnceItHasEnded) {
  struct Row {
    const char* name;
    std::string annotation;
    std::int64_t fence;  ///< that the next one gets
  };
  const auto note = note_of;
  const std::vector<Row> rows{
      {"expired by any clock", note("a", kNow - kClockSkew.count()), 8},
      {"a day away", note("a", kNow + 24 * 3600 + 1), 8},
      {"given back", note("", 0), 8},
      {"ours", note("b", kNow + 5), 7},
      {"holder is gone", note("dead", kNow + 5), 8},
      {"by a clock that is years ahead", note("a", std::numeric_limits<std::int64_t>::max()), 8},
      {"no JSON", "{oops", 1},
      {"a list", "[]", 1},
      {"without a holder", R"({"fence":7})", 8},
      {"with a number for a holder", R"({"holder":1,"fence":7,"expires-at":9000000000})", 8},
      {"with an endless holder", note(std::string(2000, 'a'), kNow + 5), 8},
      {"without a fence", R"({"holder":"a","expires-at":1800000009})", 1},
      {"larger than any of ours", std::string(10'000, ' ') + note("a", kNow + 5), 8},
  };
  for (const auto& row : rows) {
    stream.annotate(kLeaseAnnotation, row.annotation);
    const auto taken = take("b", kNow, {.is_gone = [](std::string_view holder) { return holder == "dead"; }});
    ASSERT_TRUE(taken.ok()) << row.name << ": " << why(taken);
    EXPECT_EQ(taken->fence, row.fence) << row.name;
    const auto seen = read_lease(stream);
    ASSERT_TRUE(seen.has_value()) << row.name;
    EXPECT_EQ(seen->holder, "b") << row.name;
  }
}

TEST_F(StreamLeaseTest, IsLookedAtAgainAfterAConflict) {
  storms = 3;
  const auto taken = take("a");
  ASSERT_TRUE(taken.ok()) << why(taken);
  EXPECT_EQ(taken->fence, 1) << "a write that did not arrive counts for nothing";
  storms = 100;
  EXPECT_TRUE(failed_with(take("a"), ErrorKind::conflict, "has been modified"));
}

TEST_F(StreamLeaseTest, IsRenewedByItsHolderAlone) {
  const auto taken = take("a");
  ASSERT_TRUE(taken.ok()) << why(taken);
  const auto renewed = renew_stream_lease(client(), *taken, kSpan, kNow + 50, context());
  ASSERT_TRUE(renewed.ok()) << why(renewed);
  EXPECT_EQ(renewed->expires_at, kNow + 110);
  EXPECT_EQ(read_lease(stream)->expires_at, kNow + 110);
  ASSERT_TRUE(take("b", kNow + 300).ok());
  EXPECT_TRUE(failed_with(renew_stream_lease(client(), *renewed, kSpan, kNow + 310, context()), ErrorKind::conflict,
                          "b (promotion p-b) took it over"));
}

TEST_F(StreamLeaseTest, ThatSomebodyElseHasIsNotGivenBack) {
  const auto old = take("a");
  ASSERT_TRUE(old.ok()) << why(old);
  ASSERT_TRUE(take("b", kNow + 300).ok());
  const auto given_back = release_stream_lease(client(), *old, context());
  ASSERT_TRUE(given_back.ok()) << why(given_back);
  ASSERT_TRUE(read_lease(stream).has_value());
  EXPECT_EQ(read_lease(stream)->holder, "b");
}

TEST_F(StreamLeaseTest, OfAStreamThatIsGoneIsGivenBack) {
  exchanger.then(status_reply(404, "NotFound", "not found"));
  const auto given_back = release_stream_lease(client(), {"prod", "web", "a", "", 1, kNow}, context());
  EXPECT_TRUE(given_back.ok()) << why(given_back);
}

TEST_F(StreamLeaseTest, KeepsWhatALaterSluiceNotes) {
  stream.annotate(kLeaseAnnotation, R"({"holder":"","fence":3,"expires-at":0,"later":[1]})");
  ASSERT_TRUE(take("a").ok());
  EXPECT_EQ(kube::list_at(parsed(stream.annotation(kLeaseAnnotation)), {"later"}).size(), 1U);
}

}  // namespace
}  // namespace sluice::openshift
