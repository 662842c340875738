// Pull-through: images of a stream's history that were imported and never pushed here are fetched from where they are,
// and kept. Source: OpenShift's image registry, "pullthrough" with its mirroring switched on.
#include "sandbox/images/import/source.hpp"
#include "sandbox/registry/parts.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace sluice::sandbox {

namespace {

constexpr std::chrono::minutes kPatience{5};  // for one layer over a slow line; a guess
// A layer passes through memory once. Larger ones are seldom, and are refused with words.
constexpr std::size_t kMaxLayerBytes = std::size_t{512} * 1024 * 1024;

Error not_had(const RemoteImage& remote, const Refusal& refusal) {
  return {ErrorKind::not_found, fmt::format("cannot pull {}: {}", remote.reference, refusal.message)};
}

Result<RemoteImage> find_remote(RegistryParts& parts, const StreamName& name, const oci::Digest& digest) {
  auto remote = parts.backend.remote(name.ns, name.stream, digest.text());
  if (!remote) return Error(ErrorKind::not_found, fmt::format("nobody is known to have {}", digest.text()));
  // What is missing here is missing in all repositories here; asking ourselves would go round in circles.
  if (remote->route.host == parts.backend.internal_host()) {
    return Error(ErrorKind::not_found, fmt::format("this registry does not have {} any more", digest.text()));
  }
  return *std::move(remote);
}

}  // namespace

Status pull_manifest(RegistryParts& parts, const StreamName& name, const oci::Digest& digest) {
  SLUICE_TRY(auto remote, find_remote(parts, name, digest));
  const net::ExchangeContext context{Deadline::after(kPatience), parts.stop};
  ImageSource source(parts.exchanger, remote.route, remote.path, context);
  auto manifest = source.manifest(digest.text(), remote.reference);
  if (!manifest.ok()) return not_had(remote, manifest.error());
  const bool schema1 = manifest->media_type.find("manifest.v1+") != std::string::npos;
  if (!schema1) {
    SLUICE_CHECK(parts.blobs.put(manifest->bytes, digest));
    return {};
  }
  SLUICE_TRY(const auto old, read_schema1(manifest->bytes));
  SLUICE_CHECK(parts.blobs.put(old.payload, digest));
  parts.signed_schema1.with([&](auto& known) { known.insert_or_assign(digest.text(), manifest->bytes); });
  return {};
}

Status pull_blob(RegistryParts& parts, const StreamName& name, const oci::Digest& digest) {
  SLUICE_TRY(auto remote, find_remote(parts, name, digest));
  remote.route.max_reply_bytes = kMaxLayerBytes;
  const net::ExchangeContext context{Deadline::after(kPatience), parts.stop};
  ImageSource source(parts.exchanger, remote.route, remote.path, context);
  auto bytes = source.blob(digest.text(), remote.reference);
  if (!bytes.ok()) return not_had(remote, bytes.error());
  SLUICE_CHECK(parts.blobs.put(*bytes, digest));
  return {};
}

}  // namespace sluice::sandbox
