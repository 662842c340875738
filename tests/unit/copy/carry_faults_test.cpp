// What goes wrong on the way: refused mounts, broken transfers, wrong bytes, a user who stops.

#include "unit/copy/copy_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace sluice::copy {
namespace {

using places::ManifestName;
using support::failed_with;
using support::fake_bytes;
using support::fake_image;
using support::fake_index;
using support::FakeFault;
using support::FakeImage;
using support::FakePlace;
using support::Verb;
using support::why;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Effect = FakeFault::Effect;

class CarryFaults : public CopyBench {
 protected:
  const std::string layer = fake_bytes("layer", 30'000);
  const oci::Digest layer_digest = oci::Digest::of(layer);
  const FakeImage image = fake_image("web", {layer});

  void SetUp() override { dev.hold_image("dev/web", image, "latest"); }

  FakeFault on_layer(Verb verb, Effect effect, ErrorKind kind = ErrorKind::unreachable, unsigned times = 1) {
    return {.verb = verb, .effect = effect, .kind = kind, .times = times, .name = layer_digest.text()};
  }
  /// dev/web -> shop/web in the same registry.
  Item within() { return item_of(dev, "dev/web", ManifestName::tag("latest"), dev, "shop/web", {"latest"}); }

  void expect_nothing_published(const FakePlace& place) {
    EXPECT_THAT(place.call_texts({Verb::put_manifest}),
                ::testing::Not(::testing::Contains(::testing::EndsWith("latest"))));
    EXPECT_EQ(place.tag_of("shop/web", "latest"), std::nullopt);
  }
};

TEST_F(CarryFaults, StreamsWhatCannotBeMounted) {
  struct Row {
    const char* name;
    FakeFault fault;
    std::size_t begun;
  };
  const std::vector<Row> rows{
      {"a session instead", on_layer(Verb::mount_blob, Effect::mount_as_session), 0},
      {"denied", on_layer(Verb::mount_blob, Effect::fail, ErrorKind::denied), 1},
      {"unauthenticated", on_layer(Verb::mount_blob, Effect::fail, ErrorKind::unauthenticated), 1},
      {"unsupported", on_layer(Verb::mount_blob, Effect::fail, ErrorKind::unsupported), 1},
      {"not found", on_layer(Verb::mount_blob, Effect::fail, ErrorKind::not_found), 1},
  };
  for (const auto& row : rows) {
    FakePlace place("one.example.com");
    place.hold_image("dev/web", image, "latest");
    place.script(row.fault);
    const auto done = bring({item_of(place, "dev/web", ManifestName::tag("latest"), place, "shop/web", {"latest"})});
    ASSERT_TRUE(done.ok()) << row.name << ": " << why(done);
    EXPECT_TRUE(holds(place, "shop/web", image)) << row.name;
    EXPECT_EQ(place.calls_of(Verb::begin_upload).size(), row.begun) << row.name;
    EXPECT_EQ(place.open_uploads(), 0U) << row.name;
    EXPECT_EQ(amounts(done->items.front().bytes),
              amounts({.moved = layer.size(), .mounted = image.blob_bytes() - layer.size(), .present = 0}))
        << row.name;
    EXPECT_EQ(to_string(done->items.front().road), "stream") << row.name;
    EXPECT_EQ(done->items.front().why, "same registry, but it refused to link some layers") << row.name;
  }
}

TEST_F(CarryFaults, UsesTheSessionThatARefusedMountGave) {
  dev.script(on_layer(Verb::mount_blob, Effect::mount_as_session));
  const auto done = bring({within()});
  ASSERT_TRUE(done.ok()) << why(done);
  const auto writes = dev.calls_of(Verb::write_blob);
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes[0].from, "https://dev.example.com/session-1");
}

TEST_F(CarryFaults, FailsWhenAMountFailsForAnotherReason) {
  dev.script(on_layer(Verb::mount_blob, Effect::fail, ErrorKind::timeout));
  EXPECT_TRUE(failed_with(bring({within()}), ErrorKind::timeout));
  expect_nothing_published(dev);
}

TEST_F(CarryFaults, BeginsABrokenTransferAgain) {
  struct Row {
    const char* name;
    bool at_source;
    FakeFault fault;
  };
  const std::vector<Row> rows{
      {"the read is refused", true, on_layer(Verb::read_blob, Effect::fail, ErrorKind::busy)},
      {"the read breaks off", true, on_layer(Verb::read_blob, Effect::break_off, ErrorKind::unreachable)},
      {"the read times out", true, on_layer(Verb::read_blob, Effect::fail, ErrorKind::timeout)},
      {"the upload breaks", false, on_layer(Verb::write_blob, Effect::fail, ErrorKind::unreachable)},
      {"wrong bytes once", true, on_layer(Verb::read_blob, Effect::wrong_bytes)},
      {"too few bytes once", true, on_layer(Verb::read_blob, Effect::short_bytes)},
  };
  for (const auto& row : rows) {
    FakePlace source("a.example.com");
    FakePlace dest("b.example.com");
    support::RecordedEvents told;
    source.hold_image("dev/web", image, "latest");
    (row.at_source ? source : dest).script(row.fault);
    auto found =
        survey({item_of(source, "dev/web", ManifestName::tag("latest"), dest, "shop/web", {"latest"})}, true, told, {});
    ASSERT_TRUE(found.ok()) << row.name << ": " << why(found);
    const auto done = carry(*found, options, told, {});
    ASSERT_TRUE(done.ok()) << row.name << ": " << why(done);
    EXPECT_EQ(count_of(source, Verb::read_blob, layer_digest), 2U) << row.name;
    EXPECT_EQ(told.of(EventKind::blob_retried).size(), 1U) << row.name;
    EXPECT_TRUE(dest.has("shop/web", layer_digest)) << row.name;
    EXPECT_EQ(amounts(found->items.front().bytes), amounts({.moved = image.blob_bytes(), .mounted = 0, .present = 0}))
        << row.name << ": a second try counts once";
  }
}

TEST_F(CarryFaults, TriesAsOftenAsItWasTold) {
  struct Row {
    unsigned retry_times;
    std::size_t reads;
  };
  for (const auto& row : {Row{0, 1}, Row{1, 2}, Row{2, 3}}) {
    FakePlace source("a.example.com");
    FakePlace dest("b.example.com");
    source.hold_image("dev/web", image, "latest");
    source.script(on_layer(Verb::read_blob, Effect::fail, ErrorKind::unreachable, 100));
    options.retry_times = row.retry_times;
    const auto done = bring({item_of(source, "dev/web", ManifestName::tag("latest"), dest, "shop/web", {"latest"})});
    EXPECT_TRUE(failed_with(done, ErrorKind::unreachable)) << row.retry_times << " retries";
    EXPECT_EQ(count_of(source, Verb::read_blob, layer_digest), row.reads) << row.retry_times << " retries";
    EXPECT_EQ(dest.open_uploads(), 0U) << row.retry_times << " retries";
    expect_nothing_published(dest);
  }
}

TEST_F(CarryFaults, TriesNothingTwiceThatWillNotChange) {
  for (const auto kind : {ErrorKind::denied, ErrorKind::not_found, ErrorKind::untrusted, ErrorKind::protocol}) {
    FakePlace source("a.example.com");
    FakePlace dest("b.example.com");
    source.hold_image("dev/web", image, "latest");
    source.script(on_layer(Verb::read_blob, Effect::fail, kind));
    const auto done = bring({item_of(source, "dev/web", ManifestName::tag("latest"), dest, "shop/web", {"latest"})});
    EXPECT_TRUE(failed_with(done, kind)) << to_string(kind);
    EXPECT_EQ(count_of(source, Verb::read_blob, layer_digest), 1U) << to_string(kind);
    EXPECT_EQ(dest.open_uploads(), 0U) << to_string(kind) << ": every upload is used or given back";
  }
}

TEST_F(CarryFaults, ReadsWrongBytesTwiceAndPublishesNothing) {
  for (const auto effect : {Effect::wrong_bytes, Effect::short_bytes}) {
    FakePlace source("a.example.com");
    FakePlace dest("b.example.com");
    source.hold_image("dev/web", image, "latest");
    source.script(on_layer(Verb::read_blob, effect, ErrorKind::integrity, 100));
    options.retry_times = 4;
    const auto done = bring({item_of(source, "dev/web", ManifestName::tag("latest"), dest, "shop/web", {"latest"})});
    EXPECT_TRUE(failed_with(done, ErrorKind::integrity, layer_digest.text()));
    EXPECT_EQ(count_of(source, Verb::read_blob, layer_digest), 2U);
    EXPECT_FALSE(dest.has("shop/web", layer_digest));
    EXPECT_FALSE(dest.has("shop/web", image.digest()));
    expect_nothing_published(dest);
  }
}

TEST_F(CarryFaults, NoticesAnEmptyBlobThatIsNotEmptyOfErrors) {
  const auto hollow = fake_image("hollow", {""});
  dev.hold_image("dev/web", hollow, "latest");
  dev.script({.verb = Verb::read_blob, .kind = ErrorKind::denied, .name = oci::Digest::of("").text()});
  EXPECT_TRUE(failed_with(bring({web()}), ErrorKind::denied));
  EXPECT_FALSE(prod.has("shop/web", oci::Digest::of("")));
  EXPECT_EQ(prod.open_uploads(), 0U);
}

TEST_F(CarryFaults, UploadsAgainWhatThePlaceDeniesToHave) {
  prod.hold_blob("shop/web", layer);
  prod.script(on_layer(Verb::has_blob, Effect::deny_there));
  const auto done = bring({web()});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(count_of(prod, Verb::write_blob, layer_digest), 1U);
}

TEST_F(CarryFaults, StopsTheRestWhenOneBlobFails) {
  const auto other = fake_image("api", {"another layer"});
  dev.hold_image("dev/api", other, "latest");
  dev.script({.verb = Verb::read_blob, .effect = Effect::hold, .name = oci::Digest::of("another layer").text()});
  dev.script(on_layer(Verb::read_blob, Effect::fail, ErrorKind::denied));
  const auto done = bring({web(), item_of(dev, "dev/api", ManifestName::tag("latest"), prod, "shop/api", {"latest"})});
  EXPECT_TRUE(failed_with(done, ErrorKind::denied)) << "the held transfer was stopped, and is not the cause";
  EXPECT_EQ(prod.tag_of("shop/api", "latest"), std::nullopt);
  expect_nothing_published(prod);
}

TEST_F(CarryFaults, WritesNoTagWhenTheUserStops) {
  struct Row {
    const char* name;
    bool at_source;
    Verb verb;
  };
  const std::vector<Row> rows{
      {"while a blob is read", true, Verb::read_blob},
      {"while an upload is opened", false, Verb::begin_upload},
      {"while a blob is written", false, Verb::write_blob},
      {"while a manifest is staged", false, Verb::put_manifest},
  };
  for (const auto& row : rows) {
    FakePlace source("a.example.com");
    FakePlace dest("b.example.com");
    source.hold_image("dev/web", image, "latest");
    auto& place = row.at_source ? source : dest;
    place.script({.verb = row.verb, .effect = Effect::hold});
    std::stop_source user;
    std::jthread thread([&] {
      place.wait_until_held();
      user.request_stop();
    });
    auto found = survey({item_of(source, "dev/web", ManifestName::tag("latest"), dest, "shop/web", {"latest"})}, true,
                        events, {});
    ASSERT_TRUE(found.ok()) << row.name << ": " << why(found);
    EXPECT_TRUE(failed_with(carry(*found, options, events, user.get_token()), ErrorKind::cancelled)) << row.name;
    expect_nothing_published(dest);
  }
}

TEST_F(CarryFaults, MountsAfterTheStreamIsDone) {
  const auto api = fake_image("api", {layer});
  dev.hold_image("dev/api", api, "latest");
  dev.script(on_layer(Verb::read_blob, Effect::hold));
  std::jthread helper([&] {
    dev.wait_until_held();
    EXPECT_EQ(count_of(prod, Verb::mount_blob, layer_digest), 0U) << "nothing is there to be mounted yet";
    dev.release();
  });
  const auto done = bring({web(), item_of(dev, "dev/api", ManifestName::tag("latest"), prod, "shop/api", {"latest"})});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(count_of(prod, Verb::mount_blob, layer_digest), 1U);
  EXPECT_EQ(done->items[1].bytes.mounted, layer.size());
}

TEST_F(CarryFaults, StreamsASharedBlobAgainWhenTheLaterMountIsRefused) {
  const auto api = fake_image("api", {layer});
  dev.hold_image("dev/api", api, "latest");
  prod.script(on_layer(Verb::mount_blob, Effect::fail, ErrorKind::denied));
  const auto done = bring({web(), item_of(dev, "dev/api", ManifestName::tag("latest"), prod, "shop/api", {"latest"})});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(count_of(prod, Verb::write_blob, layer_digest), 2U);
  EXPECT_TRUE(holds(prod, "shop/api", api));
  EXPECT_EQ(amounts(done->items[1].blobs), "moved 2 mounted 0 present 0");
}

}  // namespace
}  // namespace sluice::copy
