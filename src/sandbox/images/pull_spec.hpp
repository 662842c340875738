#pragma once
// Pull specs as the image API reads them: [HOST/][PROJECT/]NAME[:TAG][@DIGEST], where only NAME must be there. Unlike
// oci::Reference, which asks for a registry host. Pure.
// Source: the reference grammar of distribution, and OpenShift's DockerImageReference.

#include <optional>
#include <string>
#include <string_view>

namespace sluice::sandbox {

struct PullSpec {
  std::string registry;  ///< host[:port], or ""
  std::string path;      ///< "ns/name", "name", "a/b/c"
  std::string tag;
  std::string digest;  ///< "sha256:..."

  /// Empty: "invalid reference format".
  static std::optional<PullSpec> parse(std::string_view text);

  /// "ns" of "ns/name"; empty for other paths.
  std::string ns() const;
  /// What follows the first '/' of the path, or the path.
  std::string name() const;
  /// host/path
  std::string repository() const;
  /// With the digest when there is one, else with the tag ("latest" when there is none).
  std::string exact() const;
};

/// The two parts of `from.name` in a spec tag.
struct FromName {
  std::string stream;
  std::string item;  ///< a tag, or a digest
};

/// Splits "stream:tag" or "tag" (kind ImageStreamTag), "stream@id" or "id" (kind ImageStreamImage); a bare one is of
/// `own_stream`. Empty for another kind or too many parts.
std::optional<FromName> split_from(std::string_view own_stream, std::string_view kind, std::string_view name);

}  // namespace sluice::sandbox
