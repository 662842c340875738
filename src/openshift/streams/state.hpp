#pragma once
// What a promotion leaves on the image streams that it writes to: the annotation of versions before 0.2, with release,
// promotion and previous digests (what counts now is memory/stream_memory.hpp), and the lease. Reading is pure; a
// damaged annotation reads as if there was none, and says so.

#include "base/result.hpp"
#include "kube/client.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::openshift {

inline constexpr std::string_view kStateAnnotation = "sluice/state";  ///< JSON: by tag, what is written below
inline constexpr std::string_view kLeaseAnnotation = "sluice/lease";  ///< JSON: who is at work

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
StreamState read_state(const kube::ImageStream& stream);

/// Changes the state of one tag in the annotation of a stream that was read. What could not be read is written anew.
/// False when nothing changes. Pure. Errors: unsupported (too much for one annotation).
Result<bool> change_state(kube::ImageStream& stream, std::string_view tag,
                          const std::function<void(TagState&)>& change);

/// The tag of our own that keeps an image from the pruner: "sluice-" and 12 digits of its digest.
std::string pin_tag(std::string_view digest);

/// The right to write to a target, taken on one of its streams by resourceVersion.
struct StreamLease {
  std::string project;
  std::string stream;
  std::string holder{};     ///< as records::this_process() names it
  std::string promotion{};  ///< may be empty
  std::int64_t fence = 0;
  std::int64_t expires_at = 0;  ///< seconds since 1970
  std::string who{};            ///< the person or job behind it; may be empty; 200 bytes of it are kept
  std::int64_t since = 0;       ///< when it was taken; 0: not known
};
/// Empty when nobody has it: never taken, given back, or unreadable. One that has expired is given back as it stands.
std::optional<StreamLease> read_lease(const kube::ImageStream& stream);

/// Why a lease is not what the stream says any more; empty: it is. Pure. Kind conflict.
std::optional<Error> lost_lease(const StreamLease& lease, const kube::ImageStream& stream);

/// Whether a holder is known to run no more; records::is_dead says so of processes of this host.
using IsGone = std::function<bool(std::string_view holder)>;

struct LeaseTaking {
  IsGone is_gone{};
  bool take_over = false;  ///< also from somebody who is at work; that one finds out when it renews
};

/// Takes it: free, expired, ours, of somebody who is gone, or by force. `now`: seconds since 1970. The stream must be
/// there. Two minutes at most are taken at once. Another holder gets the next fence, also where the annotation was
/// damaged. How long somebody else's counts: lease_rules.hpp.
/// Errors: busy with a LeaseHeld (base/lease_held.hpp) when somebody else has it; denied; not_found; conflict (a storm
/// of other writers).
Result<StreamLease> take_stream_lease(kube::Client& client, StreamLease wanted, std::chrono::seconds span,
                                      std::int64_t now, const net::ExchangeContext& context,
                                      const LeaseTaking& how = {});
/// Errors: conflict when it was lost: somebody else has it now, or it was given back. A conflict of the API (a storm of
/// other writers) has a failure_of() and says nothing about the lease.
Result<StreamLease> renew_stream_lease(kube::Client& client, const StreamLease& lease, std::chrono::seconds span,
                                       std::int64_t now, const net::ExchangeContext& context);
/// Cuts down the end of somebody else's lease that lies further away than it may count (lease_rules.hpp).
Status cut_stream_lease(kube::Client& client, const StreamLease& lease, std::int64_t now,
                        const net::ExchangeContext& context);
/// Gives it back, if it is still ours; the fence number stays on the stream.
Status release_stream_lease(kube::Client& client, const StreamLease& lease, const net::ExchangeContext& context);

}  // namespace sluice::openshift
