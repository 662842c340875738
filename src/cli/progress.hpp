#pragma once
// ProgressView: shows copying on stderr. On a terminal one line per blob in flight and a total that is redrawn; plain
// lines elsewhere; nothing with --progress none. Never touches stdout.

#include "base/guarded.hpp"
#include "cli/console.hpp"
#include "cli/options.hpp"
#include "copy/events.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace sluice::cli {

/// One blob in flight.
struct BlobLine {
  std::string digest;
  std::string target;
  std::uint64_t size_bytes = 0;
  std::uint64_t moved_bytes = 0;
};

/// What a frame shows; the drawing of it is pure, and tested without a terminal.
struct Frame {
  std::vector<BlobLine> blobs;  ///< in the order in which they began
  std::uint64_t total_bytes = 0;
  std::uint64_t moved_bytes = 0;
  double bytes_per_second = 0;
};
/// The lines of a frame, none wider than `width`; at most `height` of them, the total last.
std::vector<std::string> draw(const Frame& frame, unsigned width, std::size_t height);

/// Thread: `emit` from any. A thread of its own redraws ten times a second while bytes move.
class ProgressView final : public copy::Events {
 public:
  ProgressView(Console& console, ProgressMode mode);
  ~ProgressView() override;

  void emit(const copy::Event& event) override;
  /// Takes the display away, so that something else can be printed. It comes back with the next blob.
  void clear();

 private:
  struct State {
    std::vector<BlobLine> blobs;
    std::uint64_t total_bytes = 0;
    std::uint64_t moved_bytes = 0;
    std::size_t drawn_lines = 0;
    std::chrono::steady_clock::time_point started{};
    std::vector<std::string> messages;  // permanent lines that wait to be printed above the display
  };
  void emit_live(const copy::Event& event);
  void emit_plain(const copy::Event& event);
  void redraw(State& state, bool final_frame);
  void loop(const std::stop_token& stop);

  Console& console_;
  enum class Style : std::uint8_t { live, plain, none } style_;
  Guarded<State> state_;
  std::jthread painter_;
};

}  // namespace sluice::cli
