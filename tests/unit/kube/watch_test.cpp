#include "kube/watch.hpp"

#include "net/untrusted.hpp"
#include "unit/kube/kube_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include <random>
#include <set>

namespace sluice::kube {
namespace {

using ::testing::ElementsAre;
using testing::failed_with;
using testing::FakeStreams;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::json_reply;
using testing::parsed;
using testing::reply;
using testing::ScriptedBody;
using testing::status_reply;
using testing::why;

std::string object(const std::string& name, const std::string& version, const std::string& uid = "") {
  return R"({"kind":"ImageStream","metadata":{"name":")" + name + R"(","namespace":"prod","uid":")" +
         (uid.empty() ? "u-" + name : uid) + R"(","resourceVersion":")" + version + "\"}}";
}
std::string frame(const std::string& type, const std::string& what) {
  return R"({"type":")" + type + R"(","object":)" + what + "}\n";
}
std::string bookmark(const std::string& version) {
  return frame("BOOKMARK", R"({"kind":"ImageStream","metadata":{"resourceVersion":")" + version + "\"}}");
}
const std::string kExpired = frame("ERROR", testing::status_json(410, "Expired", "too old").dump());

class WatchTest : public testing::ClusterTest {
 protected:
  void give_list(const std::string& version, const std::vector<std::string>& objects) {
    std::string items;
    for (const auto& item : objects) items += (items.empty() ? "" : ",") + item;
    exchanger.then(json_reply(200, parsed(R"({"kind":"ImageStreamList","metadata":{"resourceVersion":")" + version +
                                          R"("},"items":[)" + items + "]}")));
  }
  Watch& watch(WatchOptions options = {}) {
    if (!watch_) {
      Selection selection;
      selection.project = "prod";
      watch_ = std::make_unique<Watch>(client(), streams, ImageStream::kResource, selection, options);
    }
    return *watch_;
  }
  /// "added a@1", in words; "nothing" when there was none, else why not.
  std::string next() {
    const auto event = watch().next(context());
    if (!event) return why(event);
    if (!*event) return "nothing";
    return std::string(to_string((*event)->change)) + " " + (*event)->object.name() + "@" +
           (*event)->object.resource_version() + ((*event)->inferred ? " (inferred)" : "");
  }
  std::vector<std::string> rest() {
    std::vector<std::string> out;
    for (int i = 0; i < 100; ++i) {
      auto event = next();
      if (event == "nothing") return out;
      out.push_back(std::move(event));
    }
    return out;
  }
  std::string version_asked(std::size_t n) const {
    if (n >= streams.requests.size()) return "there was no such watch";
    const auto& target = streams.requests[n].url.target;
    const auto start = target.find("resourceVersion=") + 16;
    return target.substr(start, target.find('&', start) - start);
  }

  FakeStreams streams;

 private:
  std::unique_ptr<Watch> watch_;
};

TEST_F(WatchTest, ListsAndThenFollows) {
  give_list("10", {object("a", "3"), object("b", "7")});
  streams.then(ScriptedBody{
      {frame("MODIFIED", object("a", "11")), frame("ADDED", object("c", "12")), frame("DELETED", object("b", "13"))},
      {},
      true});
  EXPECT_THAT(rest(), ElementsAre("added a@3 (inferred)", "added b@7 (inferred)", "modified a@11", "added c@12",
                                  "deleted b@13"));
  EXPECT_EQ(watch().version(), "13");
  ASSERT_EQ(streams.requests.size(), 1U);
  EXPECT_EQ(streams.requests[0].url.target,
            "/apis/image.openshift.io/v1/namespaces/prod/imagestreams?watch=true&resourceVersion=10&timeoutSeconds=300&"
            "allowWatchBookmarks=true");
  EXPECT_EQ(streams.requests[0].authorization->reveal(), "Bearer t0k3n");
  EXPECT_EQ(streams.requests[0].max_silence, std::chrono::seconds(330));
}

TEST_F(WatchTest, MayLeaveOutWhatWasThereBefore) {
  give_list("10", {object("a", "3")});
  streams.then(ScriptedBody{{frame("MODIFIED", object("a", "11"))}, {}, true});
  WatchOptions options;
  options.initial = false;
  watch(options);
  EXPECT_THAT(rest(), ElementsAre("modified a@11"));
}

TEST_F(WatchTest, GoesOnAfterACleanEndAndAfterACut) {
  give_list("10", {});
  streams.then(ScriptedBody{{frame("ADDED", object("a", "11"))}, {}, false})
      .then(ScriptedBody{{frame("MODIFIED", object("a", "12")), frame("MODIFIED", object("a", "13")).substr(0, 20)},
                         Error(ErrorKind::unreachable, "the connection broke"),
                         false})
      .then(ScriptedBody{{frame("MODIFIED", object("a", "13"))}, {}, true});
  EXPECT_THAT(rest(), ElementsAre("added a@11", "modified a@12", "modified a@13"));
  EXPECT_EQ(version_asked(1), "11");
  EXPECT_EQ(version_asked(2), "12") << "the frame that was cut comes again";
  EXPECT_THAT(time.waits, IsEmpty()) << "there was something new each time";
  EXPECT_EQ(watch().counters().cuts, 1U);
  EXPECT_EQ(watch().counters().lists, 1U);
}

