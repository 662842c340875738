#include "kube/client.hpp"

#include "kube/paths.hpp"

#include <fmt/format.h>

#include <utility>

namespace sluice::kube {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr int kListTries = 3;
constexpr std::size_t kMaxObjects = 200'000;  // an endless list is no list
constexpr std::size_t kMaxLogBytes = std::size_t{64} * 1024;

ApiCall with_body(net::Method method, std::string target, std::string_view content_type, const Json& body,
                  std::string what) {
  ApiCall call;
  call.method = method;
  call.target = std::move(target);
  call.content_type = content_type;
  call.body = body.dump();
  call.what = std::move(what);
  return call;
}

// A review changes nothing.
ApiCall review_call(std::string target, const Json& body, std::string what) {
  auto call = with_body(net::Method::post, std::move(target), kJson, body, std::move(what));
  call.repeatable = true;
  return call;
}

ApiCall without_body(net::Method method, std::string target, std::string what) {
  ApiCall call;
  call.method = method;
  call.target = std::move(target);
  call.what = std::move(what);
  return call;
}

std::string_view content_type_of(PatchType type) {
  switch (type) {
    case PatchType::merge:
      return "application/merge-patch+json";
    case PatchType::json:
      return "application/json-patch+json";
    case PatchType::strategic:
      return "application/strategic-merge-patch+json";
  }
  return "application/merge-patch+json";
}

Json question_json(const AccessQuestion& question) {
  Json out = Json::object();
  if (!question.project.empty()) out.set("namespace", question.project);
  out.set("verb", question.verb).set("group", question.group).set("resource", question.resource);
  if (!question.subresource.empty()) out.set("subresource", question.subresource);
  if (!question.name.empty()) out.set("name", question.name);
  return out;
}

}  // namespace

std::string_view to_string(Release release) {
  switch (release) {
    case Release::v3:
      return "OpenShift 3";
    case Release::v4:
      return "OpenShift 4";
    case Release::kubernetes:
      return "Kubernetes";
  }
  return "Kubernetes";
}

Result<Json> Client::read(const Resource& resource, std::string_view project, std::string_view name,
                          std::string_view subresource, const net::ExchangeContext& context) {
  auto what = "reading " + shown(resource, project, name);
  if (!subresource.empty()) what += " (" + std::string(subresource) + ")";
  return connection_.call(
      without_body(net::Method::get, path_of(resource, project, name, subresource), std::move(what)), context);
}

Result<Client::Pages> Client::page(const Resource& resource, const Selection& selection, std::string& token,
                                   const net::ExchangeContext& context) {
  const auto target = with_query(path_of(resource, selection.project),
                                 {{"fieldSelector", selection.name.empty() ? "" : "metadata.name=" + selection.name},
                                  {"labelSelector", selection.label_selector},
                                  {"limit", selection.page > 0 ? std::to_string(selection.page) : ""},
                                  {"continue", token}});
  SLUICE_TRY(auto json,
             connection_.call(
                 without_body(net::Method::get, target, "listing " + shown(resource, selection.project, "")), context));
  auto* items = json.find("items");
  if (items == nullptr || !(items->is_array() || items->is_null())) {
    return Error(ErrorKind::protocol,
                 connection_.host() + " answered with something that is no list of " + std::string(resource.plural));
  }
  Pages out;
  out.resource_version = text_at(json, {"metadata", "resourceVersion"});
  token = text_at(json, {"metadata", "continue"});
  if (auto* array = items->elements()) out.items = std::move(*array);
  for (auto& item : out.items) {
    // Lists say once for all what their items are; a view that stands alone should know it too.
    if (item.is_object() && item.find("kind") == nullptr) {
      item.set("kind", resource.kind).set("apiVersion", resource.api_version());
    }
  }
  return out;
}

Result<Client::Pages> Client::first_page_json(const Resource& resource, const Selection& selection,
                                              const net::ExchangeContext& context) {
  std::string token;
  return page(resource, selection, token, context);
}

Result<Client::Pages> Client::list_once(const Resource& resource, const Selection& selection,
                                        const net::ExchangeContext& context) {
  Pages all;
  std::string token;
  do {
    const auto before = token;
    SLUICE_TRY(auto one, page(resource, selection, token, context));
    all.resource_version = std::move(one.resource_version);
    for (auto& item : one.items) all.items.push_back(std::move(item));
    if (!token.empty() && (token == before || all.items.size() > kMaxObjects)) {
      return Error(ErrorKind::protocol,
                   connection_.host() + " gives a list of " + std::string(resource.plural) + " without an end");
    }
  } while (!token.empty());
  return all;
}

Result<Client::Pages> Client::list_json(const Resource& resource, const Selection& selection,
                                        const net::ExchangeContext& context) {
  for (int attempt = 1;; ++attempt) {
    auto pages = list_once(resource, selection, context);
    // The snapshot that the pages show was forgotten by the server: only a new list is consistent.
    if (pages || !is_expired(pages.error()) || attempt == kListTries) return pages;
  }
}

