#include "promotion/plan/numbering.hpp"

#include "memory/ledger_claim.hpp"
#include "memory/registry_memory.hpp"
#include "memory/registry_numbers.hpp"
#include "memory/stream_memory.hpp"

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

Result<std::int64_t> claim_at_registry(Places& places, const Numbering& numbering, const std::string& release,
                                       const std::stop_token& stop) {
  const auto& birth = numbering.places.front();
  SLUICE_TRY(auto* registry, places.place_of(birth));
  SLUICE_TRY(const auto number,
             memory::claim_number(*registry, repository_of(birth, numbering.image), release, numbering.at_least, stop));
  return number.value_or(0);
}

Result<std::int64_t> claim_in_ledgers(Places& places, const Numbering& numbering, const std::string& release,
                                      const std::stop_token& stop) {
  Ledgers ledgers(numbering, stop);
  for (const auto& target : numbering.places) {
    if (!target.has_api) break;
    SLUICE_TRY(const auto side, places.cluster_of(target));
    if (side) ledgers.add(std::make_unique<memory::StreamMemory>(*side.client, target.project));
  }
  return ledgers.claim(release);
}

}  // namespace

void name_birth_place(Places& places, const Numbering& numbering, const std::stop_token& stop) {
  if (numbering.places.empty() || numbering.ledgers) return;
  const auto& birth = numbering.places.front();
  const auto registry = places.place_of(birth);
  if (!registry) return;
  memory::RegistryMemory memory(**registry, birth.project, places.memory_options());
  static_cast<void>(memory.give_id(numbering.image, stop));
}

Result<std::int64_t> claim_number(Places& places, const Numbering& numbering, const std::string& release,
                                  const std::stop_token& stop) {
  if (numbering.places.empty()) return std::int64_t{0};
  auto number = numbering.ledgers ? claim_in_ledgers(places, numbering, release, stop)
                                  : claim_at_registry(places, numbering, release, stop);
  if (!number && may_not(number.error())) return std::int64_t{0};
  return number;
}

}  // namespace sluice::promotion
