#pragma once
// Faults that the proxy makes on purpose: which request is hit, and what happens to it.
// Rules are written as JSON objects; an unknown key or action is an error, so that a test cannot pass by a typing
// error.

#include "base/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::support {

enum class FaultAction : std::uint8_t {
  status,       ///< answer with `status` instead of asking the upstream
  cut,          ///< end the connection after `at` body bytes of `side`; -1 is before the head
  truncate,     ///< the response says and sends only `at` body bytes
  corrupt,      ///< flip one bit of body byte `at` of `side`
  stall,        ///< carry nothing more of `side` after `at` body bytes (-1: not even the head), and keep the connection
  delay,        ///< hold the response back for `delay`
  drop_length,  ///< leave Content-Length out of the response and end it by closing
};
std::string_view to_string(FaultAction action);

enum class FaultSide : std::uint8_t { request, response };

/// One rule. JSON keys bear the names of the members, with these differences: "delay_ms", "retry_after" (seconds).
struct FaultRule {
  // Which requests:
  std::string method;                   ///< exact; empty for all
  std::string target;                   ///< POSIX extended regular expression, searched; empty for all
  std::optional<std::size_t> upstream;  ///< only this upstream
  std::uint64_t nth = 1;                ///< the first matching request that is hit, from 1
  std::uint64_t times = 1;              ///< how many matching requests in a row; 0 for all from then on
  // What happens:
  FaultAction action = FaultAction::status;
  FaultSide side = FaultSide::response;
  std::int64_t at = 0;
  bool reset = true;  ///< cut: by RST; false: by an orderly end of stream
  int status = 503;
  std::optional<std::int64_t> retry_after;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  bool early = false;  ///< status: answer before the request body was read, then close
  std::chrono::milliseconds delay{0};

  /// Errors: usage, with the key.
  static Result<FaultRule> parse(std::string_view json);
};

/// The rules with their counters. Thread: one at a time.
class FaultBook {
 public:
  FaultBook();
  ~FaultBook();
  FaultBook(FaultBook&&) noexcept;
  FaultBook& operator=(FaultBook&&) noexcept;

  /// Errors: usage (a bad regular expression).
  Status add(FaultRule rule);
  void clear();
  /// Counts the request in every rule that it matches; gives the first rule that hits it. Immutable.
  std::shared_ptr<const FaultRule> match(std::string_view method, const std::string& target, std::size_t upstream);

 private:
  struct Entry;
  std::vector<Entry> entries_;
};

}  // namespace sluice::support
