#include "sandbox/api/server.hpp"

#include "base/text.hpp"
#include "sandbox/api/discovery.hpp"
#include "sandbox/api/generic.hpp"
#include "sandbox/core/tree.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::sandbox {

namespace {

net::ServerReply to_reply(const Refusal& refusal) {
  net::ServerReply reply;
  reply.status = refusal.code;
  if (refusal.retry_after) reply.headers.add("Retry-After", std::to_string(*refusal.retry_after));
  reply.headers.add("Content-Type", refusal.plain ? "text/plain; charset=utf-8" : "application/json");
  reply.body = refusal.plain ? refusal.message : refusal.to_json().dump() + "\n";
  return reply;
}

net::ServerReply to_reply(const ApiReply& answer) {
  net::ServerReply reply;
  reply.status = answer.status;
  if (!answer.text.empty()) {
    reply.headers.add("Content-Type", "text/plain; charset=utf-8");
    reply.body = answer.text;
  } else if (!answer.body.is_null()) {
    reply.headers.add("Content-Type", "application/json");
    reply.body = answer.body.dump() + "\n";
  }
  return reply;
}

net::ServerReply to_reply(Answer<ApiReply> answer) {
  return answer.ok() ? to_reply(*answer) : to_reply(answer.error());
}

Refusal unauthorized() { return {401, "Unauthorized", "Unauthorized", Json()}; }

Refusal method_not_allowed() {
  return {405, "MethodNotAllowed", "the server does not allow this method on the requested resource", Json::object()};
}

// The words of the two lines of OpenShift about a missing right.
Refusal no_right(const World& world, const Caller& caller, const Attributes& wanted, const std::string& reason) {
  const auto scope =
      wanted.ns.empty() ? std::string("at the cluster scope") : fmt::format("in the namespace \"{}\"", wanted.ns);
  const auto sub = wanted.subresource.empty() ? "" : "/" + wanted.subresource;
  const auto why = world.profile == Profile::v3_11
                       ? fmt::format("User \"{}\" cannot {} {}{} {}: {}", caller.name, wanted.verb,
                                     qualified(wanted.group, wanted.resource), sub, scope, reason)
                       : fmt::format("User \"{}\" cannot {} resource \"{}{}\" in API group \"{}\" {}", caller.name,
                                     wanted.verb, wanted.resource, sub, wanted.group, scope);
  return forbidden(wanted.group, wanted.resource, wanted.name, why);
}

bool accepts_json(const net::ServerRequest& request) {
  const auto accept = request.headers.get("Accept");
  if (!accept || accept->empty()) return true;
  return accept->find("json") != std::string::npos || accept->find("*/*") != std::string::npos ||
         accept->find("application/*") != std::string::npos;
}

bool has(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

std::string media_type(const net::ServerRequest& request) {
  const auto header = request.headers.get("Content-Type").value_or("");
  return text::lower(text::trim(text::cut(header, ';').first));
}

// "ImageStream" -> "image": the package that Go's conversion errors name.
std::string internal_package(const Traits& traits) {
  return traits.group.empty() ? "core" : std::string(text::cut(traits.group, '.').first);
}

const Traits::Sub* find_sub(const Traits& traits, std::string_view name) {
  const auto found = std::find_if(traits.subresources.begin(), traits.subresources.end(),
                                  [&](const Traits::Sub& sub) { return sub.name == name; });
  return found == traits.subresources.end() ? nullptr : &*found;
}

// Whether this kind answers this verb at all.
Verdict check_verb(const Traits& traits, const ApiPath& path, std::string_view verb) {
  const auto* sub = path.subresource.empty() ? nullptr : find_sub(traits, path.subresource);
  if (!path.subresource.empty() && sub == nullptr) return no_such_resource();
  const auto& verbs = sub != nullptr ? sub->verbs : traits.verbs;
  const bool post_on_name = verb == "create" && !path.name.empty() && sub == nullptr;
  if (has(verbs, verb) && !post_on_name) return {};
  if (verb == "watch" && path.watch_prefix) return no_such_resource();
  if (verb == "watch") {
    Refusal refusal{405, "MethodNotAllowed",
                    fmt::format("watch is not supported on resources of kind \"{}\"", traits.resource()),
                    Json::object()};
    if (!traits.group.empty()) refusal.details.set("group", traits.group);
    refusal.details.set("kind", traits.plural);
    return refusal;
  }
  return method_not_allowed();
}

// Reads the body of POST, PUT and DELETE, and looks at its kind. Errors: 400 in the words of Go's decoder.
Answer<Json> read_body(const World& world, const Traits& traits, const ApiPath& path, std::string_view verb,
                       const std::string& text) {
  if (verb == "delete" || verb == "deletecollection") {
    if (text.empty()) return Json();
    auto options = parse_json(text);
    return options.ok() ? Answer<Json>(std::move(*options))
                        : Answer<Json>(bad_request("the delete options cannot be read"));
  }
  const auto* sub = path.subresource.empty() ? nullptr : find_sub(traits, path.subresource);
  const auto& kind = sub != nullptr ? sub->kind : traits.kind;
  auto body = parse_json(text);
  if (!body.ok() || !body->is_object()) {
    return bad_request(
        fmt::format("the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse "
                    "error: unexpected end of JSON input ({})",
                    kind, text.substr(0, 100)));
  }
  const auto sent = text_at(*body, {"kind"});
  if (!sent.empty() && sent != kind) {
    return bad_request(
        fmt::format("{} in version \"v1\" cannot be handled as a {}: converting (v1.{}) to ({}.{}): Spec not present "
                    "in src",
                    sent, kind, sent, internal_package(traits), kind));
  }
  if (sent.empty() && world.profile == Profile::v4) {
    return bad_request(fmt::format("Object 'Kind' is missing in '{}'", text.substr(0, 100)));
  }
  return std::move(*body);
}

}  // namespace

ApiServer::ApiServer(SharedWorld& world, const Catalog& catalog, WatchHub& hub)
    : world_(world), catalog_(catalog), hub_(hub), oauth_("") {}

net::ServerReply ApiServer::handle(net::ServerRequest& request, net::BodyReceiver* /*receiver*/) {
  ++requests_;
  auto reply = answer(request);
  // By the clock of this world: clients compare the times of objects and events with it.
  const auto now = std::chrono::system_clock::to_time_t(world_.with([](const World& world) { return world.now(); }));
  reply.headers.set("Date", fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(now)));
  return reply;
}

