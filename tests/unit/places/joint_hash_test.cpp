#include "places/joint_hash.hpp"

#include "unit/places/blob_pipe_testing.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sluice::places {
namespace {

using net::Flow;
using testing::bytes_of;
using testing::descriptor_of;
using testing::give_text;
using testing::take_text;

constexpr auto kSha256 = HashAlgorithm::sha256;

std::string pattern(std::size_t size, std::size_t seed) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>((i * 131 + i / 251 + seed * 17) % 256);
  return out;
}

HashedStream stream_of(const std::shared_ptr<JointHash>& joint, HashAlgorithm algorithm = kSha256) {
  return {algorithm, Hasher(algorithm), joint};
}

TEST(JointHash, LetsAStreamWaitForASecondOneAndHashesBothThen) {
  const auto joint = std::make_shared<JointHash>(true);
  auto first = stream_of(joint);
  auto second = stream_of(joint);
  const auto was = pattern(4 * kPairBytes, 1);
  auto one = was;
  auto two = was;
  first.add(bytes_of(one));
  one[0] = static_cast<char>(one[0] ^ 1);  // not hashed yet, so this is what gets hashed
  const auto changed = one;
  second.add(bytes_of(two));
  one[1] = static_cast<char>(one[1] ^ 1);  // both are hashed: nothing sees this
  two[1] = static_cast<char>(two[1] ^ 1);
  EXPECT_EQ(first.finish_hex(), hash_hex(kSha256, changed));
  EXPECT_EQ(second.finish_hex(), hash_hex(kSha256, was));
}

TEST(JointHash, HashesAtOnceWhereNobodyElseIsToBeWaitedFor) {
  const auto joint = std::make_shared<JointHash>(true);
  const auto in_turn = std::make_shared<JointHash>(false);
  const auto was = pattern(4 * kPairBytes, 1);
  const auto after_a_change = [&](HashedStream& stream) {
    auto text = was;
    stream.add(bytes_of(text));
    text[0] = static_cast<char>(text[0] ^ 1);
    return stream.finish_hex();
  };
  {
    auto lone = stream_of(joint);
    EXPECT_EQ(after_a_change(lone), hash_hex(kSha256, was));
    auto other_algorithm = stream_of(joint, HashAlgorithm::sha512);
    EXPECT_EQ(after_a_change(other_algorithm), hash_hex(HashAlgorithm::sha512, was));
  }
  auto gone = std::make_unique<HashedStream>(stream_of(joint));
  gone.reset();
  auto lone_again = stream_of(joint);
  EXPECT_EQ(after_a_change(lone_again), hash_hex(kSha256, was));
  auto first = stream_of(in_turn);
  auto second = stream_of(in_turn);
  EXPECT_EQ(after_a_change(first), hash_hex(kSha256, was));
  auto by_itself = stream_of(nullptr);
  EXPECT_EQ(after_a_change(by_itself), hash_hex(kSha256, was));
}

TEST(JointHash, LetsNoMoreWaitThanItIsAskedFor) {
  const auto joint = std::make_shared<JointHash>(true);
  auto idle = stream_of(joint);
  const auto was = pattern(10 * kPairBytes, 1);
  for (const auto most : {std::size_t{0}, std::size_t{100}, kPairBytes, 9 * kPairBytes}) {
    auto fresh = stream_of(joint);
    auto text = was;
    // In two parts, as a ring gives them.
    auto rest = was.substr(3 * kPairBytes);
    fresh.add(bytes_of(std::string_view(text).substr(0, 3 * kPairBytes)));
    fresh.add(bytes_of(rest));
    fresh.wait_at_most(most);
    const auto hashed = was.size() - most;
    auto& last = hashed <= 3 * kPairBytes ? text[hashed - 1] : rest[hashed - 1 - 3 * kPairBytes];
    last = static_cast<char>(last ^ 1);
    EXPECT_EQ(fresh.finish_hex(), hash_hex(kSha256, was)) << most;
  }
}

TEST(JointHash, KeepsWhatWaitsInMoreThanTwoPartsInOrder) {
  const auto joint = std::make_shared<JointHash>(true);
  auto stream = stream_of(joint);
  auto idle = stream_of(joint);
  const std::vector<std::string> parts{"one", "", "two", "three", "four", "five"};
  std::string all;
  for (const auto& part : parts) {
    stream.add(bytes_of(part));
    all += part;
  }
  stream.add_at_once(bytes_of(std::string("six")));
  EXPECT_EQ(stream.finish_hex(), hash_hex(kSha256, all + "six"));
}

