#pragma once
// Where streamed bodies come from and go to. Implemented above net (places/blob_pipe.hpp); called by the transfer loop.

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace sluice::net {

enum class Flow : std::uint8_t {
  moved,   ///< bytes were taken or given
  later,   ///< nothing now; the wake function will be called
  broken,  ///< the other side failed: give up
};

/// Takes a response body as it arrives. Thread: loop; must not block.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// Takes all of `bytes` or, answering `later`, none of it.
  virtual Flow take(std::span<const std::byte> bytes) = 0;
  /// The body is complete. Errors end the transfer with that error.
  virtual Status end() = 0;
  /// The transfer failed.
  virtual void fail(const Error& error) = 0;
  /// `wake` is called, from any thread, when `take` may succeed again or is to fail. Null: no more calls, please.
  virtual void on_room(std::function<void()> wake) = 0;
};

struct Given {
  Flow flow = Flow::later;
  std::size_t count = 0;
};

/// Gives a request body piece by piece. Thread: loop; must not block.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual Given give(std::span<std::byte> room) = 0;
  /// The transfer failed.
  virtual void fail(const Error& error) = 0;
  /// `wake` is called, from any thread, when `give` may succeed again or is to fail. Null: no more calls, please.
  virtual void on_bytes(std::function<void()> wake) = 0;
};

}  // namespace sluice::net
