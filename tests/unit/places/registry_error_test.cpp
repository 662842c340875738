#include "places/registry_error.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::places {
namespace {

net::HttpResponse json(int status, std::string body) {
  return {status, {{"Content-Type", "application/json; charset=utf-8"}}, std::move(body)};
}
net::HttpResponse page(int status, std::string body = "<html><body>Hello</body></html>") {
  return {status, {{"Content-Type", "text/html"}}, std::move(body)};
}
net::HttpResponse plain(int status, std::string body = {}) {
  return {status, {{"Content-Type", "text/plain"}}, std::move(body)};
}
std::string envelope(const std::string& code, const std::string& message = "words") {
  return R"({"errors":[{"code":")" + code + R"(","message":")" + message + R"(","detail":null}]})";
}

constexpr const char* kHost = "registry.example.com:5000";
constexpr const char* kWhat = "writing the manifest shop/web:latest";

Error error_of(const net::HttpResponse& response) { return to_error(response, kHost, kWhat); }

TEST(RegistryProblems, AreReadFromTheEnvelope) {
  struct Row {
    const char* name;
    std::string body;
    std::string code;
    std::string message;
  };
  const Row rows[] = {
      {"usual", envelope("MANIFEST_UNKNOWN", "manifest unknown"), "MANIFEST_UNKNOWN", "manifest unknown"},
      {"without message", R"({"errors":[{"code":"DENIED"}]})", "DENIED", ""},
      {"message alone", R"({"errors":[{"message":"no"}]})", "", ""},
      {"first of two", R"({"errors":[{"code":"A","message":"a"},{"code":"B","message":"b"}]})", "A", "a"},
      {"null code first", R"({"errors":[{"code":null},{"code":"B","message":"b"}]})", "B", "b"},
      {"control characters", "{\"errors\":[{\"code\":\"A\",\"message\":\"x\\u001b[2Jy\"}]}", "A", "x?[2Jy"},
      {"no errors", "{}", "", ""},
      {"null errors", R"({"errors":null})", "", ""},
      {"errors is no list", R"({"errors":"DENIED"})", "", ""},
      {"entries are no objects", R"({"errors":["DENIED",7,null]})", "", ""},
      {"a list", "[]", "", ""},
      {"cut off", R"({"errors":[{"code":"DEN)", "", ""},
      {"nothing", "", "", ""},
      {"words", "404 page not found", "", ""},
  };
  for (const auto& row : rows) {
    const auto problem = read_problem(json(400, row.body));
    EXPECT_EQ(problem.code, row.code) << row.name;
    if (row.code.empty()) continue;
    EXPECT_EQ(problem.message, row.message) << row.name;
  }
}

TEST(RegistryProblems, AreShortHoweverLongTheAnswer) {
  const auto problem = read_problem(json(400, envelope(std::string(5'000, 'C'), std::string(5'000, 'm'))));
  EXPECT_LE(problem.code.size(), 70U);
  EXPECT_LE(problem.message.size(), 210U);
  EXPECT_LE(error_of(plain(400, std::string(100'000, 'x'))).message().size(), 400U);
}

TEST(RegistryProblems, NameTheBlobsThatAreMissing) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::string other = "sha256:" + std::string(64, 'b');
  const std::string body =
      R"({"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown","detail":{"digest":")" + digest +
      R"("}},{"code":"MANIFEST_BLOB_UNKNOWN","message":"m","detail":")" + other +
      R"("},{"code":"MANIFEST_BLOB_UNKNOWN"}]})";
  const auto problem = read_problem(json(400, body));
  EXPECT_EQ(problem.blobs, (std::vector<std::string>{digest, other}));
  const auto error = error_of(json(400, body));
  EXPECT_EQ(error.kind(), ErrorKind::conflict);
  EXPECT_EQ(error.registry_code(), "MANIFEST_BLOB_UNKNOWN");
  EXPECT_NE(error.message().find(digest), std::string::npos) << error.message();
  EXPECT_NE(error.message().find(other), std::string::npos) << error.message();
  const auto* missing = unknown_content(error);
  ASSERT_NE(missing, nullptr);
  ASSERT_EQ(missing->digests.size(), 2U);
  EXPECT_EQ(missing->digests[0].text(), digest);
  EXPECT_EQ(missing->digests[1].text(), other);
  EXPECT_EQ(unknown_content(error_of(json(400, envelope("MANIFEST_BLOB_UNKNOWN")))), nullptr) << "it names nothing";
}

