#include "support/proxy_session.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace sluice::support {
namespace {

bool acts_on(const FaultRule& rule, Direction direction) {
  return (rule.side == FaultSide::request) == (direction == Direction::up);
}

/// The head without its Content-Length, or with another one; `extra` is added as it is.
std::string with_length(std::string_view head, std::string_view length, std::string_view extra) {
  std::string out;
  while (!head.empty()) {
    const auto end = head.find("\r\n") + 2;
    const auto line = head.substr(0, end);
    head.remove_prefix(end);
    if (text::iequals(text::cut(line, ':').first, "content-length")) continue;
    if (line == "\r\n") {
      if (!length.empty()) out.append("Content-Length: ").append(length).append("\r\n");
      out.append(extra);
    }
    out.append(line);
  }
  return out;
}

std::string_view reason(int status) {
  switch (status) {
    case 401:
      return "Unauthorized";
    case 404:
      return "Not Found";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Fault";
  }
}

}  // namespace

ProxySession::ProxySession(ProxyShared& shared, std::uint64_t connection, std::size_t upstream, TimePoint now)
    : shared_(shared), connection_(connection), upstream_(upstream) {
  // The handshake that the client believes to be over: one round trip more.
  flow(Direction::up).hold_until = now + 2 * shared.one_way;
}

ProxySession::TimePoint ProxySession::release(Direction direction, TimePoint now) const {
  return std::max(now, flow(direction).hold_until) + shared_.one_way;
}

void ProxySession::forward(Direction direction, std::string_view bytes, TimePoint now) {
  flow(direction).line.push(bytes, release(direction, now));
}

void ProxySession::take(Direction direction, std::unique_ptr<char[]> bytes, std::size_t size, TimePoint now) {
  Flow& in = flow(direction);
  std::string_view view(bytes.get(), size);
  std::string joined;
  if (!in.tail.empty()) {
    joined = std::exchange(in.tail, {}).append(view);
    view = joined;
  }
  while (!in.stalled) {
    const auto piece = in.tracker.next(view);
    if (piece.kind == PieceKind::more) break;
    const bool whole_buffer = piece.kind == PieceKind::payload && piece.size == size && joined.empty();
    const bool untouched = body_rule(direction) == nullptr && !(direction == Direction::up && swallow_request_);
    if (whole_buffer && untouched) {
      // The way of nearly all bytes of a large blob: handed over, not copied.
      if (auto* open = current(direction)) {
        (direction == Direction::up ? open->exchange.request_bytes : open->exchange.response_bytes) += size;
      }
      in.line.push(std::move(bytes), size, release(direction, now));
      view = {};
    } else {
      handle(direction, piece.kind, view.substr(0, piece.size), now);
      view.remove_prefix(piece.size);
    }
  }
  if (!in.stalled) in.tail = view;
}

void ProxySession::handle(Direction direction, PieceKind kind, std::string_view part, TimePoint now) {
  const bool up = direction == Direction::up;
  switch (kind) {
    case PieceKind::more:
      return;
    case PieceKind::head:
      return up ? begin_request(part, now) : begin_response(part, now);
    case PieceKind::payload:
      return forward_payload(direction, part, now);
    case PieceKind::framing:
      if (!(up && swallow_request_)) forward(direction, part, now);
      return;
    case PieceKind::end:
      return up ? end_request(now) : end_response();
    case PieceKind::broken:
      return forward(direction, part, now);
  }
}

ProxySession::Open* ProxySession::current(Direction direction) {
  if (direction == Direction::up) return request_.get();
  return open_.empty() ? nullptr : open_.front().get();
}

const FaultRule* ProxySession::body_rule(Direction direction) {
  const auto* open = current(direction);
  if (open == nullptr || !open->rule || !acts_on(*open->rule, direction)) return nullptr;
  switch (open->rule->action) {
    case FaultAction::cut:
    case FaultAction::truncate:
    case FaultAction::corrupt:
    case FaultAction::stall:
      return open->rule.get();
    case FaultAction::status:
    case FaultAction::delay:
    case FaultAction::drop_length:
      return nullptr;
  }
  return nullptr;
}

void ProxySession::begin_request(std::string_view head, TimePoint now) {
  const auto& parsed = flow(Direction::up).tracker.head();
  request_ = std::make_shared<Open>();
  open_.push_back(request_);
  auto& exchange = request_->exchange;
  exchange.id = ++shared_.exchanges;
  exchange.connection = connection_;
  exchange.upstream = upstream_;
  exchange.method = parsed.method;
  exchange.target = parsed.target;
  exchange.request_seq = ++shared_.events;
  if (open_.size() == 1) flow(Direction::down).tracker.answers(parsed.method);

  request_->rule =
      shared_.faults.with([&](FaultBook& book) { return book.match(parsed.method, parsed.target, upstream_); });
  if (request_->rule) {
    exchange.fault = to_string(request_->rule->action);
    if (request_->rule->action == FaultAction::status) {
      swallow_request_ = true;
      // Who asks "may I send it?" gets the answer before the body, and has to be told that this connection is over.
      if (request_->rule->early || parsed.field("expect").has_value()) {
        answer(*request_, true, now);
        flow(Direction::up).stalled = true;
      }
      return;
    }
    if (stops_at_head(Direction::up, *request_, head, now)) return;
  }
  forward(Direction::up, head, now);
}

void ProxySession::end_request(TimePoint now) {
  if (swallow_request_) answer(*request_, false, now);
  swallow_request_ = false;
  request_.reset();
}

