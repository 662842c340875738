#pragma once
// The annotation sluice/state, as versions before 0.2 wrote and read it, against the memory. Pure.

#include "memory/memory.hpp"
#include "openshift/streams/state.hpp"

namespace sluice::memory {

/// What an older version is to see of a tag's memory: releases that have a number and that a rollback may choose, the
/// one that stands first.
openshift::TagState old_state_of(const TagMemory& memory);

/// Takes over what an older version wrote since the memory was written; nothing when `state` is what was derived from
/// it.
void take_over(const openshift::TagState& state, TagMemory& memory);

}  // namespace sluice::memory