Result<Json> Client::post(const Resource& resource, std::string_view project, std::string_view name,
                          std::string_view subresource, const Json& body, const net::ExchangeContext& context,
                          bool repeatable) {
  auto what = subresource.empty() ? "creating " + shown(resource, project, text_at(body, {"metadata", "name"}))
                                  : std::string(subresource) + " of " + shown(resource, project, name);
  auto call = with_body(net::Method::post, path_of(resource, project, name, subresource), kJson, body, std::move(what));
  call.repeatable = repeatable;
  return connection_.call(call, context);
}

Result<Json> Client::put(const Resource& resource, std::string_view project, std::string_view name, const Json& body,
                         const net::ExchangeContext& context) {
  return connection_.call(with_body(net::Method::put, path_of(resource, project, name), kJson, body,
                                    "writing " + shown(resource, project, name)),
                          context);
}

Result<Json> Client::patch_json(const Resource& resource, std::string_view project, std::string_view name,
                                PatchType type, const Json& body, const net::ExchangeContext& context) {
  auto call = with_body(net::Method::patch, path_of(resource, project, name), content_type_of(type), body,
                        "changing " + shown(resource, project, name));
  call.repeatable = type != PatchType::json && text_at(body, {"metadata", "resourceVersion"}).empty();
  return connection_.call(call, context);
}

Status Client::remove_json(const Resource& resource, std::string_view project, std::string_view name,
                           const RemoveOptions& options, const net::ExchangeContext& context) {
  auto call =
      without_body(net::Method::del, path_of(resource, project, name), "deleting " + shown(resource, project, name));
  if (!options.uid.empty()) {
    call.content_type = kJson;
    call.body = Json::object()
                    .set("kind", "DeleteOptions")
                    .set("apiVersion", "v1")
                    .set("preconditions", Json::object().set("uid", options.uid))
                    .dump();
  }
  SLUICE_CHECK(connection_.call(call, context));
  return {};
}

Result<Json> Client::update_json(const Resource& resource, std::string_view project, std::string_view name,
                                 const std::function<Result<bool>(Json&)>& change,
                                 const net::ExchangeContext& context) {
  for (int attempt = 1;; ++attempt) {
    SLUICE_TRY(auto object, read(resource, project, name, "", context));
    SLUICE_TRY(const bool wanted, change(object));
    if (!wanted) return object;
    auto written = put(resource, project, name, object, context);
    if (written || attempt == kConflictTries) return written;
    const auto* failure = failure_of(written.error());
    if (failure == nullptr || !failure->is_stale()) return written;
    const auto wait =
        std::chrono::milliseconds(static_cast<long long>(20.0 * attempt * fraction_of(connection_.timing())));
    if (!connection_.timing().pause(wait, context.stop)) {
      return Error(ErrorKind::cancelled, "stopped while writing " + shown(resource, project, name));
    }
  }
}

Result<User> Client::who_am_i(const net::ExchangeContext& context) {
  auto user =
      connection_.call(without_body(net::Method::get, path_of(User::kResource, "", "~"), "asking who we are"), context);
  if (user) return User(std::move(*user));
  // Clusters with an identity provider of their own, and plain Kubernetes, do not serve users.
  if (user.error().kind() != ErrorKind::not_found) return std::move(user).error();
  const auto body = Json::object().set("kind", "SelfSubjectReview").set("apiVersion", "authentication.k8s.io/v1");
  SLUICE_TRY(const auto review,
             connection_.call(
                 review_call("/apis/authentication.k8s.io/v1/selfsubjectreviews", body, "asking who we are"), context));
  Json groups = Json::array();
  for (auto& group : strings_at(review, {"status", "userInfo", "groups"})) groups.push(std::move(group));
  Json metadata = Json::object();
  metadata.set("name", text_at(review, {"status", "userInfo", "username"}));
  metadata.set("uid", text_at(review, {"status", "userInfo", "uid"}));
  return User(Json::object().set("kind", "User").set("metadata", std::move(metadata)).set("groups", std::move(groups)));
}

