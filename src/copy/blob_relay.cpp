#include "copy/blob_relay.hpp"

#include "base/pause.hpp"
#include "net/retry.hpp"

#include <utility>

namespace sluice::copy {

namespace {

// Full jitter needs no generator here: two blobs that were cut at once are spread by what they still have to read.
constexpr double kMiddle = 0.5;

// Whether a later try may bring the bytes that are missing. A short answer without an error is one of them: the pipe
// is whole, so nothing wrong came.
bool may_return(const Error& error, const places::BlobPipe& pipe) {
  if (pipe.failure() || pipe.position() >= pipe.blob().size_bytes) return false;
  return net::worth_retrying(error) || error.kind() == ErrorKind::integrity;
}

}  // namespace

bool source_returns(const oci::Descriptor& blob) { return blob.size_bytes > kReturnBytes; }

BlobRelay::BlobRelay(const Origin& origin, places::BlobPipe& pipe, RelayOptions options, Resumed resumed,
                     const std::stop_token& stop)
    : origin_(origin), pipe_(pipe), options_(options), resumed_(std::move(resumed)), on_outer_(stop, [this] {
        own_stop_.request_stop();
      }) {
  if (!source_returns(pipe.blob())) {
    direct_ = origin_.place->read_blob(origin_.repository, pipe_.blob(), pipe_, own_stop_.get_token());
    return;
  }
  thread_ = std::jthread([this] { run(own_stop_.get_token()); });
}

BlobRelay::~BlobRelay() { own_stop_.request_stop(); }

Status BlobRelay::started() {
  if (direct_) return direct_->started();
  return state_.when([](const State& s) { return s.started.has_value(); }, {},
                     [](const State& s) { return *s.started; });
}

Status BlobRelay::finish() {
  if (direct_) return direct_->finish();
  return state_.when([](const State& s) { return s.ended.has_value(); }, {}, [](const State& s) { return *s.ended; });
}

bool BlobRelay::gave_up() const {
  return state_.with([](const State& s) { return s.gave_up; });
}

Status BlobRelay::read_once(const std::stop_token& stop) {
  const auto read = origin_.place->read_blob(origin_.repository, pipe_.blob(), pipe_, stop);
  SLUICE_CHECK(read->started());
  state_.update([](State& s) {
    if (!s.started) s.started = Status();
  });
  return read->finish();
}

void BlobRelay::run(const std::stop_token& stop) {
  const auto begun = pipe_.position();
  auto done = Status();
  unsigned fruitless = 0;
  bool gave_up = false;
  for (;;) {
    const auto before = pipe_.position();
    done = read_once(stop);
    if (done || stop.stop_requested() || !may_return(done.error(), pipe_)) break;
    // Whoever has had no byte of the blob yet leaves the next try to those who move it, if there are any: they have
    // more to decide.
    if (pipe_.position() == begun && !options_.from_beginning) break;
    if (pipe_.position() - before >= kProgressBytes) fruitless = 0;
    gave_up = fruitless >= options_.retry_times;
    if (gave_up) break;
    const auto pause = net::back_off(fruitless++, done.error().retry_after(), kMiddle);
    if (resumed_) resumed_(done.error(), pipe_.position(), pause);
    if (!pause_for(pause, stop)) break;
  }
  // Before the pipe breaks: whoever notices that asks at once whether another attempt is worth it.
  state_.update([&](State& s) { s.gave_up = gave_up; });
  // Nobody else tells the destination's side, which would wait for ever.
  if (!done) pipe_.fail(done.error());
  state_.update([&](State& s) {
    if (!s.started) s.started = done;
    s.ended = std::move(done);
  });
}

}  // namespace sluice::copy
