#pragma once
// What went through the proxy: one record for each HTTP exchange, in memory and as JSON lines.

#include "base/guarded.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::support {

/// One request and its response. Byte counts are those of the bodies, without framing.
struct Exchange {
  std::uint64_t id = 0;          ///< from 1, in the order in which the request heads arrived
  std::uint64_t connection = 0;  ///< from 1, over all listeners of the proxy
  std::size_t upstream = 0;      ///< which of the proxy's upstreams, from 0
  std::string method;
  std::string target;
  std::optional<int> status;       ///< empty when no final response head was sent to the client
  std::uint64_t request_seq = 0;   ///< event number: the request head arrived
  std::uint64_t response_seq = 0;  ///< event number: the last response bytes go out, or the connection ends
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;
  std::string fault;  ///< the action of the fault rule that applied; may be empty

  std::string json_line() const;
};

/// How many of the exchanges had to wait for each other: the longest chain in which each request begins after the
/// response before it has ended.
std::size_t critical_path(std::vector<Exchange> exchanges);

/// Thread: any.
class ExchangeLog {
 public:
  /// Also appends to `file` unless it is empty. Errors: storage.
  static Result<ExchangeLog> open(const std::string& file);
  ExchangeLog(ExchangeLog&& other) noexcept;
  ExchangeLog& operator=(ExchangeLog&&) = delete;
  ~ExchangeLog();

  void add(Exchange exchange);
  std::vector<Exchange> all() const;
  void clear();

 private:
  explicit ExchangeLog(int fd) : fd_(fd) {}

  int fd_ = -1;
  Guarded<std::vector<Exchange>> exchanges_;
};

}  // namespace sluice::support
