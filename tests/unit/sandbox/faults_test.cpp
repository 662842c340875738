#include "sandbox/control/faults.hpp"

#include <gtest/gtest.h>

namespace sluice::sandbox {
namespace {

class Echo final : public net::RequestHandler {
 public:
  net::ServerReply handle(net::ServerRequest& /*request*/, net::BodyReceiver* /*receiver*/) override {
    ++calls;
    net::ServerReply reply;
    reply.body = "0123456789";
    return reply;
  }
  int calls = 0;
};

net::ServerRequest get(std::string target) {
  net::ServerRequest request;
  request.method = "GET";
  request.target = std::move(target);
  return request;
}

// What a client would see: the bytes, and how they ended.
std::string drain(net::ReplyStream& stream) {
  std::string seen;
  for (int i = 0; i < 100; ++i) {
    auto piece = stream.next(1024);
    seen += piece.bytes;
    if (piece.step == net::ReplyStream::Step::end) return seen + "|end";
    if (piece.step == net::ReplyStream::Step::cut) return seen + "|cut";
  }
  return seen + "|never";
}

TEST(Globs, MatchRuns) {
  EXPECT_TRUE(glob_matches("*", "/v2/"));
  EXPECT_TRUE(glob_matches("/v2/*/blobs/*", "/v2/dev/web/blobs/sha256:1"));
  EXPECT_FALSE(glob_matches("/v2/*/blobs/*", "/v2/dev/web/manifests/1"));
  EXPECT_TRUE(glob_matches("/v2/", "/v2/"));
  EXPECT_FALSE(glob_matches("/v2/", "/v2/x"));
}

TEST(Faults, HitTheRequestsThatTheyAreFor) {
  FaultTable table;
  Fault fault;
  fault.server = "api";
  fault.path = "/apis/*";
  fault.after = 1;
  fault.times = 2;
  fault.status = 503;
  fault.body = "down";
  table.add(fault);
  Echo echo;
  FaultyHandler handler(echo, table, "api", {});
  std::string statuses;
  for (int i = 0; i < 5; ++i) {
    auto request = get("/apis/x");
    statuses += std::to_string(handler.handle(request, nullptr).status) + " ";
  }
  EXPECT_EQ(statuses, "200 503 503 200 200 ") << "one passes first, then two are hit";
  auto other = get("/healthz");
  EXPECT_EQ(handler.handle(other, nullptr).status, 200);
}

TEST(Faults, SpoilBodiesAsTold) {
  struct Row {
    const char* what;
    std::optional<std::uint64_t> cut;
    bool corrupt;
    const char* seen;
  };
  const Row rows[] = {
      {"cut in the middle", 4, false, "0123|cut"},
      {"one byte wrong", std::nullopt, true,
       "01234\x15"
       "6789|end"},
  };
  for (const auto& row : rows) {
    FaultTable table;
    Fault fault;
    fault.server = "registry";
    fault.cut_after_bytes = row.cut;
    fault.corrupt = row.corrupt;
    table.add(fault);
    Echo echo;
    FaultyHandler handler(echo, table, "registry", {});
    auto request = get("/v2/x");
    auto reply = handler.handle(request, nullptr);
    ASSERT_TRUE(reply.stream) << row.what;
    EXPECT_EQ(reply.stream_bytes, 10U) << row.what;
    EXPECT_EQ(drain(*reply.stream), row.seen) << row.what;
  }
}

TEST(Faults, AResetNeverReachesTheHandlerBehind) {
  FaultTable table;
  Fault fault;
  fault.server = "api";
  fault.reset = true;
  table.add(fault);
  Echo echo;
  FaultyHandler handler(echo, table, "api", {});
  auto request = get("/x");
  EXPECT_TRUE(handler.handle(request, nullptr).reset);
  EXPECT_EQ(echo.calls, 0);
}

}  // namespace
}  // namespace sluice::sandbox
