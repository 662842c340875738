// PUT of a manifest: what is taken, what is checked, and how the API gets to know the image.
// Source: distribution, registry/handlers/manifests.go; OpenShift's image registry, manifest service and image stream.
#include "base/text.hpp"
#include "oci/manifest.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/images/mapping.hpp"
#include "sandbox/images/object.hpp"
#include "sandbox/registry/parts.hpp"
#include "sandbox/registry/reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

namespace sluice::sandbox {

namespace {

namespace codes = registry_codes;
namespace media = oci::media;

// A blob that must be there before the manifest is.
struct Needed {
  std::string digest;
  std::optional<std::uint64_t> size{};  ///< empty: schema 1 does not say
};

struct Pushed {
  std::string media_type;
  oci::Digest digest;
  std::string stored;          ///< what hashes to the digest
  std::string whole;           ///< what came
  std::vector<Needed> needed;  ///< config first
  std::string config;          ///< digest, or ""
  bool odd_urls = false;       ///< a layer with URLs that is not foreign
};

// Go's json.SyntaxError tells how much it had read.
Json syntax_detail(const Error& error, std::size_t size) {
  constexpr std::string_view kAt = "at byte ";
  const auto found = error.message().rfind(kAt);
  if (found == std::string::npos) return opaque_error();
  const auto digits = std::string_view(error.message()).substr(found + kAt.size());
  std::size_t offset = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), offset);
  auto detail = Json::object();
  detail.set("Offset", static_cast<std::uint64_t>(std::min(offset, size)));
  return detail;
}

bool takes(RegistryRelease release, std::string_view type) {
  if (type == media::kDockerManifest) return true;
  if (type == media::kOciManifest) return release >= RegistryRelease::v4_7;
  if (type == media::kDockerList || type == media::kOciIndex) return release >= RegistryRelease::v4_13;
  return false;
}

bool is_schema1(std::string_view type) {
  // What a push without a type is taken for.
  return type == media::kDockerSchema1 || type == media::kDockerSchema1Signed || type == "application/json" ||
         type.empty();
}

std::variant<Pushed, net::ServerReply> read_pushed(RegistryRelease release, const std::string& type,
                                                   std::string bytes) {
  if (const auto body = parse_json(bytes); !body.ok()) {
    return refuse(codes::kManifestInvalid, syntax_detail(body.error(), bytes.size()));
  }
  if (is_schema1(type)) {
    auto old = read_schema1(bytes);
    if (!old.ok()) return refuse(codes::kManifestInvalid, opaque_error());
    Pushed pushed{std::string(media::kDockerSchema1Signed), oci::Digest::of(old->payload), old->payload, bytes, {}, ""};
    for (const auto& layer : old->layers) pushed.needed.push_back({layer});
    return pushed;
  }
  if (!takes(release, type)) return refuse(codes::kManifestInvalid, opaque_error());
  auto manifest = oci::parse_manifest(bytes, type);
  if (!manifest.ok()) return refuse(codes::kManifestInvalid, opaque_error());
  Pushed pushed{type, manifest->digest, bytes, bytes, {}, ""};
  if (manifest->config) {
    pushed.config = manifest->config->digest.text();
    pushed.needed.push_back({pushed.config, manifest->config->size_bytes});
  }
  for (const auto& layer : manifest->layers) {
    if (!layer.urls.empty() && !layer.is_foreign()) pushed.odd_urls = true;
    if (!layer.is_foreign()) pushed.needed.push_back({layer.digest.text(), layer.size_bytes});
  }
  return pushed;
}

std::optional<net::ServerReply> verify(RegistryParts& parts, const RegistryCall& call, const Pushed& pushed) {
  std::vector<RegistryError> errors;
  if (pushed.odd_urls) errors = {{codes::kUnknown}, {codes::kUnknown, opaque_error()}};
  for (const auto& [digest, size] : pushed.needed) {
    const auto parsed = digest_of(digest);
    const auto blob = parsed ? visible_blob(parts, call.name, *parsed) : nullptr;
    if (!blob) {
      errors.push_back({codes::kManifestBlobUnknown, Json(digest)});
    } else if (size && *size != blob->size()) {
      auto detail = Json::object();
      detail.set("Digest", digest);
      detail.set("ActualSize", blob->size());
      detail.set("SizeInManifest", *size);
      // Distribution writes the code and then the error itself.
      errors.push_back({codes::kUnknown});
      errors.push_back({codes::kUnknown, std::move(detail)});
    }
  }
  if (errors.empty()) return std::nullopt;
  return refuse(errors);
}

net::ServerReply api_trouble(const RegistryCall& call, const Refusal& refusal) {
  auto status = refusal.to_json();
  status.remove("kind");
  status.remove("apiVersion");
  auto err = Json::object();
  err.set("ErrStatus", std::move(status));
  auto detail = Json::object();
  detail.set("Code", "ImageStream:Unknown");
  detail.set("Message",
             fmt::format("CreateImageStreamMapping: error creation of {} ImageStreamMapping", call.path.name));
  detail.set("Err", std::move(err));
  return refuse(codes::kUnknown, std::move(detail));
}

