#pragma once
// StreamLeaseKeeper: holds the lease of a target on one of its image streams and keeps it fresh while a promotion
// works, so that agents without common records keep out of each other's way.

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "openshift/streams/lease_rules.hpp"
#include "openshift/streams/state.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace sluice::promotion {

/// Thread: job; renews from a thread of its own at a third of the span, and gives the lease back at its end.
class StreamLeaseKeeper {
 public:
  /// `wanted`: project, stream, promotion and who; the rest is filled in. Makes the stream when it is not there.
  /// Errors: busy with a LeaseHeld, when somebody else is at work; denied.
  static Result<std::unique_ptr<StreamLeaseKeeper>> take(kube::Client& client, openshift::StreamLease wanted,
                                                         bool take_over, const net::ExchangeContext& context,
                                                         std::chrono::seconds span = openshift::kLeaseSpan);
  ~StreamLeaseKeeper();
  StreamLeaseKeeper(const StreamLeaseKeeper&) = delete;
  StreamLeaseKeeper& operator=(const StreamLeaseKeeper&) = delete;

  /// As far as the last renewal knows. Errors: conflict, when it was lost. Thread: any.
  Status still_ours() const;
  std::int64_t fence() const {
    return state_.with([](const State& held) { return held.lease.fence; });
  }
  /// What a stream says that was just read; any other stream than that of the lease says nothing. Errors: conflict,
  /// when it was lost. Thread: any.
  Status check(const kube::ImageStream& stream);
  /// Renews it now, to be sure, before something is written that another holder must not lose. Errors: conflict, when
  /// it was lost; unauthenticated, denied, unreachable and timeout at once, as nothing else can be written either;
  /// other errors of the API when it may have been lost: it could not be renewed until its end. Thread: any.
  Status confirm(const net::ExchangeContext& context);

 private:
  struct State {
    openshift::StreamLease lease;
    std::optional<Error> lost{};
  };
  StreamLeaseKeeper(kube::Client& client, openshift::StreamLease lease, std::chrono::seconds span)
      : client_(client), span_(span), state_(State{std::move(lease)}) {}
  void renew(const std::stop_token& stop);
  Status renew_once(const net::ExchangeContext& context);

  kube::Client& client_;
  std::chrono::seconds span_;
  mutable Guarded<State> state_;
  std::jthread renewer_;
};

}  // namespace sluice::promotion
