// Who may ask the registry, and how it says no. Contract items 44 to 47.

#include "sandbox/registry/access.hpp"
#include "sandbox/registry/path.hpp"
#include "unit/sandbox/registry_testing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::sandbox {
namespace {

using testing::RegistryTest;
using testing::SmallImage;

constexpr std::string_view kDenied = R"(Basic realm=openshift,error="access denied")";
constexpr std::string_view kBearer = R"(Bearer realm="http://reg:5000/openshift/token")";

class RegistryAccess : public RegistryTest {
 protected:
  net::ServerReply with(const std::string& target, const std::string& authorization) {
    return send({"GET", target, "", {{"Authorization", authorization}}});
  }
};

TEST_F(RegistryAccess, Item44SaysNoWith401InEveryCase) {
  push("dev/web", "1.0", SmallImage::make("a"));
  struct Row {
    std::string name;
    Sent sent;
    std::string_view challenge;
    std::string detail;
  };
  const std::string pull = R"({"Type":"repository","Class":"","Name":"dev/web","Action":"pull"})";
  const std::string both = pull + R"(,{"Type":"repository","Class":"","Name":"dev/web","Action":"push"})";
  const std::vector<Row> rows = {
      {"nothing shown", {"GET", "/v2/", ""}, kBearer, "null"},
      {"nothing shown for a manifest", {"GET", "/v2/dev/web/manifests/1.0", ""}, kBearer, "[" + pull + "]"},
      {"no right", {"GET", "/v2/dev/web/manifests/1.0", "nobody"}, kDenied, "[" + pull + "]"},
      {"an unknown token", {"GET", "/v2/dev/web/manifests/1.0", "wrong"}, kDenied, "[" + pull + "]"},
      {"an unknown token for /v2/", {"GET", "/v2/", "wrong"}, kDenied, "null"},
      {"pull only", {"POST", "/v2/dev/web/blobs/uploads/", "peter"}, kDenied, "[" + both + "]"},
      {"no right on the target of a mount",
       {"POST", "/v2/dev/web/blobs/uploads/?mount=sha256:1&from=dev/src", "nobody"},
       kDenied,
       "[" + both + R"(,{"Type":"repository","Class":"","Name":"dev/src","Action":"pull"}])"},
      {"no such project",
       {"GET", "/v2/gone/web/tags/list"},
       kDenied,
       R"([{"Type":"repository","Class":"","Name":"gone/web","Action":"pull"}])"},
      {"the catalog",
       {"GET", "/v2/_catalog"},
       kDenied,
       R"([{"Type":"registry","Class":"","Name":"catalog","Action":"*"}])"},
      {"metrics",
       {"GET", "/extensions/v2/metrics", ""},
       kBearer,
       R"([{"Type":"metrics","Class":"","Name":"","Action":"get"}])"},
  };
  for (const auto& row : rows) {
    const auto reply = send(row.sent);
    EXPECT_EQ(reply.status, 401) << row.name;
    EXPECT_EQ(header(reply, "WWW-Authenticate"), row.challenge) << row.name;
    EXPECT_EQ(reply.body, R"({"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":)" +
                              row.detail + "}]}\n")
        << row.name;
    EXPECT_EQ(header(reply, "X-Registry-Supports-Signatures"), "1") << row.name;
    EXPECT_EQ(header(reply, "Docker-Distribution-Api-Version"), "registry/2.0") << row.name;
  }
}

TEST_F(RegistryAccess, Item44ReadsTokensOutOfBearerAndBasic) {
  // base64 of ann:t-ann, of ann: and of t-ann
  struct Row {
    std::string authorization;
    int status;
    std::string challenge;
  };
  for (const auto& row :
       {Row{"Bearer t-ann", 200, ""}, Row{"bearer t-ann", 200, ""}, Row{"Basic YW5uOnQtYW5u", 200, ""},
        Row{"Basic YW5uOg==", 401, R"(Basic realm=openshift,error="failed to decode credentials")"},
        Row{"Basic dC1hbm4=", 401, R"(Basic realm=openshift,error="failed to decode credentials")"},
        Row{"Bearer anonymous", 200, ""}, Row{"Digest x", 401, std::string(kBearer)},
        Row{"Bearer", 401, std::string(kBearer)}}) {
    const auto reply = with("/v2/", row.authorization);
    EXPECT_EQ(reply.status, row.status) << row.authorization;
    EXPECT_EQ(header(reply, "WWW-Authenticate"), row.challenge) << row.authorization;
    EXPECT_EQ(reply.body == "{}", row.status == 200) << row.authorization;
  }
}

TEST_F(RegistryAccess, Item45GivesTheTokenThatIsThePassword) {
  struct Row {
    std::string name;
    std::string target;
    std::string authorization;
    int status;
    std::string body;
  };
  const std::vector<Row> rows = {
      {"nothing", "/openshift/token?scope=repository:dev/web:pull", "", 200,
       R"({"access_token":"anonymous","token":"anonymous"})"},
      {"a good one", "/openshift/token?scope=nonsense", "Basic YW5uOnQtYW5u", 200,
       R"({"access_token":"t-ann","token":"t-ann"})"},
      {"a bad one", "/openshift/token", "Basic YW5uOmJhZA==", 401, ""},
      {"a Bearer header", "/openshift/token", "Bearer t-ann", 401, ""},
      {"three parts", "/openshift/token?scope=repository:a/b/c:pull", "Basic YW5uOnQtYW5u", 401,
       R"({"details":"repository name \"a/b/c\" invalid: it must be of the format <project>/<name>"})"},
  };
  for (const auto& row : rows) {
    net::Headers headers;
    if (!row.authorization.empty()) headers.set("Authorization", row.authorization);
    const auto reply = send({"GET", row.target, "", headers});
    EXPECT_EQ(reply.status, row.status) << row.name;
    EXPECT_EQ(reply.body, row.body.empty() ? "" : row.body + "\n") << row.name;
    EXPECT_EQ(header(reply, "Content-Type"), "application/json") << row.name;
    EXPECT_EQ(header(reply, "WWW-Authenticate"), "") << row.name;
  }
}

