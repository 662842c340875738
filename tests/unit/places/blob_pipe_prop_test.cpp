// BlobPipe against the plainest model there is: a deque with a bound.

#include "base/guarded.hpp"
#include "unit/places/blob_pipe_testing.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <thread>

namespace sluice::places {
namespace {

using net::Flow;
using testing::bytes_of;
using testing::descriptor_of;
using testing::give_text;
using testing::take_text;

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>((i * 131 + i / 251) % 256);
  return out;
}

RC_GTEST_PROP(BlobPipeProperty, BehavesLikeABoundedDeque, ()) {
  const auto content = pattern(static_cast<std::size_t>(*rc::gen::inRange(0, 400)));
  const auto ring = static_cast<std::size_t>(*rc::gen::inRange(1, 64));
  const std::size_t capacity = std::min(ring, std::max<std::size_t>(content.size(), 1));
  BlobPipe pipe(descriptor_of(content), {}, ring);
  std::deque<char> model;
  std::size_t sent = 0;
  std::string out;
  while (out.size() < content.size()) {
    if (*rc::gen::arbitrary<bool>()) {
      const auto size = std::min(static_cast<std::size_t>(*rc::gen::inRange(0, 80)), content.size() - sent);
      const auto piece = std::string_view(content).substr(sent, size);
      const bool fits = model.size() + size <= capacity;
      RC_ASSERT(take_text(pipe, piece) == (fits ? Flow::moved : Flow::later));
      if (!fits) continue;
      model.insert(model.end(), piece.begin(), piece.end());
      sent += size;
    } else {
      const auto room = static_cast<std::size_t>(*rc::gen::inRange(1, 80));
      const auto count = static_cast<std::ptrdiff_t>(std::min(room, model.size()));
      const std::string expected(model.begin(), model.begin() + count);
      RC_ASSERT(give_text(pipe, room) == expected);
      model.erase(model.begin(), model.begin() + count);
      out += expected;
    }
  }
  RC_ASSERT(out == content);
  RC_ASSERT(pipe.end().ok());
}

RC_GTEST_PROP(BlobPipeProperty, NeverGivesTheLastByteOfAWrongBlob, ()) {
  const auto content = pattern(static_cast<std::size_t>(*rc::gen::inRange(1, 300)));
  auto wrong = content;
  auto& byte = wrong[static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(wrong.size())))];
  byte = static_cast<char>(byte ^ (1 << *rc::gen::inRange(0, 8)));
  BlobPipe pipe(descriptor_of(content));
  std::size_t sent = 0;
  std::size_t got = 0;
  while (sent < wrong.size()) {
    const auto size = std::min(static_cast<std::size_t>(*rc::gen::inRange(1, 60)), wrong.size() - sent);
    const bool last = sent + size == wrong.size();
    RC_ASSERT(take_text(pipe, std::string_view(wrong).substr(sent, size)) == (last ? Flow::broken : Flow::moved));
    sent += size;
    if (*rc::gen::arbitrary<bool>()) got += give_text(pipe, 1000).size();
  }
  got += give_text(pipe, 1000).size();
  RC_ASSERT(got < wrong.size());
  RC_ASSERT(pipe.failure()->kind() == ErrorKind::integrity);
}

// Two pipes with the same bytes: the second one begins at any checkpoint of the first, and sends from any byte after
// it.
RC_GTEST_PROP(BlobPipeProperty, GoesOnFromAnyCheckpoint, ()) {
  const auto content = pattern(static_cast<std::size_t>(*rc::gen::inRange(1, 400)));
  const auto distance = static_cast<std::uint64_t>(*rc::gen::inRange(1, 60));
  std::size_t told = 0;
  BlobPipe first(
      descriptor_of(content), {},
      {.ring_bytes = content.size(), .checkpoint_bytes = distance, .on_checkpoint = [&](const auto&) { ++told; }});
  const auto cut = static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(content.size()) + 1));
  for (std::size_t sent = 0; sent < cut;) {
    const auto size = std::min(static_cast<std::size_t>(*rc::gen::inRange(1, 80)), cut - sent);
    RC_ASSERT(take_text(first, std::string_view(content).substr(sent, size)) == Flow::moved);
    sent += size;
  }
  RC_ASSERT(first.position() == cut);
  const auto checkpoints = first.checkpoints();
  RC_ASSERT(checkpoints.size() <= kCheckpointsKept);
  // Every multiple of the distance before the end, the newest of them kept.
  const auto made = std::min<std::size_t>(cut, content.size() - 1) / distance;
  RC_ASSERT(checkpoints.size() == std::min<std::size_t>(made, kCheckpointsKept));
  RC_ASSERT(checkpoints.empty() || told > 0);
  if (checkpoints.empty()) return;
  for (std::size_t i = 0; i < checkpoints.size(); ++i)
    RC_ASSERT(checkpoints[i].offset == (made - (checkpoints.size() - 1 - i)) * distance);

  const auto& from =
      checkpoints[static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(checkpoints.size())))];
  const auto send_from = static_cast<std::size_t>(
      *rc::gen::inRange<int>(static_cast<int>(from.offset), static_cast<int>(content.size()) + 1));
  BlobPipe second(descriptor_of(content), {},
                  {.ring_bytes = 32, .checkpoint_bytes = distance, .from = from, .send_from = send_from});
  RC_ASSERT(second.position() == from.offset);
  std::string out;
  while (second.position() < content.size()) {
    const std::size_t at = second.position();
    const auto size = std::min(static_cast<std::size_t>(*rc::gen::inRange(1, 33)), content.size() - at);
    if (take_text(second, std::string_view(content).substr(at, size)) != Flow::moved) out += give_text(second, 7);
  }
  for (auto more = give_text(second, 7); !more.empty(); more = give_text(second, 7)) out += more;
  RC_ASSERT(second.end().ok());
  RC_ASSERT(out == content.substr(send_from));
}

