#include "memory/artifact.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/pause.hpp"
#include "base/text.hpp"
#include "copy/tags.hpp"
#include "places/blob_pipe.hpp"
#include "places/registry_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <span>
#include <sys/random.h>
#include <vector>

namespace sluice::memory {

namespace {

constexpr std::string_view kEmptyType = "application/vnd.oci.empty.v1+json";
constexpr std::string_view kEmptyBytes = "{}";
// The text of a memory may double in JSON; the rest is small.
constexpr JsonLimits kLimits{.max_bytes = std::size_t{256} * 1024, .max_depth = 16, .max_values = 20'000};
constexpr std::size_t kMaxReason = 120;

const oci::Descriptor& empty_blob() {
  static const oci::Descriptor kBlob{
      std::string(kEmptyType), oci::Digest::of(kEmptyBytes), kEmptyBytes.size(), {}, {}, {}};
  return kBlob;
}

Json empty_descriptor() {
  return Json::object()
      .set("mediaType", kEmptyType)
      .set("digest", empty_blob().digest.text())
      .set("size", std::uint64_t{kEmptyBytes.size()});
}

Artifact read_artifact(const places::StoredManifest& stored, std::string_view type) {
  Artifact out{.digest = stored.digest()};
  const auto json = parse_json(stored.bytes, kLimits);
  const auto found = json ? json->string_at("artifactType").value_or("") : std::string();
  if (!json) {
    out.problem = "is something else: " + json.error().message();
  } else if (found != type) {
    out.problem = found.empty() ? "is something else, perhaps an image"
                                : "is something else: " + text::printable(found, kMaxReason);
  }
  if (!out.problem.empty()) return out;
  const auto* annotations = json->find("annotations");
  if (annotations == nullptr) return out;
  for (const auto& [key, value] : annotations->members()) {
    if (auto said = value.as_string()) out.annotations.emplace(key, std::move(*said));
  }
  return out;
}

// Whether "denied" means that there is nothing under the tag.
Result<bool> is_just_missing(places::Place& place, const std::string& repository, const std::string& tag,
                             const Error& denied, const std::stop_token& stop) {
  const auto tags = place.tags(repository, stop);
  if (tags) {
    if (std::find(tags->begin(), tags->end(), tag) == tags->end()) return true;
    return denied;
  }
  if (tags.error().kind() == ErrorKind::not_found) return true;
  if (copy::is_refusal(tags.error())) return denied;
  return tags.error();
}

Status bring_empty_blob(places::Place& place, const std::string& repository, const std::stop_token& stop) {
  const auto& blob = empty_blob();
  SLUICE_TRY(const auto session, place.begin_upload(repository, blob.digest.algorithm(), stop));
  places::BlobPipe pipe(blob);
  if (pipe.take(std::as_bytes(std::span(kEmptyBytes))) != net::Flow::moved)
    return Error(ErrorKind::internal, "two bytes did not go into a pipe");
  SLUICE_CHECK(pipe.end());
  return place.write_blob(session, blob, pipe, {}, stop);
}

// Registries say in many ways that a blob is missing (Quay: MANIFEST_INVALID); a right that is missing is another
// matter.
bool may_lack_blob(const Error& error) {
  const auto kind = error.kind();
  return copy::is_refusal(error) && kind != ErrorKind::denied && kind != ErrorKind::unauthenticated &&
         kind != ErrorKind::busy;
}
bool names_blob(const Error& error) {
  return places::unknown_content(error) != nullptr || error.registry_code() == "MANIFEST_BLOB_UNKNOWN" ||
         error.registry_code() == "BLOB_UNKNOWN";
}

// distribution says DIGEST_INVALID or MANIFEST_BLOB_UNKNOWN of a blob whose entry somebody else writes just then.
bool heals(const Error& error) { return names_blob(error) || error.registry_code() == "DIGEST_INVALID"; }

const std::vector<std::chrono::milliseconds>& heal_pauses() {
  using std::chrono::milliseconds;
  static const std::vector<milliseconds> kPauses = {milliseconds(0), milliseconds(100), milliseconds(300),
                                                    milliseconds(1000)};
  return kPauses;
}

Status put_with_blob(places::Place& place, const std::string& repository, const std::string& tag,
                     const oci::Manifest& artifact, const std::stop_token& stop) {
  const auto name = places::ManifestName::tag(tag);
  auto put = place.put_manifest(repository, name, artifact, stop);
  if (put) return {};
  if (!may_lack_blob(put.error())) return put.error();
  if (!names_blob(put.error())) {
    SLUICE_TRY(const bool there, place.has_blob(repository, empty_blob(), stop));
    if (there && !heals(put.error())) return put.error();
  }
  SLUICE_CHECK(bring_empty_blob(place, repository, stop));
  for (const auto& pause : heal_pauses()) {
    if (!pause_for(pause, stop)) return Error(ErrorKind::cancelled, "stopped while waiting for " + place.name());
    put = place.put_manifest(repository, name, artifact, stop);
    if (put) return {};
    if (!heals(put.error())) return put.error();
  }
  return put.error();
}

}  // namespace

oci::Manifest make_artifact(std::string_view type, const Annotations& annotations) {
  auto notes = Json::object();
  for (const auto& [key, value] : annotations) notes.set(key, value);
  auto layers = Json::array();
  layers.push(empty_descriptor());
  auto bytes = Json::object()
                   .set("schemaVersion", 2)
                   .set("mediaType", oci::media::kOciManifest)
                   .set("artifactType", type)
                   .set("config", empty_descriptor())
                   .set("layers", std::move(layers))
                   .set("annotations", std::move(notes))
                   .dump();
  const auto digest = oci::Digest::of(bytes);
  return {.media_type = std::string(oci::media::kOciManifest),
          .digest = digest,
          .bytes = std::move(bytes),
          .kind = oci::ManifestKind::image,
          .config = empty_blob(),
          .layers = {empty_blob()},
          .children = {},
          .subject = std::nullopt,
          .artifact_type = std::string(type)};
}

Result<std::optional<Artifact>> find_artifact(places::Place& place, const std::string& repository,
                                              const std::string& tag, std::string_view type,
                                              const std::stop_token& stop) {
  const auto found = place.find_manifest(repository, places::ManifestName::tag(tag), stop);
  if (!found && found.error().kind() == ErrorKind::not_found) return std::optional<Artifact>();
  if (!found && places::means_missing(found.error())) {
    SLUICE_CHECK(is_just_missing(place, repository, tag, found.error(), stop));
    return std::optional<Artifact>();
  }
  if (!found) return found.error();
  if (!*found) return std::optional<Artifact>();
  return std::optional(read_artifact(**found, type));
}

Status put_artifact(places::Place& place, const std::string& repository, const std::string& tag,
                    const oci::Manifest& artifact, const std::stop_token& stop) {
  auto put = put_with_blob(place, repository, tag, artifact, stop);
  if (put) return {};
  return as_memory_refused(std::move(put).error(), place, repository);
}

Error as_memory_refused(Error error, const places::Place& place, const std::string& repository) {
  if (error.kind() == ErrorKind::busy || !copy::is_refusal(error)) return error;
  const bool denied = error.kind() == ErrorKind::denied || error.kind() == ErrorKind::unauthenticated;
  auto hint = denied ? error.hint()
                     : std::string("let it take OCI artifacts (") + std::string(oci::media::kOciManifest) +
                           ") under tags that begin with \"sluice-\", and let those tags be changed";
  auto out = Error(denied ? ErrorKind::denied : ErrorKind::unsupported,
                   fmt::format("{}/{} does not keep what Sluice is to remember there: {}", place.name(), repository,
                               error.message()))
                 .with_registry_code(std::string(kMemoryRefused))
                 .with_hint(std::move(hint));
  if (const auto status = error.http_status()) return std::move(out).with_status(*status);
  return out;
}

bool is_memory_refused(const Error& error) { return error.registry_code() == kMemoryRefused; }

std::string random_hex(std::size_t digits) {
  std::vector<std::byte> bytes((digits + 1) / 2);
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto got = ::getrandom(bytes.data() + at, bytes.size() - at, 0);
    if (got > 0) at += static_cast<std::size_t>(got);
    if (got < 0 && errno != EINTR) break;
  }
  // A seccomp filter without getrandom; this one reads the processor or /dev/urandom.
  for (std::random_device device; at < bytes.size(); ++at) bytes[at] = static_cast<std::byte>(device() & 0xFFU);
  return encoding::hex(bytes).substr(0, digits);
}

}  // namespace sluice::memory
