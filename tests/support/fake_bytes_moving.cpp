#include "support/fake_bytes_moving.hpp"

#include "base/guarded.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <thread>
#include <utility>

namespace sluice::support {

namespace {

constexpr std::size_t kChunkBytes = 16 * 1024;  // several per ring, so that both ends wait for each other

/// Lets a thread sleep until the other end of the pipe calls. Shared with the wake function: the pipe may call it
/// while the one that waited is on its way out.
class Doorbell {
 public:
  std::function<void()> handle() const {
    return [rung = rung_] { rung->update([](bool& value) { value = true; }); };
  }
  void wait(const std::stop_token& stop) const {
    rung_->when([](bool value) { return value; }, stop, [](bool& value) { value = false; });
  }

 private:
  std::shared_ptr<Watched<bool>> rung_ = std::make_shared<Watched<bool>>(false);
};

Error given_up(const std::string& what) { return Error(ErrorKind::cancelled, what + " was given up"); }

class FakeRead final : public places::BlobRead {
 public:
  FakeRead(places::BlobPipe& pipe, const std::stop_token& stop,
           std::function<Result<Delivery>(const std::stop_token&)> answer)
      : pipe_(pipe), answer_(std::move(answer)), on_outer_(stop, [this] { thread_stop_.request_stop(); }) {
    thread_ = std::thread([this] { run(); });
  }
  ~FakeRead() override {
    thread_stop_.request_stop();
    thread_.join();
  }

  Status started() override {
    return state_.when([](const State& s) { return s.started.has_value(); }, {},
                       [](const State& s) { return *s.started; });
  }
  Status finish() override {
    return state_.when([](const State& s) { return s.ended.has_value(); }, {}, [](const State& s) { return *s.ended; });
  }

 private:
  struct State {
    std::optional<Status> started;
    std::optional<Status> ended;
  };

  void run() {
    auto delivery = answer_(thread_stop_.get_token());
    if (!delivery) {
      pipe_.source_failed(delivery.error());
      answer_ = nullptr;
      state_.update([&](State& s) { s.started = s.ended = Status(delivery.error()); });
      return;
    }
    state_.update([](State& s) { s.started = Status(); });
    auto done = feed(*delivery);
    if (!done) pipe_.source_failed(done.error());
    pipe_.on_room(nullptr);
    answer_ = nullptr;  // what it holds, the count of bodies under way, is let go with the last byte
    state_.update([&](State& s) { s.ended = std::move(done); });
  }

  Status feed(const Delivery& delivery) {
    const auto stop = thread_stop_.get_token();
    pipe_.on_room(bell_.handle());
    const auto all = std::as_bytes(std::span(delivery.bytes));
    std::size_t sent = 0;
    while (sent < all.size()) {
      if (stop.stop_requested()) return given_up("the read");
      const auto chunk = all.subspan(sent, std::min(kChunkBytes, all.size() - sent));
      switch (pipe_.take(chunk)) {
        case net::Flow::moved:
          sent += chunk.size();
          if (delivery.taken) delivery.taken(chunk.size());
          break;
        case net::Flow::later:
          bell_.wait(stop);
          break;
        case net::Flow::broken:
          return given_up("the read");
      }
    }
    if (delivery.then) return *delivery.then;
    return pipe_.end();
  }

  places::BlobPipe& pipe_;
  std::function<Result<Delivery>(const std::stop_token&)> answer_;
  Doorbell bell_;
  Watched<State> state_;
  std::stop_source thread_stop_;
  std::stop_callback<std::function<void()>> on_outer_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<places::BlobRead> fake_read(places::BlobPipe& pipe, const std::stop_token& stop,
                                            std::function<Result<Delivery>(const std::stop_token&)> answer) {
  return std::make_unique<FakeRead>(pipe, stop, std::move(answer));
}

Status fake_drain(places::BlobPipe& pipe, std::uint64_t size, const std::stop_token& stop, std::string& content) {
  const Doorbell bell;
  pipe.on_bytes(bell.handle());
  std::array<std::byte, kChunkBytes> room;
  while (size > 0) {
    if (stop.stop_requested()) {
      const auto error = given_up("the upload");
      pipe.fail(error);
      return error;
    }
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, room.size()));
    const auto given = pipe.give(std::span(room).first(wanted));
    switch (given.flow) {
      case net::Flow::moved:
        content.append(reinterpret_cast<const char*>(room.data()), given.count);
        size -= given.count;
        break;
      case net::Flow::later:
        bell.wait(stop);
        break;
      case net::Flow::broken:
        pipe.on_bytes(nullptr);
        return given_up("the upload");
    }
  }
  pipe.on_bytes(nullptr);
  return {};
}

}  // namespace sluice::support
