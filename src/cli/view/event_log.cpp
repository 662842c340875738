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

namespace {

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

// What every line has. `journal`: the number of a step in its promotion's journal; 0: it is no step.
Json line_of(std::uint64_t sequence, const std::string& time, std::string_view kind, const copy::EventScope& scope,
             std::int64_t journal) {
  return Json::object()
      .set("schema", "sluice.event/1")
      .set("sequence", sequence)
      .set("time", time)
      .set("promotion", text_or_null(scope.promotion))
      .set("app", text_or_null(scope.app))
      .set("environment", text_or_null(scope.environment))
      .set("journal", journal == 0 ? Json() : Json(journal))
      .set("kind", kind);
}

}  // namespace

Json to_json(const copy::Event& event, std::uint64_t sequence, const std::string& time) {
  return line_of(sequence, time, to_string(event.kind), event.scope ? *event.scope : copy::EventScope{}, 0)
      .set("image", text_or_null(event.image))
      .set("target", text_or_null(event.target))
      .set("digest", text_or_null(event.digest))
      .set("bytes", event.bytes)
      .set("detail", text_or_null(event.detail));
}

PutBackWords put_back_words(const promotion::RecordedStep& step) {
  const auto tag = promotion::TagStep::of(step.entry);
  return {step.target + "/" + step.entry.image + ":" + tag.tag,
          tag.digest ? "put back to " + tag.digest->text() : "removed, as before"};
}

Json to_json(const promotion::RecordedStep& step, std::uint64_t sequence, const std::string& time) {
  const auto& entry = step.entry;
  const bool back = !step.state && entry.step == records::Step::undone;
  const auto kind = step.state ? "state" : back ? "put-back" : "step";
  const auto tag = promotion::TagStep::of(entry);
  const auto words = back ? put_back_words(step) : PutBackWords{step.target, std::string(to_string(entry.step))};
  return line_of(sequence, time, kind, *step.scope, entry.sequence)
      .set("image", text_or_null(entry.image))
      .set("target", text_or_null(words.where))
      .set("digest", tag.digest ? Json(tag.digest->text()) : Json())
      .set("bytes", std::uint64_t{0})
      .set("detail", step.state ? std::string(to_string(*step.state)) : words.detail);
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

void EventLog::write(State& state, const Json& line) const {
  const auto text = line.dump_shown() + "\n";
  const bool written = std::fwrite(text.data(), 1, text.size(), file_) == text.size() && std::fflush(file_) == 0;
  if (!written && state.failure == 0) state.failure = errno;
}

void EventLog::emit(const copy::Event& event) {
  state_.with([&](State& state) {
    std::uint64_t bytes = 0;
    if (!is_due(state, event, bytes)) return;
    auto told = to_json(event, ++state.written, utc_now());
    told.set("bytes", bytes);
    write(state, told);
  });
}

void EventLog::recorded(const promotion::RecordedStep& step) {
  state_.with([&](State& state) { write(state, to_json(step, ++state.written, utc_now())); });
}

Status EventLog::complete() {
  const int failure = state_.with([](const State& state) { return state.failure; });
  if (failure == 0) return {};
  return Error(ErrorKind::storage, "not every event could be written to " + path_ + ": " + std::strerror(failure));
}

}  // namespace sluice::cli
