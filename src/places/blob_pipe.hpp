#pragma once
// BlobPipe: a bounded ring between the place a blob comes from and the place it goes to. Hashes every byte once, on
// the way in, and keeps the last byte back until size and digest are proven, so that nothing wrong can be committed.

#include "base/guarded.hpp"
#include "net/body.hpp"
#include "oci/manifest.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace sluice::places {

/// 64 KiB chunks need some slack to keep both sides moving. Measured: docs/architecture.md, "Buffers".
inline constexpr std::size_t kRingBytes = std::size_t{256} * 1024;

/// Memory: one ring of min(ring_bytes, blob size), whatever the blob's size.
/// Errors: integrity, when the source gives more or fewer bytes than promised or the digest differs.
/// Thread: any; the two sides may be on different threads.
class BlobPipe final : public net::BodySink, public net::BodySource {
 public:
  /// Told how many more bytes went in. Called from the producing thread; must be quick.
  using Progress = std::function<void(std::uint64_t bytes)>;

  explicit BlobPipe(oci::Descriptor blob, Progress progress = {}, std::size_t ring_bytes = kRingBytes);
  ~BlobPipe() override;

  net::Flow take(std::span<const std::byte> bytes) override;
  Status end() override;
  void on_room(std::function<void()> wake) override;

  net::Given give(std::span<std::byte> room) override;
  void on_bytes(std::function<void()> wake) override;

  /// Either side failed; the first reason is kept and the other side is told. An empty blob has no last byte to keep
  /// back: whoever writes one waits for end() first.
  void fail(const Error& error) override;
  /// Why the pipe broke; empty while it is whole.
  std::optional<Error> failure() const;

 private:
  struct State;
  oci::Descriptor blob_;
  Progress progress_;
  std::unique_ptr<Guarded<State>> state_;
};

}  // namespace sluice::places
