#include "oci/manifest.hpp"

#include "base/json.hpp"
#include "base/text.hpp"
#include "oci/descriptor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace sluice::oci {

namespace {

using detail::malformed;
using detail::member;

// What servers send when they do not know what they hold; the last is what S3 does.
constexpr std::array<std::string_view, 5> kSilentTypes{"", "application/json", "text/plain", "application/octet-stream",
                                                       "binary/octet-stream"};

bool is_schema1(std::string_view type) { return type == media::kDockerSchema1 || type == media::kDockerSchema1Signed; }

Error not_a_manifest(const std::string& why) {
  return Error(ErrorKind::protocol, "what came back is not a manifest: " + why)
      .with_hint("check that the address is that of a registry and not of a proxy or a login page before it");
}

Error schema1_error() {
  return Error(ErrorKind::unsupported,
               "the image is in Docker's schema 1 format, which has no stable digest and which registries no longer "
               "take")
      .with_hint("rebuild the image, or pull and push it again with a current docker or podman");
}

Status check_size(std::string_view bytes) {
  if (bytes.size() <= kMaxManifestBytes) return {};
  return Error(ErrorKind::protocol,
               fmt::format("a manifest of {} bytes is over the limit of {} bytes", bytes.size(), kMaxManifestBytes));
}

Status check_digest(const Digest& actual, const std::optional<Digest>& expected, std::size_t size) {
  if (!expected || actual == *expected) return {};
  return Error(ErrorKind::integrity, fmt::format("the manifest is not the one that was asked for: {} was expected, and "
                                                 "{} bytes with {} came",
                                                 expected->text(), size, actual.text()));
}

// The media type without parameters.
std::string type_of_header(std::string_view content_type) {
  return text::lower(text::trim(text::cut(content_type, ';').first));
}

// Documents without a media type of their own are OCI's: Docker always writes one.
Result<std::string> type_by_shape(const Json& document) {
  if (document.find("manifests") != nullptr) return std::string(media::kOciIndex);
  if (document.find("config") != nullptr || document.find("layers") != nullptr) return std::string(media::kOciManifest);
  return not_a_manifest("it is JSON without \"manifests\", \"config\" or \"layers\"");
}

Result<std::string> decide_type(const Json& document, const std::string& header) {
  SLUICE_TRY(auto body, detail::read_text(document, "mediaType", "the document"));
  const bool is_silent = std::find(kSilentTypes.begin(), kSilentTypes.end(), header) != kSilentTypes.end();
  if (!is_silent && !body.empty() && header != body) {
    return Error(ErrorKind::protocol, fmt::format("the manifest calls itself \"{}\" but was sent as \"{}\"",
                                                  text::printable(body), text::printable(header)))
        .with_hint("a manifest that reads in two ways is refused; push it again with a current client");
  }
  std::string type = body.empty() && !is_silent ? header : body;
  if (type.empty()) {
    SLUICE_TRY(type, type_by_shape(document));
  }
  if (is_schema1(type)) return schema1_error();
  if (!media::is_manifest(type)) {
    return Error(ErrorKind::unsupported,
                 fmt::format("manifests of the type \"{}\" are not supported", text::printable(type)));
  }
  return type;
}

// A missing version passes: some tools leave it out, and no reader decides by it. Another one is another format.
Status check_schema_version(const Json& document) {
  const auto* version = member(document, "schemaVersion");
  if (version == nullptr || version->as_integer() == 2) return {};
  return Error(ErrorKind::unsupported, fmt::format("a manifest with schemaVersion {} is not supported; 2 is",
                                                   text::printable(version->dump(), 32)));
}

// A document that is an image for one reader and an index for another (CVE-2021-41190).
Status check_shape(const Json& document, bool is_index) {
  SLUICE_CHECK(detail::refuse_lookalikes(
      document, {"schemaVersion", "mediaType", "manifests", "config", "layers", "subject", "artifactType"},
      "the document"));
  const bool has_manifests = document.find("manifests") != nullptr;
  const bool has_blobs = document.find("config") != nullptr || document.find("layers") != nullptr;
  if (has_manifests && has_blobs) return malformed("it has both \"manifests\" and \"config\" or \"layers\"");
  if (is_index && !has_manifests) return malformed("it is called an index but has no \"manifests\"");
  if (!is_index && !has_blobs) return malformed("it is called an image but has neither \"config\" nor \"layers\"");
  return {};
}

// One digest has one content, so one size.
Status check_sizes(const Manifest& manifest) {
  std::map<Digest, std::uint64_t> sizes;
  std::vector<const Descriptor*> all;
  if (manifest.config) all.push_back(&*manifest.config);
  for (const auto& layer : manifest.layers) all.push_back(&layer);
  for (const auto& child : manifest.children) all.push_back(&child);
  if (manifest.subject) all.push_back(&*manifest.subject);
  for (const auto* one : all) {
    const auto [known, added] = sizes.emplace(one->digest, one->size_bytes);
    if (!added && known->second != one->size_bytes) {
      return malformed(fmt::format("{} is {} bytes in one place and {} in another", one->digest.text(), known->second,
                                   one->size_bytes));
    }
  }
  return {};
}

Status read_parts(const Json& document, Manifest& manifest) {
  if (manifest.is_index()) {
    SLUICE_TRY(manifest.children, detail::read_descriptors(document, "manifests"));
  } else {
    if (const auto* config = member(document, "config")) {
      SLUICE_TRY(manifest.config, detail::read_descriptor(*config, "config"));
    }
    SLUICE_TRY(manifest.layers, detail::read_descriptors(document, "layers"));
  }
  if (const auto* subject = member(document, "subject")) {
    SLUICE_TRY(manifest.subject, detail::read_descriptor(*subject, "subject"));
  }
  SLUICE_TRY(manifest.artifact_type, detail::read_text(document, "artifactType", "the document"));
  return check_sizes(manifest);
}

bool looks_like_html(std::string_view bytes) { return text::trim(bytes).starts_with('<'); }

Result<Json> read_document(std::string_view bytes) {
  if (bytes.empty()) return not_a_manifest("it is empty");
  auto document = parse_json(bytes, {.max_bytes = kMaxManifestBytes});
  if (!document.ok()) return not_a_manifest("it is " + document.error().message());
  if (!document->is_object()) return not_a_manifest("it is JSON but no object");
  return document;
}

}  // namespace

