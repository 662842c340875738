// The decisions of a claim in ledgers, step by step. Why they are safe: ledger_claim.hpp.

#include "memory/ledger_claim.hpp"

#include <algorithm>
#include <utility>

namespace sluice::memory {

namespace {

constexpr unsigned kMaxTries = 8;

bool has_claim(const Ledger& ledger, std::string_view release, std::int64_t number) {
  return std::any_of(ledger.claims.begin(), ledger.claims.end(),
                     [&](const Claim& one) { return one.release == release && one.number == number; });
}

}  // namespace

LedgerSteps::LedgerSteps(std::string release, std::int64_t at_least, std::size_t places)
    : release_(std::move(release)), last_(at_least), places_(places) {
  if (places_ == 0) {
    next_ = Numbered{};
  } else {
    next_ = ReadLedger{0};
  }
}

bool LedgerSteps::may_be_taken(const Ledger& ledger) const {
  if (is_taken(ledger, mine_, release_)) return true;
  return mine_ <= ledger.dropped && !has_claim(ledger, release_, mine_);
}

void LedgerSteps::read(const Ledger& ledger) {
  const auto place = std::get<ReadLedger>(next_).place;
  last_ = std::max(last_, ledger.last);
  if (known_ == 0) known_ = number_of(ledger, release_).value_or(0);
  // It means this release alone, whatever the other ledger says.
  if (phase_ == Phase::look_first && known_ != 0) {
    next_ = Numbered{known_};
    return;
  }
  if (phase_ == Phase::look_again) taken_ = taken_ || may_be_taken(ledger);
  read_from(place + 1);
}

// Our own ledger needs no second look.
void LedgerSteps::read_from(std::size_t place) {
  if (phase_ == Phase::look_again && place == place_) ++place;
  if (place < places_) {
    next_ = ReadLedger{place};
  } else if (phase_ == Phase::look_first) {
    first_read();
  } else {
    all_read_again();
  }
}

void LedgerSteps::first_read() {
  phase_ = Phase::claim;
  next_ = ChangeLedger{place_};
}

void LedgerSteps::all_read_again() {
  if (known_ != 0) {
    phase_ = Phase::withdraw;
  } else if (!taken_) {
    phase_ = Phase::confirm;
  } else {
    // Steps of different length, so that two do not meet again.
    last_ = std::max(last_, mine_) + static_cast<std::int64_t>(place_);
    claim_again();
    return;
  }
  next_ = ChangeLedger{place_};
}

void LedgerSteps::claim_again() {
  left_ = std::exchange(mine_, 0);
  last_ = std::max(last_, left_);
  phase_ = Phase::claim;
  next_ = ChangeLedger{place_};
  if (++tries_ < kMaxTries) return;
  // The last claim is void: it stays pending, and its number is given to nobody.
  next_ = Numbered{};
}

Status LedgerSteps::change(Ledger& ledger) {
  switch (phase_) {
    case Phase::claim:
      return put_claim(ledger);
    case Phase::confirm:
      confirm_claim(ledger);
      break;
    case Phase::withdraw:
      withdraw(ledger, release_, mine_);
      break;
    case Phase::look_first:
    case Phase::look_again:
      break;
  }
  return {};
}

Status LedgerSteps::put_claim(Ledger& ledger) {
  if (left_ != 0) withdraw(ledger, release_, left_);
  // Somebody else may have got a number for it meanwhile.
  found_ = number_of(ledger, release_).value_or(0);
  if (found_ != 0) return {};
  SLUICE_TRY(mine_, memory::claim(ledger, release_, last_));
  return {};
}

void LedgerSteps::confirm_claim(Ledger& ledger) {
  found_ = number_of(ledger, release_).value_or(0);
  lost_ = found_ == 0 && !has_claim(ledger, release_, mine_);
  if (found_ == 0 && !lost_) confirm(ledger, release_, mine_);
}

void LedgerSteps::changed(bool written) {
  switch (phase_) {
    case Phase::claim:
      if (!written) {
        mine_ = 0;
        next_ = ++place_ < places_ ? LedgerStep(ChangeLedger{place_}) : LedgerStep(Numbered{});
      } else if (found_ != 0) {
        next_ = Numbered{found_};
      } else {
        phase_ = Phase::look_again;
        taken_ = false;
        read_from(0);
      }
      break;
    case Phase::confirm:
      if (!written) {
        next_ = Numbered{};
      } else if (lost_) {
        claim_again();
      } else {
        next_ = Numbered{found_ != 0 ? found_ : mine_};
      }
      break;
    case Phase::withdraw:
      next_ = Numbered{known_};
      break;
    case Phase::look_first:
    case Phase::look_again:
      break;
  }
}

}  // namespace sluice::memory
