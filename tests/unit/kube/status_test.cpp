#include "kube/status.hpp"

#include "unit/kube/kube_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::parsed;
using testing::reply;

Error error_of(int http_status, const std::string& body, net::Headers headers = {}) {
  return to_error(read_failure(reply(http_status, body, std::move(headers))), "api.example.com:6443",
                  "writing the tag prod/web:live");
}

TEST(Status, TellsWhatACallerCanDo) {
  struct Row {
    const char* name;
    int http_status;
    std::string body;
    ErrorKind kind;
    const char* part;
  };
  const auto status = [](int code, const std::string& reason, const std::string& message) {
    return testing::status_json(code, reason, message).dump();
  };
  const std::vector<Row> rows{
      {"no such object", 404, status(404, "NotFound", R"(imagestreams.image.openshift.io "app" not found)"),
       ErrorKind::not_found, R"((404 NotFound: imagestreams.image.openshift.io "app" not found))"},
      {"not allowed", 403, status(403, "Forbidden", R"(User "u" cannot get)"), ErrorKind::denied,
       "User \"u\" cannot get"},
      {"bad token", 401, status(401, "Unauthorized", "Unauthorized"), ErrorKind::unauthenticated,
       "(401 Unauthorized); log in again"},
      {"stale version", 409, status(409, "Conflict", "the object has been modified"), ErrorKind::conflict, "modified"},
      {"name is taken", 409, status(409, "AlreadyExists", "already exists"), ErrorKind::conflict, "already exists"},
      {"expired version", 410, status(410, "Expired", "too old"), ErrorKind::conflict, "410 Expired: too old"},
      {"too many requests", 429, status(429, "TooManyRequests", "slow down"), ErrorKind::busy, "slow down"},
      {"server time-out", 500, status(500, "ServerTimeout", "wait"), ErrorKind::busy, "wait"},
      {"internal error", 500, status(500, "InternalError", "oops"), ErrorKind::protocol, "500 InternalError: oops"},
      {"invalid", 422, status(422, "Invalid", "spec.tags: Required value"), ErrorKind::unsupported, "Required value"},
      {"tag of a hidden stream", 422,
       status(422, "Invalid",
              R"(x is invalid: spec.tags[live].from: Forbidden: dev/shop: "no RBAC policy matched" "")"),
       ErrorKind::denied, "no RBAC policy matched"},
      {"tag of a missing stream", 422,
       status(422, "Invalid", R"(x is invalid: spec.tags[x].from.name: Not found: "none:1.0")"), ErrorKind::not_found,
       "none:1.0"},
      {"over a limit", 422,
       status(422, "Invalid", "requested usage of openshift.io/images exceeds the maximum limit per x (3 > 2)"),
       ErrorKind::denied, "whoever sets the quotas"},
      {"over a quota", 403, status(403, "Forbidden", "exceeded quota: rq, requested: 1"), ErrorKind::denied,
       "whoever sets the quotas"},
      {"web page of a router", 503, "<html><body>Application is not available</body></html>", ErrorKind::busy,
       "(503: a web page)"},
      {"plain text", 404, "404 page not found\n", ErrorKind::not_found, "(404: 404 page not found)"},
      {"paths", 404, R"({"paths": ["/api"]})", ErrorKind::not_found, "paths"},
      {"gateway", 504, "", ErrorKind::timeout, "(504)"},
      {"no body at all", 500, "", ErrorKind::protocol, "(500)"},
  };
  for (const auto& row : rows) {
    const auto error = error_of(row.http_status, row.body);
    EXPECT_EQ(to_string(error.kind()), to_string(row.kind)) << row.name << ": " << error.sentence();
    EXPECT_THAT(error.sentence(), HasSubstr(row.part)) << row.name;
    EXPECT_THAT(error.sentence(), HasSubstr("writing the tag prod/web:live")) << row.name;
    EXPECT_EQ(error.http_status(), row.http_status) << row.name;
  }
}

TEST(Status, KeepsTheFactsBehindTheSentence) {
  const auto error = error_of(422, R"({"kind":"Status","status":"Failure","reason":"Invalid","code":422,
      "message":"ImageStream \"web\" is invalid","details":{"name":"web","group":"image.openshift.io","kind":"ImageStream",
      "causes":[{"reason":"FieldValueRequired","message":"Required value","field":"spec.tags"}],"retryAfterSeconds":7}})");
  const auto* failure = failure_of(error);
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->code, 422);
  EXPECT_EQ(failure->reason, "Invalid");
  EXPECT_EQ(failure->kind, "ImageStream");
  EXPECT_EQ(failure->name, "web");
  EXPECT_EQ(failure->group, "image.openshift.io");
  EXPECT_EQ(failure->causes, (std::vector<ApiCause>{{"FieldValueRequired", "spec.tags", "Required value"}}));
  EXPECT_EQ(error.retry_after(), std::chrono::seconds(7));
  EXPECT_EQ(error.registry_code(), "Invalid");
  EXPECT_THAT(error.sentence(), HasSubstr("; spec.tags: Required value"));
  EXPECT_EQ(failure_of(Error(ErrorKind::internal, "x")), nullptr);
}

TEST(Status, ObeysTheHeaderBeforeTheDetails) {
  const auto error = error_of(429, "", {{"Retry-After", "3"}});
  EXPECT_EQ(error.retry_after(), std::chrono::seconds(3));
}

TEST(Status, MakesForeignTextsHarmless) {
  const auto error =
      error_of(403, testing::status_json(403, "Forb\x1b[31m", std::string(5000, 'x') + "\x1b]0;").dump());
  EXPECT_THAT(error.sentence(), Not(HasSubstr("\x1b")));
  EXPECT_LT(error.sentence().size(), 1500U);
}

TEST(Status, IsNotInObjectsThatAreNoRefusals) {
  EXPECT_FALSE(read_status(parsed(R"({"kind":"ImageStream","status":{"tags":[]}})")));
  EXPECT_FALSE(read_status(parsed(R"({"kind":"Status","status":"Success"})")));
  EXPECT_FALSE(read_status(parsed("[]")));
  EXPECT_TRUE(read_status(parsed(R"({"kind":"Status"})"))) << "whatever says nothing good is a failure";
  EXPECT_TRUE(read_status(parsed(R"({"kind":"Status","status":"Failure","code":"no","details":[],"reason":7})")));
}

TEST(Status, KnowsWhatIsExpiredAndWhatIsWorthATry) {
  ApiFailure failure;
  failure.code = 410;
  EXPECT_TRUE(failure.is_expired());
  EXPECT_FALSE(failure.worth_retrying());
  failure.code = 500;
  EXPECT_FALSE(failure.worth_retrying());
  failure.reason = "ServerTimeout";
  EXPECT_TRUE(failure.worth_retrying());
  failure.code = 409;
  failure.reason = "Conflict";
  EXPECT_TRUE(failure.is_stale());
  failure.reason = "AlreadyExists";
  EXPECT_FALSE(failure.is_stale());
}

}  // namespace
}  // namespace sluice::kube