std::vector<std::string> platforms_of(const Manifest& index) {
  std::vector<std::string> out;
  for (const auto& child : index.children) {
    if (!child.platform || child.platform->os.empty() || child.platform->os == "unknown") continue;
    out.push_back(child.platform->text());
  }
  return out;
}

Result<Manifest> index_of(const Manifest& index, const std::set<Digest>& wanted) {
  SLUICE_TRY(auto document, parse_json(index.bytes, {.max_bytes = kMaxManifestBytes}));
  const auto* all = document.find("manifests");
  if (all == nullptr) return malformed("it has no \"manifests\"");
  Json kept = Json::array();
  for (const auto& entry : all->items()) {
    SLUICE_TRY(const auto digest, Digest::parse(entry.string_at("digest").value_or("")));
    if (wanted.contains(digest)) kept.push(entry);
  }
  document.set("manifests", std::move(kept));
  return parse_manifest(document.dump(), index.media_type);
}

Result<Manifest> parse_manifest(std::string bytes, std::string_view content_type,
                                const std::optional<Digest>& expected) {
  SLUICE_CHECK(check_size(bytes));
  // These come before the digest: a login page is no damaged manifest, and the digest of a signed schema 1
  // manifest leaves its signatures out.
  if (looks_like_html(bytes)) return not_a_manifest("it is an HTML or XML page");
  const auto header = type_of_header(content_type);
  if (is_schema1(header)) return schema1_error();
  auto digest = Digest::of(bytes, expected ? expected->algorithm() : HashAlgorithm::sha256);
  auto document = read_document(bytes);
  if (document.ok() && document->integer_at("schemaVersion") == 1) return schema1_error();
  SLUICE_CHECK(check_digest(digest, expected, bytes.size()));
  if (!document.ok()) return std::move(document).error();

  SLUICE_TRY(auto type, decide_type(*document, header));
  SLUICE_CHECK(check_schema_version(*document));
  const bool is_index = media::is_index(type);
  SLUICE_CHECK(check_shape(*document, is_index));
  Manifest manifest{.media_type = std::move(type),
                    .digest = std::move(digest),
                    .bytes = std::move(bytes),
                    .kind = is_index ? ManifestKind::index : ManifestKind::image,
                    .config = std::nullopt,
                    .layers = {},
                    .children = {},
                    .subject = std::nullopt,
                    .artifact_type = {}};
  SLUICE_CHECK(read_parts(*document, manifest));
  return manifest;
}

std::vector<Descriptor> Manifest::blobs() const {
  std::vector<Descriptor> out;
  std::set<Digest> seen;
  const auto add = [&](const Descriptor& one) {
    if (!one.is_foreign() && seen.insert(one.digest).second) out.push_back(one);
  };
  if (config) add(*config);
  for (const auto& layer : layers) add(layer);
  return out;
}

}  // namespace sluice::oci
