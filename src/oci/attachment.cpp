#include "oci/attachment.hpp"

#include "base/json.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace sluice::oci {

namespace {

constexpr std::size_t kHexInTag = 64;  // of the referrers tag schema; a sha512 digest is cut there
constexpr std::size_t kMaxReferrersOfTag = 1000;

constexpr std::array kSuffixes{std::pair{std::string_view(".sig"), AttachmentKind::signature},
                               std::pair{std::string_view(".att"), AttachmentKind::attestation},
                               std::pair{std::string_view(".sbom"), AttachmentKind::sbom}};

std::string stem(const Digest& digest) {
  const auto text = digest.text();
  return text.substr(0, text.find(':')) + "-" + digest.hex();
}

Json entry_of(const Manifest& referrer) {
  Json entry = Json::object();
  entry.set("mediaType", referrer.media_type)
      .set("digest", referrer.digest.text())
      .set("size", static_cast<std::int64_t>(referrer.bytes.size()));
  if (const auto type = artifact_type_of(referrer); !type.empty()) entry.set("artifactType", type);
  // Annotations are how clients choose among referrers without reading them.
  const auto document = parse_json(referrer.bytes);
  if (const auto* annotations = document.ok() ? document->find("annotations") : nullptr;
      annotations != nullptr && annotations->is_object()) {
    entry.set("annotations", *annotations);
  }
  return entry;
}

bool contains(const std::vector<Descriptor>& list, const Digest& digest) {
  return std::any_of(list.begin(), list.end(), [&](const Descriptor& one) { return one.digest == digest; });
}

// What one entry of a list of layers says. Of cosign's, the digest is that of what was signed, which is the same for
// every key: the signature itself stands in an annotation.
std::string essence_of(const Json& layer) {
  const auto* annotations = layer.find("annotations");
  return layer.string_at("digest").value_or("") + " " + (annotations == nullptr ? "" : annotations->dump());
}

std::set<std::string> layers_of(const Manifest& manifest) {
  std::set<std::string> out;
  const auto document = parse_json(manifest.bytes);
  const auto* layers = document.ok() ? document->find("layers") : nullptr;
  if (layers == nullptr) return out;
  for (const auto& layer : layers->items()) out.insert(essence_of(layer));
  return out;
}

// Source: sigstore, bundle v0.3 in OCI ("dev.sigstore.bundle.predicateType").
bool is_bundle_of_attestation(const Manifest& manifest) {
  const auto document = parse_json(manifest.bytes);
  const auto* annotations = document.ok() ? document->find("annotations") : nullptr;
  if (annotations == nullptr || !annotations->is_object()) return false;
  const auto predicate = annotations->string_at("dev.sigstore.bundle.predicateType").value_or("");
  return !predicate.empty() && predicate.find("cosign/sign") == std::string::npos;
}

}  // namespace

std::string_view to_string(AttachmentKind kind) {
  switch (kind) {
    case AttachmentKind::signature:
      return "signature";
    case AttachmentKind::attestation:
      return "attestation";
    case AttachmentKind::sbom:
      return "sbom";
    case AttachmentKind::artifact:
      break;
  }
  return "artifact";
}

std::string counted(const std::vector<AttachmentKind>& kinds) {
  std::map<AttachmentKind, std::size_t> counts;
  for (const auto kind : kinds) ++counts[kind];
  std::vector<std::string> parts;
  for (const auto& [kind, count] : counts) {
    const std::string name = kind == AttachmentKind::sbom ? "SBOM" : std::string(to_string(kind));
    parts.push_back(fmt::format("{} {}{}", count, name, count == 1 ? "" : "s"));
  }
  return text::join(parts, ", ");
}

std::optional<DigestTag> parse_digest_tag(std::string_view tag) {
  std::optional<AttachmentKind> kind;
  for (const auto& [suffix, of] : kSuffixes) {
    if (!tag.ends_with(suffix)) continue;
    kind = of;
    tag.remove_suffix(suffix.size());
    break;
  }
  const auto dash = tag.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  auto digest = Digest::parse(std::string(tag.substr(0, dash)) + ":" + std::string(tag.substr(dash + 1)));
  if (!digest) return std::nullopt;
  return DigestTag{std::move(*digest), kind};
}