RC_GTEST_PROP(BlobPipeProperty, ACheckpointOfOtherBytesProvesNothing, ()) {
  const auto content = pattern(static_cast<std::size_t>(*rc::gen::inRange(2, 200)));
  const auto at = static_cast<std::size_t>(*rc::gen::inRange<int>(1, static_cast<int>(content.size())));
  Hasher other(HashAlgorithm::sha256);
  other.update(std::string(at, 'x'));
  BlobPipe pipe(descriptor_of(content), {}, {.from = PipeCheckpoint{at, other}, .send_from = at});
  RC_ASSERT(take_text(pipe, std::string_view(content).substr(at)) == Flow::broken);
  RC_ASSERT(pipe.failure()->kind() == ErrorKind::integrity);
}

// A turnstile: what the wake functions of the loop are, in its simplest form.
class Bell {
 public:
  void ring() {
    rung_.update([](bool& rung) { rung = true; });
  }
  void wait() {
    rung_.when([](bool rung) { return rung; }, {}, [](bool& rung) { rung = false; });
  }

 private:
  Watched<bool> rung_{false};
};

void produce(BlobPipe& pipe, std::string_view content, std::size_t piece_bytes, Bell& room) {
  while (!content.empty()) {
    const auto piece = content.substr(0, piece_bytes);
    switch (pipe.take(bytes_of(piece))) {
      case Flow::moved:
        content.remove_prefix(piece.size());
        break;
      case Flow::later:
        room.wait();
        break;
      case Flow::broken:
        return;
    }
  }
}

std::string consume(BlobPipe& pipe, std::size_t size, std::size_t room_bytes, Bell& bytes) {
  std::string out;
  std::string room(room_bytes, '\0');
  while (out.size() < size) {
    const auto given = pipe.give(std::as_writable_bytes(std::span(room)));
    if (given.flow == Flow::broken) break;
    if (given.flow == Flow::later) bytes.wait();
    out.append(room, 0, given.count);
  }
  return out;
}

TEST(BlobPipeThreads, CarryABlobWithoutLosingAWake) {
  struct Row {
    std::size_t ring;
    std::size_t piece;
    std::size_t room;
  };
  const auto content = pattern(300'000);
  for (const auto& row : {Row{64, 64, 64}, Row{64, 1, 7}, Row{1000, 333, 1000}, Row{1000, 1000, 1}, Row{7, 3, 100}}) {
    BlobPipe pipe(descriptor_of(content), {}, row.ring);
    Bell room;
    Bell bytes;
    pipe.on_room([&] { room.ring(); });
    pipe.on_bytes([&] { bytes.ring(); });
    std::thread producer([&] { produce(pipe, content, row.piece, room); });
    const auto out = consume(pipe, content.size(), row.room, bytes);
    producer.join();
    EXPECT_TRUE(out == content) << "ring " << row.ring << ", piece " << row.piece << ", room " << row.room;
    EXPECT_TRUE(pipe.end().ok());
  }
}

TEST(BlobPipeThreads, BothEndWhenAThirdFailsThePipe) {
  const auto content = pattern(200'000);
  for (int round = 0; round < 20; ++round) {
    BlobPipe pipe(descriptor_of(content), {}, 128);
    Bell room;
    Bell bytes;
    pipe.on_room([&] { room.ring(); });
    pipe.on_bytes([&] { bytes.ring(); });
    std::thread producer([&] { produce(pipe, content, 100, room); });
    std::thread consumer([&] { static_cast<void>(consume(pipe, content.size(), 100, bytes)); });
    pipe.fail(Error(ErrorKind::cancelled, "stopped"));
    producer.join();
    consumer.join();
    EXPECT_TRUE(pipe.failure().has_value()) << "round " << round;
  }
}

}  // namespace
}  // namespace sluice::places
