#pragma once
// What the tests of the transfer loop and of registries share: requests, sinks and sources that report, blobs.

#include "net/transfer_loop.hpp"
#include "places/blob_pipe.hpp"
#include "support/checks.hpp"
#include "support/scripted_server.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::testing {

inline oci::Descriptor descriptor_of(std::string_view content) {
  return {"application/octet-stream", oci::Digest::of(content), content.size(), {}, {}, {}};
}

/// Bytes that differ from place to place, so that a shifted or repeated piece does not go unnoticed.
inline std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>((i * 131 + i / 251) % 256);
  return out;
}

/// A pipe that counts what is in it and tells when its source has to wait.
class WatchedPipe final : public net::BodySink, public net::BodySource {
 public:
  explicit WatchedPipe(const oci::Descriptor& blob) : pipe_(blob) {}

  net::Flow take(std::span<const std::byte> bytes) override {
    const auto flow = pipe_.take(bytes);
    if (flow == net::Flow::moved) most_held_ = std::max(most_held_, held_ += bytes.size());
    if (flow == net::Flow::later && on_later) on_later();
    return flow;
  }
  Status end() override { return pipe_.end(); }
  void on_room(std::function<void()> wake) override { pipe_.on_room(std::move(wake)); }
  net::Given give(std::span<std::byte> room) override {
    const auto given = pipe_.give(room);
    held_ -= given.count;
    return given;
  }
  void on_bytes(std::function<void()> wake) override { pipe_.on_bytes(std::move(wake)); }
  void fail(const Error& error) override { pipe_.fail(error); }

  std::size_t most_held() const { return most_held_; }
  places::BlobPipe& inner() { return pipe_; }

  std::function<void()> on_later;

 private:
  places::BlobPipe pipe_;
  // Both sides run on the loop's thread; the test reads when both have ended.
  std::size_t held_ = 0;
  std::size_t most_held_ = 0;
};

/// Collects a body. `hold()` makes it answer `later` until `release()`.
class TextSink final : public net::BodySink {
 public:
  net::Flow take(std::span<const std::byte> bytes) override {
    return state_.update([&](State& s) {
      ++s.takes;
      if (s.held) return net::Flow::later;
      s.text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return net::Flow::moved;
    });
  }
  Status end() override {
    state_.update([](State& s) { s.ended = true; });
    return {};
  }
  void fail(const Error& error) override {
    state_.update([&](State& s) { s.failure = error; });
  }
  void on_room(std::function<void()> wake) override {
    state_.update([&](State& s) { s.wake = std::move(wake); });
  }

  void hold() {
    state_.update([](State& s) { s.held = true; });
  }
  void release() {
    const auto wake = state_.update([](State& s) {
      s.held = false;
      return s.wake;
    });
    if (wake) wake();
  }
  void wait_for_take() {
    state_.when([](const State& s) { return s.takes > 0; }, {}, [](const State&) {});
  }
  std::string text() const {
    return state_.with([](const State& s) { return s.text; });
  }
  bool ended() const {
    return state_.with([](const State& s) { return s.ended; });
  }
  std::optional<Error> failure() const {
    return state_.with([](const State& s) { return s.failure; });
  }

 private:
  struct State {
    bool held = false;
    bool ended = false;
    std::size_t takes = 0;
    std::string text;
    std::optional<Error> failure;
    std::function<void()> wake;
  };
  mutable Watched<State> state_;
};

/// Gives a text, at most `piece` bytes at a time; then it has nothing until the end of time.
class TextSource final : public net::BodySource {
 public:
  explicit TextSource(std::string text, std::size_t piece = 64 * 1024) : text_(std::move(text)), piece_(piece) {}

  net::Given give(std::span<std::byte> room) override {
    const auto count = std::min({room.size(), piece_, text_.size() - at_});
    if (count == 0) return {net::Flow::later, 0};
    std::memcpy(room.data(), text_.data() + at_, count);
    at_ += count;
    return {net::Flow::moved, count};
  }
  void fail(const Error& error) override {
    failure_.with([&](auto& kept) { kept = error; });
  }
  void on_bytes(std::function<void()>) override {}
  std::optional<Error> failure() const {
    return failure_.with([](const auto& kept) { return kept; });
  }

 private:
  std::string text_;
  std::size_t piece_;
  std::size_t at_ = 0;
  Guarded<std::optional<Error>> failure_;
};

/// A loop and a server. After each test nothing may be left in the loop.
class LoopTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(loop_.counters().live_transfers, 0U) << "a transfer was left in the loop"; }

  static net::HttpRequest request(net::Method method, const std::string& url) {
    net::HttpRequest out;
    out.method = method;
    auto parsed = net::Url::parse(url);
    EXPECT_TRUE(parsed.ok()) << url;
    if (parsed) out.url = std::move(*parsed);
    return out;
  }
  net::HttpRequest get(const std::string& target) const {
    return request(net::Method::get, "http://" + server_.host() + target);
  }
  net::HttpRequest put(const std::string& target) const {
    return request(net::Method::put, "http://" + server_.host() + target);
  }
  /// One exchange with patience: a hang is the test runner's business.
  Result<net::HttpResponse> send(const net::HttpRequest& request, std::stop_token stop = {}) {
    return loop_.exchange(request, {Deadline::never(), std::move(stop)});
  }

  support::ScriptedServer server_;
  net::TransferLoop loop_;
};

}  // namespace sluice::testing
