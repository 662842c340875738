#include "sandbox/registry/api.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "sandbox/core/store.hpp"
#include "sandbox/core/token_text.hpp"
#include "sandbox/registry/blobs.hpp"
#include "sandbox/registry/parts.hpp"
#include "sandbox/registry/reply.hpp"
#include "sandbox/registry/uploads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace sluice::sandbox {

namespace {

using Kind = RegistryPath::Kind;
namespace codes = registry_codes;

constexpr std::size_t kCatalogPage = 100;

/// A manifest on its way in.
class ManifestReceiver final : public net::BodyReceiver {
 public:
  bool take(std::span<const std::byte> bytes) override {
    if (bytes.size() > kMaxManifestBytes - text_.size()) {
      too_long_ = true;
      return false;
    }
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return true;
  }
  std::optional<std::string> text() {
    if (too_long_) return std::nullopt;
    return std::move(text_);
  }

 private:
  std::string text_;
  bool too_long_ = false;
};

// The methods that a route knows; others are answered with 405.
struct Route {
  Kind kind;
  std::string_view methods;
};
constexpr std::array kRoutes{
    Route{Kind::base, "GET, HEAD"},
    Route{Kind::catalog, "GET"},
    Route{Kind::tags, "GET"},
    Route{Kind::manifest, "DELETE, GET, HEAD, PUT"},
    Route{Kind::blob, "DELETE, GET, HEAD"},
    Route{Kind::uploads, "POST"},
    Route{Kind::upload, "DELETE, GET, HEAD, PATCH, PUT"},
    Route{Kind::signatures, "GET, PUT"},
    Route{Kind::metrics, "GET"},
    Route{Kind::admin_blob, "DELETE"},
};

std::optional<net::ServerReply> check_method(Kind kind, const std::string& method) {
  const auto* route =
      std::find_if(kRoutes.begin(), kRoutes.end(), [&](const Route& each) { return each.kind == kind; });
  if (route == kRoutes.end()) return std::nullopt;
  for (const auto& known : text::split(route->methods, ',')) {
    if (text::trim(known) == method) return std::nullopt;
  }
  auto reply = registry_text(405, "Method not allowed\n");
  reply.headers.set("Allow", std::string(route->methods));
  return reply;
}

net::ServerReply serve_tags(RegistryParts& parts, const RegistryCall& call) {
  if (!parts.backend.stream_exists(call.name.ns, call.name.stream)) {
    auto detail = Json::object();
    detail.set("name", call.path.name);
    return refuse(codes::kNameUnknown, std::move(detail));
  }
  auto tags = Json::array();
  for (const auto& tag : parts.backend.tags(call.name.ns, call.name.stream)) tags.push(tag);
  auto body = Json::object();
  body.set("name", call.path.name);
  body.set("tags", std::move(tags));
  return registry_json(200, body);
}

net::ServerReply serve_catalog(RegistryParts& parts, const RegistryCall& call) {
  const auto member = [&](std::string_view name) {
    const auto found = call.query.find(name);
    return found == call.query.end() ? std::string() : found->second;
  };
  std::size_t page = kCatalogPage;
  const auto wanted = member("n");
  std::from_chars(wanted.data(), wanted.data() + wanted.size(), page);
  page = std::max<std::size_t>(page, 1);
  const auto streams = parts.backend.streams();
  auto from = std::upper_bound(streams.begin(), streams.end(), member("last"));
  auto list = Json::array();
  std::string last;
  for (; from != streams.end() && list.items().size() < page; ++from) {
    list.push(*from);
    last = *from;
  }
  auto body = Json::object();
  body.set("repositories", std::move(list));
  auto reply = registry_json(200, body);
  if (from != streams.end()) {
    reply.headers.set("Link", fmt::format("</v2/_catalog?last={}&n={}>; rel=\"next\"", encoding::percent(last), page));
  }
  return reply;
}

net::ServerReply serve_metrics(RegistryParts& parts, std::uint64_t requests) {
  const auto totals = parts.blobs.totals();
  auto reply = registry_text(200, fmt::format("# TYPE sandbox_registry_requests_total counter\n"
                                              "sandbox_registry_requests_total {}\n"
                                              "# TYPE sandbox_registry_blobs gauge\nsandbox_registry_blobs {}\n"
                                              "# TYPE sandbox_registry_blob_bytes gauge\n"
                                              "sandbox_registry_blob_bytes {}\n"
                                              "# TYPE sandbox_registry_uploads gauge\nsandbox_registry_uploads {}\n",
                                              requests, totals.blobs, totals.bytes, totals.uploads));
  reply.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  return reply;
}

net::ServerReply dispatch(RegistryParts& parts, const RegistryCall& call) {
  const auto& method = call.request.method;
  const bool deletes = method == "DELETE";
  switch (call.path.kind) {
    case Kind::base: {
      auto reply = registry_json(200, Json::object());
      reply.body = "{}";
      return reply;
    }
    case Kind::catalog:
      return serve_catalog(parts, call);
    case Kind::tags:
      return serve_tags(parts, call);
    case Kind::manifest:
      return deletes ? delete_manifest(parts, call) : serve_manifest(parts, call);
    case Kind::blob:
      return deletes ? delete_blob(parts, call) : serve_blob(parts, call);
    case Kind::uploads:
      return begin_upload(parts, call);
    case Kind::upload:
      return deletes ? cancel_upload(parts, call) : upload_status(parts, call);
    case Kind::signatures:
      return method == "PUT" ? put_signature(parts, call) : serve_signatures(parts, call);
    case Kind::admin_blob:
      return delete_any_blob(parts, call);
    case Kind::metrics:
    case Kind::health:
    case Kind::token:
    case Kind::redirect:
    case Kind::unknown:
      break;
  }
  return registry_text(404, "404 page not found\n");
}

// Paths that ask for no rights.
std::optional<net::ServerReply> serve_open(RegistryParts& parts, const RegistryPath& path,
                                           const net::ServerRequest& request) {
  switch (path.kind) {
    case Kind::health:
      return registry_status(200);
    case Kind::token:
      return give_token(parts.backend, request);
    case Kind::redirect: {
      auto reply = registry_status(301);
      const auto query = request.query();
      reply.headers.set("Location", path.reference + (query.empty() ? "" : "?" + std::string(query)));
      return reply;
    }
    case Kind::unknown:
      return registry_text(404, "404 page not found\n");
    default:
      return std::nullopt;
  }
}

}  // namespace

