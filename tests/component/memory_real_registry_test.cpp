// The memory, pins and numbers against Debian's docker-registry: what a fake cannot show.

#include "component/memory_testing.hpp"
#include "memory/registry_numbers.hpp"
#include "support/fake_images.hpp"
#include "support/registry_process.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

namespace {

using memory::RegistryMemory;
using support::RegistryProcess;
using support::why;
using testing::adding;
using testing::promotions_of;
using testing::quick;
using Ids = std::set<std::string>;

class MemoryRealRegistryTest : public testing::MemoryTest {
 protected:
  void SetUp() override {
    if (const auto reason = RegistryProcess::missing(); !reason.empty()) GTEST_SKIP() << reason;
    process_ = std::make_unique<RegistryProcess>();
    place_ = client(process_->host());
  }

  void push(const support::FakeImage& image, const std::string& tag) {
    for (const auto& [digest, bytes] : image.blobs) {
      oci::Descriptor blob{"application/octet-stream", digest, bytes.size(), {}, {}, {}};
      places::BlobPipe pipe(blob);
      const auto session = place_->begin_upload(kRepository, HashAlgorithm::sha256, {});
      ASSERT_TRUE(session.ok()) << why(session);
      ASSERT_EQ(pipe.take(std::as_bytes(std::span(bytes))), net::Flow::moved);
      ASSERT_TRUE(pipe.end().ok());
      ASSERT_TRUE(place_->write_blob(*session, blob, pipe, {}, {}).ok());
    }
    const auto put = place_->put_manifest(kRepository, places::ManifestName::tag(tag), image.manifest, {});
    ASSERT_TRUE(put.ok()) << why(put);
  }
  /// Its manifest by digest, and a byte of each blob.
  bool is_pullable(const support::FakeImage& image) {
    const auto read = place_->manifest(kRepository, places::ManifestName::digest(image.digest()), {});
    if (!read) return false;
    for (const auto& blob : read->blobs()) {
      const auto there = place_->has_blob(kRepository, blob, {});
      if (!there || !*there) return false;
    }
    return true;
  }

