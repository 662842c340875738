#pragma once
// What the tests of the memory at a plain registry share: a client for any registry, and changes that tell themselves
// apart.

#include "memory/registry_memory.hpp"
#include "net/transfer_loop.hpp"
#include "places/registry.hpp"
#include "support/checks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sluice::testing {

/// Clients in one loop. After each test nothing may be left in it.
class MemoryTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(loop_.counters().live_transfers, 0U) << "a transfer was left in the loop"; }

  std::unique_ptr<places::Registry> client(const std::string& host) {
    places::RegistryOptions options;
    options.host = host;
    options.retry_times = 2;
    options.endpoint.proxy = "";
    options.find_credentials = [](std::string_view) -> Result<std::optional<auth::Credentials>> {
      return std::optional<auth::Credentials>();
    };
    return std::make_unique<places::Registry>(loop_, std::move(options));
  }

  static inline const std::string kImage = "web";
  static inline const std::string kRepository = "shop/web";
  net::TransferLoop loop_;
};

/// Looks at once, and no more often than need be.
inline memory::RegistryMemoryOptions quick(std::size_t looks = 3) {
  memory::RegistryMemoryOptions out;
  out.settle = std::chrono::milliseconds(0);
  out.pauses.assign(looks, std::chrono::milliseconds(0));
  return out;
}

/// Adds a promotion once.
inline memory::Change adding(const std::string& id, const std::string& tag = "prod") {
  return [id, tag](memory::RepositoryMemory& memory) -> Status {
    auto& list = memory.tags[tag].promotions;
    const auto same = [&](const memory::PastPromotion& one) { return one.promotion == id; };
    if (std::any_of(list.begin(), list.end(), same)) return {};
    memory::PastPromotion one;
    one.promotion = id;
    list.insert(list.begin(), std::move(one));
    return {};
  };
}

inline std::set<std::string> promotions_of(const memory::RepositoryMemory& memory, const std::string& tag = "prod") {
  std::set<std::string> out;
  const auto found = memory.tags.find(tag);
  if (found == memory.tags.end()) return out;
  for (const auto& one : found->second.promotions) out.insert(one.promotion);
  return out;
}

/// Two writers, each a machine of its own, add ten promotions each to one repository. Nothing of it may be lost.
inline void two_writers(places::Place& first, places::Place& second, const std::string& image) {
  memory::RegistryMemoryOptions options;  // the pauses of users: what is proven needs them
  std::vector<std::thread> threads;
  std::vector<Status> failed(2);
  std::set<std::string> expected;
  for (std::size_t w = 0; w < 2; ++w) {
    for (int i = 0; i < 10; ++i) expected.insert("w" + std::to_string(w) + "-" + std::to_string(i));
    threads.emplace_back([&, w] {
      memory::RegistryMemory mine(w == 0 ? first : second, "shop", options);
      for (int i = 0; i < 10 && failed[w]; ++i)
        failed[w] = mine.change(image, adding("w" + std::to_string(w) + "-" + std::to_string(i)), {});
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& one : failed) ASSERT_TRUE(one.ok()) << support::why(one);
  memory::RegistryMemory reader(first, "shop", options);
  const auto now = reader.read({image}, {});
  ASSERT_TRUE(now.ok()) << support::why(now);
  EXPECT_EQ(now->front().problem, "");
  EXPECT_EQ(promotions_of(now->front()), expected);
}

}  // namespace sluice::testing
