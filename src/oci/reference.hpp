#pragma once
// References to images: host[:port]/path[:tag][@digest]. Source: distribution, reference grammar.
// A bare reference always means a registry; there is no default registry. Every name of Docker Hub is read as
// docker.io, and "docker.io/web" as docker.io/library/web (docker_hub.hpp).

#include "base/result.hpp"
#include "oci/digest.hpp"

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::oci {

/// A registry's host and optional port, lower case: "registry.example.com:5000", "[::1]:5000"; "docker.io" for every
/// name of Docker Hub. Errors: usage, with the position.
Result<std::string> parse_registry(std::string_view text);

/// Path components as the grammar has them: "shop-dev/web". Errors: usage, with the position.
Status check_repository_path(std::string_view path);
/// [A-Za-z0-9_][A-Za-z0-9._-]{0,127}. Errors: usage.
Status check_tag(std::string_view tag);

/// One repository of one registry.
struct Repository {
  std::string registry;  ///< host[:port]
  std::string path;      ///< "project/name"
  std::string text() const { return registry + "/" + path; }
  friend auto operator<=>(const Repository&, const Repository&) = default;
};

/// A repository with a tag, a digest, or both (then the digest decides and the tag is a name for it).
struct Reference {
  Repository repository;
  std::optional<std::string> tag;
  std::optional<Digest> digest;

  /// Reads a reference; neither tag nor digest means the tag "latest".
  /// Errors: usage; the message points at the character that is wrong.
  static Result<Reference> parse(std::string_view text);

  /// What goes into a manifest URL: the digest when there is one, else the tag.
  std::string tag_or_digest() const;
  std::string text() const;
  friend bool operator==(const Reference&, const Reference&) = default;
};

}  // namespace sluice::oci
