#pragma once
// Moves one blob to one repository: mount, or stream through a pipe, with retries. Sequential; see crew.hpp for who
// runs it.

#include "base/result.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"

#include <stop_token>

namespace sluice::copy {

/// Does what `move` says and returns how it was really done: a mount that is refused becomes a stream.
/// A transfer that breaks is begun again `retry_times` times; wrong bytes once, which tells a bad wire from a bad disk.
/// Thread: job; blocks.
Result<BlobMove::How> move_blob(const BlobMove& move, unsigned retry_times, Events& events,
                                const std::stop_token& stop);

}  // namespace sluice::copy