TEST_F(WatchTest, ABookmarkMovesTheVersionAndTellsNothing) {
  give_list("10", {});
  streams.then(ScriptedBody{{bookmark("50")}, {}, false});
  EXPECT_THAT(rest(), IsEmpty());
  EXPECT_EQ(version_asked(1), "50");
}

TEST_F(WatchTest, ARepeatedFrameIsToldOnce) {
  give_list("10", {object("a", "3")});
  streams.then(ScriptedBody{
      {frame("ADDED", object("a", "3")), frame("MODIFIED", object("a", "11")), frame("MODIFIED", object("a", "11")),
       frame("MODIFIED", object("a", "9")), frame("DELETED", object("z", "12"))},
      {},
      true});
  EXPECT_THAT(rest(), ElementsAre("added a@3 (inferred)", "modified a@11"));
  EXPECT_EQ(watch().counters().repeats, 4U);
}

TEST_F(WatchTest, ADeletionWithAnOldVersionDoesNotLeadBack) {
  give_list("10", {object("a", "3")});
  streams.then(ScriptedBody{{frame("ADDED", object("b", "11")), frame("DELETED", object("a", "3"))}, {}, false});
  EXPECT_THAT(rest(), ElementsAre("added a@3 (inferred)", "added b@11", "deleted a@3"));
  EXPECT_EQ(version_asked(1), "11");
}

TEST_F(WatchTest, AfterAnExpiryTheListTellsWhatHasChanged) {
  give_list("10", {object("same", "1"), object("changed", "2"), object("gone", "3"), object("reborn", "4", "old")});
  streams.then(ScriptedBody{{kExpired}, {}, false});
  give_list("99", {object("same", "1"), object("changed", "50"), object("reborn", "60", "new"), object("fresh", "70")});
  EXPECT_THAT(rest(),
              ElementsAre("added same@1 (inferred)", "added changed@2 (inferred)", "added gone@3 (inferred)",
                          "added reborn@4 (inferred)", "deleted gone@3 (inferred)", "modified changed@50 (inferred)",
                          "deleted reborn@4 (inferred)", "added reborn@60 (inferred)", "added fresh@70 (inferred)"));
  EXPECT_EQ(version_asked(1), "99");
  EXPECT_EQ(watch().counters().expiries, 1U);
}

TEST_F(WatchTest, AnExpiryMayBeAStatusAsWell) {
  give_list("10", {object("a", "3")});
  streams.then(status_reply(410, "Gone", "too old resource version: 10 (99)"));
  give_list("99", {object("a", "3")});
  EXPECT_THAT(rest(), ElementsAre("added a@3 (inferred)"));
  EXPECT_EQ(version_asked(1), "99");
}

TEST_F(WatchTest, SaysWhatADeletedObjectWas) {
  give_list("10", {object("a", "3")});
  streams.then(ScriptedBody{{kExpired}, {}, false});
  give_list("99", {});
  EXPECT_EQ(next(), "added a@3 (inferred)");
  const auto event = watch().next(context());
  ASSERT_TRUE(event.ok() && *event) << why(event);
  EXPECT_EQ((*event)->object.json(), parsed(R"({"kind":"ImageStream","apiVersion":"image.openshift.io/v1",
    "metadata":{"name":"a","namespace":"prod","uid":"u-a","resourceVersion":"3"}})"));
}

TEST_F(WatchTest, WaitsLongerTheOftenerNothingCame) {
  give_list("10", {});
  for (int i = 0; i < 4; ++i) streams.then(Error(ErrorKind::unreachable, "cannot connect to api"));
  streams.then(ScriptedBody{{frame("ADDED", object("a", "11"))}, {}, true});
  EXPECT_THAT(rest(), ElementsAre("added a@11"));
  ASSERT_EQ(time.waits.size(), 3U) << "the first try again comes at once";
  EXPECT_LT(time.waits[0], time.waits[1]);
  EXPECT_LT(time.waits[1], time.waits[2]);
}

