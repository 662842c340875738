#include "kube/connection.hpp"

#include "unit/kube/kube_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ClusterTest;
using testing::failed_with;
using ::testing::HasSubstr;
using testing::json_reply;
using testing::parsed;
using testing::reply;
using testing::status_reply;
using testing::url;
using testing::why;

class ConnectionTest : public ClusterTest {
 protected:
  Result<Json> call(net::Method method = net::Method::get) {
    ApiCall request;
    request.method = method;
    request.target = "/api/v1/namespaces/prod/pods";
    request.what = "listing pods of prod";
    if (method == net::Method::post || method == net::Method::patch) {
      request.content_type = "application/json";
      request.body = "{}";
    }
    return connection().call(request, context());
  }
  static Error broken() { return {ErrorKind::unreachable, "the connection to api broke"}; }
  static Error no_route() { return {ErrorKind::unreachable, "cannot connect to api"}; }
};

TEST_F(ConnectionTest, SendsWhoWeAreAndAsksForJson) {
  exchanger.then(json_reply(200, parsed(R"({"kind":"PodList"})")));
  ASSERT_TRUE(call().ok());
  const auto request = exchanger.requests().front();
  EXPECT_EQ(request.url.text(), "https://api.example.com:6443/api/v1/namespaces/prod/pods");
  EXPECT_EQ(request.headers.get("Accept"), "application/json");
  EXPECT_EQ(request.authorization->reveal(), "Bearer t0k3n");
  EXPECT_FALSE(request.headers.get("Content-Type"));
}

TEST_F(ConnectionTest, StandsBelowThePathOfItsServer) {
  access.server = url("https://gate.example.com/k8s/clusters/c-1/");
  exchanger.then(json_reply(200, Json::object()));
  ASSERT_TRUE(call().ok());
  EXPECT_EQ(asked(0), "GET /k8s/clusters/c-1/api/v1/namespaces/prod/pods");
}

TEST_F(ConnectionTest, TriesAgainWhatWaitingMayCure) {
  struct Row {
    const char* name;
    Result<net::HttpResponse> first;
    net::Method method;
    bool again;
  };
  using enum net::Method;
  const std::vector<Row> rows{
      {"429 of a GET", status_reply(429, "TooManyRequests", ""), get, true},
      {"429 of a POST", status_reply(429, "TooManyRequests", ""), post, true},
      {"503 of a GET", reply(503, "<html>"), get, true},
      {"503 of a PUT", reply(503, "down"), put, true},
      {"503 of a POST", reply(503, "down"), post, false},
      {"504 of a PATCH", status_reply(504, "Timeout", ""), patch, false},
      {"ServerTimeout", status_reply(500, "ServerTimeout", ""), get, true},
      {"InternalError", status_reply(500, "InternalError", ""), get, false},
      {"403", status_reply(403, "Forbidden", ""), get, false},
      {"409", status_reply(409, "Conflict", ""), put, false},
      {"a cut of a GET", broken(), get, true},
      {"a cut of a POST", broken(), post, false},
      {"no connection for a POST", no_route(), post, true},
      {"time-out of a DELETE", Error(ErrorKind::timeout, "late"), del, true},
      {"untrusted", Error(ErrorKind::untrusted, "CA"), get, false},
  };
  for (const auto& row : rows) {
    testing::FakeExchanger one;
    Connection to(one, {.access = access, .timing = time.timing()});
    one.then(row.first).then(json_reply(200, Json::object()));
    ApiCall request;
    request.method = row.method;
    request.target = "/x";
    request.what = "trying";
    const auto answer = to.call(request, context());
    EXPECT_EQ(one.requests().size(), row.again ? 2U : 1U) << row.name;
    EXPECT_EQ(answer.ok(), row.again) << row.name << ": " << why(answer);
  }
}

TEST_F(ConnectionTest, WaitsAsLongAsItIsAsked) {
  exchanger.then(reply(429, "", {{"Retry-After", "7"}})).then(json_reply(200, Json::object()));
  ASSERT_TRUE(call().ok());
  ASSERT_EQ(time.waits.size(), 1U);
  EXPECT_EQ(time.waits[0], seconds(7) + milliseconds(100));
}