  std::unique_ptr<RegistryProcess> process_;
  std::unique_ptr<places::Registry> place_;
};

TEST_F(MemoryRealRegistryTest, RemembersAndReads) {
  RegistryMemory memory(*place_, "shop", quick());
  ASSERT_EQ(memory.read({kImage}, {})->front(), memory::RepositoryMemory{});
  auto before = place_->requests();
  const auto first = memory.change(kImage, adding("p1"), {});
  ASSERT_TRUE(first.ok()) << why(first);
  EXPECT_EQ(place_->requests() - before, 6U);
  before = place_->requests();
  ASSERT_TRUE(memory.change(kImage, adding("p2"), {}).ok());
  EXPECT_EQ(place_->requests() - before, 3U);
  before = place_->requests();
  const auto read = memory.read({kImage}, {});
  EXPECT_EQ(place_->requests() - before, 1U);
  ASSERT_TRUE(read.ok()) << why(read);
  EXPECT_EQ(promotions_of(read->front()), (Ids{"p1", "p2"}));
}

TEST_F(MemoryRealRegistryTest, TakesAMemoryOfFullSize) {
  RegistryMemory memory(*place_, "shop", quick());
  const auto done = memory.change(kImage,
                                  [](memory::RepositoryMemory& all) -> Status {
                                    for (int t = 0; t < 6; ++t) {
                                      for (int i = 0; i < 20; ++i) {
                                        memory::PastPromotion one;
                                        one.promotion = "p" + std::to_string(i);
                                        one.failure = std::string(300, '"');  // doubles twice on its way
                                        all.tags["tag" + std::to_string(t)].promotions.push_back(std::move(one));
                                      }
                                    }
                                    return {};
                                  },
                                  {});
  ASSERT_TRUE(done.ok()) << why(done);
  const auto read = memory.read({kImage}, {});
  EXPECT_EQ(read->front().problem, "");
  EXPECT_EQ(read->front().tags.size(), 6U);
}

TEST_F(MemoryRealRegistryTest, TwoWritersLoseNothing) {
  const auto other = client(process_->host());
  testing::two_writers(*place_, *other, kImage);
}

TEST_F(MemoryRealRegistryTest, PinsAndTheMemorySurviveTheCollectionOfGarbage) {
  const std::vector<support::FakeImage> images = {
      support::fake_image("one", {"layer one"}), support::fake_image("two", {"layer two"}),
      support::fake_image("three", {"layer three"}), support::fake_image("four", {"layer four"})};
  RegistryMemory before(*place_, "shop", quick());
  for (std::size_t i = 0; i < images.size(); ++i) {
    push(images[i], "prod");  // each takes the tag of the one before it
    if (i < 2) {
      const auto pinned = before.pin(kImage, images[i].digest().text(), {});
      ASSERT_TRUE(pinned.ok()) << why(pinned);
    }
    ASSERT_TRUE(before.change(kImage, adding("p" + std::to_string(i)), {}).ok());
  }
  ASSERT_EQ(*memory::claim_number(*place_, kRepository, std::string(64, 'a'), 0, {}), 1);

  process_->collect_garbage();
  place_ = client(process_->host());
  EXPECT_TRUE(is_pullable(images[0])) << "it has a pin";
  EXPECT_TRUE(is_pullable(images[1])) << "it has a pin";
  EXPECT_FALSE(is_pullable(images[2])) << "nothing kept it: else this test shows nothing";
  EXPECT_TRUE(is_pullable(images[3])) << "it has the tag";

  RegistryMemory after(*place_, "shop", quick());
  const auto read = after.read({kImage}, {});
  ASSERT_TRUE(read.ok()) << why(read);
  EXPECT_EQ(promotions_of(read->front()), (Ids{"p0", "p1", "p2", "p3"}));
  std::vector<std::string> digests;
  for (const auto& image : images) digests.push_back(image.digest().text());
  EXPECT_EQ(*after.there(kImage, digests, {}), (std::vector<bool>{true, true, false, true}));
  EXPECT_TRUE(after.change(kImage, adding("p4"), {}).ok()) << "the empty blob is still there, or is brought again";
  EXPECT_EQ(*memory::claim_number(*place_, kRepository, std::string(64, 'a'), 0, {}), 1);
}

TEST_F(MemoryRealRegistryTest, GivesOutNumbers) {
  const auto claim = [&](char letter) {
    const auto got = memory::claim_number(*place_, kRepository, std::string(64, letter), 0, {});
    EXPECT_TRUE(got.ok()) << why(got);
    return got.ok() ? *got : std::nullopt;
  };
  EXPECT_EQ(claim('a'), 1);
  auto before = place_->requests();
  EXPECT_EQ(claim('b'), 2);
  EXPECT_EQ(place_->requests() - before, 4U);
  before = place_->requests();
  EXPECT_EQ(claim('a'), 1);
  EXPECT_EQ(place_->requests() - before, 2U);
  const auto numbers = memory::read_numbers(*place_, kRepository, {});
  ASSERT_TRUE(numbers.ok()) << why(numbers);
  EXPECT_EQ(numbers->meaning(2), std::string(12, 'b'));
}

TEST_F(MemoryRealRegistryTest, ManyClaimsAtOnceInAFreshRepositoryAllGetNumbersOfTheirOwn) {
  const std::string letters = "abcdef";
  std::vector<std::optional<std::int64_t>> got(letters.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto mine = client(process_->host());
      const auto one = memory::claim_number(*mine, kRepository, std::string(64, letters[i]), 0, {});
      EXPECT_TRUE(one.ok()) << why(one);
      if (one) got[i] = *one;
    });
  }
  for (auto& thread : threads) thread.join();
  const auto numbers = memory::read_numbers(*place_, kRepository, {});
  ASSERT_TRUE(numbers.ok()) << why(numbers);
  for (std::size_t i = 0; i < letters.size(); ++i) {
    ASSERT_TRUE(got[i].has_value()) << letters[i];
    EXPECT_EQ(numbers->meaning(*got[i]), std::string(12, letters[i]));
  }
}

}  // namespace

}  // namespace sluice
