#pragma once
// Proves that what counts as present can be pulled: a byte of every blob is read, and every manifest below the image.
// Registries say of content that they have it when only their caches do.

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "base/task_pool.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"

#include <atomic>
#include <cstdint>
#include <set>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

namespace sluice::copy {

struct ProofOptions {
  unsigned retry_times = 4;  ///< of a blob that has to be brought again
  /// Also what the registry has linked from another of its repositories: it may only know that blob by its cache.
  bool mounted = false;
  /// Also what this run has brought: the registry is asked whether it really has it.
  bool all = false;
};

/// The proofs of some images of one survey. What cannot be read is brought again, without a mount; when it cannot be
/// read even then, the place is at fault and no copy cures it.
/// Thread: one owner; its tasks run on a pool's threads. Everything that it is made with outlives the pool's work.
class Proof {
 public:
  Proof(Survey& survey, const ProofOptions& options, Events& events);
  ~Proof();

  /// Adds to `pool` what proves an image, an index into the survey. Content that was asked for, or brought, during this
  /// run is proven already (ProofOptions::all).
  /// Errors of the tasks: integrity (cannot be read, and not brought either), those of places.
  void add(TaskPool& pool, std::size_t item);

  /// After the pool has finished: what had to be brought again counts as moved.
  void count();

 private:
  void add_blob(TaskPool& pool, std::size_t item, const oci::Descriptor& blob);
  void add_manifest(TaskPool& pool, std::size_t item, const oci::Manifest& manifest);
  Status bring(std::size_t item, const oci::Descriptor& blob, const std::stop_token& stop);

  Survey& survey_;
  ProofOptions options_;
  Events& events_;
  std::set<std::tuple<std::string, std::string, oci::Digest>> asked_;  // host, repository, digest
  std::vector<std::atomic<std::uint64_t>> retries_;                    // by item
  Guarded<std::vector<std::pair<std::size_t, oci::Descriptor>>> brought_;
};

/// All of it at once, for the images named. See Proof.
Status prove(Survey& survey, const std::vector<std::size_t>& items, const ProofOptions& options, Events& events,
             std::stop_token stop);

/// A blob of an item that was taken for present or mounted had to travel after all.
void count_as_moved(Survey& survey, std::size_t item, const oci::Descriptor& blob);

}  // namespace sluice::copy