TEST_F(ConnectionTest, GivesUpAfterItsTriesWithTheReason) {
  retry_times = 2;
  exchanger.otherwise([](const auto&, const auto&) { return status_reply(503, "ServiceUnavailable", "etcd is away"); });
  EXPECT_TRUE(failed_with(call(), ErrorKind::busy, "etcd is away"));
  EXPECT_EQ(count(), 3U);
}

TEST_F(ConnectionTest, DoesNotWaitPastTheDeadline) {
  exchanger.then(reply(429, "", {{"Retry-After", "3600"}}));
  time.now = Deadline::Clock::now();
  ApiCall request;
  request.target = "/x";
  request.what = "trying";
  const auto answer = connection().call(request, {Deadline::after(seconds(60)), {}});
  EXPECT_TRUE(failed_with(answer, ErrorKind::busy, "429"));
  EXPECT_TRUE(time.waits.empty());
}

TEST_F(ConnectionTest, StopsWhileWaiting) {
  std::stop_source stop;
  stop.request_stop();
  exchanger.then(reply(429));
  ApiCall request;
  request.target = "/x";
  request.what = "trying";
  EXPECT_TRUE(
      failed_with(connection().call(request, {Deadline::never(), stop.get_token()}), ErrorKind::cancelled, "stopped"));
}

TEST_F(ConnectionTest, ShowsSomethingNewerAfterA401Once) {
  int fetched = 0;
  access.identity =
      fetched_identity([&]() -> Result<Secret> { return Secret("t" + std::to_string(++fetched)); }, "a vault");
  exchanger.then(status_reply(401, "Unauthorized", "Unauthorized")).then(json_reply(200, Json::object()));
  ASSERT_TRUE(call().ok());
  EXPECT_EQ(exchanger.requests()[1].authorization->reveal(), "Bearer t2");
  exchanger.otherwise([](const auto&, const auto&) { return status_reply(401, "Unauthorized", "Unauthorized"); });
  EXPECT_TRUE(
      failed_with(call(), ErrorKind::unauthenticated, "with a vault: api.example.com:6443 does not accept our"));
  EXPECT_EQ(count(), 4U);
}

TEST_F(ConnectionTest, AFixedTokenIsNotSentTwice) {
  exchanger.then(status_reply(401, "Unauthorized", "Unauthorized"));
  EXPECT_TRUE(failed_with(call(), ErrorKind::unauthenticated, "the test's token"));
  EXPECT_EQ(count(), 1U);
}

TEST_F(ConnectionTest, UsesAPluginsCertificateForTheEndpoint) {
  class Plugin final : public Identity {
   public:
    Result<Presented> present(const net::ExchangeContext&) override { return Presented{{}, "CERT", Secret("KEY")}; }
    bool refused(const Presented&) override { return false; }
    std::string explain() const override { return "a plugin"; }
    CredentialOrigin origin() const override { return {CredentialOrigin::Kind::program, "plugin"}; }
  };
  access.identity = std::make_shared<Plugin>();
  exchanger.then(json_reply(200, Json::object())).then(json_reply(200, Json::object()));
  ASSERT_TRUE(call().ok() && call().ok());
  const auto requests = exchanger.requests();
  EXPECT_EQ(requests[0].endpoint->client_cert_pem, "CERT");
  EXPECT_EQ(requests[0].endpoint, requests[1].endpoint) << "so that connections are found again";
  EXPECT_FALSE(requests[0].authorization);
}

TEST_F(ConnectionTest, AnswersThatAreNoApiServersAreToldApart) {
  exchanger.then(reply(200, "<html>login</html>"));
  EXPECT_TRUE(failed_with(call(), ErrorKind::protocol, "not JSON"));
  exchanger.then(json_reply(200, testing::status_json(403, "Forbidden", "inside a 200")));
  EXPECT_TRUE(failed_with(call(), ErrorKind::denied, "inside a 200"));
  exchanger.then(reply(204));
  const auto empty = call();
  ASSERT_TRUE(empty.ok()) << why(empty);
  EXPECT_TRUE(empty->is_null());
}

}  // namespace
}  // namespace sluice::kube
