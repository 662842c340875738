#pragma once
// Connection: requests to one API server, with identity, retries and limits. What the answers mean is in client.hpp.

#include "base/guarded.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "kube/identity/access.hpp"
#include "kube/restart_signs.hpp"
#include "kube/timing.hpp"
#include "net/http.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace sluice::kube {

struct ConnectionOptions {
  Access access;
  std::chrono::milliseconds timeout{std::chrono::seconds(30)};  ///< for one exchange
  unsigned retry_times = 4;                                     ///< after the first try
  Timing timing{};
};

/// One request, told without scheme and host.
struct ApiCall {
  net::Method method = net::Method::get;
  std::string target;        ///< "/apis/..."; made by paths.hpp
  std::string content_type;  ///< of the body; empty: none
  std::string body;
  bool repeatable = false;  ///< a POST or PATCH that does the same when it arrives twice
  std::string what;         ///< "reading the image stream prod/web"
  std::size_t max_reply_bytes = std::size_t{32} * 1024 * 1024;  ///< a page of 500 fat objects comes near 10 MiB
};

/// Thread: any; calls block.
class Connection {
 public:
  Connection(net::Exchanger& exchanger, ConnectionOptions options);

  /// Sends a call. A 401 makes the identity look for something newer, once. 429 is obeyed on every method; 500
  /// ServerTimeout, 502, 503, 504 and broken connections are tried again on those that can be repeated (GET, PUT,
  /// DELETE, and what is `repeatable`), until the tries or the deadline are used up. Other methods are repeated when it
  /// is sure that nothing was sent. A server that answered before in this process is taken to be starting anew: it is
  /// waited for a minute at most, whatever other calls meet meanwhile, through broken connections and then through the
  /// 403 that it gives to everybody (told from a right that is missing by asking again what was allowed before). Not
  /// with `retry_times` 0. Errors: those of net::Exchanger, and failures of the API (status.hpp) for every status but
  /// 2xx.
  Result<net::HttpResponse> send(const ApiCall& call, const net::ExchangeContext& context);

  /// The same with a JSON answer; null for an empty one. A Status that tells of a failure is one, whatever the HTTP
  /// status was.
  Result<Json> call(const ApiCall& call, const net::ExchangeContext& context);

  /// A request as send() would make it, for who sends it himself (watches).
  Result<net::HttpRequest> request(const ApiCall& call, Presented& shown, const net::ExchangeContext& context);
  /// What an answer other than 2xx means, for the same. With a 401: where our credentials come from, and what to do
  /// there (may ask the server for its version).
  Error failure(const net::HttpResponse& response, const ApiCall& call, const Presented& shown,
                const net::ExchangeContext& context);
  /// Whether a refusal may be that of a server that is starting, and waiting is still in order. Asks the server.
  bool is_starting(const ApiCall& call, const Error& error, const net::ExchangeContext& context);
  /// A connection of somebody who sends requests himself broke.
  void broke() { signs_.broke(options_.timing.now()); }
  /// The same for a request of theirs that was answered with 2xx.
  void worked(const ApiCall& call) { signs_.worked(to_string(call.method), call.target, 0, options_.timing.now()); }

  /// The time by the server's clock, in RFC 3339 and whole seconds: that of its last answer, and what has passed since.
  /// "" while no answer named one.
  std::string server_time() const;

  /// The error of a request, also of those that somebody sends himself, with the way out that fits an API where net
  /// names that of a registry: where to name its CA. Pure.
  Error as_of_api(Error error) const;

  /// The server answered 401 to it; true when another try makes sense.
  bool refused(const Presented& shown) { return options_.access.identity->refused(shown); }

  /// What to do about credentials that have ended, where they come from: a command where there is one. For service
  /// accounts the server is asked for its version once, without credentials; when it does not say, both commands are
  /// named.
  std::string renewal(const Presented& shown, const net::ExchangeContext& context);

  const Access& access() const { return options_.access; }
  /// host[:port] of the server, for sentences.
  std::string host() const { return options_.access.server.authority(); }
  const Timing& timing() const { return options_.timing; }
  std::chrono::milliseconds timeout() const { return options_.timeout; }
  std::uint64_t requests() const { return requests_.load(); }

 private:
  struct PluginEndpoint {
    std::string certificate;
    std::shared_ptr<const net::Endpoint> endpoint;
  };
  struct ServerTime {
    std::int64_t seconds = 0;  ///< since 1970
    Deadline::Clock::time_point seen;
  };
  /// What waiting for a server that is starting has come to, for one call.
  struct Waiting {
    bool asked_again = false;  ///< a 403 was looked at already, and the server was found to know its roles
    std::optional<Deadline::Clock::time_point> since;  ///< the first trouble of this call
  };
  bool outlasts(const ApiCall& call, const Error& error, Waiting& waiting, const net::ExchangeContext& context);
  bool may_wait(Waiting& waiting);
  void note_time(const net::HttpResponse& reply);
  Result<net::HttpResponse> try_once(const ApiCall& call, const net::ExchangeContext& context);
  std::optional<int> kubernetes_minor(const net::ExchangeContext& context);

  net::Exchanger& exchanger_;
  ConnectionOptions options_;
  Guarded<PluginEndpoint> plugin_endpoint_;
  Guarded<std::optional<std::optional<int>>> minor_;  ///< outer empty: not asked yet
  std::atomic<std::uint64_t> requests_{0};
  RestartSigns signs_;
  Guarded<std::optional<ServerTime>> server_time_;
};

}  // namespace sluice::kube
