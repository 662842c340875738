// Manifests on their way out, and DELETE of manifests.
// Source: distribution, registry/handlers/manifests.go; OpenShift's image registry, manifest service.
#include "base/text.hpp"
#include "oci/manifest.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/registry/parts.hpp"
#include "sandbox/registry/reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

namespace sluice::sandbox {

namespace {

namespace codes = registry_codes;
namespace media = oci::media;

struct StoredManifest {
  std::string digest;
  std::string media_type;
  std::string bytes;
};
using Found = std::variant<StoredManifest, net::ServerReply>;

// The types that a client names. Weights and wildcards are not looked at, as distribution does not.
std::set<std::string, std::less<>> accepted_types(const net::ServerRequest& request) {
  std::set<std::string, std::less<>> types;
  for (const auto& field : request.headers.all("Accept")) {
    for (const auto& part : text::split(field, ',')) {
      types.emplace(text::trim(text::cut(part, ';').first));
    }
  }
  return types;
}

net::ServerReply unknown_revision(const RegistryCall& call, std::string_view digest) {
  auto detail = Json::object();
  detail.set("Name", call.path.name);
  detail.set("Revision", digest);
  return refuse(codes::kManifestUnknown, std::move(detail));
}

// The Image was deleted while the history still names it.
net::ServerReply image_missing(const RegistryCall& call, std::string_view digest) {
  auto err = Json::object();
  err.set("ErrStatus", [&] {
    auto status = not_found("image.openshift.io", "images", digest).to_json();
    status.remove("kind");
    status.remove("apiVersion");
    return status;
  }());
  auto detail = Json::object();
  detail.set("Code", "ImageStream:Unknown");
  detail.set("Message", fmt::format("GetImageOfImageStream: unable to get image {} of {}", digest, call.path.name));
  detail.set("Err", std::move(err));
  return refuse(codes::kUnknown, std::move(detail));
}

std::string type_of(const Json& image, const std::string& bytes) {
  auto known = text_at(image, {"dockerImageManifestMediaType"});
  if (!known.empty()) return known;
  const auto manifest = parse_json(bytes);
  if (!manifest.ok()) return std::string(media::kDockerManifest);
  auto own = text_at(*manifest, {"mediaType"});
  if (!own.empty()) return own;
  if (number_at(*manifest, {"schemaVersion"}) == 1) return std::string(media::kDockerSchema1Signed);
  return std::string(at(*manifest, {"manifests"}).is_array() ? media::kOciIndex : media::kOciManifest);
}

net::ServerReply not_pulled(const RegistryParts& parts, const RegistryCall& call, std::string_view digest,
                            const Error& why) {
  if (parts.release == RegistryRelease::v3_11) return unknown_revision(call, digest);
  return refuse({RegistryError{codes::kPullThrough, std::nullopt, why.message()}});
}

// A manifest of the stream's history, from here or from where it was imported.
Found load(RegistryParts& parts, const RegistryCall& call, const std::string& digest_text) {
  const auto digest = digest_of(digest_text);
  if (!digest) return unknown_revision(call, digest_text);
  const auto image = parts.backend.image(digest_text);
  if (!image) return image_missing(call, digest_text);
  if (!parts.blobs.size_of(digest_text)) {
    const auto pulled = pull_manifest(parts, call.name, *digest);
    if (!pulled.ok()) return not_pulled(parts, call, digest_text, pulled.error());
  }
  const auto blob = parts.blobs.open(digest_text);
  if (!blob) return unknown_revision(call, digest_text);
  auto bytes = text_of(*blob, oci::kMaxManifestBytes);
  if (!bytes.ok()) return refuse(codes::kUnknown, Json(bytes.error().message()));
  auto type = type_of(*image, *bytes);
  // A schema 1 manifest is kept under the digest of its payload; who asks gets it with its signatures.
  const auto whole = parts.signed_schema1.with([&](const auto& known) {
    const auto found = known.find(digest_text);
    return found == known.end() ? std::string() : found->second;
  });
  return StoredManifest{digest_text, std::move(type), whole.empty() ? *std::move(bytes) : whole};
}

std::string child_for_linux(const StoredManifest& list) {
  const auto body = parse_json(list.bytes);
  if (!body.ok()) return "";
  for (const auto& child : at(*body, {"manifests"}).items()) {
    if (text_at(child, {"platform", "architecture"}) == "amd64" && text_at(child, {"platform", "os"}) == "linux") {
      return text_at(child, {"digest"});
    }
  }
  return "";
}

Found as_schema1(RegistryParts& parts, const RegistryCall& call, const StoredManifest& manifest) {
  const auto refused = [](const Error& error) { return refuse(codes::kManifestInvalid, Json(error.message())); };
  const auto body = parse_json(manifest.bytes);
  if (!body.ok()) return refused(body.error());
  std::vector<std::string> layers;
  for (const auto& layer : at(*body, {"layers"}).items()) layers.push_back(text_at(layer, {"digest"}));
  const auto config_digest = digest_of(text_at(*body, {"config", "digest"}));
  const auto config = config_digest ? visible_blob(parts, call.name, *config_digest) : nullptr;
  if (!config) return refuse(codes::kManifestInvalid, opaque_error());
  const auto config_text = text_of(*config, oci::kMaxManifestBytes);
  if (!config_text.ok()) return refused(config_text.error());
  const auto payload = schema1_payload(call.path.name, call.path.reference, *config_text, layers);
  if (!payload.ok()) return refused(payload.error());
  // Who got the manifest comes back for its layers.
  if (const auto kept = parts.blobs.put(empty_layer()); kept.ok()) {
    parts.blobs.link(Link::blob, call.path.name, kept->text());
  }
  const auto whole = parts.signer.sign(*payload);
  if (!whole.ok()) return refused(whole.error());
  return StoredManifest{oci::Digest::of(*payload).text(), std::string(media::kDockerSchema1Signed), *whole};
}

// What a client that named `types` gets of a manifest.
Found negotiate(RegistryParts& parts, const RegistryCall& call, StoredManifest manifest) {
  const auto types = accepted_types(call.request);
  const bool by_tag = !call.path.by_digest();
  if (by_tag && manifest.media_type == media::kDockerList && !types.contains(media::kDockerList)) {
    const auto child = child_for_linux(manifest);
    if (child.empty()) return refuse(codes::kManifestUnknown);
    auto found = load(parts, call, child);
    if (std::holds_alternative<net::ServerReply>(found)) return found;
    manifest = std::get<StoredManifest>(std::move(found));
  }
  if (by_tag && manifest.media_type == media::kDockerManifest && !types.contains(media::kDockerManifest)) {
    return as_schema1(parts, call, manifest);
  }
  for (const auto& [type, what, plural] :
       {std::tuple{media::kOciManifest, "manifest", "manifests"}, std::tuple{media::kOciIndex, "index", "indexes"}}) {
    if (manifest.media_type != type || types.contains(type)) continue;
    return refuse(
        {RegistryError{codes::kManifestUnknown, std::nullopt,
                       fmt::format("OCI {} found, but accept header does not support OCI {}", what, plural)}});
  }
  return manifest;
}

// The digest that the path names, or the refusal.
std::variant<std::string, net::ServerReply> resolve(RegistryParts& parts, const RegistryCall& call) {
  const auto& reference = call.path.reference;
  const auto& [ns, stream] = call.name;
  if (!parts.backend.stream_exists(ns, stream)) return refuse(codes::kNameUnknown);
  if (digest_of(reference)) {
    if (!parts.backend.history_has(ns, stream, reference)) return unknown_revision(call, reference);
    return reference;
  }
  auto digest = parts.backend.digest_of_tag(ns, stream, reference);
  if (digest) return *std::move(digest);
  auto detail = Json::object();
  detail.set("Tag", reference);
  return refuse(codes::kManifestUnknown, std::move(detail));
}

bool knows(const net::ServerRequest& request, const std::string& digest) {
  const auto known = request.headers.all("If-None-Match");
  return std::any_of(known.begin(), known.end(),
                     [&](const std::string& tag) { return tag == digest || tag == fmt::format("\"{}\"", digest); });
}

}  // namespace

net::ServerReply serve_manifest(RegistryParts& parts, const RegistryCall& call) {
  auto resolved = resolve(parts, call);
  if (auto* refused = std::get_if<net::ServerReply>(&resolved)) return std::move(*refused);
  const auto& digest = std::get<std::string>(resolved);
  if (knows(call.request, digest)) return registry_status(304);
  auto found = load(parts, call, digest);
  if (auto* manifest = std::get_if<StoredManifest>(&found)) {
    notify(parts, call,
           {.action = "pull",
            .digest = digest,
            .size = manifest->bytes.size(),
            .media_type = manifest->media_type,
            .tag = call.path.by_digest() ? "" : call.path.reference});
    found = negotiate(parts, call, std::move(*manifest));
  }
  if (auto* refused = std::get_if<net::ServerReply>(&found)) return std::move(*refused);
  auto& manifest = std::get<StoredManifest>(found);
  auto reply = registry_status(200);
  reply.headers.set("Content-Type", manifest.media_type);
  reply.headers.set("Docker-Content-Digest", manifest.digest);
  reply.headers.set("ETag", fmt::format("\"{}\"", manifest.digest));
  reply.body = std::move(manifest.bytes);
  return reply;
}

net::ServerReply delete_manifest(RegistryParts& parts, const RegistryCall& call) {
  const auto digest = digest_of(call.path.reference);
  if (!digest) {
    // Tags belong to the API; since distribution v3 the request is taken and nothing happens.
    return parts.release >= RegistryRelease::v4_14 ? registry_status(202) : refuse(codes::kUnknown);
  }
  const auto text = digest->text();
  if (parts.backend.history_has(call.name.ns, call.name.stream, text)) return refuse(codes::kUnsupported);
  if (!parts.blobs.unlink(Link::manifest, call.path.name, text)) return refuse(codes::kManifestUnknown);
  parts.blobs.unlink(Link::blob, call.path.name, text);
  notify(parts, call, {.action = "delete", .digest = text});
  return registry_status(202);
}

}  // namespace sluice::sandbox
