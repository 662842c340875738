// Manifests, lists of tags and referrers of the fake registry.
// Source: distribution-spec 1.1, "Pulling manifests", "Pushing manifests", "Content discovery", "Listing referrers".

#include "support/fake_registry_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice::support {

namespace {

bool is_digest(const std::string& reference) { return reference.find(':') != std::string::npos; }

net::ServerReply unknown_content(const std::vector<std::string>& digests) {
  auto errors = Json::array();
  for (const auto& digest : digests) {
    errors.push(Json::object()
                    .set("code", "MANIFEST_BLOB_UNKNOWN")
                    .set("message", "blob unknown to registry")
                    .set("detail", Json::object().set("digest", digest)));
  }
  auto reply = json_reply(Json::object().set("errors", std::move(errors)));
  reply.status = 400;
  return reply;
}

std::vector<const Json*> blobs_of(const Json& manifest) {
  std::vector<const Json*> out;
  if (const auto* config = manifest.find("config")) out.push_back(config);
  if (const auto* layers = manifest.find("layers")) {
    for (const auto& layer : layers->items()) out.push_back(&layer);
  }
  return out;
}

// Blobs and children that are not there. Foreign layers ("urls") need not be.
std::optional<net::ServerReply> check_references(const FakeContent& c, const FakeRepository& in, const Json& manifest) {
  if (!c.knobs.check_references) return std::nullopt;
  std::vector<std::string> unknown;
  for (const auto* blob : blobs_of(manifest)) {
    const auto digest = blob->string_at("digest").value_or("");
    const bool there = in.blobs.contains(digest) && !c.knobs.stale_heads.contains(digest);
    if (!there && blob->find("urls") == nullptr) unknown.push_back(digest);
  }
  if (!unknown.empty()) return unknown_content(unknown);
  const auto* children = manifest.find("manifests");
  if (children == nullptr || c.knobs.sparse_indexes) return std::nullopt;
  for (const auto& child : children->items()) {
    const auto digest = child.string_at("digest").value_or("");
    if (!in.manifests.contains(digest)) return refused(404, "MANIFEST_UNKNOWN", Json::object().set("digest", digest));
  }
  return std::nullopt;
}

bool is_artifact(const Json& manifest) {
  constexpr std::array<std::string_view, 2> kImages = {"application/vnd.oci.image.config.v1+json",
                                                       "application/vnd.docker.container.image.v1+json"};
  if (manifest.find("artifactType") != nullptr || manifest.find("subject") != nullptr) return true;
  const auto* config = manifest.find("config");
  if (config == nullptr) return false;
  const auto type = config->string_at("mediaType").value_or("");
  return std::find(kImages.begin(), kImages.end(), type) == kImages.end();
}

// A tag that may not be written.
std::optional<net::ServerReply> check_tag(const FakeContent& c, const FakeRepository& in, const std::string& tag,
                                          const std::string& digest) {
  using Immutable = FakeKnobs::Immutable;
  const auto before = in.tags.find(tag);
  if (before == in.tags.end() || c.knobs.immutable == Immutable::no) return std::nullopt;
  if (c.knobs.immutable == Immutable::different && before->second == digest) return std::nullopt;
  return refused(c.knobs.immutable_status, c.knobs.immutable_code);
}

net::ServerReply put(FakeContent& c, const FakeCall& call, const std::string& body) {
  auto& repository = c.repositories[call.repository];
  const auto json = parse_json(body);
  if (!json) return refused(400, "MANIFEST_INVALID");
  const bool by_digest = is_digest(call.reference);
  const auto algorithm = by_digest ? algorithm_of(call.reference) : HashAlgorithm::sha256;
  if (algorithm == HashAlgorithm::sha512 && !c.knobs.sha512) return refused(400, "DIGEST_INVALID");
  auto digest = fake_digest(body, algorithm);
  if (by_digest && digest != call.reference) return refused(400, "DIGEST_INVALID");
  if (!c.knobs.artifacts && is_artifact(*json)) return refused(400, "MANIFEST_INVALID");
  if (auto no = check_references(c, repository, *json)) return std::move(*no);
  if (!by_digest) {
    if (auto no = check_tag(c, repository, call.reference, digest)) return std::move(*no);
    repository.tags[call.reference] = digest;
  }
  repository.manifests[digest] = {digest, call.request.headers.get("Content-Type").value_or(""), body};
  auto reply = empty_reply(201);
  reply.headers.set("Location", "/v2/" + call.repository + "/manifests/" + digest);
  reply.headers.set("Docker-Content-Digest", digest);
  const auto* subject = json->find("subject");
  if (subject != nullptr && c.knobs.referrers && c.knobs.subject_header)
    reply.headers.set("OCI-Subject", subject->string_at("digest").value_or(""));
  return reply;
}

// How many entries one answer may have: what was asked for, and what the registry likes.
std::size_t page_size(const FakeContent& c, const FakeCall& call) {
  std::size_t wanted = 0;
  const auto n = call.query("n");
  std::from_chars(n.data(), n.data() + n.size(), wanted);
  if (c.knobs.page == 0) return wanted;
  return wanted == 0 ? c.knobs.page : std::min(wanted, c.knobs.page);
}

void link_to(net::ServerReply& reply, const FakeContent& c, const std::string& path) {
  reply.headers.set("Link", "<" + url_of(c, c.knobs.link, path) + ">; rel=\"next\"");
}

Json descriptor_of(const FakeManifest& manifest, const Json& json) {
  auto out = Json::object()
                 .set("mediaType", manifest.media_type)
                 .set("digest", manifest.digest)
                 .set("size", std::uint64_t{manifest.bytes.size()});
  auto type = json.string_at("artifactType");
  if (const auto* config = json.find("config"); !type && config != nullptr) type = config->string_at("mediaType");
  if (type) out.set("artifactType", *type);
  if (const auto* annotations = json.find("annotations")) out.set("annotations", *annotations);
  return out;
}

}  // namespace

