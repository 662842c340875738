#pragma once
// Faults on demand: a handler in front of another one that answers, delays, cuts or spoils what matches.

#include "base/guarded.hpp"
#include "net/http_server.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

struct Fault {
  std::string server;                  ///< "api" or "registry"
  std::string method;                  ///< empty: any
  std::string path = "*";              ///< glob with '*', over the path without query
  std::uint64_t after = 0;             ///< matching requests that pass first
  std::optional<std::uint64_t> times;  ///< then so many are hit; empty: all
  // What happens: the first that is set.
  std::optional<int> status;
  net::Headers headers;
  std::string body;
  bool reset = false;
  std::chrono::milliseconds delay{0};                    ///< before the request is handled
  std::optional<std::uint64_t> bytes_per_second;         ///< of the reply's body
  std::optional<std::uint64_t> cut_after_bytes;          ///< of the reply's body
  std::optional<std::uint64_t> cut_request_after_bytes;  ///< of the request's body
  bool corrupt = false;                                  ///< one byte of the reply's body is another one
};

/// Thread: any.
class FaultTable {
 public:
  void add(Fault fault);
  void clear();
  /// The fault that hits this request; counts it. `uploads`: only those that hit the request's body, else the others.
  std::optional<Fault> hit(std::string_view server, const net::ServerRequest& request, bool uploads);

 private:
  Guarded<std::vector<Fault>> faults_;
};

/// '*' stands for any run of characters, '/' included.
bool glob_matches(std::string_view pattern, std::string_view text);

/// Thread: as RequestHandler. `inner` and `table` must outlive it; `stop` ends delays.
class FaultyHandler final : public net::RequestHandler {
 public:
  FaultyHandler(net::RequestHandler& inner, FaultTable& table, std::string server, std::stop_token stop);
  std::shared_ptr<net::BodyReceiver> receive(const net::ServerRequest& head) override;
  net::ServerReply handle(net::ServerRequest& request, net::BodyReceiver* receiver) override;

 private:
  net::RequestHandler& inner_;
  FaultTable& table_;
  std::string server_;
  std::stop_token stop_;
};

}  // namespace sluice::sandbox
