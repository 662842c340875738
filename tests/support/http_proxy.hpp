#pragma once
// HttpProxy: a loopback proxy between a client and registries: it counts exchanges, adds latency and makes faults.
// In process for component tests; as the program sluice-proxy for everything else (support/proxy_main.cpp).
// Plain TCP with an eye for HTTP/1.1: what is not HTTP (TLS) is carried without being understood.

#include "base/result.hpp"
#include "support/exchange_log.hpp"
#include "support/fault.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::support {

struct HttpProxyOptions {
  struct Route {
    std::string listen = "127.0.0.1:0";  ///< port 0: a free one
    std::string upstream;                ///< HOST:PORT
  };
  /// Several routes share one event counter, so that a chain of exchanges can be followed over two registries.
  std::vector<Route> routes;
  /// A round trip: half of it for each direction, and one whole for each new connection.
  std::chrono::milliseconds latency{0};
  std::string log_file;
  std::vector<FaultRule> faults;
};

/// Thread: any. One loop thread of its own carries all connections.
class HttpProxy {
 public:
  /// Errors: usage (an address), unreachable (cannot listen), storage (the log).
  static Result<std::unique_ptr<HttpProxy>> start(HttpProxyOptions options);
  /// The usual case in tests: one upstream on a loopback port.
  static Result<std::unique_ptr<HttpProxy>> start_before(std::uint16_t upstream_port,
                                                         std::chrono::milliseconds latency = {});
  ~HttpProxy();
  HttpProxy(const HttpProxy&) = delete;
  HttpProxy& operator=(const HttpProxy&) = delete;

  std::uint16_t port(std::size_t route = 0) const;
  /// Exchanges whose response has been sent, in that order.
  std::vector<Exchange> exchanges() const;
  void forget_exchanges();
  /// Errors: usage.
  Status add_fault(FaultRule rule);
  void clear_faults();

 private:
  struct State;
  explicit HttpProxy(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::support
