// Memories and leases on the image streams of a sandbox: what survives others that write at the same moment.

#include "memory/changes.hpp"
#include "memory/stream_memory.hpp"
#include "net/transfer_loop.hpp"
#include "openshift/streams/state.hpp"
#include "sandbox/control/sandbox.hpp"
#include "support/checks.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace sluice::openshift {
namespace {

using support::failed_with;
using support::why;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::chrono::seconds kSpan{60};

net::ExchangeContext in_time() { return {Deadline::after(std::chrono::seconds(60)), {}}; }

/// A sandbox with the image stream shop/web, and ways to its API.
class Streams {
 public:
  explicit Streams(sandbox::Profile profile = sandbox::Profile::v3_11) {
    sandbox::SandboxOptions options;
    options.tls = sandbox::SandboxOptions::Tls::none;
    options.profile = profile;
    auto started = sandbox::Sandbox::start(options);
    if (!started) throw std::runtime_error(started.error().sentence());
    box_ = std::move(*started);
    const auto scenario = sandbox::parse_scenario(
        R"({"users": [{"name": "eve", "password": "pw", "token": "eves-token"}],
            "projects": [{"name": "shop"}],
            "rights": [{"subject": "user:eve", "role": "view", "project": "shop"}],
            "images": [{"project": "shop", "stream": "web", "tag": "live", "layers": 1, "layer-bytes": 1000},
                       {"project": "shop", "stream": "web", "tag": "next", "layers": 2, "layer-bytes": 1000}]})",
        "test");
    if (!scenario) throw std::runtime_error(scenario.error().sentence());
    if (auto applied = box_->apply(*scenario); !applied) throw std::runtime_error(applied.error().sentence());
    admin_ = open(box_->addresses().admin_token);
  }

  struct Door {
    std::unique_ptr<kube::Connection> connection;
    std::unique_ptr<kube::Client> client;
  };
  Door open(const std::string& token) {
    kube::ConnectionOptions options;
    options.access.server = *net::Url::parse(box_->addresses().api);
    options.access.identity = kube::token_identity(Secret(token), "the sandbox");
    Door door;
    door.connection = std::make_unique<kube::Connection>(loop_, std::move(options));
    door.client = std::make_unique<kube::Client>(*door.connection);
    return door;
  }
  kube::Client& client() { return *admin_.client; }
  kube::ImageStream stream() {
    auto read = client().get<kube::ImageStream>("shop", "web", in_time());
    if (!read) throw std::runtime_error(read.error().sentence());
    return std::move(*read);
  }
  void annotate(std::string_view key, const std::string& text) {
    const auto done = client().update_with<kube::ImageStream>(
        "shop", "web",
        [&](kube::ImageStream& read) -> Result<bool> {
          read.annotate(key, text);
          return true;
        },
        in_time());
    if (!done) throw std::runtime_error(done.error().sentence());
  }
  void storm(int times) {
    const auto turned = box_->turn(*parse_json(fmt::format(
        R"({{"knob": "conflict", "resource": "imagestreams", "namespace": "shop", "name": "web", "times": {}}})",
        times)));
    if (!turned) throw std::runtime_error(turned.error().sentence());
  }
  Result<StreamLease> take(kube::Client& by, const std::string& holder, std::int64_t now = kNow) {
    return take_stream_lease(by, {"shop", "web", holder, "p-" + holder}, kSpan, now, in_time());
  }

 private:
  std::unique_ptr<sandbox::Sandbox> box_;
  net::TransferLoop loop_;
  Door admin_;
};

/// Keeps a release of this digest under a tag.
Status keep_at(kube::Client& client, const std::string& tag, std::int64_t number, const std::string& digest) {
  memory::StreamMemory remembers(client, "shop");
  return remembers.change("web",
                          [&](memory::RepositoryMemory& all) -> Status {
                            memory::KeptRelease kept;
                            kept.number = number;
                            kept.digest = digest;
                            kept.tag = tag;
                            all.problem.clear();
                            keep(all.tags[tag], std::move(kept));
                            return {};
                          },
                          {});
}

TEST(ClusterStreamMemory, SurvivesConflictsAndLeavesTagsAlone) {
  for (const auto profile : {sandbox::Profile::v3_11, sandbox::Profile::v4}) {
    SCOPED_TRACE(profile == sandbox::Profile::v4 ? "4.x" : "3.11");
    Streams streams(profile);
    const auto before = streams.stream();
    const auto live = before.top("live")->image;
    streams.storm(3);
    const auto written = keep_at(streams.client(), "live", 7, live);
    ASSERT_TRUE(written.ok()) << why(written);
    const auto after = streams.stream();
    const auto memory = memory::memory_of(after);
    EXPECT_EQ(memory.problem, "");
    ASSERT_TRUE(memory.tags.contains("live"));
    EXPECT_EQ(memory.tags.at("live").releases.front().number, 7);
    EXPECT_EQ(read_state(after).tags.at("live").release, 7) << "older versions see the same";
    EXPECT_EQ(after.generation(), before.generation()) << "an annotation is no change of the spec";
    EXPECT_EQ(after.top("live")->image, live);
    EXPECT_FALSE(after.annotation("sandbox/phantom-writer").empty()) << "the other writer's word stays";
  }
}