net::ServerReply ApiServer::answer(net::ServerRequest& request) {
  struct Begin {
    std::optional<net::ServerReply> reply;
    Caller caller;
  };
  auto begin = world_.update([&](World& world) -> Begin {
    if (auto reply = oauth_.handle(world, request)) return {std::move(reply), {}};
    const auto token = bearer_of(request.headers.get("Authorization").value_or(""));
    if (!token.empty()) {
      auto caller = world.authenticate(token);
      if (!caller) return {to_reply(unauthorized()), {}};
      return {std::nullopt, std::move(*caller)};
    }
    if (request.client) {
      Caller caller{request.client->common_name, request.client->organizations, ""};
      caller.groups.emplace_back("system:authenticated");
      return {std::nullopt, std::move(caller)};
    }
    return {};
  });
  if (begin.reply) return std::move(*begin.reply);
  const auto path = parse_api_path(request.path(), catalog_);
  if (!path) {
    return world_.with([&](World& world) { return serve_path(world, begin.caller, request); });
  }
  return serve(*path, begin.caller, request);
}

net::ServerReply ApiServer::serve_path(World& world, const Caller& caller, const net::ServerRequest& request) {
  const auto path = std::string(request.path());
  const auto decision = decide_path(world.store, caller, text::lower(request.method), path);
  if (!decision.allowed) {
    const auto suffix = world.profile == Profile::v3_11 ? ": " + decision.reason : "";
    return to_reply(Refusal{403, "Forbidden",
                            fmt::format("forbidden: User \"{}\" cannot {} path \"{}\"{}", caller.name,
                                        text::lower(request.method), path, suffix),
                            Json::object()});
  }
  if (path == "/healthz" || path == "/healthz/ready") return to_reply(ApiReply{200, Json(), "ok"});
  if (auto reply = discover(world, catalog_, path)) return to_reply(*reply);
  auto paths = Json::array();
  for (const auto* known : {"/apis", "/apis/", "/apis/apiextensions.k8s.io", "/apis/apiextensions.k8s.io/v1beta1",
                            "/metrics", "/version"}) {
    paths.push(known);
  }
  auto body = Json::object();
  body.set("paths", std::move(paths));
  const bool root = path == "/";
  return to_reply(ApiReply{root ? 200 : 404, std::move(body), ""});
}

