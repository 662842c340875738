#pragma once
// What a place remembers: the releases that stood there, the promotions that brought them, the hold, and who is at
// work. Kept at the place itself, so that every machine reads the same. One memory per repository (or image stream),
// with one entry per moving tag. Pure; where it is kept: place_memory.hpp. Times are seconds since 1970, UTC. Whoever
// may write to the place may write this: it counts for that place alone (docs/architecture.md, "One memory").

#include "base/json.hpp"
#include "base/result.hpp"
#include "memory/shared_json.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::memory {

/// Releases that one can go back to, each once.
inline constexpr std::size_t kKeptReleases = 5;
inline constexpr std::size_t kKeptPromotions = 20;
/// Of one repository's memory as text. Annotations of an object may have 256 KiB in all, and others want their room.
inline constexpr std::size_t kMaxBytes = std::size_t{32} * 1024;
/// Nobody counts further; what says more is damaged.
inline constexpr std::int64_t kMaxNumber = 9'999'999;
inline constexpr std::size_t kMaxHoldReason = 1000;  ///< bytes

/// Who did something, as far as it is to be told. Each part may be empty.
struct Who {
  std::string user;      ///< of the machine
  std::string host;      ///< name of the machine
  std::string identity;  ///< as the cluster or registry knows them
  std::string job;       ///< address of the CI job
  bool empty() const { return user.empty() && host.empty() && identity.empty() && job.empty(); }
  friend bool operator==(const Who&, const Who&) = default;
};
/// "ann (root@ci-7)": for people; empty when nothing is known.
std::string shown(const Who& who);
/// Null when nothing is known.
Json to_json(const Who& who);
Who who_from(const Json& json);  ///< empty parts for what cannot be read

/// How a release that stood at a place fared there.
enum class Stood : std::uint8_t {
  verified,  ///< its promotion succeeded
  adopted,   ///< it was there before the first promotion
  failed,    ///< it was switched to and did not run
  undone,    ///< its promotion was undone or rolled back by itself
  left,      ///< a rollback went away from it
};
std::string_view to_string(Stood stood);  ///< stable, used in the memory and in JSON
std::optional<Stood> parse_stood(std::string_view text);
/// Whether a rollback may choose it without being told its name.
bool is_good(Stood stood);

/// A release that stood at this place, as far as this repository's image is concerned.
struct KeptRelease {
  std::string release;       ///< its id, 64 lower-case hexadecimal digits; empty in what versions before 0.2 wrote
  std::int64_t number = 0;   ///< the label that it was promoted under; 0: none
  std::string digest;        ///< of this repository's image in the release
  std::string arrived_as{};  ///< its digest here where the way changed it; else empty
  std::string tag{};         ///< that it was found under
  bool pattern_tag = false;  ///< found by a tag pattern: its own tag is written as a pin
  Stood stood = Stood::verified;
  std::string promotion{};  ///< that brought it last; empty: none of ours did
  std::int64_t at = 0;      ///< when it began to stand here last
  /// What the tag stands for here while the release does.
  const std::string& here() const { return arrived_as.empty() ? digest : arrived_as; }
  friend bool operator==(const KeptRelease&, const KeptRelease&) = default;
};

/// A promotion that ended.
struct PastPromotion {
  std::string promotion;
  std::string kind;     ///< "promote", "rollback"
  std::string release;  ///< id; may be empty for old ones
  std::int64_t number = 0;
  std::string tag{};    ///< label
  std::string state{};  ///< as records name it: "succeeded", "failed", ...
  std::string before{};
  std::string after{};
  std::string tested{};  ///< the digest in the release, where the way changed it to `after`; else empty
  std::int64_t began = 0;
  std::int64_t ended = 0;
  Who who{};
  std::string failure{};  ///< one sentence
  friend bool operator==(const PastPromotion&, const PastPromotion&) = default;
};

struct Hold {
  std::string reason;
  std::int64_t since = 0;
  Who who{};
  friend bool operator==(const Hold&, const Hold&) = default;
};

struct OpenTag {
  std::string tag;
  std::string before;  ///< digest; empty: there was nothing
  friend bool operator==(const OpenTag&, const OpenTag&) = default;
};

/// A promotion that began and has not ended: enough for `resume` and `undo` from any machine.
struct OpenPromotion {
  std::string promotion;
  std::string kind;
  std::string release;
  std::int64_t number = 0;
  std::string label{};  ///< the tag that the release was found under
  bool pattern_tag = false;
  std::int64_t began = 0;
  bool undoing = false;  ///< it is being put back, and something of it stood when that began
  Who who{};
  std::string holder{};         ///< the process at work; empty where a lease on the head says it
  std::int64_t until = 0;       ///< so long `holder` counts as at work unless it says so again; 0: the lease says it
  std::string head{};           ///< the image whose repository has the lease
  std::string digest{};         ///< of this image in the release
  std::string after{};          ///< that the tags are to stand for
  std::vector<OpenTag> tags{};  ///< of this image: pins first, the moving tag last
  std::string road{};           ///< that it took
  SharedJson plan{};  ///< what the whole promotion follows (promotion/plan/plan.hpp); null: an old version wrote it
  friend bool operator==(const OpenPromotion&, const OpenPromotion&) = default;
};

/// What is remembered of one moving tag.
struct TagMemory {
  std::string app;
  std::string environment;
  std::int64_t fence = 0;  ///< of the lease it was written under; a larger one is later
  std::optional<Hold> hold{};
  std::optional<OpenPromotion> open{};
  std::vector<KeptRelease> releases{};      ///< the one that stood last first, each once
  std::vector<PastPromotion> promotions{};  ///< newest first
  friend bool operator==(const TagMemory&, const TagMemory&) = default;
};

/// A number that was given to a release.
struct Claim {
  std::int64_t number = 0;
  std::string release;
  bool pending = false;  ///< not given out yet: nobody has looked whether another place gave it to other content
  friend bool operator==(const Claim&, const Claim&) = default;
};
/// The numbers of one line, as far as they were given out here.
struct Ledger {
  std::int64_t last = 0;        ///< the largest ever given out here: it is never given again
  std::int64_t dropped = 0;     ///< the largest whose claim is not kept any more, since there were too many; 0: none
  std::vector<Claim> claims{};  ///< newest first; at most kKeptPromotions
  friend bool operator==(const Ledger&, const Ledger&) = default;
};

/// The memory of one repository.
struct RepositoryMemory {
  std::string id{};  ///< of a repository in a plain registry: random, the same for everybody; else empty
  std::map<std::string, TagMemory, std::less<>> tags{};  ///< by moving tag
  std::map<std::string, Ledger, std::less<>> numbers{};  ///< by line
  std::string problem{};  ///< why it cannot be read, a clause; empty otherwise. Then nothing above counts.
  Json unknown{};         ///< as it was read: members that this version does not know stay when it is written
  friend bool operator==(const RepositoryMemory&, const RepositoryMemory&) = default;
};

/// Reads strictly and bounded: texts, numbers, digests and lists. What is damaged gives `problem` and nothing else.
RepositoryMemory read_memory(std::string_view text);
/// One line of JSON. Promotions that no longer fit go, oldest first. Errors: unsupported (over kMaxBytes all the same;
/// or it holds what read_memory() refuses, such as a release twice).
Result<std::string> write_memory(const RepositoryMemory& memory);
/// Whether a memory with this plan in it can be written at all. Errors: unsupported, as write_memory().
Status fits_memory(const SharedJson& plan);

}  // namespace sluice::memory
