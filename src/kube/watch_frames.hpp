#pragma once
// Frames of a watch: one JSON document a line. Pure; fuzzed by fuzz/watch_frames_fuzz.cpp.
// Source: Kubernetes API concepts, "Efficient detection of changes", "Watch bookmarks", "410 Gone responses".

#include "base/json.hpp"
#include "base/result.hpp"
#include "kube/status.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::kube {

/// Cuts a stream of bytes into lines.
class LineSplitter {
 public:
  explicit LineSplitter(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  /// Errors: protocol (a line over the limit); from then on nothing comes any more.
  Status feed(std::string_view bytes);
  /// The next whole line without its end; empty lines are passed over.
  std::optional<std::string> next();
  /// Bytes that are held: whole lines and the start of one.
  std::size_t held_bytes() const { return buffer_.size() - taken_; }
  /// What has come of a line that has not ended. A stream that is cut leaves one; it is not to be used.
  bool in_a_line() const;

 private:
  std::size_t max_line_bytes_;
  std::string buffer_;
  std::size_t taken_ = 0;    ///< of the buffer
  std::size_t scanned_ = 0;  ///< of the buffer, without a line end behind taken_
  std::size_t tail_ = 0;     ///< where the line begins that has not ended
  bool broken_ = false;
};

struct WatchFrame {
  enum class Type : std::uint8_t { added, modified, deleted, bookmark, error };
  Type type = Type::added;
  Json object;          ///< empty for errors
  std::string version;  ///< metadata.resourceVersion; empty when there is none
  ApiFailure failure;   ///< of an ERROR frame
};

/// Reads one line. Errors: protocol (no JSON, no type that is known, no object).
Result<WatchFrame> parse_frame(std::string_view line);

}  // namespace sluice::kube