Result<AccessAnswer> Client::may_i(const AccessQuestion& question, const net::ExchangeContext& context) {
  const auto body = Json::object()
                        .set("kind", "SelfSubjectAccessReview")
                        .set("apiVersion", "authorization.k8s.io/v1")
                        .set("spec", Json::object().set("resourceAttributes", question_json(question)));
  SLUICE_TRY(const auto review, connection_.call(review_call("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                                                             body, "asking whether we may " + question.shown()),
                                                 context));
  return read_access_answer(review);
}

Result<AccessAnswer> Client::may(std::string_view user, const std::vector<std::string>& groups,
                                 const AccessQuestion& question, const net::ExchangeContext& context) {
  constexpr Resource kReviews{"authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview"};
  Json group_list = Json::array();
  for (const auto& group : groups) group_list.push(group);
  Json spec = Json::object();
  spec.set("user", user).set("groups", std::move(group_list)).set("resourceAttributes", question_json(question));
  const auto body = Json::object()
                        .set("kind", kReviews.kind)
                        .set("apiVersion", kReviews.api_version())
                        .set("metadata", Json::object().set("namespace", question.project))
                        .set("spec", std::move(spec));
  SLUICE_TRY(const auto review,
             connection_.call(review_call(path_of(kReviews, question.project), body,
                                          fmt::format("asking whether {} may {}", user, question.shown())),
                              context));
  return read_access_answer(review);
}

Result<std::set<std::string>> Client::groups(const net::ExchangeContext& context) {
  SLUICE_TRY(const auto list,
             connection_.call(without_body(net::Method::get, "/apis", "asking which API groups there are"), context));
  std::set<std::string> out;
  for (const auto& group : list_at(list, {"groups"})) {
    if (auto name = group.string_at("name")) out.insert(std::move(*name));
  }
  if (out.empty()) {
    return Error(ErrorKind::protocol, connection_.host() + " names no API group; it is no Kubernetes API server");
  }
  return out;
}

Result<Release> Client::release(const net::ExchangeContext& context) {
  SLUICE_TRY(const auto all, groups(context));
  if (all.contains("config.openshift.io")) return Release::v4;
  return all.contains("image.openshift.io") ? Release::v3 : Release::kubernetes;
}

Result<ImageStreamLayers> Client::layers(std::string_view project, std::string_view stream,
                                         const net::ExchangeContext& context) {
  return typed<ImageStreamLayers>(read(ImageStream::kResource, project, stream, "layers", context));
}

Result<ImageStreamTag> Client::tag(const ImageStreamTag& tag, const net::ExchangeContext& context) {
  return typed<ImageStreamTag>(put(ImageStreamTag::kResource, tag.project(), tag.name(), tag.json(), context));
}

Result<ImageStreamImport> Client::import(const ImageStreamImport& request, const net::ExchangeContext& context) {
  return typed<ImageStreamImport>(
      post(ImageStreamImport::kResource, request.project(), "", "", request.json(), context, true));
}

Result<std::optional<DeploymentConfig>> Client::instantiate(std::string_view project, std::string_view name,
                                                            bool latest, bool force,
                                                            const net::ExchangeContext& context) {
  const auto body = Json::object()
                        .set("kind", "DeploymentRequest")
                        .set("apiVersion", DeploymentConfig::kResource.api_version())
                        .set("name", name)
                        .set("latest", latest)
                        .set("force", force);
  SLUICE_TRY(auto json, post(DeploymentConfig::kResource, project, name, "instantiate", body, context));
  if (json.is_null()) return std::optional<DeploymentConfig>();
  return std::optional<DeploymentConfig>(DeploymentConfig(std::move(json)));
}

Result<DeploymentConfig> Client::rollback(std::string_view project, std::string_view name, std::int64_t revision,
                                          const net::ExchangeContext& context) {
  Json spec = Json::object();
  // The revision says it all; a name here would say it once more.
  spec.set("from", Json::object().set("name", "")).set("revision", revision).set("includeTemplate", true);
  spec.set("includeTriggers", false).set("includeReplicationMeta", false).set("includeStrategy", false);
  const auto body = Json::object()
                        .set("kind", "DeploymentConfigRollback")
                        .set("apiVersion", DeploymentConfig::kResource.api_version())
                        .set("name", name)
                        .set("spec", std::move(spec));
  return typed<DeploymentConfig>(post(DeploymentConfig::kResource, project, name, "rollback", body, context));
}

Result<std::string> Client::pod_log(std::string_view project, std::string_view pod, std::string_view container,
                                    int lines, bool previous, const net::ExchangeContext& context) {
  auto call = without_body(
      net::Method::get,
      with_query(path_of(Pod::kResource, project, pod, "log"), {{"container", std::string(container)},
                                                                {"previous", previous ? "true" : ""},
                                                                {"tailLines", std::to_string(lines)},
                                                                {"limitBytes", std::to_string(kMaxLogBytes)}}),
      "reading the log of " + shown(Pod::kResource, project, pod));
  SLUICE_TRY(auto reply, connection_.send(call, context));
  return std::move(reply.body);
}

Result<Project> Client::create_project(std::string_view name, const net::ExchangeContext& context) {
  constexpr Resource kRequests{"project.openshift.io", "v1", "projectrequests", "ProjectRequest", false};
  const auto body = Json::object()
                        .set("kind", kRequests.kind)
                        .set("apiVersion", kRequests.api_version())
                        .set("metadata", Json::object().set("name", name));
  return typed<Project>(post(kRequests, "", "", "", body, context));
}

}  // namespace sluice::kube
