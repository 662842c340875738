#pragma once
// What tests of every room say about results, events and folders.

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "copy/events.hpp"
#include "promotion/steps/step_writer.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace sluice::support {

/// The sentence of an error, for the message of a failed expectation.
template <class T>
std::string why(const Result<T>& result) {
  return result.ok() ? "ok" : std::string(to_string(result.error().kind())) + ": " + result.error().sentence();
}

template <class T>
::testing::AssertionResult failed_with(const Result<T>& result, ErrorKind kind, std::string_view part = "") {
  if (result.ok()) return ::testing::AssertionFailure() << "expected " << to_string(kind) << ", and it succeeded";
  if (result.error().kind() != kind || result.error().sentence().find(part) == std::string::npos) {
    return ::testing::AssertionFailure() << "expected " << to_string(kind) << " with '" << part << "', saw "
                                         << why(result);
  }
  return ::testing::AssertionSuccess();
}

/// Keeps all events. Thread: any.
class RecordedEvents final : public promotion::PromotionEvents {
 public:
  void emit(const copy::Event& event) override {
    events_.with([&](auto& list) { list.push_back(event); });
  }
  void recorded(const promotion::RecordedStep& step) override {
    steps_.with([&](auto& list) { list.push_back(step); });
  }
  std::vector<promotion::RecordedStep> steps() const {
    return steps_.with([](const auto& list) { return list; });
  }
  std::vector<copy::Event> all() const {
    return events_.with([](const auto& list) { return list; });
  }
  std::vector<copy::Event> of(copy::EventKind kind) const {
    return events_.with([&](const auto& list) {
      std::vector<copy::Event> out;
      for (const auto& event : list) {
        if (event.kind == kind) out.push_back(event);
      }
      return out;
    });
  }

 private:
  Guarded<std::vector<copy::Event>> events_;
  Guarded<std::vector<promotion::RecordedStep>> steps_;
};

/// A new folder that is removed with all that is in it.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace sluice::support
