#include "memory/stream_memory.hpp"

#include "memory/changes.hpp"
#include "openshift/streams/state.hpp"
#include "unit/kube/kube_testing.hpp"
#include "unit/memory/memory_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::memory {
namespace {

using kube::ImageStream;
using kube::list_at;
using kube::number_at;
using kube::set_at;
using kube::testing::json_reply;
using kube::testing::parsed;
using kube::testing::status_reply;
using support::failed_with;
using support::why;
using testing::digest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kept;

/// A server with the image stream prod/web alone, where the resourceVersion decides.
class StreamMemoryTest : public kube::testing::ClusterTest {
 protected:
  StreamMemoryTest() {
    exchanger.otherwise([this](const net::HttpRequest& request, const auto&) { return answer(request); });
  }
  StreamMemory memory() { return {client(), "prod"}; }
  Status change(const Change& how) { return memory().change("web", how, {}); }
  Status keep_one(std::int64_t number, char letter) {
    return change([&](RepositoryMemory& memory) -> Status {
      memory.tags["live"].app = "shop";
      keep(memory.tags["live"], kept(number, letter));
      return {};
    });
  }
  RepositoryMemory seen() {
    auto read = memory().read({"web"}, {});
    EXPECT_TRUE(read.ok()) << why(read);
    return read.ok() ? read->front() : RepositoryMemory{};
  }

  ImageStream stream = ImageStream::named("prod", "web");
  bool exists = true;
  int version = 1;
  int puts = 0;
  int posts = 0;
  int storms = 0;  ///< how many writes find that somebody else was faster

