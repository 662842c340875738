#pragma once
// Claims of numbers in ledgers (numbers.hpp), as they are kept on image streams: the decisions, without any I/O.
//
// A line of numbers has one or two ledgers: at its place of birth, and at the first target, for who may not write to
// the first. A ledger is changed by resourceVersion, so a change of it is one step that nobody comes between.
//
// To get a number, a machine (1) reads all ledgers, (2) writes a pending claim of a larger number than all it saw into
// the first ledger that it may write to, (3) reads the other ledger again, and (4) where nobody has that number there,
// takes the mark "pending" from its claim. Where somebody may have it, it withdraws the claim and goes back to (2).
// Readers are told nothing of a pending claim.
//
// Why a number never means two contents. In one ledger each number is given once: claims only grow, and `last` stays
// when a claim goes. In two ledgers, say that x is claimed in one and y in the other with one number, and both lose
// their mark. Each was written before its machine read the other ledger; so the one that read last saw the claim of the
// other, or a ledger that had dropped it. A ledger drops old claims when it has too many, and says up to which number:
// all up to there count as taken. A claim that was withdrawn cannot lose its mark any more: who finds it gone claims
// another. A machine that is killed leaves a pending claim at most; who goes on with it for the same release reads the
// other ledger first, as for a new one.
//
// What it leans on: who claims reads both ledgers, now. Who may not read one of them gets no number.

#include "base/result.hpp"
#include "memory/numbers.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sluice::memory {

/// Read the ledger of this place.
struct ReadLedger {
  std::size_t place = 0;
};
/// Change the ledger of this place with LedgerSteps::change().
struct ChangeLedger {
  std::size_t place = 0;
};
/// The end. 0: no number, since we may write to none of the ledgers, or others were faster every time.
struct Numbered {
  std::int64_t number = 0;
};
using LedgerStep = std::variant<ReadLedger, ChangeLedger, Numbered>;

/// Claims a number for one release: says what to do, and is told what came of it. A value, so that tests can go every
/// way from any point. Each reply belongs to the step that next() named.
class LedgerSteps {
 public:
  /// `release`: its id. `at_least`: what was seen elsewhere to be given out already. `places`: how many ledgers there
  /// are; the first one is tried first.
  LedgerSteps(std::string release, std::int64_t at_least, std::size_t places);

  const LedgerStep& next() const { return next_; }
  void read(const Ledger& ledger);
  /// May be called more than once for one step, each time with what stands there then; the last one counts.
  /// Errors: unsupported (there are no numbers left).
  Status change(Ledger& ledger);
  /// `written`: false when we may not write there; then change() counts for nothing.
  void changed(bool written);

 private:
  enum class Phase : std::uint8_t { look_first, claim, look_again, confirm, withdraw };

  Status put_claim(Ledger& ledger);
  void confirm_claim(Ledger& ledger);
  void first_read();
  void all_read_again();
  void claim_again();
  void read_from(std::size_t place);
  bool may_be_taken(const Ledger& ledger) const;

  std::string release_;
  std::int64_t last_;  ///< the largest number that is known to be given out
  std::size_t places_;
  std::size_t place_ = 0;  ///< whose ledger has our claim
  Phase phase_ = Phase::look_first;
  LedgerStep next_;
  std::int64_t known_ = 0;  ///< that the release has, as a ledger that was read says
  std::int64_t mine_ = 0;   ///< that we claimed
  std::int64_t found_ = 0;  ///< that the release turned out to have where we claim
  std::int64_t left_ = 0;   ///< a claim of ours that is void
  bool taken_ = false;
  bool lost_ = false;
  unsigned tries_ = 0;
};

}  // namespace sluice::memory
