#pragma once
// History: the promotions of all machines to the places of a pipeline, and the releases that are known there.

#include "base/result.hpp"
#include "memory/memory.hpp"
#include "promotion/plan/planner.hpp"

#include <string>
#include <utility>
#include <vector>

namespace sluice::promotion {

struct HistoryEntry {
  memory::PastPromotion past;
  std::string environment;
  std::string target{};  ///< label, where the environment has several
  std::string plan{};    ///< its hash, where our records have it
};

struct Told {
  std::vector<HistoryEntry> entries;                     ///< newest first, each promotion once
  std::vector<std::pair<std::string, Error>> unknown{};  ///< environments that could not be asked
};

/// Of one environment, or of all when `environment` is empty. Errors: those of the records.
Result<Told> history_of(Planner& planner, records::Store& store, const pipeline::Pipeline& pipeline,
                        const std::string& environment, std::size_t limit);

/// Every release that a place of the pipeline or our records know, newest first. Places that cannot be asked say
/// nothing. Errors: those of the records.
Result<std::vector<records::Release>> releases_of(Planner& planner, records::Store& store,
                                                  const pipeline::Pipeline& pipeline, std::size_t limit);

}  // namespace sluice::promotion