 private:
  net::HttpResponse answer(const net::HttpRequest& request) {
    if (request.method == net::Method::post) {
      ++posts;
      exists = true;
      stream = ImageStream(parsed(request.body));
    } else if (!exists) {
      return status_reply(404, "NotFound", "imagestreams web not found");
    } else if (request.method != net::Method::get) {
      if (storms > 0) {
        --storms;
        ++version;
      }
      ImageStream sent(parsed(request.body));
      if (sent.resource_version() != std::to_string(version)) return status_reply(409, "Conflict", "has been modified");
      ++version;
      ++puts;
      stream = std::move(sent);
    }
    set_at(stream.json(), {"metadata", "resourceVersion"}, Json(std::to_string(version)));
    return json_reply(200, stream.json());
  }
};

TEST_F(StreamMemoryTest, AStreamThatIsNotThereRemembersNothing) {
  exists = false;
  EXPECT_EQ(seen(), RepositoryMemory{});
}

TEST_F(StreamMemoryTest, BothAnnotationsAreWrittenInOnePut) {
  const auto done = keep_one(7, 'a');
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(puts, 1);
  EXPECT_EQ(seen().tags.at("live").releases.front().number, 7);
  const auto old = openshift::read_state(stream);
  EXPECT_EQ(old.problem, "");
  EXPECT_EQ(old.tags.at("live").release, 7);
  EXPECT_EQ(old.tags.at("live").digest, digest('a'));
}

TEST_F(StreamMemoryTest, NothingIsWrittenWhenNothingChanges) {
  ASSERT_TRUE(keep_one(7, 'a').ok());
  const auto again = keep_one(7, 'a');
  ASSERT_TRUE(again.ok()) << why(again);
  const auto nothing = change([](RepositoryMemory&) -> Status { return {}; });
  ASSERT_TRUE(nothing.ok()) << why(nothing);
  EXPECT_EQ(puts, 1);
}

TEST_F(StreamMemoryTest, WhatAnOlderVersionWroteIsReadAndNotTakenOverForItsOwnSake) {
  ASSERT_TRUE(openshift::change_state(stream, "live", [](openshift::TagState& state) {
    state.app = "shop";
    state.release = 3;
    state.digest = digest('c');
    state.releases = {{3, digest('c'), "live", false, "p3", 10}};
  }));
  EXPECT_EQ(seen().tags.at("live").releases.front().number, 3);
  ASSERT_TRUE(change([](RepositoryMemory&) -> Status { return {}; }).ok());
  EXPECT_EQ(puts, 0);
  ASSERT_TRUE(keep_one(4, 'd').ok());
  EXPECT_EQ(puts, 1);
  EXPECT_THAT(testing::shown(seen().tags.at("live").releases), ElementsAre("4 verified", "3 verified"));
}

TEST_F(StreamMemoryTest, AChangeIsMadeAgainOnWhatSomebodyElseWrote) {
  storms = 2;
  int called = 0;
  const auto done = change([&](RepositoryMemory& memory) -> Status {
    ++called;
    keep(memory.tags["live"], kept(1, 'a'));
    return {};
  });
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(called, 3);
  EXPECT_EQ(puts, 1);
  EXPECT_EQ(seen().tags.at("live").releases.size(), 1U);
}

TEST_F(StreamMemoryTest, AStreamIsMadeWhereThereIsNone) {
  exists = false;
  const auto done = keep_one(1, 'a');
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(posts, 1);
  EXPECT_EQ(seen().tags.at("live").releases.size(), 1U);
}

TEST_F(StreamMemoryTest, WhatTheChangeRefusesIsNotWritten) {
  const auto refused = change([](RepositoryMemory& memory) -> Status {
    keep(memory.tags["live"], kept(1, 'a'));
    return Error(ErrorKind::busy, "somebody is at work");
  });
  EXPECT_TRUE(failed_with(refused, ErrorKind::busy, "somebody is at work"));
  EXPECT_EQ(puts, 0);
}

TEST_F(StreamMemoryTest, DamageIsAProblemAndNothingIsWrittenOverIt) {
  for (const auto* damage : {"{oops", "[]", R"({"version":1,"tags":{"live":7}})", R"({"version":99})"}) {
    stream.annotate(kStreamAnnotation, damage);
    EXPECT_THAT(seen().problem, HasSubstr("sluice/memory")) << damage;
    EXPECT_TRUE(seen().tags.empty()) << damage;
    EXPECT_TRUE(failed_with(keep_one(1, 'a'), ErrorKind::blocked, "prod/web")) << damage;
    EXPECT_EQ(stream.annotation(kStreamAnnotation), damage);
  }
  EXPECT_EQ(puts, 0);
}

TEST_F(StreamMemoryTest, DamageIsWrittenAnewByAChangeThatTakesItAway) {
  stream.annotate(kStreamAnnotation, "{oops");
  const auto mended = change([](RepositoryMemory& memory) -> Status {
    memory.problem.clear();
    memory.tags["live"].hold = Hold{.reason = "look first"};
    return {};
  });
  ASSERT_TRUE(mended.ok()) << why(mended);
  EXPECT_EQ(seen().problem, "");
  EXPECT_EQ(seen().tags.at("live").hold->reason, "look first");
}

TEST_F(StreamMemoryTest, ADamagedStateOfAnOlderVersionIsAProblemWhereItIsAllThereIs) {
  stream.annotate(openshift::kStateAnnotation, R"({"live":{"hold":7}})");
  EXPECT_THAT(seen().problem, HasSubstr("an older version"));
  const auto mended = change([](RepositoryMemory& memory) -> Status {
    memory.problem.clear();
    memory.tags["live"].app = "shop";
    return {};
  });
  ASSERT_TRUE(mended.ok()) << why(mended);
  EXPECT_EQ(seen().problem, "");
  stream.annotate(openshift::kStateAnnotation, "{oops");
  EXPECT_EQ(seen().problem, "") << "beside a memory it says nothing";
  EXPECT_EQ(seen().tags.at("live").app, "shop");
}

TEST_F(StreamMemoryTest, MembersThatThisVersionDoesNotKnowStay) {
  stream.annotate(kStreamAnnotation,
                  R"({"version":1,"later":{"deep":1},"tags":{"live":{"app":"shop","signed":[1]},"next":{"x":2}}})");
  stream.annotate("other", "stays");
  const auto done = keep_one(1, 'a');
  ASSERT_TRUE(done.ok()) << why(done);
  const auto all = parsed(stream.annotation(kStreamAnnotation));
  EXPECT_EQ(number_at(all, {"later", "deep"}), 1);
  EXPECT_EQ(list_at(all, {"tags", "live", "signed"}).size(), 1U);
  EXPECT_EQ(number_at(all, {"tags", "next", "x"}), 2);
  EXPECT_EQ(stream.annotation("other"), "stays");
}

TEST_F(StreamMemoryTest, SaysWhoMayNotReadOrWrite) {
  exchanger.then(status_reply(403, "Forbidden", "no"));
  EXPECT_TRUE(failed_with(memory().read({"web"}, {}), ErrorKind::denied));
  exchanger.then(json_reply(200, stream.json())).then(status_reply(403, "Forbidden", "no"));
  EXPECT_TRUE(failed_with(keep_one(1, 'a'), ErrorKind::denied, "writing the memory of prod/web"));
}

// --- Pins -----------------------------------------------------------------------------------------------------------

TEST(StreamPins, AreOutdatedWhenTheMemoryDoesNotNameTheirImage) {
  auto stream = ImageStream::named("prod", "web");
  auto tags = Json::array();
  const auto add = [&](const std::string& tag, char digit) {
    tags.push(
        Json::object().set("tag", tag).set("items", Json::array().push(Json::object().set("image", digest(digit)))));
  };
  for (const char digit : {'a', 'b', 'c', 'd', 'e', '1', '2'}) add(openshift::pin_tag(digest(digit)), digit);
  add("live", 'e');
  add("sluice-000000000000", 'f');   // not what its name says
  add("sluice-eeeeeeeeeeeee", 'e');  // too long
  add("sluice-notadigest00", 'e');
  set_at(stream.json(), {"status", "tags"}, std::move(tags));
  auto from = Json::object().set("kind", "ImageStreamImage").set("name", "web@" + digest('9'));
  set_at(stream.json(), {"spec", "tags"},
         Json::array().push(Json::object().set("name", openshift::pin_tag(digest('9'))).set("from", std::move(from))));
  RepositoryMemory memory;
  keep(memory.tags["live"], kept(1, 'a'));
  keep(memory.tags["test"], kept(2, 'b'));
  auto arrived = kept(3, '7');
  arrived.arrived_as = digest('c');
  keep(memory.tags["test"], arrived);
  memory.tags["live"].open = testing::beginning({.number = 4, .letter = '1', .before = digest('2')}).open;
  ASSERT_TRUE(put_memory(stream, memory));
  EXPECT_THAT(outdated_pins(stream), ElementsAre(openshift::pin_tag(digest('9')), openshift::pin_tag(digest('d')),
                                                 openshift::pin_tag(digest('e'))));
  stream.annotate(kStreamAnnotation, "{oops");
  EXPECT_THAT(outdated_pins(stream), IsEmpty()) << "what cannot be read may name any of them";
}

}  // namespace
}  // namespace sluice::memory
