#include "places/blob_pipe.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::places {

struct BlobPipe::State {
  State(const oci::Descriptor& blob, PipeOptions options)
      : checkpoint_bytes(options.checkpoint_bytes),
        send_from(options.send_from),
        capacity(static_cast<std::size_t>(
            std::min<std::uint64_t>(options.ring_bytes, std::max<std::uint64_t>(blob.size_bytes, 1)))),
        hashed(blob.digest.algorithm(), options.from ? options.from->hasher : Hasher(blob.digest.algorithm()),
               std::move(options.joint)) {
    if (!options.from) return;
    received = options.from->offset;
    checkpoints.push_back(std::move(*options.from));
  }

  std::uint64_t checkpoint_bytes;
  std::uint64_t send_from;
  std::vector<PipeCheckpoint> checkpoints;
  std::size_t capacity;
  std::vector<std::byte> ring;  // allocated with the first byte
  HashedStream hashed;          // after the ring, where the bytes lie that it has not hashed yet
  std::size_t head = 0;         // where the next byte is read
  std::size_t filled = 0;
  std::uint64_t received = 0;
  bool proven = false;
  std::string remark;
  std::optional<Error> failure;
  bool producer_waits = false;
  bool consumer_waits = false;
  std::function<void()> wake_producer;
  std::function<void()> wake_consumer;

  void prove(const oci::Descriptor& blob) {
    const auto hex = hashed.finish_hex();
    proven = hex == blob.digest.hex();
    if (!proven) {
      failure = Error(ErrorKind::integrity, "the source sent other bytes than " + blob.digest.text() +
                                                " promises (they hash to " + hex.substr(0, 12) + "...)" + remark);
    }
  }

  // How many of `bytes`, which begin at `received`, the destination has already.
  std::size_t known_there(std::span<const std::byte> bytes) const {
    if (received >= send_from) return 0;
    return static_cast<std::size_t>(std::min<std::uint64_t>(send_from - received, bytes.size()));
  }

  // Takes bytes in, which the ring has room for. Checkpoints are exactly at multiples of their distance, however the
  // bytes arrive. True when one was made.
  bool enter(std::span<const std::byte> bytes, std::uint64_t blob_bytes) {
    bool noted = false;
    while (!bytes.empty()) {
      const auto to_border = checkpoint_bytes - received % checkpoint_bytes;
      const auto part = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(to_border, bytes.size())));
      const auto known = known_there(part);
      hashed.add_at_once(part.first(known));
      push(part.subspan(known));
      received += part.size();
      bytes = bytes.subspan(part.size());
      if (received % checkpoint_bytes != 0 || received >= blob_bytes) continue;
      if (checkpoints.size() == kCheckpointsKept) checkpoints.erase(checkpoints.begin());
      checkpoints.push_back({received, hashed.hasher()});
      noted = true;
    }
    return noted;
  }

  // What was given on stays in the ring until it is hashed.
  void push(std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    if (ring.empty()) ring.resize(capacity);
    hashed.wait_at_most(capacity - bytes.size());
    const std::size_t tail = (head + filled) % capacity;
    const std::size_t first = std::min(bytes.size(), capacity - tail);
    std::memcpy(ring.data() + tail, bytes.data(), first);
    std::memcpy(ring.data(), bytes.data() + first, bytes.size() - first);
    filled += bytes.size();
    hashed.add(std::span<const std::byte>(ring).subspan(tail, first));
    hashed.add(std::span<const std::byte>(ring).first(bytes.size() - first));
  }

  std::size_t pop(std::span<std::byte> room) {
    if (filled == 0) return 0;  // there may be no ring yet, and memcpy takes no null
    const std::size_t count = std::min(room.size(), filled);
    const std::size_t first = std::min(count, capacity - head);
    std::memcpy(room.data(), ring.data() + head, first);
    std::memcpy(room.data() + first, ring.data(), count - first);
    head = (head + count) % capacity;
    filled -= count;
    return count;
  }
};

BlobPipe::BlobPipe(oci::Descriptor blob, Progress progress, PipeOptions options)
    : blob_(std::move(blob)),
      progress_(std::move(progress)),
      source_returns_(options.source_returns),
      on_checkpoint_(std::move(options.on_checkpoint)),
      state_(std::make_unique<Guarded<State>>(State(blob_, std::move(options)))) {}

BlobPipe::BlobPipe(oci::Descriptor blob, Progress progress, std::size_t ring_bytes)
    : BlobPipe(std::move(blob), std::move(progress), PipeOptions{.ring_bytes = ring_bytes}) {}

