#pragma once
// Carry and publish: does what a survey decided. First all content, invisible to whoever looks at tags; then all tags.

#include "base/result.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"

#include <functional>
#include <stop_token>
#include <string>

namespace sluice::copy {

class TransferJournal;

struct CarryOptions {
  unsigned retry_times = 4;  ///< of a blob whose transfer broke
  /// Write each image's own manifest under its digest as well, so that publishing all tags is one short phase. Off
  /// for a single image, where it would be one more exchange for nothing.
  bool stage_roots = true;
  /// What a later process needs to go on with the uploads of this one. Borrowed; null: nothing is written down.
  TransferJournal* journal = nullptr;
};

/// Brings all blobs and manifests to their destinations. What was really moved, mounted and present replaces the
/// survey's estimate in its items, also when it fails. Each manifest waits for exactly its own blobs and children.
/// Errors: the first one that could not be cured; then what was not begun is dropped.
Status carry(Survey& survey, const CarryOptions& options, Events& events, std::stop_token stop);

/// Told after a tag was written, before it is read back. Called from several threads, one call per tag.
/// An error ends the publishing.
using Switched = std::function<Status(const SurveyedItem& item, const std::string& tag)>;

/// Writes the tags of `items` (indexes into the survey), all at once, and reads every one of them back. A place that
/// misses content which it said it had gets it; then the amounts of the survey change once more.
/// Errors: integrity when what is read back is not what was written; conflict, and those of places.
Status publish(Survey& survey, const std::vector<std::size_t>& items, const Switched& switched, Events& events,
               std::stop_token stop);

}  // namespace sluice::copy