void ProxySession::begin_response(std::string_view head, TimePoint now) {
  const auto& parsed = flow(Direction::down).tracker.head();
  if (open_.empty() || parsed.is_interim()) return forward(Direction::down, head, now);
  Open& open = *open_.front();
  if (open.rule) {
    const auto& rule = *open.rule;
    if (stops_at_head(Direction::down, open, head, now)) return;
    if (rule.action == FaultAction::delay) flow(Direction::down).hold_until = now + rule.delay;
    if (rule.action == FaultAction::truncate && parsed.field("content-length")) {
      open.exchange.status = parsed.status;
      return forward(Direction::down, with_length(head, std::to_string(rule.at), ""), now);
    }
    if (rule.action == FaultAction::drop_length) {
      open.exchange.status = parsed.status;
      return forward(Direction::down, with_length(head, "", "Connection: close\r\n"), now);
    }
  }
  open.exchange.status = parsed.status;
  forward(Direction::down, head, now);
}

void ProxySession::end_response() {
  if (open_.empty()) return;
  Flow& down = flow(Direction::down);
  const auto open = open_.front();
  open_.pop_front();
  const bool closes = open->rule && open->rule->action == FaultAction::drop_length;
  down.marks.push_back({down.line.pushed(), open, closes ? Ending::close : Ending::none});
  if (!open_.empty()) down.tracker.answers(open_.front()->exchange.method);
}

void ProxySession::forward_payload(Direction direction, std::string_view part, TimePoint now) {
  const bool up = direction == Direction::up;
  auto* open = current(direction);
  auto* counter = open == nullptr ? nullptr : up ? &open->exchange.request_bytes : &open->exchange.response_bytes;
  const auto* rule = body_rule(direction);
  const auto before = flow(direction).tracker.payload_bytes() - part.size();
  if (up && swallow_request_) {
    if (counter != nullptr) *counter += part.size();
    return;
  }
  std::string edited;
  bool stop = false;
  if (rule != nullptr) {
    const auto at = static_cast<std::uint64_t>(std::max<std::int64_t>(rule->at, 0));
    const auto until = at > before ? std::min<std::uint64_t>(at - before, part.size()) : 0;
    if (rule->action == FaultAction::corrupt) {
      if (at >= before && at - before < part.size()) {
        edited = part;
        edited[at - before] = static_cast<char>(edited[at - before] ^ 1);
        part = edited;
      }
    } else {
      stop = rule->action != FaultAction::truncate && before + part.size() >= at;
      part = part.substr(0, until);
    }
  }
  if (counter != nullptr) *counter += part.size();
  forward(direction, part, now);
  if (stop) stop_at(direction, *rule);
}

bool ProxySession::stops_at_head(Direction direction, const Open& open, std::string_view head, TimePoint now) {
  const auto& rule = *open.rule;
  const bool stopping = rule.action == FaultAction::cut || rule.action == FaultAction::stall;
  if (!stopping || !acts_on(rule, direction) || rule.at > 0) return false;
  if (rule.at == 0) forward(direction, head, now);
  stop_at(direction, rule);
  return true;
}

void ProxySession::stop_at(Direction direction, const FaultRule& rule) {
  Flow& stopped = flow(direction);
  stopped.stalled = true;
  if (rule.action == FaultAction::cut) {
    stopped.marks.push_back({stopped.line.pushed(), nullptr, rule.reset ? Ending::reset : Ending::close});
  }
}

void ProxySession::answer(Open& open, bool then_close, TimePoint now) {
  const auto& rule = *open.rule;
  std::string text = "HTTP/1.1 " + std::to_string(rule.status) + " " + std::string(reason(rule.status)) + "\r\n";
  for (const auto& [name, value] : rule.headers) text += name + ": " + value + "\r\n";
  if (rule.retry_after) text += "Retry-After: " + std::to_string(*rule.retry_after) + "\r\n";
  if (then_close) text += "Connection: close\r\n";
  text += "Content-Length: " + std::to_string(rule.body.size()) + "\r\n\r\n";
  if (open.exchange.method != "HEAD") {
    text += rule.body;
    open.exchange.response_bytes = rule.body.size();
  }
  open.exchange.status = rule.status;
  Flow& down = flow(Direction::down);
  down.line.push(text, release(Direction::up, now) + shared_.one_way + rule.delay);
  const auto found = std::find_if(open_.begin(), open_.end(), [&](const auto& each) { return each.get() == &open; });
  down.marks.push_back({down.line.pushed(), *found, then_close ? Ending::close : Ending::none});
  open_.erase(found);
}

void ProxySession::end_of_stream(Direction direction) {
  if (flow(direction).tracker.finish() && direction == Direction::down) end_response();
}

void ProxySession::before_send(Direction direction, std::size_t size) {
  Flow& out = flow(direction);
  for (auto& mark : out.marks) {
    if (mark.offset > out.line.sent() + size) return;
    if (auto ended = std::exchange(mark.ended, nullptr)) finish(ended->exchange);
  }
}

Ending ProxySession::after_send(Direction direction) {
  Flow& out = flow(direction);
  while (!out.marks.empty() && out.marks.front().offset <= out.line.sent()) {
    const auto mark = std::move(out.marks.front());
    out.marks.pop_front();
    if (mark.ended) finish(mark.ended->exchange);  // one that ended by the end of the stream, behind its last byte
    if (mark.ending != Ending::none) return mark.ending;
  }
  return Ending::none;
}

void ProxySession::abandon() {
  for (const auto& mark : std::exchange(flow(Direction::down).marks, {})) {
    if (mark.ended) finish(mark.ended->exchange);
  }
  for (const auto& open : std::exchange(open_, {})) finish(open->exchange);
}

void ProxySession::finish(Exchange& exchange) {
  exchange.response_seq = ++shared_.events;
  shared_.log.add(exchange);
}

}  // namespace sluice::support
