#include "sandbox/registry/access.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "sandbox/registry/reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kGroup = "image.openshift.io";
/// DELETE of an upload: the client asks for "*" as for any DELETE, but the right to push is enough.
constexpr std::string_view kCancel = "cancel";
/// What the token endpoint gives to those who show nothing.
constexpr std::string_view kAnonymousToken = "anonymous";

// Why a request is refused before any right is looked at.
enum class Trouble : std::uint8_t { none, no_credentials, unreadable, denied };

struct Shown {
  Trouble trouble = Trouble::none;
  std::string token{};  ///< empty: the anonymous one
  std::string user{};   ///< of a Basic header
};

std::optional<std::pair<std::string, std::string>> basic_of(std::string_view encoded) {
  const auto plain = encoding::decode_base64(text::trim(encoded));
  if (!plain.ok() || plain->find(':') == std::string::npos) return std::nullopt;
  const auto [user, password] = text::cut(*plain, ':');
  return std::pair{std::string(user), std::string(password)};
}

Shown credentials_of(const net::ServerRequest& request) {
  const auto header = request.headers.get("Authorization").value_or("");
  const auto [scheme, rest] = text::cut(header, ' ');
  if (rest.empty()) return {Trouble::no_credentials};
  if (text::iequals(scheme, "bearer")) {
    return {Trouble::none, rest == kAnonymousToken ? std::string() : std::string(rest)};
  }
  if (!text::iequals(scheme, "basic")) return {Trouble::no_credentials};
  auto basic = basic_of(rest);
  if (!basic || basic->second.empty()) return {Trouble::unreadable};
  return {Trouble::none, std::move(basic->second), std::move(basic->first)};
}

net::ServerReply unauthorized(const net::ServerRequest& request, const std::vector<AccessRecord>& records,
                              Trouble trouble) {
  Json detail;
  for (const auto& record : records) {
    auto entry = Json::object();
    entry.set("Type", record.type);
    entry.set("Class", "");
    entry.set("Name", record.name);
    entry.set("Action", record.action == kCancel ? "*" : record.action);
    detail.push(std::move(entry));
  }
  auto reply = refuse(registry_codes::kUnauthorized, std::move(detail));
  std::string challenge = R"(Basic realm=openshift,error="access denied")";
  if (trouble == Trouble::no_credentials) {
    challenge = fmt::format("Bearer realm=\"{}/openshift/token\"", base_url(request));
  } else if (trouble == Trouble::unreadable) {
    challenge = R"(Basic realm=openshift,error="failed to decode credentials")";
  }
  reply.headers.set("WWW-Authenticate", std::move(challenge));
  return reply;
}

Attributes layers_right(std::string_view verb, const StreamName& name) {
  return {std::string(verb), std::string(kGroup), "imagestreams", "layers", name.ns, name.stream};
}
Attributes cluster_right(std::string_view verb, std::string_view resource, std::string_view subresource = "") {
  return {std::string(verb), std::string(kGroup), std::string(resource), std::string(subresource), "", ""};
}

// The right behind a record. `name` is that of a repository or signature record.
Attributes right_of(const AccessRecord& record, const StreamName& name) {
  if (record.type == "registry") return cluster_right("list", "imagestreams");
  if (record.type == "metrics") return cluster_right("get", "registry", "metrics");
  if (record.type == "admin" || record.action == "*") return cluster_right("delete", "images");
  if (record.type == "signature" && record.action == "put") return cluster_right("create", "imagesignatures");
  return layers_right(record.action == "push" || record.action == kCancel ? "update" : "get", name);
}

}  // namespace

std::optional<StreamName> stream_name(std::string_view repository) {
  const auto [ns, stream] = text::cut(repository, '/');
  if (ns.empty() || stream.empty() || stream.find('/') != std::string_view::npos) return std::nullopt;
  return StreamName{std::string(ns), std::string(stream)};
}

std::string base_url(const net::ServerRequest& request) {
  const auto proto = request.headers.get("X-Forwarded-Proto").value_or("");
  const auto forwarded = request.headers.get("X-Forwarded-Host").value_or("");
  const std::string host(text::trim(text::cut(forwarded, ',').first));
  return fmt::format("{}://{}", proto.empty() ? (request.tls ? "https" : "http") : proto,
                     host.empty() ? request.headers.get("Host").value_or("") : host);
}

