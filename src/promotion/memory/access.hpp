#pragma once
// Which memory a target has: its image streams, or an artifact in each repository of its registry.

#include "memory/place_memory.hpp"
#include "memory/registry_memory.hpp"
#include "promotion/targets/targets.hpp"

#include <memory>

namespace sluice::promotion {

/// What is told of who asks, at one target: all of it on a cluster, the identity alone in a registry, which may be
/// public, unless the pipeline says otherwise. `identity`: as the target knows us; may be empty. Pure.
memory::Who told_who(const memory::Who& who, const pipeline::MemoryWish& wish, const pipeline::Target& target,
                     const std::string& identity);

/// Errors: those of opening the target.
Result<std::unique_ptr<memory::PlaceMemory>> memory_at(Targets& targets, const pipeline::Target& target);

/// Of a plain registry; null for a target with image streams. Errors: as above.
Result<std::unique_ptr<memory::RegistryMemory>> registry_memory_at(Targets& targets, const pipeline::Target& target);

}  // namespace sluice::promotion
