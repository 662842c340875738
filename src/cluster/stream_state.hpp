#pragma once
// What a promotion leaves on the image streams that it writes to, so that an agent without records of its own sees the
// same: annotations with release, promotion and previous digests, and the lease. Reading is pure; a damaged annotation
// reads as if there was none, and says so.

#include "base/result.hpp"
#include "cluster/client.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cluster {

inline constexpr std::string_view kStateAnnotation = "sluice/state";  ///< JSON: by tag, what is written below
inline constexpr std::string_view kLeaseAnnotation = "sluice/lease";  ///< JSON: who is at work
/// How many releases are kept for going back to.
inline constexpr std::size_t kKeptReleases = 5;

/// A release that was promoted to a tag.
struct KeptRelease {
  std::int64_t number = 0;
  std::string digest;  ///< of this stream's image in it
  std::string tag;     ///< that the release was found under
  bool pattern_tag = false;
  std::string promotion;  ///< that brought it last
  std::int64_t at = 0;    ///< seconds since 1970
  friend bool operator==(const KeptRelease&, const KeptRelease&) = default;
};

/// What is known of one tag of a stream.
struct TagState {
  std::string app;
  std::string environment;
  std::int64_t release = 0;  ///< that was promoted last and stands; 0: none
  std::string promotion;
  std::string digest;                 ///< that it brought
  std::string previous;               ///< digest before; empty: none
  std::string hold;                   ///< why the environment is held; empty: it is not
  std::vector<KeptRelease> releases;  ///< newest promotion first, the one that stands included; each number once
  friend bool operator==(const TagState&, const TagState&) = default;
};

/// By tag. `problem`: a sentence about an annotation that could not be read; empty otherwise.
struct StreamState {
  std::map<std::string, TagState, std::less<>> tags;
  std::string problem;
};
StreamState read_state(const ImageStream& stream);

/// Puts a release in front of the kept ones, each number once, at most kKeptReleases. Pure.
void keep_release(TagState& state, KeptRelease release);

/// Changes the state of one tag, by reading and writing the stream until no conflict comes between. `change` may be
/// called more than once. What could not be read is written anew; nothing is written when nothing changes.
/// Errors: denied, not_found, conflict, unsupported (too much for one annotation).
Status write_state(Client& client, std::string_view project, std::string_view stream, std::string_view tag,
                   const std::function<void(TagState&)>& change, const net::ExchangeContext& context);

/// The tag of our own that keeps an image from the pruner: "sluice-" and 12 digits of its digest.
std::string pin_tag(std::string_view digest);
/// Tags of the stream that are pins of ours, for images that no tag's state names any more; none while the state has a
/// problem. Pure. Images that a pin is the only tag of stay in the history of nothing else, so this is what lets the
/// pruner take them.
std::vector<std::string> outdated_pins(const ImageStream& stream, const StreamState& state);

/// The right to write to a target, taken on one of its streams by resourceVersion.
struct StreamLease {
  std::string project;
  std::string stream;
  std::string holder;     ///< as records::this_process() names it
  std::string promotion;  ///< may be empty
  std::int64_t fence = 0;
  std::int64_t expires_at = 0;  ///< seconds since 1970
};
/// Empty when nobody has it: never taken, given back, or unreadable. One that has expired is given back as it stands.
std::optional<StreamLease> read_lease(const ImageStream& stream);

/// Whether a holder is known to run no more; records::is_dead says so of processes of this host.
using IsGone = std::function<bool(std::string_view holder)>;

/// Takes it: free, expired, ours, or of somebody who is gone. `now`: seconds since 1970. The stream must be there.
/// A day at most is taken at once. Another holder gets the next fence, also where the annotation was damaged.
/// Errors: conflict, naming holder, promotion and remaining time; denied; not_found.
Result<StreamLease> take_stream_lease(Client& client, StreamLease wanted, std::chrono::seconds span, std::int64_t now,
                                      const net::ExchangeContext& context, const IsGone& is_gone = {});
/// Errors: conflict when somebody else has it now.
Result<StreamLease> renew_stream_lease(Client& client, const StreamLease& lease, std::chrono::seconds span,
                                       std::int64_t now, const net::ExchangeContext& context);
/// Gives it back, if it is still ours; the fence number stays on the stream.
Status release_stream_lease(Client& client, const StreamLease& lease, const net::ExchangeContext& context);

}  // namespace sluice::cluster
