#pragma once
// The transfer loop: one thread that owns every socket, over libcurl's multi interface with HTTP/1.1.
// HTTP/2 is off on purpose: with this libcurl it costs 2-4 times the CPU and fails under back-pressure
// (docs/architecture.md, "Why HTTP/1.1"). Redirects, retries and credentials are the business of places/.

#include "net/body.hpp"
#include "net/http.hpp"
#include "net/proxy.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>

namespace sluice::net {

struct LoopOptions {
  std::chrono::milliseconds connect_timeout{std::chrono::seconds(10)};
  /// No byte moved on a leg that is not paused for so long: the error names that leg's host.
  std::chrono::milliseconds stall{std::chrono::seconds(30)};
  /// Bytes per second that a leg which is not paused has to move, on the average of a span as long as `stall`: who
  /// gives a byte now and then would keep a transfer for ever. 0: no least rate.
  std::uint64_t least_rate = 1024;
  /// How long a registry may think after the last byte of a blob (object stores copy it on commit).
  std::chrono::milliseconds commit{std::chrono::minutes(5)};
  std::string user_agent = "sluice";
  ProxySettings proxies = ProxySettings::from(Environment::process());  ///< for endpoints that name no proxy
};

/// Counts since the start. Read them from any thread.
struct LoopCounters {
  std::uint64_t requests = 0;
  std::uint64_t live_transfers = 0;
};

/// Thread: any job thread may call; calls block until their transfer has ended. All callbacks into sinks and sources
/// happen on the loop's own thread. Destruction cancels what is left and joins.
class TransferLoop final : public Exchanger {
 public:
  explicit TransferLoop(LoopOptions options = {});
  ~TransferLoop() override;
  TransferLoop(const TransferLoop&) = delete;
  TransferLoop& operator=(const TransferLoop&) = delete;

  Result<HttpResponse> exchange(const HttpRequest& request, const ExchangeContext& context) override;

  class Download;
  /// Starts a request whose 2xx body goes into `sink`; other bodies are kept as reply text (up to max_reply_bytes).
  /// `sink` must outlive the Download.
  std::unique_ptr<Download> download(const HttpRequest& request, BodySink& sink, std::stop_token stop);

  /// Sends exactly `size_bytes` from `source` as the body, and waits for the reply.
  /// Errors: as exchange; a broken source is `cancelled`, its reason is known to whoever broke it.
  Result<HttpResponse> upload(const HttpRequest& request, BodySource& source, std::uint64_t size_bytes,
                              std::stop_token stop);

  LoopCounters counters() const;

  /// Not for use; defined in transfer_loop.cpp.
  struct State;

 private:
  std::unique_ptr<State> state_;
};

/// A response body on its way. Destruction cancels it and waits until the loop has let go of the sink.
class TransferLoop::Download {
 public:
  struct Impl;
  explicit Download(std::unique_ptr<Impl> impl);
  ~Download();
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  /// Waits for status and headers; for a status other than 2xx also for the (short) body, for which there is as much
  /// time as LoopOptions::stall says. Gives up at `deadline`.
  Result<HttpResponse> head(Deadline deadline = Deadline::never());
  /// The Content-Encoding that the reply bears, also when it failed; empty: none. After head() has returned.
  std::string content_coding() const;
  /// Waits for the end of the body.
  Status finish();

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::net