net::ServerReply answer_manifest(FakeContent& c, const FakeCall& call, const std::string& body) {
  if (call.request.method == "PUT") return put(c, call, body);
  const bool head = call.request.method == "HEAD";
  if (!head && call.request.method != "GET") return empty_reply(405);
  if (head && !c.knobs.head_manifest) return empty_reply(405);
  const auto& repository = c.repositories[call.repository];
  const auto tag = repository.tags.find(call.reference);
  const auto found = repository.manifests.find(tag == repository.tags.end() ? call.reference : tag->second);
  if (found == repository.manifests.end()) return missing(c, "MANIFEST_UNKNOWN");
  auto reply = empty_reply(200);
  reply.headers.set("Content-Type", found->second.media_type);
  if (!head || c.knobs.manifest_digest_header) reply.headers.set("Docker-Content-Digest", found->first);
  if (head) {
    reply.head_bytes = found->second.bytes.size();
  } else {
    reply.body = found->second.bytes;
  }
  return reply;
}

net::ServerReply answer_tags(FakeContent& c, const FakeCall& call) {
  const auto found = c.repositories.find(call.repository);
  if (found == c.repositories.end()) return missing(c, "NAME_UNKNOWN");
  const auto page = page_size(c, call);
  auto list = Json::array();
  std::string last;
  bool more = false;
  for (auto tag = found->second.tags.upper_bound(call.query("last")); tag != found->second.tags.end(); ++tag) {
    more = page > 0 && list.items().size() == page;
    if (more) break;
    last = tag->first;
    list.push(last);
  }
  if (list.items().empty() && c.knobs.null_tags) list = Json();
  auto reply = json_reply(Json::object().set("name", call.repository).set("tags", std::move(list)));
  if (more) link_to(reply, c, fmt::format("/v2/{}/tags/list?last={}&n={}", call.repository, last, page));
  return reply;
}

net::ServerReply answer_referrers(FakeContent& c, const FakeCall& call) {
  if (!c.knobs.referrers) return refused(404, "NOT_FOUND");
  const auto wanted = call.query("artifactType");
  const bool filters = !wanted.empty() && c.knobs.artifact_filter;
  std::size_t skip = 0;
  const auto from = call.query("from");
  std::from_chars(from.data(), from.data() + from.size(), skip);
  auto list = Json::array();
  std::size_t at = 0;
  bool more = false;
  for (const auto& [digest, manifest] : c.repositories[call.repository].manifests) {
    const auto json = parse_json(manifest.bytes);
    const auto* subject = json ? json->find("subject") : nullptr;
    if (subject == nullptr || subject->string_at("digest") != call.reference) continue;
    auto entry = descriptor_of(manifest, *json);
    if (filters && entry.string_at("artifactType") != wanted) continue;
    if (at++ < skip) continue;
    more = c.knobs.page > 0 && list.items().size() == c.knobs.page;
    if (more) break;
    list.push(std::move(entry));
  }
  auto reply = json_reply(Json::object()
                              .set("schemaVersion", 2)
                              .set("mediaType", "application/vnd.oci.image.index.v1+json")
                              .set("manifests", std::move(list)));
  reply.headers.set("Content-Type", "application/vnd.oci.image.index.v1+json");
  if (filters) reply.headers.set("OCI-Filters-Applied", "artifactType");
  if (more) {
    const auto filter = filters ? "&artifactType=" + wanted : std::string();
    link_to(reply, c,
            fmt::format("/v2/{}/referrers/{}?from={}{}", call.repository, call.reference, skip + c.knobs.page, filter));
  }
  return reply;
}

}  // namespace sluice::support
