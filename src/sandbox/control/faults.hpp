#pragma once
// Faults on demand: a handler in front of another one that answers, delays, cuts or spoils what matches.

#include "base/guarded.hpp"
#include "net/server/http_server.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
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

/// A restart of a server (knob "restart"): from the matching request on, connections are cut for a while, then
/// everybody gets 403, as an API server answers that does not know its roles yet; then all is as before.
struct Restart {
  std::string server;
  std::string method;      ///< of the request that meets it; empty: any
  std::string path = "*";  ///< as in Fault
  std::uint64_t after = 0;
  bool done = false;  ///< the request that meets it is carried out, and its answer is lost
  std::chrono::milliseconds refused{0};
  std::chrono::milliseconds denied{0};
};

/// Thread: any.
class FaultTable {
 public:
  enum class Phase : std::uint8_t { open, cut, cut_when_done, denied };
  void add(Restart restart);
  /// What a restart makes of this request; counts it.
  Phase phase(std::string_view server, const net::ServerRequest& request);
  /// Requests that restarts cut and denied so far.
  std::uint64_t cut() const { return cut_.load(); }
  std::uint64_t denied() const { return denied_.load(); }
  /// Called when a restart begins, by the thread that serves the request. Set before the servers run.
  void on_restart(std::function<void()> act) { on_restart_ = std::move(act); }

  void add(Fault fault);
  void clear();
  /// The fault that hits this request; counts it. `uploads`: only those that hit the request's body, else the others.
  std::optional<Fault> hit(std::string_view server, const net::ServerRequest& request, bool uploads);

 private:
  struct Running {
    Restart restart;
    std::optional<std::chrono::steady_clock::time_point> since;
  };
  Guarded<std::vector<Fault>> faults_;
  Guarded<std::vector<Running>> restarts_;
  std::function<void()> on_restart_;
  std::atomic<std::uint64_t> cut_{0};
  std::atomic<std::uint64_t> denied_{0};
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
