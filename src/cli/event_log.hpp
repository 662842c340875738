#pragma once
// JSON events, one line each (schemas/event.schema.json), and the fan that feeds several receivers.

#include "base/guarded.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "copy/events.hpp"

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace sluice::cli {

/// Writes every event but the fine-grained progress: a line per blob_progress would be a line per 64 KiB.
class EventLog final : public copy::Events {
 public:
  /// `path` "-" is stdout. Errors: storage, denied.
  static Result<std::unique_ptr<EventLog>> open(const std::string& path);
  void emit(const copy::Event& event) override;
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
  Guarded<int> failure_;  ///< the first errno; 0: none. Its lock keeps lines whole
};

Json to_json(const copy::Event& event);

class EventFan final : public copy::Events {
 public:
  void add(copy::Events& receiver) { receivers_.push_back(&receiver); }
  void emit(const copy::Event& event) override {
    for (auto* receiver : receivers_) receiver->emit(event);
  }

 private:
  std::vector<copy::Events*> receivers_;
};

}  // namespace sluice::cli
