#include "kube/client.hpp"

#include "unit/kube/kube_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::kube {
namespace {

using ::testing::ElementsAre;
using testing::failed_with;
using ::testing::HasSubstr;
using testing::json_reply;
using testing::parsed;
using testing::reply;
using testing::status_reply;
using testing::why;

class ClientTest : public testing::ClusterTest {
 protected:
  static Json page(const std::string& items, const std::string& next, const std::string& version = "7") {
    return parsed(R"({"kind":"ImageStreamList","metadata":{"resourceVersion":")" + version + R"(","continue":")" +
                  next + R"("},"items":)" + items + "}");
  }
  static Json stream(const std::string& version, const std::string& extra = "") {
    return parsed(R"({"kind":"ImageStream","metadata":{"name":"web","namespace":"prod","resourceVersion":")" + version +
                  R"("},"unknown":{"deep":[1,2]})" + extra + "}");
  }
  Json sent(std::size_t n) { return parsed(exchanger.requests().at(n).body); }
  static constexpr const char* kStream = "/apis/image.openshift.io/v1/namespaces/prod/imagestreams/web";
};

TEST_F(ClientTest, ListsAllPages) {
  exchanger.then(json_reply(200, page(R"([{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}])", "c+1=")))
      .then(json_reply(200, page(R"([{"metadata":{"name":"c"}}])", "")));
  Selection selection;
  selection.project = "prod";
  selection.label_selector = "app=web";
  selection.page = 2;
  const auto list = client().list<ImageStream>(selection, context());
  ASSERT_TRUE(list.ok()) << why(list);
  ASSERT_EQ(list->items.size(), 3U);
  EXPECT_EQ(list->items[2].name(), "c");
  EXPECT_EQ(list->items[2].kind(), "ImageStream") << "lists leave it out";
  EXPECT_EQ(list->resource_version, "7");
  EXPECT_EQ(asked(0), "GET /apis/image.openshift.io/v1/namespaces/prod/imagestreams?labelSelector=app%3Dweb&limit=2");
  EXPECT_EQ(
      asked(1),
      "GET /apis/image.openshift.io/v1/namespaces/prod/imagestreams?labelSelector=app%3Dweb&limit=2&continue=c%2B1%3D");
}

TEST_F(ClientTest, StartsAListAgainWhenItsSnapshotHasExpired) {
  exchanger.then(json_reply(200, page(R"([{"metadata":{"name":"old"}}])", "x", "7")))
      .then(status_reply(410, "Expired", "too old"))
      .then(json_reply(200, page(R"([{"metadata":{"name":"new"}}])", "", "9")));
  const auto list = client().list<ImageStream>({}, context());
  ASSERT_TRUE(list.ok()) << why(list);
  ASSERT_EQ(list->items.size(), 1U);
  EXPECT_EQ(list->items[0].name(), "new");
  EXPECT_EQ(list->resource_version, "9");
}

TEST_F(ClientTest, DoesNotFollowAnEndlessList) {
  exchanger.otherwise([](const auto&, const auto&) { return json_reply(200, page("[{}]", "same")); });
  EXPECT_TRUE(failed_with(client().list<ImageStream>({}, context()), ErrorKind::protocol, "without an end"));
}

TEST_F(ClientTest, RefusesWhatIsNoList) {
  exchanger.then(json_reply(200, parsed(R"({"kind":"Table","rows":[]})")));
  EXPECT_TRUE(failed_with(client().list<ImageStream>({}, context()), ErrorKind::protocol, "no list of imagestreams"));
}

TEST_F(ClientTest, FindsOrFindsNot) {
  retry_times = 0;  // else a server that allowed it before would be taken to be starting
  exchanger.then(status_reply(404, "NotFound", "not found"))
      .then(json_reply(200, stream("1")))
      .then(status_reply(403, "Forbidden", "no"));
  EXPECT_FALSE(*client().find<ImageStream>("prod", "web", context()));
  EXPECT_TRUE(*client().find<ImageStream>("prod", "web", context()));
  EXPECT_TRUE(failed_with(client().find<ImageStream>("prod", "web", context()), ErrorKind::denied,
                          "reading the image stream prod/web"));
}

TEST_F(ClientTest, UpdatesByReadingAgainAfterAConflict) {
  exchanger.then(json_reply(200, stream("1")))
      .then(status_reply(409, "Conflict", "the object has been modified"))
      .then(json_reply(200, stream("2", R"(,"other":"writer")")))
      .then([](const net::HttpRequest& request, const auto&) { return reply(200, request.body); });
  int changes = 0;
  const auto written = client().update_with<ImageStream>(
      "prod", "web",
      [&](ImageStream& object) -> Result<bool> {
        ++changes;
        object.annotate("sluice/lease", "mine");
        return true;
      },
      context());
  ASSERT_TRUE(written.ok()) << why(written);
  EXPECT_EQ(changes, 2);
  EXPECT_EQ(sent(3), parsed(R"({"kind":"ImageStream","metadata":{"name":"web","namespace":"prod","resourceVersion":"2",
    "annotations":{"sluice/lease":"mine"}},"unknown":{"deep":[1,2]},"other":"writer"})"));
  EXPECT_EQ(asked(3), std::string("PUT ") + kStream);
}

