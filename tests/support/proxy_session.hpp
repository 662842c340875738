#pragma once
// ProxySession: what one proxied connection means: exchanges, delays, faults. It owns no socket;
// see support/proxy_connection.hpp for those. Requests are not expected to be pipelined (no registry client does it):
// an answer of the proxy's own goes out behind whatever the upstream has said so far.

#include "base/guarded.hpp"
#include "support/delay_line.hpp"
#include "support/exchange_log.hpp"
#include "support/fault.hpp"
#include "support/http_message.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::support {

/// What all sessions of one proxy share. Thread: the proxy's loop, except where guarded.
struct ProxyShared {
  explicit ProxyShared(ExchangeLog exchange_log) : log(std::move(exchange_log)) {}

  std::chrono::nanoseconds one_way{0};
  Guarded<FaultBook> faults;
  ExchangeLog log;
  std::uint64_t events = 0;     ///< the last event number that was given out
  std::uint64_t exchanges = 0;  ///< the last exchange id that was given out
};

/// up: from the client to the upstream. down: the other way.
enum class Direction : std::uint8_t { up, down };
constexpr Direction opposite(Direction direction) {
  return direction == Direction::up ? Direction::down : Direction::up;
}

/// How a connection has to end now, because a fault says so.
enum class Ending : std::uint8_t { none, close, reset };

/// Thread: loop.
class ProxySession {
 public:
  using TimePoint = DelayLine::TimePoint;

  ProxySession(ProxyShared& shared, std::uint64_t connection, std::size_t upstream, TimePoint now);

  /// Bytes that arrived from the client (up) or from the upstream (down).
  void take(Direction direction, std::unique_ptr<char[]> bytes, std::size_t size, TimePoint now);
  /// The sender of this direction has ended its stream.
  void end_of_stream(Direction direction);
  /// A fault keeps this direction from ever delivering again.
  bool stalled(Direction direction) const { return flow(direction).stalled; }

  DelayLine& line(Direction direction) { return flow(direction).line; }
  const DelayLine& line(Direction direction) const { return flow(direction).line; }
  /// To be called before the next `size` bytes of the line are sent: logs the exchanges that they complete. Before,
  /// so that a client that has its answer finds it in the log.
  void before_send(Direction direction, std::size_t size);
  /// To be called after bytes of the line were sent: says whether to go on.
  Ending after_send(Direction direction);
  /// The connection is gone: logs the exchanges that were still open.
  void abandon();

 private:
  struct Open {
    Exchange exchange;
    std::shared_ptr<const FaultRule> rule;
  };
  /// Something that happens when the stream has been sent up to `offset`.
  struct Mark {
    std::uint64_t offset = 0;
    std::shared_ptr<Open> ended;  ///< the exchange whose response is complete; may be null
    Ending ending = Ending::none;
  };
  struct Flow {
    explicit Flow(MessageTracker::Side side) : tracker(side) {}
    MessageTracker tracker;
    DelayLine line;
    std::string tail;  ///< an incomplete head or chunk line
    std::deque<Mark> marks;
    TimePoint hold_until;
    bool stalled = false;
  };

  Flow& flow(Direction direction) { return flows_[direction == Direction::up ? 0 : 1]; }
  const Flow& flow(Direction direction) const { return flows_[direction == Direction::up ? 0 : 1]; }
  TimePoint release(Direction direction, TimePoint now) const;
  void forward(Direction direction, std::string_view bytes, TimePoint now);

  void handle(Direction direction, PieceKind kind, std::string_view part, TimePoint now);
  void begin_request(std::string_view head, TimePoint now);
  void end_request(TimePoint now);
  void begin_response(std::string_view head, TimePoint now);
  void end_response();

  Open* current(Direction direction);
  /// The rule that changes the body of the current message, or null.
  const FaultRule* body_rule(Direction direction);
  void forward_payload(Direction direction, std::string_view part, TimePoint now);
  void stop_at(Direction direction, const FaultRule& rule);
  bool stops_at_head(Direction direction, const Open& open, std::string_view head, TimePoint now);
  void answer(Open& open, bool then_close, TimePoint now);
  void finish(Exchange& exchange);

  ProxyShared& shared_;
  std::uint64_t connection_;
  std::size_t upstream_;
  std::array<Flow, 2> flows_{Flow(MessageTracker::Side::request), Flow(MessageTracker::Side::response)};
  std::deque<std::shared_ptr<Open>> open_;  ///< requests without a complete response, oldest first
  std::shared_ptr<Open> request_;           ///< the request whose bytes are arriving
  bool swallow_request_ = false;            ///< the upstream is not told of the current request
};

}  // namespace sluice::support
