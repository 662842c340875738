#include "engine/carry.hpp"

#include "support/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

// Decisions about what is brought and removed, with an engine that is played; the real one: e2e.test_engine_road.

namespace sluice::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// An engine that knows images by name, and notes what changes it.
class PlayedEngine final : public net::Exchanger, public net::ReplyStreams {
 public:
  std::map<std::string, std::string> images;  // name -> id
  std::vector<std::string> done;
  std::string pushed = "sha256:aa";
  std::string pull_error{};
  std::string digests{};

  Result<net::HttpResponse> exchange(const net::HttpRequest& request, const net::ExchangeContext&) override {
    const auto& target = request.url.target;
    if (target == "/version") return reply(200, R"({"ApiVersion":"1.41","MinAPIVersion":"1.12"})");
    if (target.ends_with("/info"))
      return reply(200, R"({"ServerVersion":"20.10","Driver":"vfs","DockerRootDir":"/nowhere"})");
    if (target.ends_with("/json")) {
      const auto name = target.substr(std::string("/v1.41/images/").size(), target.rfind("/json") - 14);
      const auto found = images.find(name);
      if (found == images.end()) return reply(404, R"({"message":"no such image"})");
      return reply(200, R"({"Id":")" + found->second + R"(","RepoTags":["x:y"],"RepoDigests":[)" + digests + "]}");
    }
    if (request.method == net::Method::del) {
      const auto name = target.substr(std::string("/v1.41/images/").size());
      done.push_back("remove " + name);
      return reply(images.erase(name) > 0 ? 200 : 404, "[]");
    }
    done.push_back("tag");
    images["b/web:" + target.substr(target.rfind("tag=") + 4)] = "id";
    return reply(201, "");
  }

  Result<net::OpenReply> open(const net::HttpRequest& request, const net::ExchangeContext&) override {
    const bool pull = request.url.target.find("/create") != std::string::npos;
    done.emplace_back(pull ? "pull" : "push");
    std::string text = R"({"aux":{"Digest":")" + pushed + R"("}})";
    if (pull && !pull_error.empty()) text = R"({"error":")" + pull_error + R"("})";
    if (pull && pull_error.empty()) images["a/web@sha256:aa"] = "id";
    net::OpenReply out;
    out.head.status = 200;
    out.body = std::make_unique<Body>(text);
    return out;
  }

 private:
  class Body final : public net::IncomingBody {
   public:
    explicit Body(std::string text) : text_(std::move(text)) {}
    Result<std::optional<std::string>> read(const net::ExchangeContext&) override {
      return std::optional(std::exchange(text_, {}));
    }

   private:
    std::string text_;
  };
  static Result<net::HttpResponse> reply(int status, std::string body) {
    net::HttpResponse out;
    out.status = status;
    out.body = std::move(body);
    return out;
  }
};

class EngineCarry : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sluice-carry-XXXXXX";
    folder = ::mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  Result<Arrived> carry(std::uint64_t bytes = 1) {
    Address address{.shown = "tcp://127.0.0.1:1", .origin = "the test", .base = {}, .endpoint = {}};
    address.base = {.scheme = "http", .host = "127.0.0.1", .port = 1, .target = "/"};
    Client client(engine, engine, std::move(address));
    auto ledger = Ledger::open(folder, "engine", {});
    if (!ledger) return ledger.error();
    Carrier carrier(client, std::move(*ledger));
    const Order order{.from = "a/web", .digest = "sha256:aa", .to = "b/web", .tags = {"pin", "other"}, .bytes = bytes};
    return carrier.carry(order, [](Step, const Progress&) {}, {});
  }

  PlayedEngine engine;
  std::filesystem::path folder;
};

