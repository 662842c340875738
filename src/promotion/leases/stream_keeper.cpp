#include "promotion/leases/stream_keeper.hpp"

#include "base/pause.hpp"
#include "base/wall_clock.hpp"
#include "kube/status.hpp"
#include "openshift/streams/tags.hpp"
#include "records/process_identity.hpp"
#include "records/store.hpp"

namespace sluice::promotion {

namespace {

constexpr std::chrono::seconds kForOneWrite{15};

// Whoever may not write, or cannot reach the server, has nothing of the lease, however long it lasts by the clock: what
// comes next would fail half-way.
bool shuts_out(const Error& error) {
  return error.kind() == ErrorKind::unauthenticated || error.kind() == ErrorKind::denied ||
         error.kind() == ErrorKind::unreachable || error.kind() == ErrorKind::timeout;
}

}  // namespace

Result<std::unique_ptr<StreamLeaseKeeper>> StreamLeaseKeeper::take(kube::Client& client, openshift::StreamLease wanted,
                                                                   bool take_over, const net::ExchangeContext& context,
                                                                   std::chrono::seconds span) {
  wanted.holder = records::this_process();
  const auto attempt = [&] {
    return openshift::take_stream_lease(client, wanted, span, seconds_now(), context,
                                        {.is_gone = records::is_dead, .take_over = take_over});
  };
  auto lease = attempt();
  if (!lease && lease.error().kind() == ErrorKind::not_found) {
    SLUICE_CHECK(openshift::ensure_stream(client, wanted.project, wanted.stream, context));
    lease = attempt();
  }
  if (!lease) return std::move(lease).error();
  std::unique_ptr<StreamLeaseKeeper> keeper(new StreamLeaseKeeper(client, std::move(*lease), span));
  keeper->renewer_ = std::jthread([raw = keeper.get()](const std::stop_token& stop) { raw->renew(stop); });
  return keeper;
}

StreamLeaseKeeper::~StreamLeaseKeeper() {
  renewer_.request_stop();
  if (renewer_.joinable()) renewer_.join();
  const auto state = state_.with([](const State& held) { return held; });
  if (state.lost) return;
  // Best effort: a lease that cannot be given back expires.
  static_cast<void>(openshift::release_stream_lease(client_, state.lease, {Deadline::after(kForOneWrite), {}}));
}

Status StreamLeaseKeeper::still_ours() const {
  return state_.with([](const State& held) -> Status {
    if (held.lost) return *held.lost;
    return {};
  });
}

Status StreamLeaseKeeper::check(const kube::ImageStream& stream) {
  state_.with([&](State& held) {
    if (held.lost || stream.name() != held.lease.stream || stream.project() != held.lease.project) return;
    if (auto lost = openshift::lost_lease(held.lease, stream)) held.lost = std::move(*lost);
  });
  return still_ours();
}

Status StreamLeaseKeeper::confirm(const net::ExchangeContext& context) {
  SLUICE_CHECK(still_ours());
  auto renewed = renew_once(context);
  if (renewed) return {};
  SLUICE_CHECK(still_ours());
  if (shuts_out(renewed.error())) return renewed;
  const auto end = state_.with([](const State& held) { return held.lease.expires_at; });
  if (seconds_now() < end) return {};
  return renewed;
}

Status StreamLeaseKeeper::renew_once(const net::ExchangeContext& context) {
  const auto lease = state_.with([](const State& held) { return held.lease; });
  auto renewed = openshift::renew_stream_lease(client_, lease, span_, seconds_now(), context);
  // A storm of other writers is told as a conflict as well, and says nothing about the lease.
  const bool lost =
      !renewed && renewed.error().kind() == ErrorKind::conflict && kube::failure_of(renewed.error()) == nullptr;
  return state_.with([&](State& held) -> Status {
    if (renewed) held.lease = *renewed;
    if (lost) held.lost = renewed.error();
    if (!renewed) return renewed.error();
    return {};
  });
}

void StreamLeaseKeeper::renew(const std::stop_token& stop) {
  while (pause_for(span_ / 3, stop) && still_ours()) {
    static_cast<void>(renew_once({Deadline::after(kForOneWrite), stop}));
  }
}

}  // namespace sluice::promotion
