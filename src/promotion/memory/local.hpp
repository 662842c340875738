#pragma once
// What our own records tell of a target, in the shape of a memory: for places that remember nothing themselves.

#include "base/result.hpp"
#include "memory/target_memory.hpp"
#include "pipeline/pipeline.hpp"
#include "records/store.hpp"

#include <string>
#include <vector>

namespace sluice::promotion {

/// The promotions of the records that share a place with the target, played again in their order.
/// Errors: those of the records.
Result<memory::TargetMemory> local_memory(records::Store& store, const pipeline::Target& target,
                                          const std::vector<std::string>& images, const std::string& tag);

}  // namespace sluice::promotion
