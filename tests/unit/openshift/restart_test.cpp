// An API server that restarts: what is waited for, for how long, and what is read back instead of being sent twice.
#include "kube/connection.hpp"
#include "kube/status.hpp"
#include "openshift/workloads/changes.hpp"
#include "unit/openshift/openshift_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::openshift {
namespace {

using std::chrono::seconds;
using testing::ClusterTest;
using testing::failed_with;
using testing::json_reply;
using testing::parsed;
using testing::reply;
using testing::status_reply;

constexpr auto kStream = "/apis/image.openshift.io/v1/namespaces/prod/imagestreams/web";
constexpr auto kPods = "/api/v1/namespaces/prod/pods";

net::HttpResponse forbidden() {
  return status_reply(403, "Forbidden", "pods is forbidden: User \"ann\" cannot list pods: no RBAC policy matched");
}
net::HttpResponse good() { return json_reply(200, Json::object()); }
Error broken() { return {ErrorKind::unreachable, "the connection to api broke"}; }
Error refused() { return {ErrorKind::unreachable, "cannot connect to api"}; }

class RestartTest : public ClusterTest {
 protected:
  Result<Json> call(const std::string& target, net::Method method = net::Method::get) {
    kube::ApiCall request;
    request.method = method;
    request.target = target;
    request.what = "asking for " + target;
    return connection().call(request, context());
  }
  /// The API answered a moment ago.
  void worked() {
    exchanger.then(good());
    ASSERT_TRUE(call(kStream).ok());
  }
  seconds waited() const {
    std::chrono::milliseconds sum{0};
    for (const auto& wait : time.waits) sum += wait;
    return std::chrono::floor<seconds>(sum);
  }
};

TEST_F(RestartTest, RefusedConnectionsAndThenA403ToEverybodyAreWaitedOut) {
  for (const auto method : {net::Method::get, net::Method::put, net::Method::del, net::Method::patch}) {
    SCOPED_TRACE(std::string(to_string(method)));
    worked();
    for (int i = 0; i < 9; ++i) exchanger.then(refused());
    // The request, and what was allowed before.
    for (int i = 0; i < 5; ++i) exchanger.then(forbidden()).then(forbidden());
    exchanger.then(good());
    EXPECT_TRUE(call(kPods, method).ok());
  }
}

TEST_F(RestartTest, ItIsWaitedForAMinuteAndNotForEver) {
  worked();
  exchanger.otherwise([](const auto&, const auto&) { return refused(); });
  const auto start = time.now;
  EXPECT_TRUE(failed_with(call(kPods), ErrorKind::unreachable));
  EXPECT_GE(time.now - start, seconds(50));
  EXPECT_LE(time.now - start, seconds(70));
  const auto again = time.now;
  EXPECT_TRUE(failed_with(call(kPods), ErrorKind::unreachable));
  EXPECT_LE(time.now - again, seconds(10)) << "the minute is over for all requests";
}

TEST_F(RestartTest, ACallIsGivenUpAfterAMinuteAlsoWhenOthersSucceed) {
  worked();
  unsigned tries = 0;
  // A lease is renewed beside it all the time.
  exchanger.otherwise([&](const net::HttpRequest& request, const auto&) -> Result<net::HttpResponse> {
    if (request.url.target == kStream) return good();
    if (++tries > 200) return Error(ErrorKind::internal, "it is tried for ever");
    const bool renews = tries % 3 == 0;
    EXPECT_TRUE(!renews || call(kStream).ok());
    return status_reply(503, "ServiceUnavailable", "the server is currently unable to handle the request");
  });
  const auto start = time.now;
  EXPECT_TRUE(failed_with(call(kPods, net::Method::put), ErrorKind::busy));
  EXPECT_GE(time.now - start, seconds(50));
  EXPECT_LE(time.now - start, seconds(70));
}

TEST_F(RestartTest, AnApiThatNeverAnsweredIsNotWaitedFor) {
  exchanger.otherwise([](const auto&, const auto&) { return refused(); });
  EXPECT_TRUE(failed_with(call(kPods), ErrorKind::unreachable));
  EXPECT_LE(waited(), seconds(10));
}

TEST_F(RestartTest, WhoWantsNoTriesDoesNotWait) {
  retry_times = 0;
  worked();
  exchanger.then(refused());
  EXPECT_TRUE(failed_with(call(kPods), ErrorKind::unreachable));
  EXPECT_TRUE(time.waits.empty());
}

TEST_F(RestartTest, ARightThatIsMissingIsBelievedWithoutAnotherRequest) {
  worked();
  exchanger.then(forbidden());
  EXPECT_TRUE(failed_with(call(kPods), ErrorKind::denied));
  EXPECT_EQ(count(), 2U);
}

TEST_F(RestartTest, ARightThatWasTakenAwayIsBelievedWhenOthersStand) {
  worked();
  exchanger.then(good());
  ASSERT_TRUE(call(kPods).ok());
  // Refused; what was allowed is allowed; refused again, and that still is.
  exchanger.then(forbidden()).then(good()).then(forbidden()).then(good());
  EXPECT_TRUE(failed_with(call(kPods), ErrorKind::denied));
  EXPECT_LE(waited(), seconds(1));
}

TEST_F(RestartTest, ARightThatIsMissingAfterTroubleIsToldWhenTheServerKnowsItsRoles) {
  worked();
  exchanger.then(refused()).then(forbidden()).then(forbidden());
  exchanger.then(forbidden()).then(good()).then(forbidden()).then(good());
  EXPECT_TRUE(failed_with(call(kPods), ErrorKind::denied));
}

TEST_F(RestartTest, AQuotaIsNoSignOfAStart) {
  worked();
  exchanger.then(good());
  ASSERT_TRUE(call(kPods, net::Method::put).ok());
  exchanger.then(status_reply(403, "Forbidden", "exceeded quota: q, requested: pods=1"));
  EXPECT_FALSE(call(kPods, net::Method::put).ok());
  EXPECT_EQ(count(), 3U);
}

TEST_F(RestartTest, APostWhoseAnswerWasLostIsNotSentTwice) {
  worked();
  exchanger.then(broken());
  EXPECT_TRUE(failed_with(call(kPods, net::Method::post), ErrorKind::unreachable));
  EXPECT_EQ(count(), 2U);
}

TEST_F(RestartTest, ADeletionThatArrivedIsDone) {
  worked();
  exchanger.then(broken()).then(status_reply(404, "NotFound", "pods \"x\" not found"));
  EXPECT_TRUE(call(std::string(kPods) + "/x", net::Method::del).ok());
  exchanger.then(status_reply(404, "NotFound", "pods \"x\" not found"));
  EXPECT_TRUE(failed_with(call(std::string(kPods) + "/x", net::Method::del), ErrorKind::not_found));
}

Json config(std::int64_t version, bool paused) {
  auto json = parsed(R"({"metadata": {"name": "web", "uid": "u1", "resourceVersion": "5"}})");
  kube::set_at(json, {"spec", "paused"}, paused);
  kube::set_at(json, {"status", "latestVersion"}, version);
  return json;
}
const WorkloadRef kWeb{WorkloadKind::deployment_config, "prod", "web", "u1"};

TEST_F(RestartTest, APauseWhoseAnswerWasLostIsOurs) {
  exchanger.then(json_reply(200, config(1, false))).then(broken()).then(json_reply(200, config(1, true)));
  const auto paused = pause_workload(client(), kWeb, context());
  ASSERT_TRUE(paused.ok());
  EXPECT_TRUE(*paused) << "else nobody would resume it";
  // Of others it stays.
  exchanger.then(json_reply(200, config(1, true)));
  const auto others = pause_workload(client(), kWeb, context());
  ASSERT_TRUE(others.ok());
  EXPECT_FALSE(*others);
}

TEST_F(RestartTest, AStartWhoseAnswerWasLostIsReadBack) {
  exchanger.then(json_reply(200, config(1, false))).then(broken()).then(json_reply(200, config(2, false)));
  EXPECT_TRUE(start_rollout(client(), kWeb, context()).ok());
  EXPECT_EQ(count(), 3U) << "it had arrived";
  exchanger.then(json_reply(200, config(2, false))).then(broken()).then(json_reply(200, config(2, false)));
  exchanger.then(json_reply(201, config(3, false)));
  EXPECT_TRUE(start_rollout(client(), kWeb, context()).ok());
  EXPECT_EQ(count(), 7U) << "it had not, and was sent again";
}

TEST_F(RestartTest, TheTimeIsTheServersOwn) {
  EXPECT_EQ(connection().server_time(), "");
  exchanger.then(reply(200, "{}", {{"Date", "Sun, 29 Nov 2026 12:00:00 GMT"}}));
  ASSERT_TRUE(call(kStream).ok());
  EXPECT_EQ(connection().server_time(), "2026-11-29T12:00:00Z");
  time.pass(seconds(90));
  EXPECT_EQ(connection().server_time(), "2026-11-29T12:01:30Z");
}

}  // namespace
}  // namespace sluice::openshift