bool is_missing_stream(const Refusal& refusal, std::string_view stream) {
  const auto kind = text_at(refusal.details, {"kind"});
  return refusal.code == 404 && text_at(refusal.details, {"name"}) == stream &&
         (kind == "imagestream" || kind == "imagestreams" || kind == "imagestreammappings");
}

// Tells the API about the image; makes the stream with the pusher's right when it is missing.
std::optional<net::ServerReply> publish(RegistryParts& parts, const RegistryCall& call, const Json& image) {
  const auto& [ns, stream] = call.name;
  const auto tag = call.path.by_digest() ? std::string() : call.path.reference;
  const bool alone = call.path.by_digest() && parts.release >= RegistryRelease::v4_13;
  const auto add = [&] {
    return alone ? parts.backend.add_image(ns, stream, image) : parts.backend.add_mapping(ns, stream, tag, image);
  };
  auto added = add();
  if (!added.ok() && is_missing_stream(added.error(), stream)) {
    auto created = parts.backend.create_stream(call.admission.caller, ns, stream);
    if (!created.ok() && created.error().code == 403) return refuse(codes::kDenied);
    if (!created.ok() && created.error().code != 409) return api_trouble(call, created.error());
    added = add();
  }
  if (added.ok()) return std::nullopt;
  if (is_limit_refusal(added.error())) return refuse(codes::kDenied);
  return api_trouble(call, added.error());
}

// The text of the config, which the registry reads like any client: with a notification.
Result<std::string> read_config(RegistryParts& parts, const RegistryCall& call, const std::string& config) {
  const auto digest = digest_of(config);
  if (!digest) return std::string();
  const auto blob = visible_blob(parts, call.name, *digest);
  if (!blob) return Error(ErrorKind::not_found, "the config is gone");
  notify(parts, call, {.action = "pull", .digest = config, .size = blob->size()});
  return text_of(*blob, oci::kMaxManifestBytes);
}

std::optional<net::ServerReply> store(RegistryParts& parts, const RegistryCall& call, const Pushed& pushed) {
  const auto digest = pushed.digest.text();
  const auto kept = parts.blobs.put(pushed.stored, pushed.digest);
  if (!kept.ok()) return refuse(codes::kUnknown, Json(kept.error().message()));
  if (pushed.whole != pushed.stored) {
    parts.signed_schema1.with([&](auto& known) { known.insert_or_assign(digest, pushed.whole); });
  }
  parts.blobs.link(Link::manifest, call.path.name, digest);
  parts.blobs.link(Link::blob, call.path.name, digest);
  notify(parts, call,
         {.action = "push",
          .digest = digest,
          .size = pushed.whole.size(),
          .media_type = pushed.media_type,
          .tag = call.path.by_digest() ? "" : call.path.reference});
  return std::nullopt;
}

}  // namespace

net::ServerReply put_manifest(RegistryParts& parts, const RegistryCall& call, std::optional<std::string> bytes) {
  if (!bytes) return refuse(codes::kManifestInvalid, "http: request body too large");
  const auto field = call.request.headers.get("Content-Type").value_or("");
  auto read = read_pushed(parts.release, std::string(text::trim(text::cut(field, ';').first)), *std::move(bytes));
  if (auto* refused = std::get_if<net::ServerReply>(&read)) return std::move(*refused);
  auto& pushed = std::get<Pushed>(read);
  const auto wanted = digest_of(call.path.reference);
  if (call.path.by_digest() && !wanted) return refuse(codes::kDigestInvalid);
  if (wanted && wanted->algorithm() != HashAlgorithm::sha256) {
    pushed.digest = oci::Digest::of(pushed.stored, wanted->algorithm());
  }
  if (wanted && *wanted != pushed.digest) return refuse(codes::kDigestInvalid);
  if (auto refused = verify(parts, call, pushed)) return *std::move(refused);
  if (auto refused = store(parts, call, pushed)) return *std::move(refused);
  auto config = read_config(parts, call, pushed.config);
  if (!config.ok()) return refuse(codes::kUnknown, Json(config.error().message()));
  const auto digest = pushed.digest.text();
  const auto image =
      image_object({digest, fmt::format("{}/{}@{}", parts.backend.internal_host(), call.path.name, digest),
                    pushed.media_type, pushed.whole, *std::move(config)});
  if (auto refused = publish(parts, call, image)) return *std::move(refused);
  auto reply = registry_status(201);
  reply.headers.set("Location", call.manifest_url(digest));
  reply.headers.set("Docker-Content-Digest", digest);
  return reply;
}

}  // namespace sluice::sandbox
