#pragma once
// Events of one image: says whose they are, which those who move blobs do not know, and counts the retries.

#include "copy/events.hpp"

#include <atomic>
#include <cstdint>
#include <string>

namespace sluice::copy {

/// Thread: any, as the receiver. All references outlive it.
class LabelledEvents final : public Events {
 public:
  LabelledEvents(Events& receiver, const std::string& label, std::atomic<std::uint64_t>* retries)
      : receiver_(receiver), label_(label), retries_(retries) {}
  void emit(const Event& event) override {
    if (event.kind == EventKind::blob_retried && retries_ != nullptr) ++*retries_;
    auto labelled = event;
    labelled.image = label_;
    receiver_.emit(labelled);
  }

 private:
  Events& receiver_;
  const std::string& label_;
  std::atomic<std::uint64_t>* retries_;
};

}  // namespace sluice::copy
