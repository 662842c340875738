// Bytes on their way: out of a spool into a pipe, and from pipes into the body of a POST.

#include "archive/load_body.hpp"
#include "archive/saved_place.hpp"
#include "archive_testing.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace sluice::archive {
namespace {

using support::failed_with;
using support::why;

std::unique_ptr<SavedPlace> place_of(const std::string& bytes) {
  auto spool = Spool::open(std::filesystem::temp_directory_path(), 0);
  EXPECT_TRUE(spool);
  auto image = read_saved(pieces(bytes, 5000), *spool);
  EXPECT_TRUE(image) << why(image);
  return std::make_unique<SavedPlace>("docker-daemon", std::move(*image), std::move(*spool));
}

// Content that does not pack: more than a ring of it.
std::string noise(std::size_t size) {
  std::string out;
  std::uint64_t state = 88172645463325252ULL;
  while (out.size() < size) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    out += static_cast<char>(state & 0xff);
  }
  return out;
}

// All that a source gives until it has no more for now and `done` is true.
struct Taken {
  std::string bytes;
  bool broken = false;
};
Taken take_all(net::BodySource& source, std::size_t size) {
  Watched<bool> news{false};
  source.on_bytes([&] { news.update([](bool& n) { n = true; }); });
  Taken out;
  std::array<std::byte, 4000> room{};
  while (out.bytes.size() < size && !out.broken) {
    news.update([](bool& n) { n = false; });
    const auto given = source.give(room);
    out.broken = given.flow == net::Flow::broken;
    if (given.flow == net::Flow::moved) out.bytes.append(reinterpret_cast<const char*>(room.data()), given.count);
    if (given.flow == net::Flow::later) news.when([](bool n) { return n; }, {}, [](bool) {});
  }
  source.on_bytes({});
  return out;
}

TEST(SavedPlace, GivesEveryBlobThroughAPipeAsItsManifestSays) {
  const auto place = place_of(old_form(layer_tar(noise(700000)), layer_tar("own")));
  for (const auto& blob : place->image().manifest.blobs()) {
    places::BlobPipe pipe(blob);
    const auto read = place->read_blob("web", blob, pipe, {});
    const auto taken = take_all(pipe, blob.size_bytes);
    const auto finished = read->finish();
    ASSERT_TRUE(finished) << why(finished);
    EXPECT_EQ(sha256(taken.bytes), blob.digest.hex());
  }
}

TEST(SavedPlace, AReadThatNobodyTakesEndsWithItsObject) {
  const auto place = place_of(old_form(layer_tar(noise(700000)), layer_tar("own")));
  const auto blob = place->image().manifest.layers.front();
  places::BlobPipe pipe(blob);
  {
    const auto read = place->read_blob("web", blob, pipe, {});
  }
  EXPECT_LT(pipe.position(), blob.size_bytes);
}

TEST(SavedPlace, HasItsOwnImageAlone) {
  const auto place = place_of(old_form(layer_tar("base"), layer_tar("own")));
  const auto other = oci::Digest::of("other");
  EXPECT_TRUE(place->manifest("web", places::ManifestName::digest(place->image().manifest.digest), {}));
  EXPECT_TRUE(failed_with(place->manifest("web", places::ManifestName::digest(other), {}), ErrorKind::not_found));
  EXPECT_EQ(*place->small_blob("web", *place->image().manifest.config, 1 << 20, {}), place->image().config);
  EXPECT_TRUE(failed_with(place->put_manifest("web", places::ManifestName::tag("x"), place->image().manifest, {}),
                          ErrorKind::unsupported, "only read"));
}

TEST(LoadBody, GivesTextsAndPipesInTheirOrder) {
  const auto content = noise(600000);
  const oci::Descriptor blob{.media_type = "x",
                             .digest = oci::Digest::of(content),
                             .size_bytes = content.size(),
                             .urls = {},
                             .platform = {},
                             .artifact_type = {}};
  LoadBody body;
  auto fed = Status(Error(ErrorKind::internal, "not run"));
  std::jthread feeder([&] {
    fed = [&]() -> Status {
      SLUICE_CHECK(body.put("head", {}));
      places::BlobPipe pipe(blob);
      const std::jthread source([&] {
        Watched<bool> room{false};
        pipe.on_room([&] { room.update([](bool& r) { r = true; }); });
        for (std::size_t at = 0; at < content.size();) {
          const auto part =
              std::as_bytes(std::span(content)).subspan(at, std::min<std::size_t>(9000, content.size() - at));
          room.update([](bool& r) { r = false; });
          if (pipe.take(part) == net::Flow::moved) {
            at += part.size();
          } else {
            room.when([](bool r) { return r; }, {}, [](bool) {});
          }
        }
        pipe.on_room({});
      });
      SLUICE_CHECK(body.pass(pipe, {}));
      return body.put("tail", {});
    }();
  });
  const auto taken = take_all(body, content.size() + 8);
  feeder.join();
  EXPECT_TRUE(fed) << why(fed);
  EXPECT_EQ(taken.bytes, "head" + content + "tail");
}

TEST(LoadBody, APipeThatBreaksBreaksTheBodyWithItsReason) {
  const oci::Descriptor blob{.media_type = "x",
                             .digest = oci::Digest::of("abc"),
                             .size_bytes = 3,
                             .urls = {},
                             .platform = {},
                             .artifact_type = {}};
  LoadBody body;
  auto fed = Status();
  std::jthread feeder([&] {
    places::BlobPipe pipe(blob);
    pipe.take(std::as_bytes(std::span(std::string_view("xyz"))));
    fed = body.pass(pipe, {});
  });
  const auto taken = take_all(body, 3);
  feeder.join();
  EXPECT_TRUE(taken.broken);
  EXPECT_LT(taken.bytes.size(), 3U) << "wrong bytes were given whole";
  EXPECT_TRUE(failed_with(fed, ErrorKind::integrity, "other bytes"));
}

TEST(LoadBody, WhatWasTakenCountsAlsoWhenTheTransferEndsBeforeAnybodyLooks) {
  for (int n = 0; n < 200; ++n) {
    LoadBody one;
    auto fed = Status(Error(ErrorKind::internal, "not run"));
    std::jthread feeder([&] { fed = one.put("end", {}); });
    take_all(one, 3);
    one.close(Error(ErrorKind::cancelled, "the transfer has ended"));
    feeder.join();
    ASSERT_TRUE(fed) << why(fed);
  }
}

TEST(LoadBody, WhoeverPutsIsLetGoWhenTheTransferHasEnded) {
  LoadBody body;
  auto fed = Status();
  std::jthread feeder([&] { fed = body.put("never taken", {}); });
  body.close(Error(ErrorKind::cancelled, "the transfer has ended"));
  feeder.join();
  EXPECT_TRUE(failed_with(fed, ErrorKind::cancelled, "the transfer has ended"));
}

}  // namespace
}  // namespace sluice::archive
