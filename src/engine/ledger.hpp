#pragma once
// Ledger: what is brought into an engine. It is written before the thing is brought, so that whatever becomes of the
// run, the next one knows what to remove. One file for each engine, beside the records, held by one run at a time.

#include "base/result.hpp"

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace sluice::engine {

/// Thread: one.
class Ledger {
 public:
  /// Waits for other runs with the same folder and engine: two at once would take each other's images away. `waits` is
  /// told once when there is one. `folder` is made when missing. Errors: storage, denied, cancelled.
  static Result<Ledger> open(const std::filesystem::path& folder, const std::string& engine,
                             const std::stop_token& stop, const std::function<void()>& waits = {});
  /// The same without waiting. Errors: as open, and busy.
  static Result<Ledger> try_open(const std::filesystem::path& folder, const std::string& engine);
  Ledger(Ledger&& other) noexcept;
  Ledger& operator=(Ledger&&) = delete;
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  ~Ledger();

  /// Whether a killed run may have left something, or another run is at work. Reads one file and waits for nobody.
  static bool may_hold(const std::filesystem::path& folder, const std::string& engine);

  /// References that were brought and not removed, in that order; right after open(): what killed runs have left.
  const std::vector<std::string>& held() const { return held_; }

  /// Writes down what is about to be brought. Errors: storage; then nothing may be brought.
  Status bring(const std::string& reference);
  /// It is gone again. Errors: storage.
  Status gone(const std::string& reference);

 private:
  Ledger(std::filesystem::path file, int lock) : file_(std::move(file)), lock_(lock) {}
  Status read();
  Status write() const;

  std::filesystem::path file_;
  int lock_ = -1;
  std::vector<std::string> held_{};
};

}  // namespace sluice::engine