std::vector<std::pair<std::string, AttachmentKind>> cosign_tags(const Digest& subject) {
  std::vector<std::pair<std::string, AttachmentKind>> out;
  if (subject.algorithm() != HashAlgorithm::sha256) return out;
  for (const auto& [suffix, kind] : kSuffixes) out.emplace_back(stem(subject) + std::string(suffix), kind);
  return out;
}

std::string referrers_tag(const Digest& subject) {
  const auto text = subject.text();
  return text.substr(0, text.find(':')) + "-" + subject.hex().substr(0, kHexInTag);
}

bool is_digest_tag(std::string_view tag) {
  if (parse_digest_tag(tag)) return true;
  constexpr std::string_view kCut = "sha512-";
  return tag.starts_with(kCut) && tag.size() == kCut.size() + kHexInTag &&
         tag.find_first_not_of("0123456789abcdef", kCut.size()) == std::string_view::npos;
}

std::string artifact_type_of(const Manifest& manifest) {
  if (!manifest.artifact_type.empty()) return manifest.artifact_type;
  return manifest.config ? manifest.config->media_type : std::string();
}

AttachmentKind kind_of(const Manifest& manifest) {
  const auto type = artifact_type_of(manifest);
  if (type.find("sigstore.bundle") != std::string::npos && is_bundle_of_attestation(manifest))
    return AttachmentKind::attestation;
  return kind_of_type(type);
}

AttachmentKind kind_of_type(std::string_view artifact_type) {
  const auto type = text::lower(artifact_type);
  const auto has = [&](std::string_view part) { return type.find(part) != std::string::npos; };
  if (has("cosign.artifact.sig") || has("notary.signature") || has("sigstore.bundle") || has("simplesigning"))
    return AttachmentKind::signature;
  if (has("spdx") || has("cyclonedx") || has("sbom") || has("syft")) return AttachmentKind::sbom;
  if (has("in-toto") || has("intoto") || has("slsa") || has("attestation") || has("dsse"))
    return AttachmentKind::attestation;
  return AttachmentKind::artifact;
}

Result<std::optional<Manifest>> with_referrer(const std::optional<Manifest>& list, const Manifest& referrer) {
  if (list && !list->is_index()) {
    return Error(ErrorKind::unsupported,
                 "what stands under the tag of a list of referrers is no index: " + list->digest.text());
  }
  if (list && contains(list->children, referrer.digest)) return std::optional<Manifest>();
  if (list && list->children.size() >= kMaxReferrersOfTag) {
    return Error(ErrorKind::unsupported,
                 fmt::format("a list of referrers with {} entries takes no more", list->children.size()));
  }
  Json document = Json::object();
  if (list) {
    SLUICE_TRY(document, parse_json(list->bytes));
  } else {
    document.set("schemaVersion", 2).set("mediaType", media::kOciIndex);
  }
  Json entries = Json::array();
  if (const auto* before = document.find("manifests"); before != nullptr && before->is_array()) entries = *before;
  entries.push(entry_of(referrer));
  document.set("manifests", std::move(entries));
  SLUICE_TRY(auto made, parse_manifest(document.dump(), media::kOciIndex));
  return std::optional(std::move(made));
}

TagContent compare_layers(const Manifest& source, const Manifest& destination) {
  const auto ours = layers_of(source);
  const auto theirs = layers_of(destination);
  if (std::includes(theirs.begin(), theirs.end(), ours.begin(), ours.end())) return TagContent::has_all;
  return std::includes(ours.begin(), ours.end(), theirs.begin(), theirs.end()) ? TagContent::adds
                                                                               : TagContent::diverged;
}

Result<Manifest> with_layers_of(const Manifest& destination, const Manifest& source) {
  SLUICE_TRY(auto document, parse_json(destination.bytes));
  SLUICE_TRY(const auto from, parse_json(source.bytes));
  const auto* own = document.find("layers");
  const auto* others = from.find("layers");
  if (own == nullptr || others == nullptr || !own->is_array() || !others->is_array())
    return Error(ErrorKind::protocol, "two manifests without layers cannot be made one");
  Json layers = *own;
  auto there = layers_of(destination);
  for (const auto& layer : others->items()) {
    if (there.insert(essence_of(layer)).second) layers.push(layer);
  }
  document.set("layers", std::move(layers));
  return parse_manifest(document.dump(), destination.media_type);
}

}  // namespace sluice::oci
