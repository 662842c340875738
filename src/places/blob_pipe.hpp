#pragma once
// BlobPipe: a bounded ring between the place a blob comes from and the place it goes to. Hashes every byte once, on
// the way in or while it lies in the ring, and keeps the last byte back until size and digest are proven, so that
// nothing wrong can be committed.
// It notes on the way from where a cut transfer can go on without the bytes before.

#include "base/guarded.hpp"
#include "base/hash.hpp"
#include "net/body.hpp"
#include "oci/manifest.hpp"
#include "places/joint_hash.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace sluice::places {

/// 64 KiB chunks need some slack to keep both sides moving. Measured: docs/architecture.md, "Buffers".
inline constexpr std::size_t kRingBytes = std::size_t{256} * 1024;

/// Further apart means more to read again after a cut, closer means more to write into the journal.
inline constexpr std::uint64_t kCheckpointBytes = std::uint64_t{16} * 1024 * 1024;
/// What the destination keeps is behind what the source gave by the ring and the buffers of sockets: far less than
/// this many checkpoints.
inline constexpr std::size_t kCheckpointsKept = 8;

/// A place in a blob that a transfer can go on from: the bytes before `offset` are in the hash.
struct PipeCheckpoint {
  std::uint64_t offset = 0;
  Hasher hasher;
};

struct PipeOptions {
  std::size_t ring_bytes = kRingBytes;
  std::uint64_t checkpoint_bytes = kCheckpointBytes;
  /// Where the source begins; empty: with the first byte.
  std::optional<PipeCheckpoint> from{};
  /// Bytes before this one are hashed and not given on: the destination has them. At least from->offset.
  std::uint64_t send_from = 0;
  /// A source that broke off may come back: its failures leave the pipe whole, and whoever drives the source calls
  /// fail() when it will not.
  bool source_returns = false;
  /// Told of each new checkpoint on the producing thread; must be quick.
  std::function<void(const PipeCheckpoint&)> on_checkpoint{};
  /// The other pipes that this one is hashed together with; null: by itself.
  std::shared_ptr<JointHash> joint{};
};

/// Memory: one ring of min(ring_bytes, blob size), whatever the blob's size.
/// Errors: integrity, when the source gives more or fewer bytes than promised or the digest differs.
/// Thread: any; the two sides may be on different threads.
class BlobPipe final : public net::BodySink, public net::BodySource {
 public:
  /// Told how many more bytes went in. Called from the producing thread; must be quick.
  using Progress = std::function<void(std::uint64_t bytes)>;

  explicit BlobPipe(oci::Descriptor blob, Progress progress = {}, std::size_t ring_bytes = kRingBytes);
  BlobPipe(oci::Descriptor blob, Progress progress, PipeOptions options);
  ~BlobPipe() override;

  net::Flow take(std::span<const std::byte> bytes) override;
  Status end() override;
  void on_room(std::function<void()> wake) override;

  /// What the failure of a proof is to end with ("the answer has Content-Encoding: gzip").
  void remark(std::string about_source);

  net::Given give(std::span<std::byte> room) override;
  void on_bytes(std::function<void()> wake) override;

  /// Either side failed; the first reason is kept and the other side is told. An empty blob has no last byte to keep
  /// back: whoever writes one waits for end() first.
  void fail(const Error& error) override;
  /// The download failed: breaks the pipe, unless the source may come back.
  void source_failed(const Error& error);
  /// Why the pipe broke; empty while it is whole.
  std::optional<Error> failure() const;

  const oci::Descriptor& blob() const { return blob_; }
  /// The byte with which the source goes on.
  std::uint64_t position() const;
  /// Oldest first, with the one that the pipe was made from.
  std::vector<PipeCheckpoint> checkpoints() const;

 private:
  struct State;
  oci::Descriptor blob_;
  Progress progress_;
  bool source_returns_;
  std::function<void(const PipeCheckpoint&)> on_checkpoint_;
  std::unique_ptr<Guarded<State>> state_;
};

}  // namespace sluice::places
