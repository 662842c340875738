// What the client sends for each operation has the shape of what was recorded: method, path, content type, and every
// recorded member of the body with its value.

#include "base/encoding.hpp"
#include "kube/client.hpp"
#include "kube/identity/login.hpp"
#include "kube/watch.hpp"
#include "unit/kube/kube_testing.hpp"
#include "unit/kube/recordings.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>

namespace sluice::kube {
namespace {

using testing::json_reply;
using testing::parsed;
using testing::reply;
using testing::url;
using testing::why;

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::map<std::string, std::string> parameters(const std::string& text) {
  std::map<std::string, std::string> out;
  std::size_t start = 0;
  while (start < text.size()) {
    const auto end = std::min(text.find('&', start), text.size());
    const auto pair = text.substr(start, end - start);
    const auto equals = std::min(pair.find('='), pair.size());
    out[decoded(pair.substr(0, equals))] = equals < pair.size() ? decoded(pair.substr(equals + 1)) : "";
    start = end + 1;
  }
  return out;
}

std::pair<std::string, std::string> path_and_query(const std::string& target) {
  const auto mark = std::min(target.find('?'), target.size());
  return {decoded(target.substr(0, mark)), mark < target.size() ? target.substr(mark + 1) : ""};
}

/// Where `recorded` has something that `sent` has not; "" when it is all there.
std::string missing(const Json& recorded, const Json& sent, const std::string& where) {
  if (recorded.is_object()) {
    for (const auto& [key, value] : recorded.members()) {
      const auto* ours = sent.find(key);
      if (ours == nullptr) return where + "." + key + " is missing";
      if (auto problem = missing(value, *ours, where + "." + key); !problem.empty()) return problem;
    }
    return {};
  }
  if (recorded.is_array() && sent.is_array() && recorded.items().size() == sent.items().size()) {
    for (std::size_t i = 0; i < recorded.items().size(); ++i) {
      if (auto problem = missing(recorded.items()[i], sent.items()[i], where + "[]"); !problem.empty()) return problem;
    }
    return {};
  }
  return recorded == sent ? "" : where + " is " + sent.dump() + " and was " + recorded.dump();
}

struct Operation {
  const char* name;
  const char* transcript;
  const char* method;
  const char* path;  ///< recorded, without a query
  std::function<void(Client&, const net::ExchangeContext&)> run;
  std::function<bool(const Json& request)> choose{};  ///< among several of the same path
};

class RequestsTest : public testing::ClusterTest {
 protected:
  void SetUp() override {
    exchanger.otherwise(
        [](const auto&, const auto&) { return json_reply(200, Json::object().set("items", Json::array())); });
  }

  void compare(const Operation& operation) {
    const auto before = count();
    operation.run(client(), context());
    const auto requests = exchanger.requests();
    ASSERT_GT(requests.size(), before) << operation.name;
    const auto& sent = requests[before];
    const auto recording = testing::transcript(operation.transcript);
    const Json* recorded = nullptr;
    for (const auto* step : recording.requests()) {
      const auto* request = step->find("request");
      if (text_at(*request, {"method"}) != operation.method) continue;
      if (path_and_query(text_at(*request, {"path"})).first != operation.path) continue;
      if (!operation.choose || operation.choose(*request)) {
        recorded = request;
        break;
      }
    }
    ASSERT_NE(recorded, nullptr) << operation.name << ": not in " << operation.transcript;
    EXPECT_EQ(to_string(sent.method), operation.method) << operation.name;
    const auto [path, query] = path_and_query(sent.url.target);
    EXPECT_EQ(path, operation.path) << operation.name;
    const auto ours = parameters(query);
    for (const auto& [key, value] : parameters(path_and_query(text_at(*recorded, {"path"})).second)) {
      EXPECT_TRUE(ours.contains(key)) << operation.name << ": no '" << key << "' in " << sent.url.target;
    }
    EXPECT_EQ(sent.headers.get("content-type").value_or(""), text_at(*recorded, {"headers", "Content-Type"}))
        << operation.name;
    compare_bodies(operation, *recorded, sent);
  }