TEST_F(ClientTest, GivesUpAfterAStormOfConflicts) {
  exchanger.otherwise([](const net::HttpRequest& request, const auto&) {
    if (request.method == net::Method::get) return json_reply(200, stream("1"));
    return status_reply(409, "Conflict", "the object has been modified");
  });
  const auto written =
      client().update_with<ImageStream>("prod", "web", [](ImageStream&) -> Result<bool> { return true; }, context());
  EXPECT_TRUE(failed_with(written, ErrorKind::conflict, "has been modified"));
  EXPECT_EQ(count(), 16U);
}

TEST_F(ClientTest, WritesNothingWhenNothingIsToChange) {
  exchanger.then(json_reply(200, stream("1")));
  const auto read =
      client().update_with<ImageStream>("prod", "web", [](ImageStream&) -> Result<bool> { return false; }, context());
  ASSERT_TRUE(read.ok()) << why(read);
  EXPECT_EQ(count(), 1U);
  exchanger.then(json_reply(200, stream("1")));
  const auto refused = client().update_with<ImageStream>(
      "prod", "web", [](ImageStream&) -> Result<bool> { return Error(ErrorKind::blocked, "held"); }, context());
  EXPECT_TRUE(failed_with(refused, ErrorKind::blocked, "held"));
}

TEST_F(ClientTest, OtherConflictsAreNotRepeated) {
  exchanger.then(json_reply(200, stream("1"))).then(status_reply(409, "AlreadyExists", "uid differs"));
  EXPECT_TRUE(failed_with(client().update_with<ImageStream>(
                              "prod", "web", [](ImageStream&) -> Result<bool> { return true; }, context()),
                          ErrorKind::conflict, "uid differs"));
  EXPECT_EQ(count(), 2U);
}

TEST_F(ClientTest, AsksWhoWeAreWhereUsersAreServedAndWhereNot) {
  exchanger.then(json_reply(200, parsed(R"({"kind":"User","metadata":{"name":"ann"},"groups":["a","b"]})")))
      .then(reply(404, "404 page not found\n"))
      .then(json_reply(201, parsed(R"({"status":{"userInfo":{"username":"oidc:ann","groups":["g"]}}})")));
  const auto openshift = client().who_am_i(context());
  ASSERT_TRUE(openshift.ok()) << why(openshift);
  EXPECT_EQ(openshift->name(), "ann");
  EXPECT_THAT(openshift->groups(), ElementsAre("a", "b"));
  const auto other = client().who_am_i(context());
  ASSERT_TRUE(other.ok()) << why(other);
  EXPECT_EQ(other->name(), "oidc:ann");
  EXPECT_THAT(other->groups(), ElementsAre("g"));
  EXPECT_EQ(asked(2), "POST /apis/authentication.k8s.io/v1/selfsubjectreviews");
}

TEST_F(ClientTest, ADeniedReviewIsAnAnswer) {
  exchanger.then(json_reply(201, parsed(R"({"status":{"allowed":false,"reason":"no RBAC policy matched"}})")));
  const auto answer =
      client().may_i({"update", "image.openshift.io", "imagestreams", "layers", "prod", "web"}, context());
  ASSERT_TRUE(answer.ok()) << why(answer);
  EXPECT_FALSE(answer->allowed);
  EXPECT_EQ(answer->reason, "no RBAC policy matched");
}

TEST_F(ClientTest, TellsReleasesByTheirGroups) {
  struct Row {
    const char* groups;
    Release release;
  };
  for (const auto& row : {Row{R"([{"name":"image.openshift.io"},{"name":"config.openshift.io"}])", Release::v4},
                          Row{R"([{"name":"image.openshift.io"},{"name":"apps"}])", Release::v3},
                          Row{R"([{"name":"apps"}])", Release::kubernetes}}) {
    exchanger.then(json_reply(200, parsed(std::string(R"({"kind":"APIGroupList","groups":)") + row.groups + "}")));
    const auto release = client().release(context());
    ASSERT_TRUE(release.ok()) << why(release);
    EXPECT_EQ(to_string(*release), to_string(row.release)) << row.groups;
  }
  exchanger.then(json_reply(200, Json::object()));
  EXPECT_TRUE(failed_with(client().release(context()), ErrorKind::protocol, "no Kubernetes API server"));
}

TEST_F(ClientTest, NothingToDoIsNoError) {
  exchanger.then(reply(204));
  const auto started = client().instantiate("prod", "site", true, false, context());
  ASSERT_TRUE(started.ok()) << why(started);
  EXPECT_FALSE(*started);
}

TEST_F(ClientTest, DeletesOnlyTheObjectThatIsMeant) {
  exchanger.then(json_reply(200, parsed(R"({"kind":"Status","status":"Success"})")))
      .then(status_reply(409, "Conflict", "the UID in the precondition does not match"));
  EXPECT_TRUE(client().remove<ImageStream>("prod", "web", context()));
  EXPECT_EQ(exchanger.requests()[0].body, "");
  EXPECT_TRUE(
      failed_with(client().remove<ImageStream>("prod", "web", context(), {.uid = "u-1"}), ErrorKind::conflict, "UID"));
  EXPECT_EQ(sent(1), parsed(R"({"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"u-1"}})"));
}

TEST_F(ClientTest, ReadsALogAsText) {
  exchanger.then(reply(200, "line 1\nline 2\n"));
  const auto log = client().pod_log("prod", "web-1", "web", 10, false, context());
  ASSERT_TRUE(log.ok()) << why(log);
  EXPECT_EQ(*log, "line 1\nline 2\n");
  EXPECT_EQ(asked(0), "GET /api/v1/namespaces/prod/pods/web-1/log?container=web&tailLines=10&limitBytes=65536");
}

}  // namespace
}  // namespace sluice::kube