std::vector<AccessRecord> access_records(std::string_view method, const RegistryPath& path, const Query& query) {
  using Kind = RegistryPath::Kind;
  std::vector<AccessRecord> records;
  const auto repository = [&](std::string_view name, std::string_view action) {
    records.push_back({"repository", std::string(name), std::string(action)});
  };
  if (path.kind == Kind::catalog) return {{"registry", "catalog", "*"}};
  if (path.kind == Kind::metrics) return {{"metrics", "", "get"}};
  if (path.kind == Kind::admin_blob) return {{"admin", "", "prune"}};
  if (path.name.empty()) return records;
  const bool writes = method == "POST" || method == "PUT" || method == "PATCH";
  if (path.kind == Kind::signatures) records.push_back({"signature", path.name, writes ? "put" : "get"});
  if (writes || method == "GET" || method == "HEAD") repository(path.name, "pull");
  if (writes) repository(path.name, "push");
  if (method == "DELETE") repository(path.name, path.kind == Kind::upload ? kCancel : "*");
  if (const auto from = query.find("from"); from != query.end() && !from->second.empty()) {
    repository(from->second, "pull");
  }
  return records;
}

std::variant<Admission, net::ServerReply> admit(RegistryBackend& backend, const net::ServerRequest& request,
                                                const std::vector<AccessRecord>& records) {
  const auto shown = credentials_of(request);
  if (shown.trouble != Trouble::none) return unauthorized(request, records, shown.trouble);
  Admission admission;
  admission.actor = shown.user;
  if (!shown.token.empty()) {
    auto caller = backend.authenticate(shown.token);
    if (!caller) return unauthorized(request, records, Trouble::denied);
    admission.caller = *std::move(caller);
  }
  std::vector<std::string> pushed;
  std::vector<std::string> not_pulled;
  for (const auto& record : records) {
    const bool named = record.type == "repository" || record.type == "signature";
    const auto name = named ? stream_name(record.name) : StreamName{};
    if (!name) return registry_status(400);
    if (record.action == "push") pushed.push_back(record.name);
    if (backend.may(admission.caller, right_of(record, *name))) continue;
    if (record.action != "pull") return unauthorized(request, records, Trouble::denied);
    not_pulled.push_back(record.name);
  }
  // A source that may not be read spoils a mount, not the push.
  for (const auto& name : not_pulled) {
    const bool target = std::find(pushed.begin(), pushed.end(), name) != pushed.end();
    if (pushed.empty() || target) return unauthorized(request, records, Trouble::denied);
    admission.source_denied = true;
  }
  return admission;
}

net::ServerReply give_token(RegistryBackend& backend, const net::ServerRequest& request) {
  const auto refused = [](const std::string& body) {
    auto reply = registry_status(401);
    reply.headers.set("Content-Type", "application/json");
    reply.body = body;
    return reply;
  };
  std::string token(kAnonymousToken);
  if (const auto header = request.headers.get("Authorization"); header && !header->empty()) {
    const auto [scheme, rest] = text::cut(*header, ' ');
    const auto basic = text::iequals(scheme, "basic") ? basic_of(rest) : std::nullopt;
    if (!basic || !backend.authenticate(basic->second)) return refused("");
    token = basic->second;
  }
  for (const auto& part : text::split(request.query(), '&')) {
    const auto [name, value] = text::cut(part, '=');
    if (name != "scope") continue;
    for (const auto& scope : text::split(decode_percent(value, true), ' ')) {
      const auto pieces = text::split(scope, ':');
      if (pieces.size() < 3 || pieces[0] != "repository" || stream_name(pieces[1])) continue;
      auto body = Json::object();
      body.set("details",
               fmt::format("repository name \"{}\" invalid: it must be of the format <project>/<name>", pieces[1]));
      return refused(body.dump() + "\n");
    }
  }
  auto body = Json::object();
  body.set("access_token", token);
  body.set("token", token);
  auto reply = registry_json(200, body);
  reply.headers.set("Content-Type", "application/json");
  return reply;
}

}  // namespace sluice::sandbox