TEST(JointHash, ForgetsAStreamThatEndsWithBytesThatWait) {
  const auto joint = std::make_shared<JointHash>(true);
  auto staying = stream_of(joint);
  const auto text = pattern(2 * kPairBytes, 3);
  {
    auto leaving = std::make_unique<HashedStream>(stream_of(joint));
    auto content = std::make_unique<std::string>(text);
    leaving->add(bytes_of(*content));
    leaving.reset();
  }
  staying.add(bytes_of(text));
  EXPECT_EQ(staying.finish_hex(), hash_hex(kSha256, text));
}

// Several pipes, filled and emptied by chance, with rings that are smaller and larger than what waits.
struct Carried {
  std::string content;
  bool wrong = false;
  std::unique_ptr<BlobPipe> pipe;
  std::size_t sent = 0;
  std::string out;
  bool broken = false;
  bool over() const { return broken || out.size() == content.size(); }
};

Carried carried(std::size_t seed, const std::shared_ptr<JointHash>& joint) {
  Carried one;
  one.content = pattern(static_cast<std::size_t>(*rc::gen::inRange(1, 200'000)), seed);
  const auto blob = descriptor_of(one.content);
  one.wrong = *rc::gen::inRange(0, 4) == 0;
  if (one.wrong) {
    auto& byte = one.content[static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(one.content.size())))];
    byte = static_cast<char>(byte ^ 1);
  }
  const auto ring = static_cast<std::size_t>(*rc::gen::inRange(20'000, 300'000));
  const auto distance = static_cast<std::uint64_t>(*rc::gen::inRange(5'000, 100'000));
  one.pipe = std::make_unique<BlobPipe>(blob, BlobPipe::Progress(),
                                        PipeOptions{.ring_bytes = ring, .checkpoint_bytes = distance, .joint = joint});
  return one;
}

void one_step(Carried& one) {
  const auto size = static_cast<std::size_t>(*rc::gen::inRange(1, 70'000));
  if (*rc::gen::arbitrary<bool>()) {
    const auto piece = std::string_view(one.content).substr(one.sent, std::min<std::size_t>(size, 20'000));
    const auto flow = take_text(*one.pipe, piece);
    if (flow == Flow::moved) one.sent += piece.size();
    one.broken = flow == Flow::broken;
  } else {
    const auto given = give_text(*one.pipe, size);
    RC_ASSERT(given == one.content.substr(one.out.size(), given.size()));
    one.out += given;
  }
}

RC_GTEST_PROP(JointHashProperty, PipesThatAreHashedTogetherKeepWhatEachPromises, ()) {
  const auto joint = std::make_shared<JointHash>(true);
  std::vector<Carried> pipes;
  const auto count = static_cast<std::size_t>(*rc::gen::inRange(2, 5));
  for (std::size_t i = 0; i < count; ++i) pipes.push_back(carried(i, joint));
  const auto open = [](const Carried& one) { return !one.over(); };
  while (std::any_of(pipes.begin(), pipes.end(), open)) {
    for (auto& one : pipes) {
      if (open(one)) one_step(one);
    }
  }
  for (auto& one : pipes) {
    RC_ASSERT(one.broken == one.wrong);
    RC_ASSERT(!one.wrong || one.out.size() < one.content.size());
    RC_ASSERT(one.wrong || one.pipe->end().ok());
    for (auto checkpoint : one.pipe->checkpoints()) {
      const auto begun = one.content.substr(0, checkpoint.offset);
      RC_ASSERT(checkpoint.hasher.finish_hex() == hash_hex(kSha256, begun));
    }
  }
}

// Each thread fills and empties a pipe of its own, with the bytes of the others waiting beside.
TEST(JointHashThreads, PipesOfSeveralThreadsAreHashedTogether) {
  const auto joint = std::make_shared<JointHash>(true);
  std::vector<std::thread> threads;
  std::vector<std::string> problems(4);
  for (std::size_t t = 0; t < problems.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t round = 0; round < 4; ++round) {
        const auto content = pattern(700'000 + 1000 * t + round, t);
        BlobPipe pipe(descriptor_of(content), {}, {.checkpoint_bytes = 150'000, .joint = joint});
        std::string out;
        for (std::string_view left = content; !left.empty();) {
          const auto piece = left.substr(0, 30'000 + 100 * t);
          const auto flow = take_text(pipe, piece);
          if (flow == Flow::broken) problems[t] = "broken";
          if (flow == Flow::broken) return;
          if (flow == Flow::moved) left.remove_prefix(piece.size());
          if (flow == Flow::later || round % 2 == 0) out += give_text(pipe, 50'000);
        }
        for (auto more = give_text(pipe, 70'000); !more.empty(); more = give_text(pipe, 70'000)) out += more;
        if (out != content || !pipe.end()) problems[t] = "other bytes came out in round " + std::to_string(round);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& problem : problems) EXPECT_EQ(problem, "");
}

}  // namespace
}  // namespace sluice::places