TEST_F(RegistryAccess, Item46AsksForTheRightsThatTheRequestNeeds) {
  push("dev/web", "1.0", SmallImage::make("a"));
  struct Row {
    Sent sent;
    int status;
  };
  const std::string digest(64, '0');
  for (const auto& row :
       {Row{{"GET", "/v2/dev/web/tags/list", "peter"}, 200}, Row{{"PUT", "/v2/dev/web/manifests/2", "peter"}, 401},
        Row{{"DELETE", "/v2/dev/web/manifests/sha256:" + digest, "ann"}, 401},
        Row{{"DELETE", "/v2/dev/web/blobs/sha256:" + digest, "ann"}, 401},
        Row{{"DELETE", "/admin/blobs/sha256:" + digest, "ann"}, 401},
        Row{{"DELETE", "/admin/blobs/sha256:" + digest, "admin"}, 204}, Row{{"GET", "/v2/_catalog", "admin"}, 200},
        Row{{"GET", "/extensions/v2/metrics", "admin"}, 200}}) {
    EXPECT_EQ(send(row.sent).status, row.status) << row.sent.method << " " << row.sent.target << " " << row.sent.as;
  }
}

TEST_F(RegistryAccess, Item47RefusesNamesThatAreNotProjectAndStream) {
  struct Row {
    std::string method;
    std::string target;
    int status;
    std::string body;
  };
  const std::string missing = "404 page not found\n";
  for (const auto& row :
       {Row{"POST", "/v2/dev/a/b/blobs/uploads/", 400, ""}, Row{"POST", "/v2/single/blobs/uploads/", 400, ""},
        Row{"GET", "/v2/dev/a/b/manifests/1.0", 400, ""}, Row{"GET", "/v2/dev/UPPER/manifests/1.0", 404, missing},
        Row{"GET", "/v2/dev/web/nonsense", 404, missing},
        Row{"GET", "/v2/dev/web/manifests/sha256:short", 404, missing},
        Row{"PUT", "/v2/dev/web/manifests/-bad", 404, missing}}) {
    const auto reply = send({row.method, row.target});
    EXPECT_EQ(reply.status, row.status) << row.target;
    EXPECT_EQ(reply.body, row.body) << row.target;
  }
}

