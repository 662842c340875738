#pragma once
// Looks at clusters for `sluice init`: projects, image streams and workloads, which init/sketch.hpp makes a
// pipeline of. A handful of lists for each project that may belong to it; nothing is written.

#include "app/session.hpp"
#include "base/result.hpp"
#include "init/sketch.hpp"

#include <cstddef>

namespace sluice::app {

/// Where several apps are to be seen, so many first projects are looked into before a name is asked for.
inline constexpr std::size_t kMaxLookedAt = 50;

/// Errors: those of Session::cluster and of reading the first project; those of find_chains and sketch_pipeline;
/// unsupported (a cluster without image streams). What of later projects may not be read is a note.
Result<init::Sketch> look_at_clusters(Session& session, init::SketchWish wish);

}  // namespace sluice::app
