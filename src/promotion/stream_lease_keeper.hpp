#pragma once
// StreamLeaseKeeper: holds the lease of a target on one of its image streams and keeps it fresh while a promotion
// works, so that agents without common records keep out of each other's way.

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "cluster/stream_state.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace sluice::promotion {

/// Thread: job; renews from a thread of its own at a third of the span, and gives the lease back at its end.
class StreamLeaseKeeper {
 public:
  /// Makes the stream when it is not there. Errors: conflict, when somebody else is at work; denied.
  static Result<std::unique_ptr<StreamLeaseKeeper>> take(cluster::Client& client, const std::string& project,
                                                         const std::string& stream, const std::string& promotion,
                                                         const net::ExchangeContext& context,
                                                         std::chrono::seconds span = std::chrono::seconds(60));
  ~StreamLeaseKeeper();
  StreamLeaseKeeper(const StreamLeaseKeeper&) = delete;
  StreamLeaseKeeper& operator=(const StreamLeaseKeeper&) = delete;

  /// Errors: conflict, when it was lost.
  Status still_ours() const;

 private:
  struct State {
    cluster::StreamLease lease;
    std::optional<Error> lost{};
  };
  StreamLeaseKeeper(cluster::Client& client, cluster::StreamLease lease, std::chrono::seconds span)
      : client_(client), span_(span), state_(State{std::move(lease)}) {}
  void renew(const std::stop_token& stop);

  cluster::Client& client_;
  std::chrono::seconds span_;
  mutable Guarded<State> state_;
  std::jthread renewer_;
};

}  // namespace sluice::promotion
