#pragma once
// What the path of a registry request means. Pure.
// Source: distribution, API v2 routes and their name grammar; OpenShift's additions (/openshift, /extensions, /admin).

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::sandbox {

struct RegistryPath {
  enum class Kind : std::uint8_t {
    unknown,     ///< "404 page not found"
    health,      ///< /healthz and /
    token,       ///< /openshift/token
    base,        ///< /v2/
    catalog,     ///< /v2/_catalog
    tags,        ///< /v2/<name>/tags/list
    manifest,    ///< /v2/<name>/manifests/<reference>
    blob,        ///< /v2/<name>/blobs/<reference>
    uploads,     ///< /v2/<name>/blobs/uploads/
    upload,      ///< /v2/<name>/blobs/uploads/<reference>
    signatures,  ///< /extensions/v2/<name>/signatures/<reference>
    metrics,     ///< /extensions/v2/metrics
    admin_blob,  ///< /admin/blobs/<reference>
    redirect,    ///< the same with a '/' at the end: `reference`
  };
  Kind kind = Kind::unknown;
  std::string name{};       ///< repository, as it stands in the path
  std::string reference{};  ///< tag, digest or upload id

  /// `path` without the query.
  static RegistryPath parse(std::string_view path);

  /// A manifest path: is the reference a digest?
  bool by_digest() const { return reference.find(':') != std::string::npos; }
};

}  // namespace sluice::sandbox
