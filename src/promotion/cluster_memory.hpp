#pragma once
// What the streams of an environment remember of promotions, for agents whose own records do not: design section 7.8.

#include "base/result.hpp"
#include "cluster/stream_state.hpp"
#include "promotion/targets.hpp"
#include "records/records.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::promotion {

struct EnvironmentMemory {
  std::int64_t release = 0;                ///< promoted last, and standing; 0: none
  std::string promotion;                   ///< that brought it
  std::string hold;                        ///< why it is held; empty: it is not
  std::vector<records::Release> releases;  ///< that one can go back to, newest promotion first; complete ones only
  std::vector<std::string> promotions{};   ///< of each release
};

/// Reads the annotations of an environment's first target. Empty: no streams, or nothing on them.
/// Errors: those of reading the streams.
Result<std::optional<EnvironmentMemory>> remember(Targets& targets, const pipeline::Pipeline& pipeline,
                                                  const pipeline::Environment& environment, const std::string& tag);

/// The same out of the states of the streams, image by image. Pure.
std::optional<EnvironmentMemory> memory_of(const std::string& app, const std::vector<std::string>& images,
                                           const std::vector<cluster::TagState>& states);

}  // namespace sluice::promotion
