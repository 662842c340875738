#pragma once
// Writes one manifest, and cures what the place says about it: content it misses is brought, a tag that may not change
// is explained.

#include "base/task_pool.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"

#include <atomic>
#include <cstdint>
#include <functional>

namespace sluice::copy {

/// What is to be written. All references outlive the pool's work.
struct ManifestOrder {
  const SurveyedItem& item;
  std::size_t item_index = 0;
  const oci::Manifest& manifest;
  places::ManifestName name;
  unsigned retry_times = 4;                       ///< of a blob that has to be brought once more
  std::atomic<std::uint64_t>* retries = nullptr;  ///< counts those; may be null
  /// A blob was brought although it had been taken for present or mounted. May be empty. Called from job threads.
  std::function<void(const oci::Descriptor&)> brought{};
  /// The manifest names a subject, and the place did not say that it lists it there. May be empty, as above.
  std::function<void(const oci::Manifest&)> unlisted{};
  std::function<Status(const std::stop_token&)> then;  ///< once, when the place has the manifest; must not be empty
};

/// The task that does it; what more there is to do is added to `pool`. A place that does not have content it said it
/// had, and names it (MANIFEST_BLOB_UNKNOWN), gets exactly that, at most twice. A tag that may not change is fine when
/// it stands for this manifest already.
/// Errors of the task: conflict (the tag stands for something else and may not change), and those of places.
Task write_manifest(TaskPool& pool, Events& events, ManifestOrder order);

}  // namespace sluice::copy