TEST(ClusterStreamMemory, TwoWritersOfTwoTagsLoseNothing) {
  Streams streams;
  const auto live = streams.stream().top("live")->image;
  std::latch start(2);
  std::vector<std::string> errors(2);
  {
    std::vector<std::jthread> writers;
    for (std::size_t i = 0; i < 2; ++i) {
      writers.emplace_back([&, i] {
        start.arrive_and_wait();
        for (int number = 1; number <= 5; ++number) {
          const auto written = keep_at(streams.client(), i == 0 ? "live" : "next", number, live);
          if (!written) errors[i] = written.error().sentence();
        }
      });
    }
  }
  EXPECT_EQ(errors[0], "");
  EXPECT_EQ(errors[1], "");
  const auto memory = memory::memory_of(streams.stream());
  EXPECT_EQ(memory.tags.at("live").releases.size(), 5U);
  EXPECT_EQ(memory.tags.at("next").releases.size(), 5U);
}

TEST(ClusterStreamMemory, DamageIsToldAndMended) {
  Streams streams;
  const auto live = streams.stream().top("live")->image;
  streams.annotate(memory::kStreamAnnotation, "{oops");
  EXPECT_NE(memory::memory_of(streams.stream()).problem, "");
  const auto written = keep_at(streams.client(), "live", 1, live);
  ASSERT_TRUE(written.ok()) << why(written);
  const auto memory = memory::memory_of(streams.stream());
  EXPECT_EQ(memory.problem, "");
  EXPECT_EQ(memory.tags.at("live").releases.front().number, 1);
}

TEST(ClusterStreamMemory, SaysWhoMayNotWrite) {
  Streams streams;
  const auto live = streams.stream().top("live")->image;
  const auto eve = streams.open("eves-token");
  EXPECT_TRUE(failed_with(keep_at(*eve.client, "live", 1, live), ErrorKind::denied, "imagestreams"));
  EXPECT_TRUE(failed_with(streams.take(*eve.client, "eve"), ErrorKind::denied, "imagestreams"));
  const auto missing = take_stream_lease(streams.client(), {"shop", "none", "a", ""}, kSpan, kNow, in_time());
  EXPECT_TRUE(failed_with(missing, ErrorKind::not_found, "none"));
}

TEST(ClusterStreamLease, ManyTakersAtOnceGiveOneHolder) {
  constexpr std::size_t kTakers = 6;
  for (const auto profile : {sandbox::Profile::v3_11, sandbox::Profile::v4}) {
    SCOPED_TRACE(profile == sandbox::Profile::v4 ? "4.x" : "3.11");
    Streams streams(profile);
    for (std::int64_t round = 1; round <= 5; ++round) {
      std::latch start(kTakers);
      std::vector<std::optional<Result<StreamLease>>> got(kTakers);
      {
        std::vector<std::jthread> takers;
        for (std::size_t i = 0; i < kTakers; ++i) {
          takers.emplace_back([&, i] {
            start.arrive_and_wait();
            got[i] = streams.take(streams.client(), fmt::format("taker-{}", i));
          });
        }
      }
      std::vector<StreamLease> holders;
      for (const auto& result : got) {
        if (result->ok()) {
          holders.push_back(**result);
        } else {
          EXPECT_TRUE(failed_with(*result, ErrorKind::busy, "holds it"));
        }
      }
      ASSERT_EQ(holders.size(), 1U) << "round " << round;
      EXPECT_EQ(holders.front().fence, round) << "each holder gets the next number";
      const auto seen = read_lease(streams.stream());
      ASSERT_TRUE(seen.has_value());
      EXPECT_EQ(seen->holder, holders.front().holder);
      const auto given_back = release_stream_lease(streams.client(), holders.front(), in_time());
      ASSERT_TRUE(given_back.ok()) << why(given_back);
    }
  }
}

TEST(ClusterStreamLease, AStormOfConflictsIsNoHolder) {
  Streams streams;
  streams.storm(4);
  const auto taken = streams.take(streams.client(), "a");
  ASSERT_TRUE(taken.ok()) << why(taken);
  EXPECT_EQ(taken->fence, 1);
  streams.storm(50);
  EXPECT_TRUE(failed_with(renew_stream_lease(streams.client(), *taken, kSpan, kNow + 1, in_time()), ErrorKind::conflict,
                          "modified"));
}

TEST(ClusterStreamLease, AnExpiredOneIsTakenOverAndItsHolderHearsOfIt) {
  Streams streams;
  const auto first = streams.take(streams.client(), "a");
  ASSERT_TRUE(first.ok()) << why(first);
  EXPECT_TRUE(failed_with(streams.take(streams.client(), "b", kNow + 239), ErrorKind::busy, "another 1 s"));
  const auto second = streams.take(streams.client(), "b", kNow + 240);
  ASSERT_TRUE(second.ok()) << why(second);
  EXPECT_EQ(second->fence, 2);
  EXPECT_TRUE(failed_with(renew_stream_lease(streams.client(), *first, kSpan, kNow + 241, in_time()),
                          ErrorKind::conflict, "b (promotion p-b) took it over"));
}

TEST(ClusterStreamLease, ADamagedOneShutsNobodyOut) {
  Streams streams;
  streams.annotate(kLeaseAnnotation, R"({"holder":["a"],"fence":41,"expires-at":"never"})");
  const auto taken = streams.take(streams.client(), "a");
  ASSERT_TRUE(taken.ok()) << why(taken);
  EXPECT_EQ(taken->fence, 42) << "the number that can be read never starts again";
}

}  // namespace
}  // namespace sluice::openshift
