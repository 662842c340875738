#include "support/http_message.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::support {
namespace {

std::optional<std::uint64_t> number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (code != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

bool parse_start_line(MessageTracker::Side side, std::string_view line, MessageHead& head) {
  const auto [first, rest] = text::cut(line, ' ');
  if (side == MessageTracker::Side::request) {
    const auto [target, version] = text::cut(rest, ' ');
    if (first.empty() || target.empty() || !version.starts_with("HTTP/1.")) return false;
    if (!std::all_of(first.begin(), first.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) return false;
    head.method = first;
    head.target = target;
    return true;
  }
  if (!first.starts_with("HTTP/1.")) return false;
  const auto status = number(rest.substr(0, 3), 10);
  if (!status || *status < 100) return false;
  head.status = static_cast<int>(*status);
  return true;
}

bool parse_head(MessageTracker::Side side, std::string_view bytes, MessageHead& head) {
  const auto first_end = bytes.find("\r\n");
  if (!parse_start_line(side, bytes.substr(0, first_end), head)) return false;
  bytes.remove_prefix(first_end + 2);
  while (bytes != "\r\n") {
    const auto end = bytes.find("\r\n");
    const auto [name, value] = text::cut(bytes.substr(0, end), ':');
    if (name.empty()) return false;
    head.fields.emplace_back(std::string(name), std::string(text::trim(value)));
    bytes.remove_prefix(end + 2);
  }
  return true;
}

}  // namespace

std::optional<std::string> MessageHead::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (text::iequals(key, name)) return value;
  }
  return std::nullopt;
}

Piece MessageTracker::next(std::string_view input) {
  switch (state_) {
    case State::head:
      return read_head(input);
    case State::fixed:
      if (left_ == 0) {
        state_ = State::done;
        return next(input);
      }
      if (input.empty()) return {};
      return take_payload(static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size())));
    case State::until_end:
      if (input.empty()) return {};
      payload_bytes_ += input.size();
      return {PieceKind::payload, input.size()};
    case State::chunk_data:
      if (input.empty()) return {};
      if (left_ == 0) {
        state_ = State::chunk_end;
        return next(input);
      }
      return take_payload(static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size())));
    case State::chunk_size:
    case State::chunk_end:
    case State::trailers:
      return read_line(input);
    case State::done:
      state_ = State::head;
      return {PieceKind::end, 0};
    case State::broken:
      return {input.empty() ? PieceKind::more : PieceKind::broken, input.size()};
  }
  return give_up();
}

Piece MessageTracker::read_head(std::string_view input) {
  if (input.empty()) return {};
  const auto end = input.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (input.size() > kMaxHeadBytes) return give_up();
    // A TLS record or another protocol must not wait for a blank line that never comes.
    const char first = input.front();
    const bool may_be_head = side_ == Side::request ? (first >= 'A' && first <= 'Z') : first == 'H';
    return may_be_head ? Piece{} : give_up();
  }
  MessageHead head;
  if (!parse_head(side_, input.substr(0, end + 4), head)) return give_up();
  head_ = std::move(head);
  payload_bytes_ = 0;
  choose_body();
  return {PieceKind::head, end + 4};
}

void MessageTracker::choose_body() {
  left_ = 0;
  if (side_ == Side::response) {
    if (head_.status == 101) {
      state_ = State::broken;
      return;
    }
    if (head_.is_interim()) return;  // the next head is the real one
    if (answered_method_ == "HEAD" || head_.status == 204 || head_.status == 304) {
      state_ = State::done;
      return;
    }
  }
  if (const auto coding = head_.field("transfer-encoding"); coding && text::lower(*coding).ends_with("chunked")) {
    state_ = State::chunk_size;
    return;
  }
  if (const auto length = head_.field("content-length")) {
    const auto bytes = number(*length, 10);
    left_ = bytes.value_or(0);
    state_ = bytes ? State::fixed : State::broken;
    return;
  }
  state_ = side_ == Side::request ? State::done : State::until_end;
}

Piece MessageTracker::read_line(std::string_view input) {
  const auto end = input.find("\r\n");
  if (end == std::string_view::npos) return input.size() > kMaxHeadBytes ? give_up() : Piece{};
  const auto line = input.substr(0, end);
  if (state_ == State::chunk_size) {
    const auto size = number(text::trim(text::cut(line, ';').first), 16);
    if (!size) return give_up();
    left_ = *size;
    state_ = left_ == 0 ? State::trailers : State::chunk_data;
  } else if (state_ == State::chunk_end) {
    if (!line.empty()) return give_up();
    state_ = State::chunk_size;
  } else if (line.empty()) {
    state_ = State::done;
  }
  return {PieceKind::framing, end + 2};
}

Piece MessageTracker::take_payload(std::size_t size) {
  left_ -= size;
  payload_bytes_ += size;
  return {PieceKind::payload, size};
}

Piece MessageTracker::give_up() {
  state_ = State::broken;
  return {PieceKind::broken, 0};
}

bool MessageTracker::finish() {
  if (state_ != State::until_end) return false;
  state_ = State::head;
  return true;
}

}  // namespace sluice::support
