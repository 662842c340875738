#pragma once
// The two ends of a BlobPipe in memory: a thread that fills it, and a loop that empties it. Used by FakePlace.

#include "places/blob_pipe.hpp"
#include "places/place.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace sluice::support {

/// What a read comes to: these bytes, which begin where the pipe goes on, and then perhaps an error.
struct Delivery {
  std::string bytes;
  std::optional<Error> then;
  std::function<void(std::size_t bytes)> taken{};  ///< told what the pipe has taken
};

/// Fills `pipe` from a thread of its own, which ends with the object. `answer` runs on that thread.
std::unique_ptr<places::BlobRead> fake_read(places::BlobPipe& pipe, const std::stop_token& stop,
                                            std::function<Result<Delivery>(const std::stop_token&)> answer);

/// Takes `size` bytes out of `pipe` and appends them to `content`, on the calling thread. Errors: cancelled, when the
/// pipe broke or on stop, as an upload that is given up; `content` has what came before.
Status fake_drain(places::BlobPipe& pipe, std::uint64_t size, const std::stop_token& stop, std::string& content);

}  // namespace sluice::support
