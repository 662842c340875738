#include "kube/watch_frames.hpp"

#include "base/text.hpp"
#include "kube/objects/object.hpp"

#include <array>
#include <utility>

namespace sluice::kube {

namespace {

// What was read is dropped when it is worth a move of the rest.
constexpr std::size_t kCompactBytes = std::size_t{64} * 1024;

struct TypeName {
  std::string_view text;
  WatchFrame::Type type;
};
constexpr std::array kTypes{
    TypeName{"ADDED", WatchFrame::Type::added}, TypeName{"MODIFIED", WatchFrame::Type::modified},
    TypeName{"DELETED", WatchFrame::Type::deleted}, TypeName{"BOOKMARK", WatchFrame::Type::bookmark},
    TypeName{"ERROR", WatchFrame::Type::error}};

Error no_frame(const std::string& why) { return {ErrorKind::protocol, "a line of the watch is no frame: " + why}; }

// The server's error with what can be known when it is no Status.
ApiFailure read_error(const Json& object) {
  if (auto status = read_status(object)) return std::move(*status);
  ApiFailure failure;
  failure.code = 500;
  failure.message = text::printable(object.dump(), 200);
  return failure;
}

}  // namespace

Status LineSplitter::feed(std::string_view bytes) {
  if (!broken_) {
    if (taken_ > kCompactBytes && taken_ * 2 > buffer_.size()) {
      buffer_.erase(0, taken_);
      scanned_ -= taken_;
      tail_ -= taken_;
      taken_ = 0;
    }
    if (const auto last_end = bytes.rfind('\n'); last_end != std::string_view::npos) {
      tail_ = buffer_.size() + last_end + 1;
    }
    buffer_ += bytes;
    broken_ = buffer_.size() - tail_ > max_line_bytes_;
  }
  if (!broken_) return {};
  buffer_.clear();
  taken_ = scanned_ = tail_ = 0;
  return Error(ErrorKind::protocol,
               "a line of the watch is longer than the limit of " + text::human_bytes(max_line_bytes_));
}

std::optional<std::string> LineSplitter::next() {
  for (;;) {
    const auto end = buffer_.find('\n', scanned_);
    if (end == std::string::npos) {
      scanned_ = buffer_.size();
      return std::nullopt;
    }
    auto line = std::string_view(buffer_).substr(taken_, end - taken_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    taken_ = scanned_ = end + 1;
    if (!line.empty()) return std::string(line);
  }
}

bool LineSplitter::in_a_line() const { return tail_ < buffer_.size(); }

Result<WatchFrame> parse_frame(std::string_view line) {
  auto json = parse_json(line, {.max_bytes = line.size(), .max_depth = 64, .max_values = 500'000});
  if (!json) return no_frame(json.error().message());
  const auto type = json->string_at("type");
  auto* object = json->find("object");
  if (!type || object == nullptr || !object->is_object()) return no_frame("it has no type or no object");
  for (const auto& [text, known] : kTypes) {
    if (*type != text) continue;
    WatchFrame frame;
    frame.type = known;
    if (known == WatchFrame::Type::error) {
      frame.failure = read_error(*object);
      return frame;
    }
    frame.version = text_at(*object, {"metadata", "resourceVersion"});
    frame.object = std::move(*object);
    return frame;
  }
  return no_frame("its type is " + sluice::text::printable(*type, 40));
}

}  // namespace sluice::kube
