#include "promotion/memory/access.hpp"

#include "memory/stream_memory.hpp"

namespace sluice::promotion {

memory::Who told_who(const memory::Who& who, const pipeline::MemoryWish& wish, const pipeline::Target& target,
                     const std::string& identity) {
  using pipeline::TellWho;
  memory::Who out;
  switch (wish.who.value_or(target.has_api ? TellWho::full : TellWho::identity)) {
    case TellWho::full:
      out = who;
      break;
    case TellWho::identity:
      break;
    case TellWho::none:
      return out;
  }
  out.identity = identity;
  return out;
}

Result<std::unique_ptr<memory::RegistryMemory>> registry_memory_at(Targets& targets, const pipeline::Target& target) {
  SLUICE_TRY(const auto access, targets.open(target));
  std::unique_ptr<memory::RegistryMemory> none;
  if (access.streams) return none;
  SLUICE_TRY(auto* place, targets.places().place_of(target));
  return std::make_unique<memory::RegistryMemory>(*place, target.project, targets.places().memory_options());
}

Result<std::unique_ptr<memory::PlaceMemory>> memory_at(Targets& targets, const pipeline::Target& target) {
  SLUICE_TRY(const auto access, targets.open(target));
  if (access.streams)
    return std::unique_ptr<memory::PlaceMemory>(
        std::make_unique<memory::StreamMemory>(*access.side.client, target.project));
  SLUICE_TRY(auto registry, registry_memory_at(targets, target));
  return std::unique_ptr<memory::PlaceMemory>(std::move(registry));
}

}  // namespace sluice::promotion
