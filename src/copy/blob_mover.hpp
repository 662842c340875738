#pragma once
// Moves one blob to one repository: mount, or stream through a pipe, with retries that go on where the last try got to.
// Sequential; see base/task_pool.hpp for who runs it.

#include "base/result.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"
#include "places/joint_hash.hpp"

#include <memory>
#include <stop_token>

namespace sluice::copy {

class TransferJournal;

struct MoveOptions {
  unsigned retry_times = 4;                    ///< in a row without getting further
  TransferJournal* journal = nullptr;          ///< borrowed; null: a process that ends leaves nothing to go on from
  std::shared_ptr<places::JointHash> joint{};  ///< what all blobs in flight are hashed by; null: each by itself
};

/// Does what `move` says and returns how it was really done: a mount that is refused becomes a stream, or nothing where
/// the blob is there already.
/// A source that breaks off goes on where it was cut, and so does an upload of which the destination kept a part. Wrong
/// bytes are read once more from the beginning, which tells a bad wire from a bad disk.
/// An upload that failed in the end is given back, unless the journal has it.
/// Thread: job; blocks.
Result<BlobMove::How> move_blob(const BlobMove& move, const MoveOptions& options, Events& events,
                                const std::stop_token& stop);

}  // namespace sluice::copy