  static void compare_bodies(const Operation& operation, const Json& recorded, const net::HttpRequest& sent) {
    const auto* body = recorded.find("body");
    if (body == nullptr) {
      EXPECT_EQ(sent.body, "") << operation.name;
    } else if (const auto text = body->string_at("$text")) {
      const auto ours = parameters(sent.body);
      for (const auto& [key, value] : parameters(*text))
        EXPECT_TRUE(ours.contains(key)) << operation.name << ": no " << key;
    } else {
      EXPECT_EQ(missing(*body, parsed(sent.body), "body"), "") << operation.name << "\n" << sent.body;
    }
  }
};

constexpr const char* kDev = "/apis/image.openshift.io/v1/namespaces/acme-dev";
constexpr const char* kProd = "/apis/image.openshift.io/v1/namespaces/acme-prod";
constexpr const char* kConfigs = "/apis/apps.openshift.io/v1/namespaces/acme-prod/deploymentconfigs";

std::string below(const char* start, const char* rest) { return std::string(start) + rest; }

using Context = net::ExchangeContext;

TEST_F(RequestsTest, ReadsAskAsRecorded) {
  const auto stream = below(kDev, "/imagestreams/web");
  const auto streams = below(kDev, "/imagestreams");
  const auto tag = below(kDev, "/imagestreamtags/web:1.0");
  const auto layers = below(kDev, "/imagestreams/web/layers");
  const auto config = below(kConfigs, "/site");
  Selection paged;
  paged.project = "acme-dev";
  paged.page = 2;
  Selection of_rollout;
  of_rollout.project = "acme-prod";
  of_rollout.label_selector = "deployment=site-1";
  const std::vector<Operation> rows{
      {"who am I", "05-who-am-i", "GET", "/apis/user.openshift.io/v1/users/~",
       [](Client& c, const Context& x) { static_cast<void>(c.who_am_i(x)); }},
      {"groups", "06-discovery", "GET", "/apis", [](Client& c, const Context& x) { static_cast<void>(c.groups(x)); }},
      {"a stream", "27-stream-basics", "GET", stream.c_str(),
       [](Client& c, const Context& x) { static_cast<void>(c.get<ImageStream>("acme-dev", "web", x)); }},
      {"a page of streams", "19-lists", "GET", streams.c_str(),
       [&](Client& c, const Context& x) { static_cast<void>(c.list<ImageStream>(paged, x)); },
       [](const Json& request) { return text_at(request, {"path"}).ends_with("?limit=2"); }},
      {"a tag", "28a-tag-view", "GET", tag.c_str(),
       [](Client& c, const Context& x) { static_cast<void>(c.get<ImageStreamTag>("acme-dev", "web:1.0", x)); }},
      {"layers", "36-stream-images-and-layers", "GET", layers.c_str(),
       [](Client& c, const Context& x) { static_cast<void>(c.layers("acme-dev", "web", x)); }},
      {"a deployment config", "63-image-change", "GET", config.c_str(),
       [](Client& c, const Context& x) { static_cast<void>(c.get<DeploymentConfig>("acme-prod", "site", x)); }},
      {"a controller", "90b-promote-by-tag", "GET", "/api/v1/namespaces/acme-prod/replicationcontrollers/site-1",
       [](Client& c, const Context& x) { static_cast<void>(c.get<ReplicationController>("acme-prod", "site-1", x)); }},
      {"pods of a rollout", "90b-promote-by-tag", "GET", "/api/v1/namespaces/acme-prod/pods",
       [&](Client& c, const Context& x) { static_cast<void>(c.list<Pod>(of_rollout, x)); }},
      {"a deployment", "76a-deployment", "GET", "/apis/apps/v1/namespaces/acme-prod/deployments/web",
       [](Client& c, const Context& x) { static_cast<void>(c.get<Deployment>("acme-prod", "web", x)); }},
      {"replica sets", "76a-deployment", "GET", "/apis/apps/v1/namespaces/acme-prod/replicasets",
       [](Client& c, const Context& x) { static_cast<void>(c.list<ReplicaSet>({"acme-prod", "", "", 500}, x)); }},
      {"a stateful set", "76b-other-workloads", "GET", "/apis/apps/v1/namespaces/acme-prod/statefulsets/web",
       [](Client& c, const Context& x) { static_cast<void>(c.get<StatefulSet>("acme-prod", "web", x)); }},
      {"a daemon set", "76b-other-workloads", "GET", "/apis/apps/v1/namespaces/acme-prod/daemonsets/web",
       [](Client& c, const Context& x) { static_cast<void>(c.get<DaemonSet>("acme-prod", "web", x)); }},
      {"an old cron job", "76b-other-workloads", "GET", "/apis/batch/v1beta1/namespaces/acme-prod/cronjobs/web",
       [](Client& c, const Context& x) {
         static_cast<void>(c.read(CronJob::kOldResource, "acme-prod", "web", "", x));
       }},
      {"the registry's route", "81-routes", "GET",
       "/apis/route.openshift.io/v1/namespaces/default/routes/docker-registry",
       [](Client& c, const Context& x) { static_cast<void>(c.get<Route>("default", "docker-registry", x)); }},
      {"image settings", "81-routes", "GET", "/apis/config.openshift.io/v1/images/cluster",
       [](Client& c, const Context& x) { static_cast<void>(c.get<ImageSettings>("", "cluster", x)); }},
      {"projects", "80-projects", "GET", "/apis/project.openshift.io/v1/projects",
       [](Client& c, const Context& x) { static_cast<void>(c.list<Project>({}, x)); }},
      {"a service account", "79-service-account-tokens", "GET", "/api/v1/namespaces/acme-dev/serviceaccounts/promo",
       [](Client& c, const Context& x) { static_cast<void>(c.get<ServiceAccount>("acme-dev", "promo", x)); }},
      {"limit ranges", "59a-image-size-limit", "GET", "/api/v1/namespaces/acme-dev/limitranges",
       [](Client& c, const Context& x) { static_cast<void>(c.list<LimitRange>({"acme-dev", "", "", 500}, x)); }},
      {"a quota", "61-stream-quota", "GET", "/api/v1/namespaces/acme-prod/resourcequotas/rq",
       [](Client& c, const Context& x) { static_cast<void>(c.get<ResourceQuota>("acme-prod", "rq", x)); }},
  };
  for (const auto& row : rows) compare(row);
}

TEST_F(RequestsTest, WritesSayWhatWasRecorded) {
  const auto streams = below(kDev, "/imagestreams");
  const auto web = below(kDev, "/imagestreams/web");
  const auto keep = below(kDev, "/imagestreams/keep");
  const auto live = below(kProd, "/imagestreamtags/web:live");
  const auto site_live = below(kProd, "/imagestreamtags/site:live");
  const auto imports = below(kProd, "/imagestreamimports");
  const auto instantiate = below(kConfigs, "/site/instantiate");
  const auto rollback = below(kConfigs, "/site/rollback");
  const auto registry_image = std::string("<registry>/acme-dev/web:1.0");
  const std::vector<Operation> rows{
      {"create a stream", "27-stream-basics", "POST", streams.c_str(),
       [](Client& c, const Context& x) {
         static_cast<void>(c.create("acme-dev", ImageStream::named("acme-dev", "web"), x));
       }},
      {"merge patch", "17a-patch-types", "PATCH", web.c_str(),
       [](Client& c, const Context& x) {
         static_cast<void>(c.patch<ImageStream>("acme-dev", "web", PatchType::merge,
                                                parsed(R"({"metadata":{"annotations":{"k":"v"}}})"), x));
       }},
      {"JSON patch", "17a-patch-types", "PATCH", web.c_str(),
       [](Client& c, const Context& x) {
         static_cast<void>(c.patch<ImageStream>("acme-dev", "web", PatchType::json,
                                                parsed(R"([{"op":"test","path":"/spec/tags/0/name","value":"a"},
                                                           {"op":"remove","path":"/spec/tags/1"}])"),
                                                x));
       },
       [](const Json& request) {
         return text_at(request, {"headers", "Content-Type"}) == "application/json-patch+json";
       }},
      {"delete a stream", "18-delete", "DELETE", web.c_str(),
       [](Client& c, const Context& x) { static_cast<void>(c.remove<ImageStream>("acme-dev", "web", x)); }},
      {"delete this very stream", "18-delete", "DELETE", keep.c_str(),
       [](Client& c, const Context& x) {
         static_cast<void>(c.remove<ImageStream>("acme-dev", "keep", x, {.uid = "<uid-3>"}));
       }},
      {"delete a tag", "28d-tag-delete", "DELETE", live.c_str(),
       [](Client& c, const Context& x) { static_cast<void>(c.remove<ImageStreamTag>("acme-prod", "web:live", x)); }},
      {"tag across projects", "90b-promote-by-tag", "PUT", site_live.c_str(),
       [](Client& c, const Context& x) {
         const ImageSource from{"ImageStreamImage", "acme-dev",
                                "web@sha256:7e9d2a49539cf39604c590c96e68f18d7eae6d251b9c099ab5ec1d894d7721b7"};
         static_cast<void>(c.tag(ImageStreamTag::pointing("acme-prod", "site", "live", from), x));
       }},
      {"import", "40a-import", "POST", imports.c_str(),
       [&](Client& c, const Context& x) {
         static_cast<void>(c.import(
             ImageStreamImport::of("acme-prod", "web", {registry_image, "live", true, false, false}, false), x));
       },
       [](const Json& request) { return flag_at(request, {"body", "spec", "import"}); }},
      {"dry run of an import", "40a-import", "POST", imports.c_str(),
       [&](Client& c, const Context& x) {
         static_cast<void>(
             c.import(ImageStreamImport::of("acme-prod", "web", {registry_image, "dry", true, false, false}, true), x));
       }},
      {"instantiate", "74a-instantiate", "POST", instantiate.c_str(),
       [](Client& c, const Context& x) { static_cast<void>(c.instantiate("acme-prod", "site", true, false, x)); }},
      {"rollback", "74b-rollback", "POST", rollback.c_str(),
       [](Client& c, const Context& x) { static_cast<void>(c.rollback("acme-prod", "site", 1, x)); }},
      {"create a project", "80-projects", "POST", "/apis/project.openshift.io/v1/projectrequests",
       [](Client& c, const Context& x) { static_cast<void>(c.create_project("acme-anon", x)); }},
      {"may I", "11-access-reviews", "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
       [](Client& c, const Context& x) {
         static_cast<void>(c.may_i({"get", "image.openshift.io", "imagestreams", "layers", "acme-dev", "web"}, x));
       }},
      {"may somebody else", "11-access-reviews", "POST",
       "/apis/authorization.k8s.io/v1/namespaces/acme-prod/localsubjectaccessreviews",
       [](Client& c, const Context& x) {
         static_cast<void>(c.may("system:serviceaccount:acme-prod:default",
                                 {"system:serviceaccounts", "system:serviceaccounts:acme-prod", "system:authenticated"},
                                 {"get", "image.openshift.io", "imagestreams", "layers", "acme-prod", "web"}, x));
       }},
      {"log out", "03-bad-token", "DELETE", "/apis/oauth.openshift.io/v1/oauthaccesstokens/<token-temp>",
       [](Client& c, const Context& x) { static_cast<void>(log_out(c.connection(), Secret("<token-temp>"), x)); }},
  };
  for (const auto& row : rows) compare(row);
}

TEST_F(RequestsTest, AWatchAsksAsRecorded) {
  exchanger.then(json_reply(200, parsed(R"({"metadata":{"resourceVersion":"0"},"items":[]})")));
  testing::FakeStreams streams;
  Selection selection;
  selection.project = "acme-dev";
  Watch watch(client(), streams, ImageStream::kResource, selection);
  ASSERT_TRUE(watch.next(context()).ok());
  ASSERT_EQ(streams.requests.size(), 1U);
  const auto [path, query] = path_and_query(streams.requests[0].url.target);
  const auto ours = parameters(query);
  const auto recording = testing::transcript("21a-watch-start");
  std::size_t compared = 0;
  for (const auto* step : recording.requests()) {
    const auto target = text_at(*step, {"request", "path"});
    if (target.find("watch=true") == std::string::npos || target.find("resourceVersion=0") == std::string::npos)
      continue;
    const auto [recorded_path, recorded_query] = path_and_query(target);
    EXPECT_EQ(path, recorded_path);
    for (const auto& [key, value] : parameters(recorded_query)) EXPECT_TRUE(ours.contains(key)) << key;
    ++compared;
  }
  EXPECT_GT(compared, 0U);
}

TEST_F(RequestsTest, LoginsAskAsRecorded) {
  for (const bool code : {false, true}) {
    const auto recording = testing::transcript(code ? "04b-code-flow" : "04a-token-flow");
    const auto discovery = Json::object()
                               .set("issuer", "https://api.example.com")
                               .set("authorization_endpoint", "https://api.example.com/oauth/authorize")
                               .set("token_endpoint", "https://api.example.com/oauth/token")
                               .set("response_types_supported", parsed(code ? R"(["code"])" : R"(["token"])"))
                               .set("code_challenge_methods_supported", parsed(R"(["S256"])"));
    const auto before = count();
    exchanger.then(json_reply(200, discovery));
    const std::string state = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq";
    exchanger.then(reply(302, "",
                         {{"Location", code ? "https://api.example.com/x?code=c&state=" + state
                                            : "https://api.example.com/x#access_token=t"}}));
    if (code) exchanger.then(json_reply(200, parsed(R"({"access_token":"t"})")));
    LoginRequest request;
    request.server = url("https://api.example.com");
    request.username = "ann";
    request.password = Secret("p");
    request.random = [&] { return state; };
    ASSERT_TRUE(log_in(exchanger, request, context()).ok());
    const auto requests = exchanger.requests();
    for (std::size_t i = before; i < requests.size(); ++i) {
      const auto [path, query] = path_and_query(requests[i].url.target);
      const auto ours = parameters(query);
      bool found = false;
      for (const auto* step : recording.requests()) {
        const auto [recorded_path, recorded_query] = path_and_query(text_at(*step, {"request", "path"}));
        if (recorded_path != path || text_at(*step, {"request", "method"}) != to_string(requests[i].method)) continue;
        if (number_at(*step, {"response", "status"}) >= 400) continue;
        found = true;
        for (const auto& [key, value] : parameters(recorded_query))
          EXPECT_TRUE(ours.contains(key)) << path << " " << key;
        const auto body = testing::body_text(at(*step, {"request", "body"}));
        const auto sent = parameters(requests[i].body);
        for (const auto& [key, value] : parameters(body)) EXPECT_TRUE(sent.contains(key)) << path << " " << key;
        break;
      }
      EXPECT_TRUE(found || path.starts_with("/.well-known")) << path;
    }
  }
}

}  // namespace
}  // namespace sluice::kube