RegistryApi::RegistryApi(const RegistryGround& ground)
    : parts_(new RegistryParts{ground.backend, ground.blobs, ground.notifications, ground.exchanger, ground.release,
                               random_token()}),
      storage_(std::make_unique<ObjectStorage>(ground.blobs, parts_->secret)) {
  parts_->instance_id = new_uid();
  parts_->stop = ground.stop;
}

RegistryApi::~RegistryApi() = default;

net::RequestHandler& RegistryApi::object_storage() { return *storage_; }

void RegistryApi::redirect_blobs(std::string url) {
  parts_->storage_url.with([&](std::string& kept) { kept = std::move(url); });
}

std::shared_ptr<net::BodyReceiver> RegistryApi::receive(const net::ServerRequest& head) {
  const auto path = RegistryPath::parse(head.path());
  const bool put = head.method == "PUT";
  if (path.kind == Kind::upload && (put || head.method == "PATCH")) {
    return std::make_shared<UploadReceiver>(*parts_, head, path);
  }
  if (path.kind == Kind::manifest && put) return std::make_shared<ManifestReceiver>();
  if (path.kind == Kind::signatures && put) return nullptr;
  return std::make_shared<DiscardReceiver>();
}

net::ServerReply RegistryApi::handle(net::ServerRequest& request, net::BodyReceiver* receiver) {
  requests_.fetch_add(1);
  auto reply = serve(request, receiver);
  if (reply.status == 401) unauthorized_.fetch_add(1);
  reply.headers.set("Docker-Distribution-Api-Version", "registry/2.0");
  return reply;
}

net::ServerReply RegistryApi::serve(net::ServerRequest& request, net::BodyReceiver* receiver) {
  const auto path = RegistryPath::parse(request.path());
  if (auto reply = serve_open(*parts_, path, request)) return *std::move(reply);
  const auto marked = [](net::ServerReply reply) {
    reply.headers.set("X-Registry-Supports-Signatures", "1");
    return reply;
  };
  if (auto* upload = dynamic_cast<UploadReceiver*>(receiver)) return marked(upload->reply(request));
  auto query = parse_query(request.query());
  auto admitted = admit(parts_->backend, request, access_records(request.method, path, query));
  if (auto* refused = std::get_if<net::ServerReply>(&admitted)) return marked(std::move(*refused));
  if (auto refused = check_method(path.kind, request.method)) return marked(*std::move(refused));
  const RegistryCall call{request,
                          path,
                          std::move(query),
                          base_url(request),
                          std::get<Admission>(std::move(admitted)),
                          stream_name(path.name).value_or(StreamName{})};
  if (path.kind == Kind::metrics) return marked(serve_metrics(*parts_, requests()));
  if (auto* manifest = dynamic_cast<ManifestReceiver*>(receiver)) {
    return marked(put_manifest(*parts_, call, manifest->text()));
  }
  return marked(dispatch(*parts_, call));
}

}  // namespace sluice::sandbox
