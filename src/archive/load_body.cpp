#include "archive/load_body.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::archive {

Status LoadBody::drained(const std::stop_token& stop) {
  return state_.when([](const State& s) { return s.failure || s.is_drained(); }, stop,
                     [&](State& s) -> Status {
                       // What was taken was taken, whatever became of the transfer since.
                       const bool all = s.is_drained();
                       // The pipe goes with whoever waits here.
                       if (auto* pipe = std::exchange(s.pipe, nullptr); pipe != nullptr) pipe->on_bytes({});
                       if (all) return {};
                       return s.failure.value_or(Error(ErrorKind::cancelled, "stopped"));
                     });
}

Status LoadBody::put(std::string text, const std::stop_token& stop) {
  if (text.empty()) return {};
  const auto wake = state_.update([&](State& s) {
    s.text = std::move(text);
    s.taken = 0;
    return s.wake;
  });
  if (wake) wake();
  return drained(stop);
}

Status LoadBody::pass(places::BlobPipe& pipe, const std::stop_token& stop) {
  const auto wake = state_.update([&](State& s) {
    s.pipe = &pipe;
    s.left = pipe.blob().size_bytes;
    pipe.on_bytes(s.wake);
    return s.wake;
  });
  if (wake) wake();
  return drained(stop);
}

void LoadBody::close(const Error& why) {
  const auto wake = state_.update([&](State& s) {
    if (!s.failure) s.failure = why;
    return s.wake;
  });
  if (wake) wake();
}

net::Given LoadBody::give(std::span<std::byte> room) {
  return state_.update([&](State& s) -> net::Given {
    if (s.failure) return {net::Flow::broken, 0};
    if (!s.text.empty()) {
      const auto count = std::min(room.size(), s.text.size() - s.taken);
      std::memcpy(room.data(), s.text.data() + s.taken, count);
      s.taken += count;
      if (s.taken == s.text.size()) s.text.clear();
      return {net::Flow::moved, count};
    }
    if (s.pipe == nullptr) return {net::Flow::later, 0};
    const auto given = s.pipe->give(room);
    if (given.flow == net::Flow::broken) {
      s.failure = s.pipe->failure().value_or(Error(ErrorKind::cancelled, "stopped"));
      return given;
    }
    s.left -= std::min<std::uint64_t>(s.left, given.count);
    if (s.left == 0) std::exchange(s.pipe, nullptr)->on_bytes({});
    return given;
  });
}

void LoadBody::on_bytes(std::function<void()> wake) {
  state_.update([&](State& s) {
    s.wake = std::move(wake);
    if (s.pipe != nullptr) s.pipe->on_bytes(s.wake);
  });
}

}  // namespace sluice::archive
