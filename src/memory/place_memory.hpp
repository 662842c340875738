#pragma once
// PlaceMemory: where the memory of one target is kept. On OpenShift in annotations of its image streams
// (stream_memory.hpp), on a plain registry in an artifact of each repository (registry_memory.hpp).

#include "base/result.hpp"
#include "memory/memory.hpp"

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::memory {

/// Changes what is remembered of one repository. May be called more than once, each time with what stands there then.
using Change = std::function<Status(RepositoryMemory&)>;

/// Thread: any. Borrows what it stands on.
/// Errors of both: those of the place. `denied`: we may not; `unsupported`: the place takes no memory, or no more of
/// it.
class PlaceMemory {
 public:
  virtual ~PlaceMemory() = default;

  /// What each image's repository remembers, image by image, side by side. A repository that is not there remembers
  /// nothing. A memory that is damaged is no error: see RepositoryMemory::problem.
  virtual Result<std::vector<RepositoryMemory>> read(const std::vector<std::string>& images,
                                                     const std::stop_token& stop) = 0;

  /// Reads, changes, writes, and reads back until what was written stands. Nothing is written where `change` changes
  /// nothing. A memory with a problem is given to `change` empty, with its problem; it is written anew when the change
  /// takes the problem away.
  /// Errors: as above; conflict (others write without end); whatever `change` says.
  virtual Status change(const std::string& image, const Change& change, const std::stop_token& stop) = 0;
};

}  // namespace sluice::memory