TEST_F(RegistryAccess, AnswersMethodsThatAPathDoesNotHaveWith405) {
  const auto reply = send({"GET", "/v2/dev/web/blobs/uploads/"});
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(header(reply, "Allow"), "POST");
}

TEST(RegistryPaths, AreReadByTheGrammarOfTheirRoutes) {
  using Kind = RegistryPath::Kind;
  const std::string digest = "sha256:" + std::string(64, 'a');
  struct Row {
    std::string path;
    Kind kind;
    std::string name;
    std::string reference;
  };
  for (const auto& row : {Row{"/", Kind::health, "", ""},
                          Row{"/healthz", Kind::health, "", ""},
                          Row{"/v2", Kind::redirect, "", "/v2/"},
                          Row{"/v2/", Kind::base, "", ""},
                          Row{"/v2/_catalog", Kind::catalog, "", ""},
                          Row{"/v2/a/b/tags/list", Kind::tags, "a/b", ""},
                          Row{"/v2/a/b/tags/other", Kind::unknown, "", ""},
                          Row{"/v2/a/b/manifests/v1", Kind::manifest, "a/b", "v1"},
                          Row{"/v2/a/b/manifests/" + digest, Kind::manifest, "a/b", digest},
                          Row{"/v2/a/manifests/b/manifests/v1", Kind::manifest, "a/manifests/b", "v1"},
                          Row{"/v2/a/b/blobs/" + digest, Kind::blob, "a/b", digest},
                          Row{"/v2/a/b/blobs/sha256:12", Kind::unknown, "", ""},
                          Row{"/v2/a/b/blobs/uploads/", Kind::uploads, "a/b", ""},
                          Row{"/v2/a/b/blobs/uploads", Kind::redirect, "", "/v2/a/b/blobs/uploads/"},
                          Row{"/v2/a/b/blobs/uploads/x-1", Kind::upload, "a/b", "x-1"},
                          Row{"/v2/a/b/blobs/uploads/x 1", Kind::unknown, "", ""},
                          Row{"/v2/../b/blobs/uploads/", Kind::unknown, "", ""},
                          Row{"/extensions/v2/a/b/signatures/" + digest, Kind::signatures, "a/b", digest},
                          Row{"/extensions/v2/metrics", Kind::metrics, "", ""},
                          Row{"/admin/blobs/" + digest, Kind::admin_blob, "", digest},
                          Row{"/admin/blobs/x", Kind::unknown, "", ""},
                          Row{"/nonsense", Kind::unknown, "", ""}}) {
    const auto path = RegistryPath::parse(row.path);
    EXPECT_EQ(path.kind, row.kind) << row.path;
    EXPECT_EQ(path.name, row.name) << row.path;
    EXPECT_EQ(path.reference, row.reference) << row.path;
  }
}

TEST(RegistryBaseUrl, FollowsTheProxyInFront) {
  net::ServerRequest request;
  request.headers.set("Host", "127.0.0.1:5000");
  EXPECT_EQ(base_url(request), "http://127.0.0.1:5000");
  request.tls = true;
  EXPECT_EQ(base_url(request), "https://127.0.0.1:5000");
  request.tls = false;
  request.headers.set("X-Forwarded-Proto", "https");
  request.headers.set("X-Forwarded-Host", "registry.apps.example.com, inner");
  EXPECT_EQ(base_url(request), "https://registry.apps.example.com");
}

}  // namespace
}  // namespace sluice::sandbox
