#pragma once
// The source's side of one blob on its way: reads into a pipe, and comes back where it was cut, while the destination's
// side just waits.

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "copy/survey.hpp"
#include "places/place.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>

namespace sluice::copy {

/// Smaller blobs are read again whole when they are cut: that costs no thread.
inline constexpr std::uint64_t kReturnBytes = std::uint64_t{1} * 1024 * 1024;
/// A try that brought less than this got nowhere.
inline constexpr std::uint64_t kProgressBytes = std::uint64_t{64} * 1024;

/// When a source is read again.
struct RelayOptions {
  unsigned retry_times = 4;
  /// Also after a try that brought no byte at all. Off: whoever moves the blob begins anew then, with more to decide.
  bool from_beginning = false;
};

/// Whether the source's side of `blob` comes back; its pipe is made with this as PipeOptions::source_returns.
bool source_returns(const oci::Descriptor& blob);

/// Reads a blob into `pipe` from the pipe's position on. For a blob whose source comes back it has a thread of its own,
/// which ends with the object. A read that broke off with bytes missing is begun again where it was cut: as long as
/// every try brings kProgressBytes, else `retry_times` times; see RelayOptions. Wrong bytes are not read again here.
/// Thread: one job thread; `pipe` must outlive it.
class BlobRelay {
 public:
  /// Told on the relay's thread when a read broke off and goes on after `pause`.
  using Resumed = std::function<void(const Error& why, std::uint64_t position, std::chrono::milliseconds pause)>;

  BlobRelay(const Origin& origin, places::BlobPipe& pipe, RelayOptions options, Resumed resumed,
            const std::stop_token& stop);
  ~BlobRelay();
  BlobRelay(const BlobRelay&) = delete;
  BlobRelay& operator=(const BlobRelay&) = delete;

  /// Waits until bytes are coming, or never will.
  Status started();
  /// Waits until the pipe has had everything. An error has broken the pipe.
  Status finish();
  /// The source was tried as often as is right: whoever reads the blob from its beginning would only do the same again.
  bool gave_up() const;

 private:
  struct State {
    std::optional<Status> started;
    std::optional<Status> ended;
    bool gave_up = false;
  };

  void run(const std::stop_token& stop);
  Status read_once(const std::stop_token& stop);

  Origin origin_;
  places::BlobPipe& pipe_;
  RelayOptions options_;
  Resumed resumed_;
  std::unique_ptr<places::BlobRead> direct_;  // a small blob's
  Watched<State> state_;
  std::stop_source own_stop_;
  std::stop_callback<std::function<void()>> on_outer_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace sluice::copy
