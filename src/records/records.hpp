#pragma once
// The nouns that are kept: releases, promotions with their journal, holds and leases. Times are seconds since 1970,
// UTC.

#include "base/json.hpp"
#include "oci/digest.hpp"
#include "records/promotion_state.hpp"
#include "records/step.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::records {

struct ReleaseImage {
  std::string name;
  oci::Digest digest;
  std::string tag;  ///< the tag it was found under
  friend bool operator==(const ReleaseImage&, const ReleaseImage&) = default;
};

/// The id of a release is its content: lower-hex SHA-256 over the canonical JSON {image name: digest text}, whatever
/// the order of the images and the tags that they were found under. Precondition: no name is there twice.
std::string release_id(const std::vector<ReleaseImage>& images);

/// Labels of releases are numbers from 1 to this.
constexpr std::int64_t kMaxNumber = 9'999'999;

/// Immutable. A number is a label of it and not its name: one content may have several, and another line of numbers may
/// use the same one for another content.
struct Release {
  std::string id;  ///< release_id() of the images, 64 digits
  std::string app;
  std::vector<ReleaseImage> images;  ///< in the order of the pipeline
  bool pattern_tag = false;          ///< found by a tag pattern: its own tag is written as a pin
  bool adopted = false;              ///< first seen in an environment, not made from the source
  std::string origin;                ///< the environment it was found in
  std::int64_t created_at = 0;
  std::int64_t number = 0;  ///< the newest label known here; 0: none
  std::string line;         ///< the line of numbers that this label belongs to; "" for old local ones
};

enum class PromotionKind : std::uint8_t { promote, rollback };
std::string_view to_string(PromotionKind kind);

/// One attempt to bring a release to an environment, following one plan.
struct Promotion {
  std::string id;  ///< sortable by age, unique: "p" and 12 characters
  std::string app;
  std::string environment;
  PromotionKind kind = PromotionKind::promote;
  std::string release;      ///< the id of its content
  std::int64_t number = 0;  ///< the label that the release had then, or got later; 0: none
  std::string plan_hash;
  Json plan;  ///< as promotion/plan/plan.hpp writes it; enough to act again without the pipeline file
  PromotionState state = PromotionState::planned;
  std::string failure;  ///< one sentence; empty when nothing went wrong
  std::int64_t created_at = 0;
  std::int64_t ended_at = 0;  ///< 0 while it is open
  /// Keys of the places that it writes to, each once; any of them identifies it. A place is one repository (or image
  /// stream) of a target with its moving tag, for example "registry.example.com:5000/shop/web:latest". Plain text here.
  std::vector<std::string> places;
  Json who;  ///< an object that tells who asked for it, or null
};

/// One step, written before or after it is done. Never changed, never deleted.
struct JournalEntry {
  std::int64_t sequence = 0;  ///< from 1 within the promotion; the store gives it
  std::int64_t at = 0;        ///< 0: the store takes the time of the write
  Step step = Step::left;
  std::string target{};  ///< target id; empty for the promotion as a whole
  std::string image{};   ///< empty for the target as a whole
  Json detail{};
};

/// A place that stays as it is until the hold is cleared.
struct Hold {
  std::string place;  ///< its key, as in Promotion::places; empty in a hold of old records whose place nobody knows
  std::string reason;
  std::int64_t since = 0;
  Json who;  ///< an object or null
};

/// The right to write to one target. A larger fence is a later holder; writers with a smaller one are refused.
struct Lease {
  std::string target;
  std::string holder;  ///< "host:pid:start", so that a dead holder on this host can be told
  std::int64_t fence = 0;
  std::int64_t expires_at = 0;
};

}  // namespace sluice::records
