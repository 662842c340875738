#include "places/blob_pipe.hpp"

#include "unit/places/blob_pipe_testing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::places {
namespace {

using net::Flow;
using testing::descriptor_of;
using testing::give_text;
using testing::take_text;

TEST(BlobPipe, CarriesABlob) {
  const std::string content = "hello, world";
  BlobPipe pipe(descriptor_of(content));
  EXPECT_EQ(take_text(pipe, "hello"), Flow::moved);
  EXPECT_EQ(give_text(pipe, 3), "hel");
  EXPECT_EQ(take_text(pipe, ", world"), Flow::moved);
  EXPECT_EQ(give_text(pipe, 100), "lo, world");
  EXPECT_TRUE(pipe.end().ok());
  EXPECT_FALSE(pipe.failure());
}

TEST(BlobPipe, AnswersLaterWhenThereIsNothingToGive) {
  BlobPipe pipe(descriptor_of("ab"));
  std::byte room[4];
  EXPECT_EQ(pipe.give(room).flow, Flow::later);
  EXPECT_EQ(take_text(pipe, "a"), Flow::moved);
  EXPECT_EQ(give_text(pipe, 4), "a");
  EXPECT_EQ(pipe.give(room).flow, Flow::later);
}

TEST(BlobPipe, TakesAllOrNothing) {
  const std::string content = "0123456789";
  BlobPipe pipe(descriptor_of(content), {}, 8);
  EXPECT_EQ(take_text(pipe, "012345"), Flow::moved);
  EXPECT_EQ(take_text(pipe, "678"), Flow::later) << "three bytes into room for two";
  EXPECT_EQ(give_text(pipe, 100), "012345") << "nothing of the refused piece may have gone in";
  EXPECT_EQ(take_text(pipe, "6789"), Flow::moved);
  EXPECT_EQ(give_text(pipe, 100), "6789");
  EXPECT_TRUE(pipe.end().ok());
}

TEST(BlobPipe, GoesRoundItsRing) {
  std::string content;
  for (int i = 0; i < 100; ++i) content += static_cast<char>('a' + i % 26);
  BlobPipe pipe(descriptor_of(content), {}, 7);
  std::string out;
  for (std::size_t at = 0; at < content.size(); at += 5) {
    ASSERT_EQ(take_text(pipe, std::string_view(content).substr(at, 5)), Flow::moved) << "at byte " << at;
    out += give_text(pipe, 3);
    out += give_text(pipe, 3);
  }
  EXPECT_EQ(out, content);
  EXPECT_TRUE(pipe.end().ok());
}

TEST(BlobPipe, WakesTheConsumerOnceBytesAreThere) {
  BlobPipe pipe(descriptor_of("abc"));
  int woken = 0;
  pipe.on_bytes([&] { ++woken; });
  EXPECT_EQ(take_text(pipe, "a"), Flow::moved);
  EXPECT_EQ(woken, 0) << "nobody waited";
  EXPECT_EQ(give_text(pipe, 9), "a");
  EXPECT_EQ(give_text(pipe, 9), "");
  EXPECT_EQ(take_text(pipe, "b"), Flow::moved);
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(take_text(pipe, "c"), Flow::moved);
  EXPECT_EQ(woken, 1) << "one call for one wait";
}

TEST(BlobPipe, WakesTheProducerWhenHalfTheRingIsEmpty) {
  const std::string content(20, 'x');
  BlobPipe pipe(descriptor_of(content), {}, 8);
  int woken = 0;
  pipe.on_room([&] { ++woken; });
  EXPECT_EQ(take_text(pipe, "xxxxxxxx"), Flow::moved);
  EXPECT_EQ(give_text(pipe, 8), "xxxxxxxx");
  EXPECT_EQ(woken, 0) << "nobody waited";
  EXPECT_EQ(take_text(pipe, "xxxxxxxx"), Flow::moved);
  EXPECT_EQ(take_text(pipe, "x"), Flow::later);
  EXPECT_EQ(give_text(pipe, 3), "xxx");
  EXPECT_EQ(woken, 0) << "five of eight are full";
  EXPECT_EQ(give_text(pipe, 1), "x");
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(give_text(pipe, 4), "xxxx");
  EXPECT_EQ(woken, 1) << "one call for one wait";
}

TEST(BlobPipe, CallsNobodyWhoAskedForNoMoreCalls) {
  BlobPipe pipe(descriptor_of("ab"));
  int woken = 0;
  pipe.on_bytes([&] { ++woken; });
  pipe.on_room([&] { ++woken; });
  EXPECT_EQ(give_text(pipe, 1), "");
  pipe.on_bytes(nullptr);
  pipe.on_room(nullptr);
  EXPECT_EQ(take_text(pipe, "a"), Flow::moved);
  pipe.fail(Error(ErrorKind::unreachable, "gone"));
  EXPECT_EQ(woken, 0);
}

TEST(BlobPipe, TellsItsProgress) {
  std::vector<std::uint64_t> told;
  const std::string content = "abcdefghij";
  BlobPipe pipe(descriptor_of(content), [&](std::uint64_t bytes) { told.push_back(bytes); }, 6);
  EXPECT_EQ(take_text(pipe, "abcd"), Flow::moved);
  EXPECT_EQ(take_text(pipe, "efgh"), Flow::later);
  EXPECT_EQ(give_text(pipe, 4), "abcd");
  EXPECT_EQ(take_text(pipe, "efghij"), Flow::moved);
  EXPECT_EQ(told, (std::vector<std::uint64_t>{4, 6})) << "refused pieces are no progress";
}

TEST(BlobPipe, GivesTheLastByteOnlyAfterTheProof) {
  const std::string content = "the right bytes";
  const std::string wrong = "the wrong bytes";
  BlobPipe pipe(descriptor_of(content));
  std::string out;
  for (std::size_t i = 0; i + 1 < wrong.size(); ++i) {
    ASSERT_EQ(take_text(pipe, wrong.substr(i, 1)), Flow::moved);
    out += give_text(pipe, 9);
  }
  EXPECT_EQ(out, "the wrong byte");
  EXPECT_EQ(take_text(pipe, "s"), Flow::broken);
  std::byte room[4];
  EXPECT_EQ(pipe.give(room).flow, Flow::broken) << "the last byte of a wrong blob was given";
  ASSERT_TRUE(pipe.failure());
  EXPECT_EQ(pipe.failure()->kind(), ErrorKind::integrity);
  EXPECT_NE(pipe.failure()->message().find(descriptor_of(content).digest.text()), std::string::npos);
}

TEST(BlobPipe, BreaksWhenTheSourceSendsTooMuch) {
  struct Row {
    const char* name;
    std::vector<std::string> pieces;
  };
  const Row rows[] = {{"in one piece", {"abcd"}},
                      {"in two", {"ab", "cd"}},
                      {"after the end", {"abc", "d"}},
                      {"much", {"a", "bcdefgh"}}};
  for (const auto& row : rows) {
    BlobPipe pipe(descriptor_of("abc"));
    auto flow = Flow::moved;
    for (const auto& piece : row.pieces) flow = take_text(pipe, piece);
    EXPECT_EQ(flow, Flow::broken) << row.name;
    ASSERT_TRUE(pipe.failure()) << row.name;
    EXPECT_EQ(pipe.failure()->kind(), ErrorKind::integrity) << row.name;
    EXPECT_NE(pipe.failure()->message().find("more"), std::string::npos) << row.name;
    const auto end = pipe.end();
    ASSERT_FALSE(end.ok()) << row.name;
    EXPECT_EQ(end.error().kind(), ErrorKind::integrity) << row.name;
  }
}

TEST(BlobPipe, BreaksWhenTheSourceEndsEarly) {
  for (const std::string sent : {"", "a", "ab"}) {
    BlobPipe pipe(descriptor_of("abc"));
    int woken = 0;
    pipe.on_bytes([&] { ++woken; });
    if (!sent.empty()) {
      EXPECT_EQ(take_text(pipe, sent), Flow::moved);
    }
    const auto end = pipe.end();
    ASSERT_FALSE(end.ok()) << "after '" << sent << "'";
    EXPECT_EQ(end.error().kind(), ErrorKind::integrity);
    EXPECT_NE(end.error().message().find("sent " + std::to_string(sent.size())), std::string::npos)
        << end.error().message();
    EXPECT_EQ(woken, 1) << "the consumer must hear of it";
    std::byte room[4];
    EXPECT_EQ(pipe.give(room).flow, Flow::broken);
  }
}

TEST(BlobPipe, ChecksAnEmptyBlobToo) {
  BlobPipe right(descriptor_of(""));
  EXPECT_TRUE(right.end().ok());
  EXPECT_TRUE(right.end().ok()) << "asked twice";

  auto lying = descriptor_of("something");
  lying.size_bytes = 0;
  BlobPipe wrong(lying);
  const auto end = wrong.end();
  ASSERT_FALSE(end.ok()) << "an empty body passed for " << lying.digest.text();
  EXPECT_EQ(end.error().kind(), ErrorKind::integrity);

  BlobPipe longer(descriptor_of(""));
  EXPECT_EQ(take_text(longer, "x"), Flow::broken);
}

TEST(BlobPipe, TakesAnEmptyPieceAtAnyMoment) {
  BlobPipe pipe(descriptor_of("ab"));
  EXPECT_EQ(take_text(pipe, ""), Flow::moved);
  EXPECT_EQ(take_text(pipe, "ab"), Flow::moved);
  EXPECT_EQ(take_text(pipe, ""), Flow::moved) << "after the last byte";
  EXPECT_TRUE(pipe.end().ok());
  EXPECT_EQ(give_text(pipe, 9), "ab");
}

TEST(BlobPipe, ChecksSha512) {
  const std::string content = "hello";
  const oci::Descriptor blob{"", oci::Digest::of(content, HashAlgorithm::sha512), content.size(), {}, {}, {}};
  BlobPipe right(blob);
  EXPECT_EQ(take_text(right, content), Flow::moved);
  EXPECT_TRUE(right.end().ok());
  BlobPipe wrong(blob);
  EXPECT_EQ(take_text(wrong, "hellO"), Flow::broken);
}

TEST(BlobPipe, TellsEachSideThatTheOtherFailed) {
  BlobPipe pipe(descriptor_of("abcdef"));
  int producer = 0;
  int consumer = 0;
  pipe.on_room([&] { ++producer; });
  pipe.on_bytes([&] { ++consumer; });
  EXPECT_EQ(take_text(pipe, "abc"), Flow::moved);
  pipe.fail(Error(ErrorKind::busy, "the destination is full"));
  EXPECT_EQ(producer, 1);
  EXPECT_EQ(consumer, 1);
  EXPECT_EQ(take_text(pipe, "d"), Flow::broken);
  std::byte room[4];
  EXPECT_EQ(pipe.give(room).flow, Flow::broken) << "what was in the ring is of no use";
  const auto end = pipe.end();
  ASSERT_FALSE(end.ok());
  EXPECT_EQ(end.error().message(), "the destination is full");
}

TEST(BlobPipe, KeepsTheFirstReason) {
  BlobPipe pipe(descriptor_of("abc"));
  pipe.fail(Error(ErrorKind::busy, "first"));
  pipe.fail(Error(ErrorKind::cancelled, "second"));
  ASSERT_TRUE(pipe.failure());
  EXPECT_EQ(pipe.failure()->message(), "first");
}

TEST(BlobPipe, LetsAWakeCallItAgain) {
  const std::string content(20, 'x');
  BlobPipe pipe(descriptor_of(content), {}, 10);
  Flow flow = Flow::later;
  pipe.on_room([&] { flow = take_text(pipe, "xxxxx"); });
  EXPECT_EQ(take_text(pipe, "xxxxxxxxxx"), Flow::moved);
  EXPECT_EQ(take_text(pipe, "xxxxx"), Flow::later);
  EXPECT_EQ(give_text(pipe, 5), "xxxxx");
  EXPECT_EQ(flow, Flow::moved);
}

}  // namespace
}  // namespace sluice::places
