// Any bytes as a watch: the same lines however they are cut, and frames that keep the promises of watch_frames.hpp.
// The first byte says how the rest is cut.

#include "fuzz/require.hpp"
#include "kube/watch_frames.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace sluice;

namespace {

constexpr std::size_t kMaxLine = 4096;

// Lines up to the first refusal.
std::vector<std::string> lines_of(std::string_view bytes, std::size_t piece) {
  kube::LineSplitter splitter(kMaxLine);
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (!splitter.feed(bytes.substr(at, piece)).ok()) break;
    while (auto line = splitter.next()) out.push_back(std::move(*line));
    require(splitter.held_bytes() <= kMaxLine, "no more is held than one line");
  }
  return out;
}

void check_frame(const std::string& line) {
  const auto frame = kube::parse_frame(line);
  if (!frame.ok()) {
    require(frame.error().kind() == ErrorKind::protocol, "what is refused is a protocol error");
    require(frame.error().sentence().size() < 2000, "a message does not echo endless text");
    return;
  }
  const bool is_error = frame->type == kube::WatchFrame::Type::error;
  require(is_error || frame->object.is_object(), "a frame has an object");
  require(!is_error || frame->failure.message.size() < 2000, "texts of errors are bounded");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto one_by_one = lines_of(bytes, 1);
  const auto in_pieces = lines_of(bytes, std::size_t{data[0]} + 1);
  // A long line is noticed at another byte; what came before it is the same.
  const auto both = std::min(one_by_one.size(), in_pieces.size());
  require(std::equal(one_by_one.begin(), one_by_one.begin() + static_cast<std::ptrdiff_t>(both), in_pieces.begin()),
          "cuts do not change lines");
  for (const auto& line : one_by_one) check_frame(line);
  return 0;
}
