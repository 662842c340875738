#include "promotion/stream_lease_keeper.hpp"

#include "base/pause.hpp"
#include "cluster/stream_tags.hpp"
#include "records/process_identity.hpp"
#include "records/store.hpp"

namespace sluice::promotion {

namespace {

constexpr std::chrono::seconds kForOneWrite{15};

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

Result<std::unique_ptr<StreamLeaseKeeper>> StreamLeaseKeeper::take(cluster::Client& client, const std::string& project,
                                                                   const std::string& stream,
                                                                   const std::string& promotion,
                                                                   const net::ExchangeContext& context,
                                                                   std::chrono::seconds span) {
  SLUICE_CHECK(cluster::ensure_stream(client, project, stream, context));
  cluster::StreamLease wanted{.project = project,
                              .stream = stream,
                              .holder = records::this_process(),
                              .promotion = promotion,
                              .fence = 0,
                              .expires_at = 0};
  SLUICE_TRY(auto lease, cluster::take_stream_lease(client, std::move(wanted), span, now(), context, records::is_dead));
  std::unique_ptr<StreamLeaseKeeper> keeper(new StreamLeaseKeeper(client, std::move(lease), span));
  keeper->renewer_ = std::jthread([raw = keeper.get()](const std::stop_token& stop) { raw->renew(stop); });
  return keeper;
}

StreamLeaseKeeper::~StreamLeaseKeeper() {
  renewer_.request_stop();
  if (renewer_.joinable()) renewer_.join();
  const auto state = state_.with([](const State& held) { return held; });
  if (state.lost) return;
  // Best effort: a lease that cannot be given back expires.
  static_cast<void>(cluster::release_stream_lease(client_, state.lease, {Deadline::after(kForOneWrite), {}}));
}

Status StreamLeaseKeeper::still_ours() const {
  return state_.with([](const State& held) -> Status {
    if (held.lost) return *held.lost;
    return {};
  });
}

void StreamLeaseKeeper::renew(const std::stop_token& stop) {
  while (pause_for(span_ / 3, stop)) {
    const auto lease = state_.with([](const State& held) { return held.lease; });
    auto renewed = cluster::renew_stream_lease(client_, lease, span_, now(), {Deadline::after(kForOneWrite), stop});
    const bool lost = !renewed && renewed.error().kind() == ErrorKind::conflict;
    state_.with([&](State& held) {
      if (renewed) held.lease = *renewed;
      if (lost) held.lost = renewed.error();
    });
    if (lost) return;
  }
}

}  // namespace sluice::promotion
