#include "cli/view/event_log.hpp"

#include "base/text.hpp"
#include "cli/view/times.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>

namespace sluice::cli {

Result<std::unique_ptr<EventLog>> EventLog::open(const std::string& path) {
  if (path == "-") return std::make_unique<EventLog>(stdout, false, "stdout");
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) {
    return Error(ErrorKind::usage, "cannot write events to " + text::printable(path) + ": " + std::strerror(errno))
        .with_hint("name a file in a folder that is there and may be written to, or - for stdout");
  }
  return std::make_unique<EventLog>(file, true, path);
}

EventLog::~EventLog() {
  if (owned_) std::fclose(file_);
}

Json to_json(const copy::Event& event, std::uint64_t sequence, const std::string& time) {
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return Json::object()
      .set("schema", "sluice.event/1")
      .set("sequence", sequence)
      .set("time", time)
      .set("kind", to_string(event.kind))
      .set("image", text_or_null(event.image))
      .set("target", text_or_null(event.target))
      .set("digest", text_or_null(event.digest))
      .set("bytes", event.bytes)
      .set("detail", text_or_null(event.detail));
}

bool EventLog::is_due(State& state, const copy::Event& event, std::uint64_t& bytes) {
  using copy::EventKind;
  bytes = event.bytes;
  const std::pair blob(event.target, event.digest);
  if (event.kind == EventKind::blob_progress) {
    auto& untold = state.untold[blob];
    untold += event.bytes;
    if (untold < kProgressStep) return false;
    bytes = std::exchange(untold, 0);
    return true;
  }
  const bool begins_or_ends = event.kind == EventKind::blob_started || event.kind == EventKind::blob_done ||
                              event.kind == EventKind::blob_retried;
  if (begins_or_ends) state.untold.erase(blob);
  return true;
}

void EventLog::emit(const copy::Event& event) {
  state_.with([&](State& state) {
    std::uint64_t bytes = 0;
    if (!is_due(state, event, bytes)) return;
    auto told = to_json(event, ++state.written, utc_now());
    told.set("bytes", bytes);
    const auto line = told.dump_shown() + "\n";
    const bool written = std::fwrite(line.data(), 1, line.size(), file_) == line.size() && std::fflush(file_) == 0;
    if (!written && state.failure == 0) state.failure = errno;
  });
}

Status EventLog::complete() {
  const int failure = state_.with([](const State& state) { return state.failure; });
  if (failure == 0) return {};
  return Error(ErrorKind::storage, "not every event could be written to " + path_ + ": " + std::strerror(failure));
}

}  // namespace sluice::cli
