#pragma once
// Semantic versions as tags carry them: an optional "v", then semver.org 2.0.0. Used to order tags.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::oci {

struct Semver {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::uint64_t patch = 0;
  std::vector<std::string> prerelease;

  /// "v1.4.2", "1.4.2-rc.1+build"; also "1.4" and "1", which tags use. Empty for anything else.
  static std::optional<Semver> parse(std::string_view tag);
  std::weak_ordering operator<=>(const Semver& other) const;
  bool operator==(const Semver& other) const { return (*this <=> other) == 0; }
};

/// Orders tags for "newest first": versions by precedence, then other tags by natural order (runs of digits
/// compare as numbers); a version comes before a tag that is none.
std::weak_ordering compare_tags(std::string_view a, std::string_view b);

/// Glob with '*' (any run) and '?' (one character); everything else stands for itself.
bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace sluice::oci