TEST_F(WatchTest, AnIdleSessionIsNoFailure) {
  give_list("10", {});
  class Idle final : public net::IncomingBody {
   public:
    explicit Idle(testing::FakeTime& time) : time_(time) {}
    Result<std::optional<std::string>> read(const net::ExchangeContext&) override {
      time_.pass(std::chrono::seconds(300));
      return std::optional(std::string());
    }

   private:
    testing::FakeTime& time_;
  };
  class Sessions final : public net::ReplyStreams {
   public:
    explicit Sessions(testing::FakeTime& time) : time_(time) {}
    Result<net::OpenReply> open(const net::HttpRequest&, const net::ExchangeContext&) override {
      if (++count == 20)
        return net::OpenReply{reply(200), std::make_unique<testing::FakeBody>(ScriptedBody{{}, {}, true})};
      return net::OpenReply{reply(200), std::make_unique<Idle>(time_)};
    }
    int count = 0;

   private:
    testing::FakeTime& time_;
  } sessions(time);
  Watch idle(client(), sessions, ImageStream::kResource, {});
  ASSERT_TRUE(idle.next(context()).ok());
  EXPECT_EQ(sessions.count, 20);
  EXPECT_THAT(time.waits, IsEmpty());
}

TEST_F(WatchTest, AtTheDeadlineItSaysWhyThereIsNoConnection) {
  give_list("10", {});
  for (int i = 0; i < 50; ++i) streams.then(reply(503, "<html>down</html>"));
  time.now = Deadline::Clock::now();
  const auto event = watch().next({Deadline::after(std::chrono::seconds(5)), {}});
  EXPECT_TRUE(failed_with(event, ErrorKind::busy, "watching imagestreams of prod"));
}

TEST_F(WatchTest, AnUntrustedCertificateNamesTheCaOfTheApiAndNotTheFoldersOfRegistries) {
  net::SeenChain stranger;
  stranger.error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
  stranger.issuer = "a stranger";
  access.ca_place = "`certificate-authority` of the cluster prod";
  give_list("10", {});
  streams.then(net::untrusted_error("api.example.com:6443", stranger, "unable to get local issuer certificate", ""));
  const auto event = watch().next(context());
  EXPECT_TRUE(failed_with(event, ErrorKind::untrusted, "watching imagestreams of prod"));
  EXPECT_THAT(event.error().hint(), HasSubstr("its CA as `certificate-authority` of the cluster prod"));
  EXPECT_EQ(event.error().hint().find("/etc/containers"), std::string::npos) << why(event);
}

TEST_F(WatchTest, WhatNoWaitingCuresEndsTheCallAndNotTheWatch) {
  give_list("10", {});
  streams.then(status_reply(403, "Forbidden", "User cannot watch"))
      .then(status_reply(405, "MethodNotAllowed", "not supported"))
      .then(ScriptedBody{{"this is no frame\n"}, {}, false})
      .then(ScriptedBody{{frame("ERROR", testing::status_json(403, "Forbidden", "revoked").dump())}, {}, false})
      .then(ScriptedBody{{frame("ADDED", object("a", "11"))}, {}, true});
  EXPECT_THAT(next(), HasSubstr("denied: "));
  EXPECT_THAT(next(), HasSubstr("unsupported: "));
  EXPECT_THAT(next(), HasSubstr("protocol: watching imagestreams of prod: a line of the watch is no frame"));
  EXPECT_THAT(next(), HasSubstr("revoked"));
  EXPECT_EQ(next(), "added a@11");
}

TEST_F(WatchTest, ARenewedTokenIsUsedAfterA401) {
  int fetched = 0;
  access.identity = fetched_identity([&]() -> Result<Secret> { return Secret("t" + std::to_string(++fetched)); }, "x");
  give_list("10", {});
  streams.then(status_reply(401, "Unauthorized", "Unauthorized")).then(ScriptedBody{{}, {}, true});
  EXPECT_EQ(next(), "nothing");
  ASSERT_EQ(streams.requests.size(), 2U);
  EXPECT_EQ(streams.requests[1].authorization->reveal(), "Bearer t2");
}

TEST_F(WatchTest, ALineWithoutEndIsRefused) {
  give_list("10", {});
  WatchOptions options;
  options.max_line_bytes = 100;
  watch(options);
  streams.then(ScriptedBody{{std::string(101, 'x')}, {}, false})
      .then(ScriptedBody{{frame("ADDED", object(std::string(100, 'n'), "11"))}, {}, false});
  EXPECT_THAT(next(), HasSubstr("longer than the limit"));
  EXPECT_THAT(next(), HasSubstr("larger than the limit"));
}

TEST_F(WatchTest, StopsWhenItIsAsked) {
  give_list("10", {});
  std::stop_source stop;
  EXPECT_EQ(next(), "nothing");
  stop.request_stop();
  EXPECT_TRUE(failed_with(watch().next({Deadline::never(), stop.get_token()}), ErrorKind::cancelled, "stopped"));
}

TEST_F(WatchTest, AListWithoutAVersionCannotBeWatched) {
  exchanger.then(json_reply(200, parsed(R"({"kind":"ImageStreamTagList","metadata":{},"items":[]})")));
  EXPECT_THAT(next(), HasSubstr("unsupported: "));
}

}  // namespace
}  // namespace sluice::kube
