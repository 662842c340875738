#pragma once
// Numbers of releases: a label of one line, which is an app and the place of birth of its first image. A number exists
// once it is claimed at a place, and never means two contents. Pure; the writing is done by place_memory.hpp on
// OpenShift, and by registry_numbers.hpp on a plain registry.

#include "base/result.hpp"
#include "memory/memory.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::memory {

/// The number that a release has in a ledger; empty: none. One that is pending is none.
std::optional<std::int64_t> number_of(const Ledger& ledger, std::string_view release);
/// The contents that a number stands for; empty: none that is known here.
std::vector<std::string> releases_of(const Ledger& ledger, std::int64_t number);
/// Gives a release the next number, pending, or the one that it has. `at_least`: what was seen elsewhere to be given
/// out already. Errors: unsupported (there are no numbers left).
Result<std::int64_t> claim(Ledger& ledger, std::string_view release, std::int64_t at_least);
/// The number that was claimed means this release from now on.
void confirm(Ledger& ledger, std::string_view release, std::int64_t number);
/// Takes a claim back that another place made void. The number is never given again.
void withdraw(Ledger& ledger, std::string_view release, std::int64_t number);
/// Whether another content has the number here, pending or not.
bool is_taken(const Ledger& ledger, std::int64_t number, std::string_view release);

/// A claim in a registry is a tag: "sluice-number-42-9f3c1b2a40d7" (12 digits of the release's id).
std::string claim_tag(std::int64_t number, std::string_view release);
struct ClaimTag {
  std::int64_t number = 0;
  std::string id12;
  friend bool operator==(const ClaimTag&, const ClaimTag&) = default;
};
std::optional<ClaimTag> parse_claim_tag(std::string_view tag);

/// The tag of the memory in a registry.
inline constexpr std::string_view kMemoryTag = "sluice-memory";
/// Whether a tag is named like a pin: "sluice-" and 12 digits of a digest (openshift::pin_tag()).
bool is_pin_name(std::string_view tag);
/// What a container engine pushes an image under. One for all images: the next promotion writes it again.
inline constexpr std::string_view kEngineTag = "sluice-docker";
/// Whether a tag is kEngineTag, or that with 12 digits of a digest behind it.
bool is_engine_tag(std::string_view tag);
/// Tags that Sluice writes for itself: the memory, pins, numbers, what an engine pushes. They match no source or
/// candidate pattern.
bool is_own_tag(std::string_view tag);

}  // namespace sluice::memory
