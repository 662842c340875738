#include "unit/copy/decide_testing.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

namespace sluice::copy {
namespace {

using support::FakeImage;
using support::FakePlace;

using HostRepositoryBlob = std::tuple<std::string, std::string, oci::Digest>;

/// A registry landscape: what is held where, and what is wanted where.
struct Landscape {
  FakePlace dev{"dev.example.com"};
  FakePlace prod{"prod.example.com"};
  FakePlace old{"old.example.com", {.mount = false, .ranges = true, .push_by_digest = true, .referrers = false}};
  std::vector<Wish> wishes;
};

/// Layers as a set of bits. Kept, because making and reading manifests is most of the time that these tests take.
const FakeImage& image_of(int layers, int app) {
  static std::map<std::pair<int, int>, FakeImage> kept;
  const auto known = kept.find({layers, app});
  if (known != kept.end()) return known->second;
  std::vector<std::string> contents;
  for (int layer = 0; layer < 6; ++layer) {
    if ((layers & (1 << layer)) != 0) contents.push_back("layer " + std::to_string(layer));
  }
  return kept.emplace(std::pair(layers, app), support::fake_image("app " + std::to_string(app), contents))
      .first->second;
}

const FakeImage& any_image() { return image_of(*rc::gen::inRange(0, 64), *rc::gen::inRange(0, 4)); }

FakeImage any_graph() {
  if (*rc::gen::inRange(0, 3) != 0) return any_image();
  std::vector<FakeImage> children{any_image()};
  if (*rc::gen::arbitrary<bool>()) children.push_back(any_image());
  if (*rc::gen::inRange(0, 4) == 0) children.push_back(support::fake_index({any_image()}));
  return support::fake_index(children);
}

void fill(Landscape& land) {
  const int count = *rc::gen::inRange(1, 12);
  for (int i = 0; i < count; ++i) {
    const auto image = any_graph();
    Wish wish{.source = &land.dev,
              .source_repository = "dev/app" + std::to_string(*rc::gen::inRange(0, 3)),
              .dest = *rc::gen::element(&land.dev, &land.prod, &land.prod, &land.old),
              .dest_repository = "shop/app" + std::to_string(*rc::gen::inRange(0, 4)),
              .image = image};
    land.dev.hold_image(wish.source_repository, image);
    // Some repositories know an older image, some have single blobs left over, some have the image itself.
    if (*rc::gen::inRange(0, 3) == 0) wish.before = oci::Digest::of("an older image");
    for (const auto& [digest, content] : image.blobs) {
      if (*rc::gen::inRange(0, 4) == 0) wish.dest->hold_blob(wish.dest_repository, content);
    }
    if (*rc::gen::inRange(0, 6) == 0) {
      wish.dest->hold_image(wish.dest_repository, image);
      wish.content_there = true;
    }
    land.wishes.push_back(std::move(wish));
  }
}

/// Plays the moves: what each repository has when all of them are done. Fails on a mount from where nothing is.
std::set<HostRepositoryBlob> played(const Landscape& land, const Survey& survey) {
  std::set<HostRepositoryBlob> there;
  const auto holds = [&](const places::Place& place, const std::string& repository, const oci::Digest& digest) {
    return there.contains({place.name(), repository, digest}) ||
           static_cast<const FakePlace&>(place).has(repository, digest);
  };
  for (std::size_t m = 0; m < survey.moves.size(); ++m) {
    const auto& move = survey.moves[m];
    const auto& digest = move.blob.digest;
    switch (move.how) {
      case BlobMove::How::present:
        RC_ASSERT(holds(*move.dest, move.dest_repository, digest));
        break;
      case BlobMove::How::mount:
        RC_ASSERT(move.dest->traits().mount);
        RC_ASSERT(move.mount_from != move.dest_repository);
        if (move.after) {
          RC_ASSERT(*move.after < m);
          RC_ASSERT(survey.moves[*move.after].blob.digest == digest);
          RC_ASSERT(survey.moves[*move.after].dest_repository == move.mount_from);
        }
        RC_ASSERT(holds(*move.dest, move.mount_from, digest));
        break;
      case BlobMove::How::stream:
        RC_ASSERT(land.dev.has(move.origin.repository, digest));
        break;
    }
    there.emplace(move.dest->name(), move.dest_repository, digest);
  }
  return there;
}

RC_GTEST_PROP(DecideProperty, NeverLosesADigest, ()) {
  Landscape land;
  fill(land);
  const auto survey = decided(land.wishes);
  const auto there = played(land, survey);
  for (std::size_t i = 0; i < land.wishes.size(); ++i) {
    const auto& wish = land.wishes[i];
    for (const auto& [digest, content] : wish.image.blobs) {
      RC_ASSERT(there.contains({wish.dest->name(), wish.dest_repository, digest}) ||
                wish.dest->has(wish.dest_repository, digest));
    }
    RC_ASSERT(survey.items[i].bytes.total() == wish.image.blob_bytes());
    RC_ASSERT(survey.items[i].blobs.total() == wish.image.blobs.size());
  }
}

RC_GTEST_PROP(DecideProperty, NeverStreamsADigestTwiceToAHostThatMounts, ()) {
  Landscape land;
  fill(land);
  const auto survey = decided(land.wishes);
  std::map<std::pair<std::string, oci::Digest>, int> streams;
  std::map<HostRepositoryBlob, int> moves;
  for (const auto& move : survey.moves) {
    const int planned = ++moves[HostRepositoryBlob(move.dest->name(), move.dest_repository, move.blob.digest)];
    RC_ASSERT(planned == 1);
    if (move.how != BlobMove::How::stream || !move.dest->traits().mount) continue;
    const int count = ++streams[{move.dest->name(), move.blob.digest}];
    RC_ASSERT(count == 1);
  }
}

RC_GTEST_PROP(DecideProperty, LetsEveryItemWaitForExactlyItsOwnBlobs, ()) {
  Landscape land;
  fill(land);
  const auto survey = decided(land.wishes);
  for (const auto& item : survey.items) {
    std::set<oci::Digest> wanted;
    for (const auto& manifest : item.manifests) {
      for (const auto& blob : manifest->blobs()) wanted.insert(blob.digest);
    }
    std::set<oci::Digest> waited;
    for (const auto move : item.moves) {
      RC_ASSERT(survey.moves[move].dest_repository == item.item.dest_repository);
      RC_ASSERT(waited.insert(survey.moves[move].blob.digest).second);
    }
    const auto expected = item.road == Road::present ? std::set<oci::Digest>() : wanted;
    RC_ASSERT(waited == expected);
  }
}

}  // namespace
}  // namespace sluice::copy
