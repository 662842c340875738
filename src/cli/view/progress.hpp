#pragma once
// ProgressView: shows copying on stderr. On a terminal one line per blob in flight and a total that is redrawn; plain
// lines elsewhere; nothing with --progress none. Never touches stdout.

#include "base/guarded.hpp"
#include "cli/options.hpp"
#include "cli/view/console.hpp"
#include "copy/events.hpp"
#include "promotion/steps/step_writer.hpp"

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

/// So long nothing is said off a terminal at most: systems that watch a job end one that is silent.
inline constexpr std::chrono::milliseconds kLongestSilence{std::chrono::seconds(25)};

/// What is said when nothing has happened for so long: "45 s  12 MiB of 143 MiB  dc/web 0 of 1 pods ready". Pure.
std::string still_text(std::chrono::seconds elapsed, std::uint64_t moved_bytes, std::uint64_t total_bytes,
                       const std::string& last_line);

/// Thread: `emit` from any. A thread of its own redraws ten times a second while bytes move; off a terminal it says now
/// and then that work goes on.
class ProgressView final : public promotion::PromotionEvents {
 public:
  ProgressView(Console& console, ProgressMode mode, std::chrono::milliseconds silence = kLongestSilence);
  ~ProgressView() override;

  void emit(const copy::Event& event) override;
  /// States that are entered, and tags that are put back; other steps are not worth a line.
  void recorded(const promotion::RecordedStep& step) override;
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
    // Off a terminal.
    std::string last_line;
    std::chrono::steady_clock::time_point spoke{};
  };
  static void count(State& state, const copy::Event& event);
  void emit_live(const copy::Event& event);
  void emit_plain(const copy::Event& event);
  void say(const std::string& line);
  void watch(const std::stop_token& stop);
  void redraw(State& state, bool final_frame);
  void loop(const std::stop_token& stop);

  Console& console_;
  enum class Style : std::uint8_t { live, plain, none } style_;
  std::chrono::milliseconds silence_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  Guarded<State> state_;
  std::jthread painter_;
};

}  // namespace sluice::cli
