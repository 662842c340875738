#include "cli/event_log.hpp"

#include "cli/times.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>

namespace sluice::cli {

Result<std::unique_ptr<EventLog>> EventLog::open(const std::string& path) {
  if (path == "-") return std::make_unique<EventLog>(stdout, false, "stdout");
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return Error(ErrorKind::storage, "cannot write events to " + path + ": " + std::strerror(errno));
  return std::make_unique<EventLog>(file, true, path);
}

EventLog::~EventLog() {
  if (owned_) std::fclose(file_);
}

Json to_json(const copy::Event& event) {
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return Json::object()
      .set("schema", "sluice.event/1")
      .set("time", utc_now())
      .set("kind", to_string(event.kind))
      .set("image", text_or_null(event.image))
      .set("target", text_or_null(event.target))
      .set("digest", text_or_null(event.digest))
      .set("bytes", event.bytes)
      .set("detail", text_or_null(event.detail));
}

void EventLog::emit(const copy::Event& event) {
  if (event.kind == copy::EventKind::blob_progress) return;
  const auto line = to_json(event).dump() + "\n";
  failure_.with([&](int& failure) {
    const bool written = std::fwrite(line.data(), 1, line.size(), file_) == line.size() && std::fflush(file_) == 0;
    if (!written && failure == 0) failure = errno;
  });
}

Status EventLog::complete() {
  const int failure = failure_.with([](int& code) { return code; });
  if (failure == 0) return {};
  return Error(ErrorKind::storage, "not every event could be written to " + path_ + ": " + std::strerror(failure));
}

}  // namespace sluice::cli