BlobPipe::~BlobPipe() = default;

namespace {

Error wrong_size(const oci::Descriptor& blob, std::uint64_t received, bool more, const std::string& remark) {
  return Error(ErrorKind::integrity, "blob " + blob.digest.text() + " should have " + std::to_string(blob.size_bytes) +
                                         " bytes, but the source sent " + (more ? "more" : std::to_string(received)) +
                                         remark);
}

}  // namespace

// The last byte and the proof of all bytes enter in one step: whoever reads it reads proven content.
net::Flow BlobPipe::take(std::span<const std::byte> bytes) {
  std::function<void()> wake;
  std::optional<PipeCheckpoint> noted;
  const auto flow = state_->with([&](State& s) {
    if (s.failure) return net::Flow::broken;
    const auto passed_on = bytes.size() - s.known_there(bytes);
    if (s.received + bytes.size() > blob_.size_bytes) {
      s.failure = wrong_size(blob_, s.received, true, s.remark);
    } else if (s.filled + passed_on > s.capacity) {
      s.producer_waits = true;
      return net::Flow::later;
    } else {
      if (s.enter(bytes, blob_.size_bytes)) noted = s.checkpoints.back();
      if (s.received == blob_.size_bytes && !s.proven) s.prove(blob_);
    }
    if (std::exchange(s.consumer_waits, false) || s.failure) wake = s.wake_consumer;
    return s.failure ? net::Flow::broken : net::Flow::moved;
  });
  if (noted && on_checkpoint_) on_checkpoint_(*noted);
  if (flow == net::Flow::moved && progress_) progress_(bytes.size());
  if (wake) wake();
  return flow;
}

Status BlobPipe::end() {
  std::optional<Error> cut;
  auto broken = state_->with([&](State& s) -> std::optional<Error> {
    if (s.failure) return s.failure;
    if (s.received < blob_.size_bytes && source_returns_) cut = wrong_size(blob_, s.received, false, s.remark);
    if (cut) return std::nullopt;
    if (s.received != blob_.size_bytes) return wrong_size(blob_, s.received, false, s.remark);
    if (!s.proven) s.prove(blob_);  // nothing ever arrives for an empty blob
    return s.failure;
  });
  if (cut) return std::move(*cut);
  if (!broken) return {};
  fail(*broken);
  return std::move(*broken);
}

void BlobPipe::remark(std::string about_source) {
  state_->with([&](State& s) {
    // A short blob may have been judged before the head of its answer was looked at.
    if (s.failure && s.failure->kind() == ErrorKind::integrity) {
      Error told = std::move(*s.failure).followed_by(about_source);
      s.failure = std::move(told);
    }
    s.remark = "; " + std::move(about_source);
  });
}

net::Given BlobPipe::give(std::span<std::byte> room) {
  std::function<void()> wake;
  const auto given = state_->with([&](State& s) -> net::Given {
    if (s.failure) return {net::Flow::broken, 0};
    const auto count = s.pop(room);
    if (count == 0) {
      s.consumer_waits = true;
      return {net::Flow::later, 0};
    }
    if (s.producer_waits && s.filled <= s.capacity / 2) {
      s.producer_waits = false;
      wake = s.wake_producer;
    }
    return {net::Flow::moved, count};
  });
  if (wake) wake();
  return given;
}

void BlobPipe::on_room(std::function<void()> wake) {
  state_->with([&](State& s) { s.wake_producer = std::move(wake); });
}

void BlobPipe::on_bytes(std::function<void()> wake) {
  state_->with([&](State& s) { s.wake_consumer = std::move(wake); });
}

void BlobPipe::fail(const Error& error) {
  std::function<void()> producer;
  std::function<void()> consumer;
  state_->with([&](State& s) {
    if (!s.failure) s.failure = error;
    producer = s.wake_producer;
    consumer = s.wake_consumer;
  });
  if (producer) producer();
  if (consumer) consumer();
}

void BlobPipe::source_failed(const Error& error) {
  if (!source_returns_) fail(error);
}

std::uint64_t BlobPipe::position() const {
  return state_->with([](const State& s) { return s.received; });
}

std::vector<PipeCheckpoint> BlobPipe::checkpoints() const {
  return state_->with([](const State& s) { return s.checkpoints; });
}

std::optional<Error> BlobPipe::failure() const {
  return state_->with([](const State& s) { return s.failure; });
}

}  // namespace sluice::places
