#include "promotion/numbering.hpp"

#include "memory/ledger_claim.hpp"
#include "memory/registry_numbers.hpp"
#include "promotion/memory_access.hpp"

#include <memory>

namespace sluice::promotion {

namespace {

bool may_not(const Error& error) {
  return error.kind() == ErrorKind::denied || error.kind() == ErrorKind::not_found ||
         error.kind() == ErrorKind::unsupported || error.kind() == ErrorKind::blocked;
}

/// One line's numbers in the ledgers of image streams.
class Ledgers {
 public:
  Ledgers(const Numbering& numbering, std::stop_token stop) : numbering_(numbering), stop_(std::move(stop)) {}

  void add(std::unique_ptr<memory::PlaceMemory> place) { places_.push_back(std::move(place)); }

  Result<std::int64_t> claim(const std::string& release) {
    memory::LedgerSteps steps(release, numbering_.at_least, places_.size());
    for (;;) {
      if (const auto* end = std::get_if<memory::Numbered>(&steps.next())) return end->number;
      if (const auto* look = std::get_if<memory::ReadLedger>(&steps.next())) {
        SLUICE_TRY(const auto ledger, read(*places_[look->place]));
        steps.read(ledger);
      } else {
        SLUICE_TRY(const bool written, change(*places_[std::get<memory::ChangeLedger>(steps.next()).place], steps));
        steps.changed(written);
      }
    }
  }

 private:
  Result<memory::Ledger> read(memory::PlaceMemory& place) {
    SLUICE_TRY(const auto memories, place.read({numbering_.image}, stop_));
    const auto& problem = memories.front().problem;
    if (!problem.empty()) return Error(ErrorKind::blocked, "the numbers cannot be read: what keeps them " + problem);
    const auto found = memories.front().numbers.find(numbering_.line);
    return found == memories.front().numbers.end() ? memory::Ledger{} : found->second;
  }

  // False: we may not write there.
  Result<bool> change(memory::PlaceMemory& place, memory::LedgerSteps& steps) {
    const auto written = place.change(
        numbering_.image,
        [&](memory::RepositoryMemory& memory) -> Status {
          if (!memory.problem.empty()) return Error(ErrorKind::blocked, "the memory there " + memory.problem);
          return steps.change(memory.numbers[numbering_.line]);
        },
        stop_);
    if (!written && !may_not(written.error())) return written.error();
    return written.ok();
  }

  const Numbering& numbering_;
  std::stop_token stop_;
  std::vector<std::unique_ptr<memory::PlaceMemory>> places_;
};

Result<std::int64_t> claim_at_places(Targets& targets, const Numbering& numbering, const std::string& release) {
  if (numbering.places.empty()) return std::int64_t{0};
  Ledgers ledgers(numbering, targets.stop());
  for (const auto& target : numbering.places) {
    SLUICE_TRY(const auto access, targets.open(target));
    if (access.streams) {
      SLUICE_TRY(auto ledger, memory_at(targets, target));
      ledgers.add(std::move(ledger));
      continue;
    }
    if (&target != &numbering.places.front()) break;
    SLUICE_TRY(auto* registry, targets.places().place_of(target));
    SLUICE_TRY(const auto number, memory::claim_number(*registry, repository_of(target, numbering.image), release,
                                                       numbering.at_least, targets.stop()));
    return number.value_or(0);
  }
  return ledgers.claim(release);
}

}  // namespace

void name_birth_place(Targets& targets, const Numbering& numbering) {
  if (numbering.places.empty() || numbering.places.front().has_api) return;
  const auto memory = registry_memory_at(targets, numbering.places.front());
  if (memory && *memory) static_cast<void>((*memory)->give_id(numbering.image, targets.stop()));
}

Result<std::int64_t> claim_number(Targets& targets, const Numbering& numbering, const std::string& release) {
  auto number = claim_at_places(targets, numbering, release);
  if (!number && may_not(number.error())) return std::int64_t{0};
  return number;
}

}  // namespace sluice::promotion
