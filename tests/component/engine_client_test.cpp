// The engine's client over real sockets, against an engine that says too little.

#include "engine/client.hpp"
#include "net/reply_stream.hpp"
#include "support/checks.hpp"
#include "support/scripted_server.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace sluice::engine {
namespace {

using support::failed_with;

// So many bytes, at once.
class Zeros final : public net::BodySource {
 public:
  net::Given give(std::span<std::byte> room) override {
    std::ranges::fill(room, std::byte{0});
    return {net::Flow::moved, room.size()};
  }
  void fail(const Error& /*error*/) override {}
  void on_bytes(std::function<void()> /*wake*/) override {}
};

class SilentEngine : public ::testing::Test {
 protected:
  // 200 ms, whatever the size.
  SilentEngine() {
    server_.on("GET", "/version", {.body = R"({"ApiVersion":"1.41","MinAPIVersion":"1.12"})"});
    address_.base = {.scheme = "http", .host = "127.0.0.1", .port = server_.port(), .target = "/"};
  }
  Client client() { return {loop_, streams_, address_, patience_}; }
  Status load(std::uint64_t size_bytes) { return client().load(loop_, zeros_, size_bytes, {}); }

  support::ScriptedServer server_;
  net::TransferLoop loop_;
  net::LoopStreams streams_{loop_};
  Zeros zeros_;
  Address address_{.shown = "tcp://127.0.0.1", .origin = "the test", .base = {}, .endpoint = {}};
  Patience patience_{.least = std::chrono::milliseconds(200), .bytes_per_second = std::uint64_t{1} << 40};
};

TEST_F(SilentEngine, ThatHasAllOfAnImageMayStillFinishIt) {
  server_.on("POST", "/v1.41/images/load", {.silent = true});
  const auto loaded = load(1000);
  EXPECT_TRUE(failed_with(loaded, ErrorKind::timeout, "has all 1000 B of the image"));
  EXPECT_TRUE(failed_with(loaded, ErrorKind::timeout, "it may still finish"));
  EXPECT_TRUE(failed_with(loaded, ErrorKind::timeout, "docker images"));
}

TEST_F(SilentEngine, ThatTakesNoMoreIsNotSaidToHaveAll) {
  const auto gate = std::make_shared<support::Gate>();
  server_.on("POST", "/v1.41/images/load", {.before_read = gate});
  // More than the buffers of sockets take.
  const auto loaded = load(std::uint64_t{64} << 20);
  gate->open();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind(), ErrorKind::timeout);
  EXPECT_EQ(loaded.error().sentence().find("may still finish"), std::string::npos) << loaded.error().sentence();
}

TEST_F(SilentEngine, ThatPacksAnImageForTooLongIsNamed) {
  server_.on("GET", "/v1.41/images/sha256:aa/get", {.silent = true});
  EXPECT_TRUE(failed_with(client().save("sha256:aa", 1000, {}), ErrorKind::timeout, "has sent nothing for"));
}

TEST(PatienceOf, GrowsWithTheImageAndEndsWithADay) {
  const Patience patience;
  EXPECT_EQ(patience.of(0), std::chrono::minutes(10));
  EXPECT_EQ(patience.of(std::uint64_t{3600} << 20), std::chrono::minutes(70));
  EXPECT_EQ(patience.of(~std::uint64_t{0}), std::chrono::hours(24));
}

}  // namespace
}  // namespace sluice::engine
