#include "sandbox/registry/parts.hpp"

#include "sandbox/core/store.hpp"

#include <fmt/format.h>

#include <utility>

namespace sluice::sandbox {

std::string RegistryCall::blob_url(std::string_view digest) const {
  return fmt::format("{}/v2/{}/blobs/{}", base, path.name, digest);
}

std::string RegistryCall::manifest_url(std::string_view digest) const {
  return fmt::format("{}/v2/{}/manifests/{}", base, path.name, digest);
}

void notify(RegistryParts& parts, const RegistryCall& call, const Happening& happening) {
  if (!parts.notifications.wanted()) return;
  const bool blob = happening.media_type.empty();
  const bool gone = happening.action == "delete";
  auto target = Json::object();
  if (!gone) {
    target.set("mediaType", blob ? "application/octet-stream" : happening.media_type);
    target.set("size", happening.size);
  }
  target.set("digest", happening.digest);
  if (!gone) target.set("length", happening.size);
  target.set("repository", call.path.name);
  if (!happening.from.empty()) target.set("fromRepository", happening.from);
  if (!gone) target.set("url", blob ? call.blob_url(happening.digest) : call.manifest_url(happening.digest));
  if (!happening.tag.empty()) target.set("tag", happening.tag);

  auto request = Json::object();
  request.set("id", new_uid());
  request.set("addr", call.request.remote);
  request.set("host", call.request.headers.get("Host").value_or(""));
  request.set("method", call.request.method);
  request.set("useragent", call.request.headers.get("User-Agent").value_or(""));
  auto actor = Json::object();
  if (!call.admission.actor.empty()) actor.set("name", call.admission.actor);
  auto source = Json::object();
  source.set("addr", parts.backend.internal_host());
  source.set("instanceID", parts.instance_id);

  auto event = Json::object();
  event.set("id", new_uid());
  event.set("timestamp", Notifications::timestamp());
  event.set("action", happening.action);
  event.set("target", std::move(target));
  event.set("request", std::move(request));
  event.set("actor", std::move(actor));
  event.set("source", std::move(source));
  parts.notifications.add(event);
}

BlobPtr visible_blob(RegistryParts& parts, const StreamName& name, const oci::Digest& digest) {
  const auto text = digest.text();
  const auto repository = fmt::format("{}/{}", name.ns, name.stream);
  const bool linked = parts.blobs.linked(Link::blob, repository, text);
  if (!linked && !parts.backend.history_references_blob(name.ns, name.stream, text)) return nullptr;
  if (auto blob = parts.blobs.open(text)) return blob;
  if (linked || !pull_blob(parts, name, digest).ok()) return nullptr;
  return parts.blobs.open(text);
}

std::optional<oci::Digest> digest_of(std::string_view text) {
  auto digest = oci::Digest::parse(text);
  if (!digest.ok()) return std::nullopt;
  return *std::move(digest);
}

}  // namespace sluice::sandbox