TEST_F(EngineCarry, TakesTheFourStepsAndRemovesTheTagBeforeTheImage) {
  const auto arrived = carry();
  ASSERT_TRUE(arrived.ok()) << support::why(arrived);
  EXPECT_EQ(arrived->digest, "sha256:aa");
  EXPECT_THAT(engine.done, ElementsAre("pull", "tag", "push", "remove b/web@sha256:aa", "remove b/web:pin",
                                       "remove a/web@sha256:aa"));
}

TEST_F(EngineCarry, LeavesWhatWasThereBefore) {
  engine.images = {{"a/web@sha256:aa", "id"}, {"b/web:pin", "id"}};
  ASSERT_TRUE(carry().ok());
  EXPECT_THAT(engine.done, ElementsAre("pull", "tag", "push", "remove b/web@sha256:aa"))
      << "what the push added, and nothing else";
}

TEST_F(EngineCarry, TouchesNoOtherImageOfThatName) {
  engine.images = {{"b/web:pin", "another"}};
  const auto arrived = carry();
  ASSERT_TRUE(arrived.ok()) << support::why(arrived);
  EXPECT_EQ(arrived->tag, "other");
  EXPECT_THAT(engine.done, ElementsAre("pull", "tag", "push", "remove b/web@sha256:aa", "remove b/web:other",
                                       "remove a/web@sha256:aa"));
  EXPECT_EQ(engine.images.at("b/web:pin"), "another");
}

TEST_F(EngineCarry, StopsWhereAllNamesAreTaken) {
  engine.images = {{"b/web:pin", "another"}, {"b/web:other", "a third"}};
  const auto arrived = carry();
  ASSERT_FALSE(arrived.ok());
  EXPECT_EQ(arrived.error().kind(), ErrorKind::conflict);
  EXPECT_THAT(engine.done, ElementsAre("pull", "remove a/web@sha256:aa"));
  EXPECT_EQ(engine.images.at("b/web:pin"), "another");
}

TEST_F(EngineCarry, AFailedPullIsTidiedToo) {
  engine.pull_error = "no space left on device";
  const auto arrived = carry();
  ASSERT_FALSE(arrived.ok());
  EXPECT_EQ(arrived.error().kind(), ErrorKind::storage);
  EXPECT_THAT(arrived.error().sentence(), HasSubstr("docker pull a/web@sha256:aa"));
  EXPECT_THAT(engine.images, IsEmpty());
  EXPECT_FALSE(Ledger::may_hold(folder, "engine"));
}

TEST_F(EngineCarry, WhatTheEngineMayStillGoOnWithIsLookedAtAgain) {
  engine.pull_error = "dial tcp 127.0.0.1:5000: i/o timeout";
  const auto arrived = carry();
  ASSERT_FALSE(arrived.ok());
  EXPECT_EQ(arrived.error().kind(), ErrorKind::timeout);
  EXPECT_TRUE(Ledger::may_hold(folder, "engine")) << "it was not there yet, which does not say that it never will be";
}

TEST_F(EngineCarry, ADigestOfTheTargetThatWasThereBeforeStays) {
  engine.digests = R"("b/web@sha256:bb")";
  const auto arrived = carry();
  ASSERT_TRUE(arrived.ok());
  EXPECT_THAT(engine.done, ElementsAre("pull", "tag", "push", "remove a/web@sha256:aa"))
      << "with the last tag of b/web the engine would take its digests away";
  EXPECT_THAT(arrived->notes, ElementsAre(HasSubstr("it keeps b/web:pin")));
}

TEST_F(EngineCarry, TellsWhichDigestArrivedAndRemovesThatNameToo) {
  engine.pushed = "sha256:bb";
  const auto arrived = carry();
  ASSERT_TRUE(arrived.ok());
  EXPECT_EQ(arrived->digest, "sha256:bb");
  EXPECT_THAT(engine.done, ElementsAre("pull", "tag", "push", "remove b/web@sha256:bb", "remove b/web@sha256:aa",
                                       "remove b/web:pin", "remove a/web@sha256:aa"));
}

}  // namespace
}  // namespace sluice::engine