TEST(RegistryErrors, HaveTheKindThatTheCodeOrElseTheStatusSays) {
  struct Row {
    const char* name;
    net::HttpResponse response;
    ErrorKind kind;
  };
  const Row rows[] = {
      {"denied, 403", json(403, envelope("DENIED")), ErrorKind::denied},
      {"denied, 401 (Docker Hub, Quay)", json(401, envelope("DENIED")), ErrorKind::denied},
      {"unauthorized, 401", json(401, envelope("UNAUTHORIZED")), ErrorKind::unauthenticated},
      {"unauthorized, 403", json(403, envelope("UNAUTHORIZED")), ErrorKind::unauthenticated},
      {"name unknown, 404", json(404, envelope("NAME_UNKNOWN")), ErrorKind::not_found},
      {"name unknown, 400", json(400, envelope("NAME_UNKNOWN")), ErrorKind::not_found},
      {"manifest unknown", json(404, envelope("MANIFEST_UNKNOWN")), ErrorKind::not_found},
      {"blob unknown", json(404, envelope("BLOB_UNKNOWN")), ErrorKind::not_found},
      {"missing blob", json(404, envelope("MANIFEST_BLOB_UNKNOWN")), ErrorKind::conflict},
      {"invalid manifest", json(400, envelope("MANIFEST_INVALID")), ErrorKind::unsupported},
      {"invalid digest", json(400, envelope("DIGEST_INVALID")), ErrorKind::integrity},
      {"unsupported", json(405, envelope("UNSUPPORTED")), ErrorKind::unsupported},
      {"too many requests", json(429, envelope("TOOMANYREQUESTS")), ErrorKind::busy},
      {"too many requests, 403", json(403, envelope("TOOMANYREQUESTS")), ErrorKind::busy},
      {"unknown code", json(404, envelope("NEW_ONE")), ErrorKind::not_found},
      {"500 with a code", json(500, envelope("UNKNOWN")), ErrorKind::busy},
      {"503 with a denial", json(503, envelope("DENIED")), ErrorKind::busy},
      {"401, nothing", plain(401), ErrorKind::unauthenticated},
      {"403, words", plain(403, "Forbidden"), ErrorKind::denied},
      {"404, words", plain(404, "404 page not found"), ErrorKind::not_found},
      {"405", plain(405), ErrorKind::unsupported},
      {"408", plain(408), ErrorKind::busy},
      {"409", plain(409), ErrorKind::conflict},
      {"412", plain(412), ErrorKind::conflict},
      {"413", plain(413), ErrorKind::unsupported},
      {"415", plain(415), ErrorKind::unsupported},
      {"400", plain(400), ErrorKind::protocol},
      {"200 where it makes no sense", plain(200), ErrorKind::protocol},
      {"redirect", plain(307), ErrorKind::protocol},
      {"502", plain(502, "Bad Gateway"), ErrorKind::busy},
      {"507", plain(507), ErrorKind::busy},
      {"web page, 200", page(200), ErrorKind::protocol},
      {"web page, 404", page(404), ErrorKind::protocol},
      {"web page, 403", page(403), ErrorKind::protocol},
      {"web page of a gateway", page(502), ErrorKind::busy},
      {"web page of nginx about size", page(413), ErrorKind::unsupported},
  };
  for (const auto& row : rows) {
    const auto error = error_of(row.response);
    EXPECT_EQ(to_string(error.kind()), to_string(row.kind)) << row.name << ": " << error.sentence();
    EXPECT_EQ(error.http_status(), row.response.status) << row.name;
  }
}

