#pragma once
// What an environment remembers: its targets' memories side by side. What a place says counts for that place alone, so
// that what is brought to an environment by number, tag or rollback comes from here, or from our own records.

#include "base/result.hpp"
#include "memory/target_memory.hpp"
#include "openshift/streams/state.hpp"
#include "promotion/targets/targets.hpp"
#include "records/store.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::promotion {

struct TargetRemembers {
  pipeline::Target target{};  ///< with its place
  memory::TargetMemory memory{};
  bool at_place = false;                          ///< read at the place; else our own records say it
  std::optional<openshift::StreamLease> lease{};  ///< of somebody who is at work now
  /// The numbers that were given out here, by line.
  std::map<std::string, memory::Ledger, std::less<>> numbers{};
};

struct EnvironmentMemory {
  std::vector<TargetRemembers> targets{};        ///< in the order of the environment
  std::vector<memory::StoodRelease> releases{};  ///< of all targets, the one that stood last first, each once
  std::optional<memory::Hold> hold() const;      ///< of any of its places
  std::optional<memory::OpenPromotion> open() const;
  std::optional<openshift::StreamLease> lease() const;
  std::string problem() const;                            ///< a sentence; empty: everything can be read
  std::vector<memory::PastPromotion> promotions() const;  ///< newest first, each once
};

/// Whether the process that an open promotion names is at work, as far as it said so: for places without a lease.
bool is_at_work(const memory::OpenPromotion& open);

/// Merges what targets remember. Pure.
std::vector<memory::StoodRelease> merge_releases(const std::vector<TargetRemembers>& targets);

/// Reads what the targets of an environment remember, else what our records tell of them.
/// Errors: those of reading, but `denied`: who may not read a place remembers nothing of it.
Result<EnvironmentMemory> remember(Targets& targets, records::Store& store, const std::vector<std::string>& images,
                                   const pipeline::Environment& environment, const std::string& tag);

/// What one target remembers. Errors: those of reading.
Result<TargetRemembers> remember_target(Targets& targets, records::Store& store, const std::vector<std::string>& images,
                                        const pipeline::Target& target, const std::string& tag);

}  // namespace sluice::promotion
