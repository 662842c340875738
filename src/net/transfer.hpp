#pragma once
// One transfer of the loop: a request on its way with everything that its curl callbacks touch. Private to net.

#include "base/guarded.hpp"
#include "net/body.hpp"
#include "net/http.hpp"
#include "net/transfer_loop.hpp"
#include "net/trust.hpp"
#include "net/untrusted.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace sluice::net {

/// Thread: loop, except `phase`, which job threads wait on.
class Transfer : public std::enable_shared_from_this<Transfer> {
 public:
  using Clock = std::chrono::steady_clock;

  struct Phase {
    bool head = false;  ///< status and headers are final and may be read
    bool done = false;  ///< nothing touches sink and source any more
    std::optional<Error> error;
  };

  explicit Transfer(HttpRequest req) : request(std::move(req)) {}

  HttpRequest request;
  BodySink* sink = nullptr;
  BodySource* source = nullptr;
  std::uint64_t upload_bytes = 0;
  Deadline deadline = Deadline::never();
  bool streams_reply() const { return sink != nullptr && reply.status / 100 == 2; }

  HttpResponse reply;
  Watched<Phase> phase;

  // What the loop keeps about it.
  void* easy = nullptr;          ///< CURL*, owned by the loop's pool
  void* header_list = nullptr;   ///< curl_slist*
  void* connect_list = nullptr;  ///< curl_slist*
  Clock::time_point last_progress{};
  Clock::time_point rate_since{};  ///< the span over which the rate is measured
  std::uint64_t rate_from = 0;     ///< bytes at its beginning
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::size_t header_bytes = 0;
  bool receive_paused = false;
  bool send_paused = false;
  bool address_refused = false;  ///< by the address rule
  bool was_cut = false;          ///< the reply is longer than anybody wants to read: HttpRequest::cut_reply
  bool through_proxy = false;
  bool through_tls_proxy = false;        ///< one that is itself spoken to through TLS
  std::shared_ptr<SeenChain> chain{};    ///< of the server, when a connection was made for this transfer
  std::shared_ptr<const Trust> trust{};  ///< what the server is verified by; null where nothing or libcurl decides
  bool head_final = false;               ///< what comes after it are trailers, which nobody reads
  std::optional<Error> failure;          ///< set by a callback that ended the transfer
  char curl_error[256] = {};

  // Called by curl through the trampolines in curl_setup.cpp.
  std::size_t on_header(std::string_view line);
  std::size_t on_body(std::span<const std::byte> bytes);
  std::size_t on_read(std::span<std::byte> room);

  /// How many bytes of a reply are kept in memory.
  std::size_t reply_limit() const;
  /// Seconds without progress that are held against this leg; zero while it waits for the other one.
  bool stalled(Clock::time_point now, const LoopOptions& options) const;
  /// True when it moved less than the least rate over a whole span. Begins a new span when the old one is over, and
  /// whenever this leg waits for the other one.
  bool too_slow(Clock::time_point now, const LoopOptions& options);
  /// The end: tells sink, source and waiters. `error` empty: success.
  void complete(std::optional<Error> error);
  AddressRule address_rule() const { return request.endpoint ? request.endpoint->addresses : AddressRule::any; }
  std::string host() const { return request.url.authority(); }
};

/// Values that curl's callbacks answer with; checked against curl's own in curl_setup.cpp.
inline constexpr std::size_t kPauseReceive = 0x10000001;
inline constexpr std::size_t kPauseSend = 0x10000001;
inline constexpr std::size_t kAbortSend = 0x10000000;

/// Sets a curl handle up for a transfer. Errors: config (a CA or key file that cannot be read).
Status prepare(Transfer& transfer, void* easy, const LoopOptions& options);
/// Turns curl's result into our Error; empty for success.
std::optional<Error> outcome(Transfer& transfer, int curl_code);
void release_headers(Transfer& transfer);

}  // namespace sluice::net