TEST(RegistryErrors, SayWhatWasTriedOnWhatAndWhatCameBack) {
  struct Row {
    const char* name;
    net::HttpResponse response;
    std::string sentence;
    std::string hint;
  };
  const Row rows[] = {
      {"denied", json(403, envelope("DENIED", "requested access is denied")),
       "registry.example.com:5000 refused: writing the manifest shop/web:latest (403, DENIED, requested access is "
       "denied)",
       "sluice login registry.example.com:5000"},
      {"unauthorized", json(401, envelope("UNAUTHORIZED", "")),
       "registry.example.com:5000 refused: writing the manifest shop/web:latest (401, UNAUTHORIZED)",
       "log in with: sluice login registry.example.com:5000"},
      {"not found", json(404, envelope("NAME_UNKNOWN", "repository name not known")),
       "registry.example.com:5000 does not have what is asked for: writing the manifest shop/web:latest (404, "
       "NAME_UNKNOWN, repository name not known)",
       ""},
      {"words", plain(400, "  client sent nonsense\n"),
       "registry.example.com:5000 refused: writing the manifest shop/web:latest (400, client sent nonsense)", ""},
      {"nothing", plain(503), "registry.example.com:5000 refused: writing the manifest shop/web:latest (503)",
       "try again later"},
      {"too large", page(413), "registry.example.com:5000 refused: writing the manifest shop/web:latest (413",
       "limits the size of uploads"},
      {"web page", page(200), "with a web page (200)", "without a path"},
      {"escape characters", plain(400, "\x1b[31mred"), "?[31mred", ""},
  };
  for (const auto& row : rows) {
    const auto error = error_of(row.response);
    EXPECT_NE(error.message().find(row.sentence), std::string::npos) << row.name << ": " << error.message();
    EXPECT_NE(error.hint().find(row.hint), std::string::npos) << row.name << ": " << error.hint();
  }
}

TEST(RegistryErrors, ShowWhatTheRegistryAdds) {
  const auto zot = json(415, R"({"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid","detail":)"
                             R"({"mediaType":"application/vnd.docker.distribution.manifest.v2+json"}}]})");
  const auto error = error_of(zot);
  EXPECT_NE(error.message().find("application/vnd.docker.distribution.manifest.v2+json"), std::string::npos)
      << error.message();
  EXPECT_NE(error.hint().find("docker2s2"), std::string::npos) << error.hint();
  const auto text =
      error_of(json(403, R"({"errors":[{"code":"DENIED","message":"denied","detail":"read-only mode"}]})"));
  EXPECT_NE(text.message().find("read-only mode"), std::string::npos) << text.message();
}

TEST(RegistryErrors, DoNotTellPeopleToLogInWhereNobodyMayWrite) {
  const auto error = error_of(json(403, envelope("DENIED", "repository is read-only")));
  EXPECT_EQ(error.kind(), ErrorKind::denied);
  EXPECT_EQ(error.hint().find("log in"), std::string::npos) << error.hint();
}

TEST(RegistryErrors, AreFinalWhenOneOfTheReasonsIs) {
  const auto body = R"({"errors":[{"code":"UNKNOWN","message":"unknown error"},)"
                    R"({"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown","detail":{"digest":"x"}}]})";
  const auto final = error_of(json(500, body));
  EXPECT_EQ(final.kind(), ErrorKind::conflict) << final.message();
  EXPECT_EQ(final.registry_code(), "MANIFEST_BLOB_UNKNOWN");
  EXPECT_EQ(error_of(json(500, envelope("UNKNOWN", "unknown error"))).kind(), ErrorKind::busy);
  EXPECT_EQ(error_of(json(429, envelope("UNSUPPORTED", "slow down"))).kind(), ErrorKind::busy);
}

TEST(RegistryErrors, AskForTheClientCertificateThatIsMissing) {
  auto response = page(400);
  response.body = "<html><head><title>400 No required SSL certificate was sent</title></head></html>";
  const auto error = error_of(response);
  EXPECT_EQ(error.kind(), ErrorKind::unauthenticated);
  EXPECT_NE(error.message().find("asks for a client certificate"), std::string::npos) << error.message();
  EXPECT_NE(error.hint().find("*.cert and *.key"), std::string::npos) << error.hint();
  EXPECT_EQ(error.hint().find("address"), std::string::npos) << "the address is right";
}

TEST(WebPages, OfAnotherHostAreToldWithItsName) {
  auto response = page(200);
  response.from = "sso.example.com";
  const auto error = error_of(response);
  EXPECT_EQ(error.kind(), ErrorKind::protocol);
  EXPECT_NE(error.message().find("redirect to sso.example.com"), std::string::npos) << error.message();
}

}  // namespace
}  // namespace sluice::places
