#pragma once
// HostProfile: what was learned about how much a registry's host takes, for this run and the next ones. Pure.
// Nothing in it can weaken how a host is spoken to: no scheme, no token realm, no trust, no credentials. Whoever writes
// a wrong one makes transfers slower.

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::places {

struct HostProfile {
  /// A smaller limit would be too many requests: such a host is told about instead.
  static constexpr std::uint64_t kLeastBodyBytes = std::uint64_t{256} * 1024;

  /// Request bodies above this were refused as too large (413): blobs go in chunks of it.
  std::optional<std::uint64_t> max_body_bytes;
  /// How many bodies at once it took without complaint at the end of a run.
  std::optional<unsigned> blob_slots;
  /// Chunks of a blob are not kept or not taken: known of some products (docs/registries.md), never learned.
  bool takes_chunks = true;
  friend bool operator==(const HostProfile&, const HostProfile&) = default;

  /// A body of so many bytes was refused. True when smaller ones are worth trying.
  bool learn_too_large(std::uint64_t body_bytes);
};

/// What is known of a host before anybody has spoken to it; by its name, see docs/registries.md.
HostProfile seed_profile(std::string_view host);

/// How long something that was learned is believed.
inline constexpr std::chrono::hours kProfileLife{24 * 30};

/// The profile as it is kept. `at`: seconds since 1970.
std::string profile_text(const HostProfile& profile, std::int64_t at);
/// What was kept, over the seed. What is too old or makes no sense is left out: a damaged file is no error.
HostProfile read_profile(std::string_view text, HostProfile seed, std::int64_t now);

}  // namespace sluice::places
