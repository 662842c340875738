#pragma once
// LoadBody: the body of a POST that is put together while it is sent: text, and blobs on their way from a registry.
// One thread puts parts in, the transfer loop takes bytes out; nothing is held but a text and a pipe's ring.

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "net/body.hpp"
#include "places/blob_pipe.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace sluice::archive {

/// Thread: put() and pass() from one thread; the rest as net::BodySource says.
class LoadBody final : public net::BodySource {
 public:
  /// Waits until all of `text` has been taken. Errors: cancelled (stop, or the transfer has ended).
  Status put(std::string text, const std::stop_token& stop);
  /// Waits until all of the pipe's blob has been taken; a pipe that breaks breaks the body. Errors: as put(), and why
  /// the pipe broke.
  Status pass(places::BlobPipe& pipe, const std::stop_token& stop);
  /// Nobody takes or puts any more.
  void close(const Error& why);

  net::Given give(std::span<std::byte> room) override;
  void fail(const Error& error) override { close(error); }
  void on_bytes(std::function<void()> wake) override;

 private:
  struct State {
    std::string text{};
    std::size_t taken = 0;  // of the text
    places::BlobPipe* pipe = nullptr;
    std::uint64_t left = 0;  // of the pipe's blob
    std::optional<Error> failure{};
    std::function<void()> wake{};
    bool is_drained() const { return text.empty() && pipe == nullptr; }
  };

  Status drained(const std::stop_token& stop);

  Watched<State> state_;
};

}  // namespace sluice::archive