net::ServerReply ApiServer::serve(const ApiPath& path, const Caller& caller, const net::ServerRequest& request) {
  ApiRequest api;
  api.method = request.method;
  api.legacy = path.legacy;
  api.ns = path.ns;
  api.name = path.name;
  api.subresource = path.subresource;
  api.query = parse_query(request.query());
  api.content_type = media_type(request);
  api.raw_body = request.body;
  api.caller = caller;
  api.verb = verb_of(request.method, path, api.query);
  const auto wanted = attributes_of(path, api.verb);

  Resource* resource = nullptr;
  const auto admit = [&](World& world) -> Answer<Json> {
    if (path.legacy && world.profile == Profile::v4) return Refusal{404, "", "404 page not found\n", Json(), true};
    const auto decision = decide(world.store, caller, wanted);
    if (!decision.allowed) return no_right(world, caller, wanted, decision.reason);
    if (!knows_group(world, path.group)) return Refusal{404, "", "404 page not found\n", Json(), true};
    resource = catalog_.find(path.group, path.plural);
    if (resource == nullptr || (!path.legacy && resource->traits().version != path.version)) return no_such_resource();
    SLUICE_CHECK(check_verb(resource->traits(), path, api.verb));
    if (!accepts_json(request)) return Refusal{406, "NotAcceptable", "406: Not Acceptable", Json::object()};
    if (api.verb == "patch" || request.method == "GET" || request.method == "HEAD") return Json();
    if (!api.content_type.empty() && api.content_type != "application/json") {
      return Refusal{415, "UnsupportedMediaType", "415: Unsupported Media Type", Json::object()};
    }
    return read_body(world, resource->traits(), path, api.verb, request.body);
  };
  auto body = world_.with(admit);
  if (!body.ok()) return to_reply(body.error());
  api.body = std::move(*body);

  if (resource->leaves_lock(api)) return to_reply(resource->handle_unlocked(world_, api));
  if (api.verb == "watch") {
    auto stream = world_.with([&](World& world) { return open_watch(world_, world, hub_, *resource, api); });
    if (!stream.ok()) return to_reply(stream.error());
    net::ServerReply reply;
    reply.headers.add("Content-Type", "application/json");
    reply.stream = std::move(*stream);
    return reply;
  }
  if (api.verb == "get" || api.verb == "list") {
    return to_reply(world_.with([&](World& world) { return serve_resource(world, api, *resource); }));
  }
  return to_reply(world_.update([&](World& world) { return serve_resource(world, api, *resource); }));
}

Answer<ApiReply> ApiServer::serve_resource(World& world, ApiRequest& api, Resource& resource) {
  if (api.verb == "create") SLUICE_CHECK(require_project(world, api));
  if (auto answer = resource.handle(world, api)) return std::move(*answer);
  if (api.verb == "list") return pages_.list(world, resource, api);
  return handle_generic(world, resource, api);
}

}  // namespace sluice::sandbox
