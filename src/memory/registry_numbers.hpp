#pragma once
// Numbers of releases in a plain registry. A claim is a small artifact (artifact.hpp) under a tag of its own,
// "sluice-number-42-9f3c1b2a40d7". Tags of different releases never overwrite each other, and a list of tags shows all.
//
// To get a number, a machine (1) lists the tags, (2) pushes a claim on a number that is larger than all it saw, (3)
// lists the tags again, and (4) where its claim is alone with that number, pushes it once more with the mark
// "confirmed". Where it is not alone, it takes a larger number in the same way; the claim that it leaves needs no
// withdrawing.
//
// What a number means to a reader:
//   - one tag has it: that release, whether it is confirmed or not; nothing else is read;
//   - several tags have it: the one release whose artifact is confirmed; none, while there is no such one.
//
// Why a number that was told once never means another content. Tags are never taken away, and a list shows every tag
// that was written before it was asked for. Say that x was confirmed. Then a list showed x alone, so x was there before
// any other y with that number, and no reader has ever seen y alone. Nor can y be confirmed: its list after its own
// push shows x. So all readers are told x, or nothing between the push of a y and the mark on x. Say that nothing was
// confirmed. Then only the claim that came first was ever alone, and that one is told until a second one comes; from
// then on the number means nothing. A machine that is killed leaves one of these states. A machine that pushes a claim
// again without its mark (two machines claim for one release) can turn a meaning into nothing, never into another.
// Marking the loser instead ("withdrawn") would not do: of two machines that see each other, the one whose claim came
// first, and was told to readers, may withdraw while the other is killed before it does; then the other would be told.
//
// What it leans on: the registry's list of tags is not behind its writes (a claim that its own list does not show yet
// is waited for), and nobody deletes claims. Where a registry's clean-up rules delete tags, they are to leave
// "sluice-number-*" alone. A release may come to have two numbers; a number has one release at most.

#include "base/result.hpp"
#include "memory/numbers.hpp"
#include "places/place.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::memory {

inline constexpr std::string_view kNumberType = "application/vnd.sluice.number.v1+json";

/// The claims of one repository, as one list of tags shows them.
struct Numbers {
  std::map<std::int64_t, std::set<std::string>> claims{};  ///< by number: 12 digits of each release that claims it
  std::map<std::int64_t, std::string> confirmed{};         ///< of numbers with several claims: the confirmed one

  static Numbers of(const std::vector<std::string>& tags);
  /// The largest number that is claimed at all; 0: none.
  std::int64_t last() const;
  /// 12 digits of the release that a number stands for; empty: none, or nobody can say which.
  std::optional<std::string> meaning(std::int64_t number) const;
  /// The smallest number that stands for a release (its id, or 12 digits of it).
  std::optional<std::int64_t> number_of(std::string_view release) const;
};

/// What the artifact of a claim says.
struct ClaimArtifact {
  std::string release;  ///< its whole id
  bool confirmed = false;
  friend bool operator==(const ClaimArtifact&, const ClaimArtifact&) = default;
};

struct ListTags {};
/// Read our release's claim of this number.
struct ReadClaim {
  std::int64_t number = 0;
};
/// Push our release's claim of this number.
struct PushClaim {
  std::int64_t number = 0;
  bool confirmed = false;
};
/// The end. No number and no error: the registry does not take it.
struct Claimed {
  std::optional<std::int64_t> number{};
  std::optional<Error> error{};
};
using ClaimStep = std::variant<ListTags, ReadClaim, PushClaim, Claimed>;

/// Claims a number for one release: says what to ask the registry, and is told what came back. Pure; a value, so that
/// tests can go every way from any point. Each reply belongs to the step that next() named.
class ClaimSteps {
 public:
  /// `release`: its id. `at_least`: what was seen elsewhere to be given out already.
  ClaimSteps(std::string release, std::int64_t at_least);

  const ClaimStep& next() const { return next_; }
  /// How often a list in a row did not show our claim: time for a pause before the next one.
  unsigned unseen() const { return unseen_; }
  void listed(const std::vector<std::string>& tags);
  void read(const std::optional<ClaimArtifact>& claim);
  /// `taken`: false when the registry refused it.
  void pushed(bool taken);

 private:
  void use_or_claim();
  void claim_new(std::int64_t distance);
  void look_at_pushed();
  bool is_alone(std::int64_t number) const;

  std::string release_;
  std::string id12_;
  std::int64_t at_least_;
  ClaimStep next_ = ListTags{};
  Numbers numbers_{};
  std::vector<std::int64_t> known_{};  ///< numbers with a claim of ours that are still to be looked at, best first
  std::int64_t pushed_ = 0;
  unsigned unseen_ = 0;
  unsigned tries_ = 0;
};

/// The numbers of a repository: one list of tags, and the artifacts of numbers with several claims, of the largest ones
/// first and 60 at most; what is beyond means nothing. A repository that is not there has none. Errors: those of
/// places.
Result<Numbers> read_numbers(places::Place& place, const std::string& repository, const std::stop_token& stop);

/// Gives a release the next number, or the one that it has. Empty: this registry gives out none, since we may not list
/// or push there, or it does not take such artifacts. Exchanges: 4 for a new number, 2 for one that it has.
/// `pauses`: between lists that do not show what was pushed.
/// Errors: those of places; unsupported (no numbers left); conflict (others take every number first).
Result<std::optional<std::int64_t>> claim_number(places::Place& place, const std::string& repository,
                                                 const std::string& release, std::int64_t at_least,
                                                 const std::stop_token& stop);
Result<std::optional<std::int64_t>> claim_number(places::Place& place, const std::string& repository,
                                                 const std::string& release, std::int64_t at_least,
                                                 const std::vector<std::chrono::milliseconds>& pauses,
                                                 const std::stop_token& stop);

}  // namespace sluice::memory
