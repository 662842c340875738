#pragma once
// JSON events, one line each (schemas/event.schema.json), and the fan that feeds several receivers.

#include "base/guarded.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "copy/events.hpp"
#include "promotion/steps/step_writer.hpp"

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::cli {

/// Writes every event as one line, numbered from 1 in the order of the lines. Progress comes in steps of at least
/// kProgressStep bytes of one blob; what is left of it below that is not told, as blob_done says the rest.
/// Thread: any.
class EventLog final : public promotion::PromotionEvents {
 public:
  /// A line per chunk would be a line per 64 KiB; this is some 130 lines per GiB (a guess at what is readable).
  static constexpr std::uint64_t kProgressStep = std::uint64_t{8} * 1024 * 1024;

  /// `path` "-" is stdout. Errors: usage (the file cannot be written).
  static Result<std::unique_ptr<EventLog>> open(const std::string& path);
  void emit(const copy::Event& event) override;
  void recorded(const promotion::RecordedStep& step) override;
  /// Storage, when an event could not be written: the events are not complete then.
  Status complete();
  EventLog(std::FILE* file, bool owned, std::string path) : file_(file), owned_(owned), path_(std::move(path)) {}
  ~EventLog() override;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

 private:
  std::FILE* file_;
  bool owned_;
  std::string path_;
  struct State {
    int failure = 0;            ///< the first errno; 0: none
    std::uint64_t written = 0;  ///< the number of the last line
    /// Bytes of a blob at a target that no line has told yet, by (target, digest).
    std::map<std::pair<std::string, std::string>, std::uint64_t> untold;
  };
  /// True when the event is worth a line; progress is added up, and `bytes` then has the sum.
  static bool is_due(State& state, const copy::Event& event, std::uint64_t& bytes);
  void write(State& state, const Json& line) const;
  Guarded<State> state_;  ///< its lock keeps lines whole, and numbers and times in their order
};

/// One line as an object: schemas/event.schema.json. `sequence` counts from 1; `time` as utc_now() gives it.
Json to_json(const copy::Event& event, std::uint64_t sequence, const std::string& time);
/// The same for a step of a promotion: kind "state" where it entered one, "put-back" for a tag that was put back, else
/// "step".
Json to_json(const promotion::RecordedStep& step, std::uint64_t sequence, const std::string& time);

/// A tag that stands for what it stood for before: where, and what it stands for now. Pure.
struct PutBackWords {
  std::string where;
  std::string detail;
};
PutBackWords put_back_words(const promotion::RecordedStep& step);

class EventFan final : public promotion::PromotionEvents {
 public:
  void add(promotion::PromotionEvents& receiver) { receivers_.push_back(&receiver); }
  /// An event without a scope (a host that asks for time knows of no promotion) gets that of the one before.
  void emit(const copy::Event& event) override {
    const auto scope = scope_.with([&](auto& last) {
      if (event.scope) last = event.scope;
      return last;
    });
    if (event.scope == scope) return pass_on(event);  // most are, and they come with every piece of a blob
    auto scoped = event;
    scoped.scope = scope;
    pass_on(scoped);
  }
  void recorded(const promotion::RecordedStep& step) override {
    scope_.with([&](auto& last) { last = step.scope; });
    for (auto* receiver : receivers_) receiver->recorded(step);
  }

 private:
  void pass_on(const copy::Event& event) {
    for (auto* receiver : receivers_) receiver->emit(event);
  }
  std::vector<promotion::PromotionEvents*> receivers_;
  Guarded<std::shared_ptr<const copy::EventScope>> scope_;
};

}  // namespace sluice::cli
