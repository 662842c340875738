#pragma once
// Carry: brings all content that a survey decided on, invisible to whoever looks at tags. Then publish.hpp.

#include "base/result.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"
#include "copy/tags.hpp"

#include <chrono>
#include <stop_token>
#include <vector>

namespace sluice::copy {

class TransferJournal;

struct CarryOptions {
  unsigned retry_times = 4;  ///< of a blob whose transfer broke
  /// Write each image's own manifest under its digest as well, so that publishing all tags is one short phase. Off
  /// for a single image, where it would be one more exchange for nothing.
  bool stage_roots = true;
  /// What a later process needs to go on with the uploads of this one. Borrowed; null: nothing is written down.
  TransferJournal* journal = nullptr;
  /// Until an attachment counts as not arrived.
  std::vector<std::chrono::milliseconds> pauses = read_back_pauses();
};

/// Brings all blobs and manifests to their destinations, but for images of Road::docker: they are there by then. What
/// was really moved, mounted and present replaces the survey's estimate in its items, also when it fails. Each manifest
/// waits for exactly its own blobs and children. Attachments are written as well, tags and lists of referrers included,
/// and are counted by looking: they are there before any tag moves. Errors: integrity, when an attachment cannot be
/// found where it was brought to; the first one that could not be cured; then what was not begun is dropped.
Status carry(Survey& survey, const CarryOptions& options, Events& events, std::stop_token stop);

}  // namespace sluice::copy
