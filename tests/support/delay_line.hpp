#pragma once
// DelayLine: bytes on their way through the proxy, each held back until its time, in order.
// It delays and bounds; it does not limit the rate.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::support {

/// Thread: one at a time.
class DelayLine {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  /// The bound that keeps a proxy small: at 80 ms one way it still carries 100 MiB/s.
  static constexpr std::size_t kMaxBytes = std::size_t{8} * 1024 * 1024;

  /// Takes over `size` bytes. A release before that of earlier bytes counts as theirs: order is kept.
  void push(std::unique_ptr<char[]> bytes, std::size_t size, TimePoint release);
  void push(std::string_view bytes, TimePoint release);

  bool empty() const { return chunks_.empty(); }
  bool full() const { return held_ >= kMaxBytes; }
  /// When the front may leave; nothing for an empty line.
  std::optional<TimePoint> next_release() const;
  /// Bytes of the front that may leave at `now`; empty when it is too early.
  std::span<const char> ready(TimePoint now) const;
  void consume(std::size_t size);

  /// Positions in the stream, counted from the first byte ever pushed.
  std::uint64_t pushed() const { return pushed_; }
  std::uint64_t sent() const { return pushed_ - held_; }

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t begin = 0;
    std::size_t end = 0;
    TimePoint release;
  };
  std::deque<Chunk> chunks_;
  std::size_t held_ = 0;
  std::uint64_t pushed_ = 0;
};

}  // namespace sluice::support
