// The memory of a plain registry: exchanges, other writers, and registries that refuse or lag. Fake registry.

#include "base/encoding.hpp"
#include "base/pause.hpp"
#include "component/memory_testing.hpp"
#include "support/fake_images.hpp"
#include "support/fake_registry.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice {

namespace {

using memory::RegistryMemory;
using memory::RepositoryMemory;
using support::failed_with;
using support::FakeKnobs;
using support::FakeRule;
using support::why;
using testing::adding;
using testing::promotions_of;
using testing::quick;

const std::string kMemoryPath = "/v2/shop/web/manifests/sluice-memory";
using Ids = std::set<std::string>;

class MemoryRegistryTest : public testing::MemoryTest {
 protected:
  MemoryRegistryTest() : place_(client(registry_.host())), memory_(*place_, "shop", quick()) {}

  RepositoryMemory now(const std::string& image = kImage) {
    const auto read = memory_.read({image}, {});
    EXPECT_TRUE(read.ok()) << why(read);
    return read.ok() ? read->front() : RepositoryMemory{};
  }
  void change(const memory::Change& change) {
    const auto done = memory_.change(kImage, change, {});
    ASSERT_TRUE(done.ok()) << why(done);
  }
  /// A refusal as the caller gets it.
  ::testing::AssertionResult refused(ErrorKind kind, const std::string& part) {
    const auto done = memory_.change(kImage, adding("p1"), {});
    const auto failed = failed_with(done, kind, part);
    if (!failed) return failed;
    if (!memory::is_memory_refused(done.error()))
      return ::testing::AssertionFailure() << "the code is " << done.error().registry_code();
    return ::testing::AssertionSuccess();
  }
  /// What stands there as an answer that came late gives it.
  FakeRule stale_answer(unsigned times, unsigned skip) {
    const auto found = registry_.manifest_of("shop/web", "sluice-memory");
    return {.method = "GET",
            .path = kMemoryPath,
            .times = times,
            .skip = skip,
            .status = 200,
            .headers = {{"Content-Type", found->media_type}},
            .body = found->bytes};
  }

  const FakeKnobs plain_{};  // as an argument made in place g++ 12 takes it for uninitialised
  support::FakeRegistry registry_{plain_};
  std::unique_ptr<places::Registry> place_;
  RegistryMemory memory_;
};

TEST_F(MemoryRegistryTest, ARepositoryThatIsNotThereRemembersNothing) {
  EXPECT_EQ(now(), RepositoryMemory{});
  EXPECT_EQ(registry_.order(), std::vector<std::string>{"GET " + kMemoryPath});
}

TEST_F(MemoryRegistryTest, TheFirstWriteBringsTheEmptyBlobAndTakesSixExchanges) {
  change(adding("p1"));
  EXPECT_EQ(registry_.log().size(), 6U) << "read, refused write, upload (2), write, look";
  EXPECT_EQ(registry_.count("PUT", kMemoryPath), 2U);
  const auto memory = now();
  EXPECT_EQ(promotions_of(memory), Ids{"p1"});
  EXPECT_EQ(memory.id.size(), 32U);
  EXPECT_TRUE(encoding::is_lower_hex(memory.id));
}

TEST_F(MemoryRegistryTest, ALaterWriteTakesThreeExchangesAndAReadOne) {
  change(adding("p1"));
  const auto id = now().id;
  auto before = registry_.log().size();
  change(adding("p2"));
  EXPECT_EQ(registry_.log().size() - before, 3U);
  before = registry_.log().size();
  const auto memory = now();
  EXPECT_EQ(registry_.log().size() - before, 1U);
  EXPECT_EQ(promotions_of(memory), (Ids{"p1", "p2"}));
  EXPECT_EQ(memory.id, id) << "a repository keeps its id";
}

TEST_F(MemoryRegistryTest, TheArtifactIsWhatOtherToolsExpect) {
  change(adding("p1"));
  const auto found = registry_.manifest_of("shop/web", "sluice-memory");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->media_type, oci::media::kOciManifest);
  const auto read = oci::parse_manifest(found->bytes, found->media_type);
  ASSERT_TRUE(read.ok()) << why(read);
  EXPECT_EQ(read->artifact_type, "application/vnd.sluice.memory.v1+json");
  ASSERT_EQ(read->layers.size(), 1U);
  EXPECT_EQ(read->layers[0].digest.text(), "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  EXPECT_EQ(read->layers[0].media_type, "application/vnd.oci.empty.v1+json");
  EXPECT_EQ(read->config->digest, read->layers[0].digest);
}

TEST_F(MemoryRegistryTest, NothingIsWrittenWhereNothingChanges) {
  change(adding("p1"));
  const auto before = registry_.log().size();
  change(adding("p1"));
  EXPECT_EQ(registry_.log().size() - before, 1U);
}

TEST_F(MemoryRegistryTest, AnErrorOfTheChangeIsGivenOnAndNothingIsWritten) {
  const auto done =
      memory_.change(kImage, [](RepositoryMemory&) -> Status { return Error(ErrorKind::blocked, "on hold"); }, {});
  EXPECT_TRUE(failed_with(done, ErrorKind::blocked, "on hold"));
  EXPECT_EQ(registry_.count("P*"), 0U);
}

TEST_F(MemoryRegistryTest, ManyRepositoriesAreReadSideBySide) {
  std::vector<std::string> images;
  for (int i = 0; i < 30; ++i) {
    images.push_back("image" + std::to_string(i));
    if (i % 3 == 0) {
      ASSERT_TRUE(memory_.change(images.back(), adding(images.back()), {}).ok());
    }
  }
  const auto read = memory_.read(images, {});
  ASSERT_TRUE(read.ok()) << why(read);
  ASSERT_EQ(read->size(), 30U);
  for (std::size_t i = 0; i < 30; ++i)
    EXPECT_EQ(promotions_of((*read)[i]), i % 3 == 0 ? Ids{images[i]} : Ids{}) << images[i];
}

// A tree for each would grow with the square of the images of a release.
TEST_F(MemoryRegistryTest, RepositoriesThatRememberTheSamePlanShareOneTree) {
  const auto opening = [](const std::string& plan) -> memory::Change {
    return [plan](RepositoryMemory& memory) -> Status {
      memory::OpenPromotion open;
      open.promotion = "p1";
      open.release = std::string(64, 'b');
      open.digest = open.after = "sha256:" + std::string(64, 'a');
      open.tags.push_back({"prod", ""});
      open.plan = Json::object().set("app", plan);
      memory.tags["prod"].open = std::move(open);
      return {};
    };
  };
  for (const auto& [image, plan] : {std::pair("one", "shop"), std::pair("two", "shop"), std::pair("three", "other")}) {
    const auto done = memory_.change(image, opening(plan), {});
    ASSERT_TRUE(done.ok()) << why(done);
  }
  const auto read = memory_.read({"one", "two"}, {});
  ASSERT_TRUE(read.ok()) << why(read);
  const auto& one = read->at(0).tags.at("prod").open;
  const auto& two = read->at(1).tags.at("prod").open;
  ASSERT_TRUE(one && two);
  EXPECT_EQ(&*one->plan, &*two->plan);
  const auto three = now("three").tags.at("prod").open;
  ASSERT_TRUE(three);
  EXPECT_EQ(three->plan->string_at("app"), "other");
}

TEST_F(MemoryRegistryTest, AnotherManifestUnderTheTagIsAProblemAndIsReplacedOnlyWhenTheChangeSaysSo) {
  const auto image = support::fake_image("web", {"a layer"});
  for (const auto& [digest, bytes] : image.blobs) registry_.put_blob_as("shop/web", digest.text(), bytes);
  registry_.put_manifest("shop/web", image.manifest.bytes, image.manifest.media_type, "sluice-memory");
  EXPECT_NE(now().problem.find("something else"), std::string::npos) << now().problem;
  change(adding("p1"));
  EXPECT_EQ(registry_.count("P*"), 0U) << "the problem was not taken away";
  change([](RepositoryMemory& memory) -> Status {
    EXPECT_FALSE(memory.problem.empty());
    memory.problem.clear();
    return adding("p1")(memory);
  });
  EXPECT_EQ(promotions_of(now()), Ids{"p1"});
}

TEST_F(MemoryRegistryTest, ADamagedAnnotationIsAProblem) {
  const auto put = [&](const memory::Annotations& notes) {
    const auto artifact = memory::make_artifact(memory::kMemoryType, notes);
    registry_.put_manifest("shop/web", artifact.bytes, artifact.media_type, "sluice-memory");
    return now().problem;
  };
  EXPECT_NE(put({{"io.sluice.memory", R"({"tags":[]})"}}), "");
  EXPECT_NE(put({{"io.sluice.memory", "x"}}), "");
  EXPECT_NE(put({{"io.sluice.memory", ""}}), "");
  EXPECT_NE(put({}), "");
  EXPECT_EQ(put({{"io.sluice.memory", "{}"}}), "");
}

TEST_F(MemoryRegistryTest, BytesThatAreNoManifestAreAProblem) {
  registry_.put_manifest("shop/web", "no JSON", std::string(oci::media::kOciManifest), "sluice-memory");
  EXPECT_NE(now().problem, "");
}

// Other writers.

TEST_F(MemoryRegistryTest, AWriteThatCameInBetweenIsFoundAndBothStand) {
  change(adding("p0"));
  const auto other_place = client(registry_.host());
  RegistryMemory other(*other_place, "shop", quick());
  // The other one has read before this test's write, and writes right after it.
  auto read_by_both = std::make_shared<support::FakeGate>();
  FakeRule hold{.method = "PUT", .path = kMemoryPath, .hold = read_by_both};
  registry_.add(hold);
  std::thread slow([&] {
    const auto done = other.change(kImage, adding("theirs"), {});
    EXPECT_TRUE(done.ok()) << why(done);
  });
  registry_.wait_for(3, "PUT", kMemoryPath);  // two of the first write
  // Our look comes after the other's write.
  registry_.add({.method = "GET", .path = kMemoryPath, .skip = 1, .before = [&](const support::FakeRequest&) {
                   read_by_both->open();
                   slow.join();
                 }});
  change(adding("ours"));
  EXPECT_EQ(promotions_of(now()), (Ids{"p0", "theirs", "ours"}));
  EXPECT_EQ(registry_.count("PUT", kMemoryPath), 5U) << "ours was replaced, and written again";
}

TEST_F(MemoryRegistryTest, OfTwoFirstWritersBothEndWithOneId) {
  const auto other_place = client(registry_.host());
  RegistryMemory other(*other_place, "shop", quick());
  // The other's whole change comes between our read and our write: what we write replaces it, and it is gone. It is
  // found where the other looks again; here it makes its change a second time, as the end of a promotion does.
  registry_.add({.method = "PUT", .path = kMemoryPath, .before = [&](const support::FakeRequest&) {
                   const auto done = other.change(kImage, adding("theirs"), {});
                   EXPECT_TRUE(done.ok()) << why(done);
                 }});
  change(adding("ours"));
  const auto id = now().id;
  ASSERT_TRUE(other.change(kImage, adding("theirs"), {}).ok());
  const auto memory = now();
  EXPECT_EQ(promotions_of(memory), (Ids{"ours", "theirs"}));
  EXPECT_EQ(memory.id, id);
}

TEST_F(MemoryRegistryTest, WhoeverWritesWithoutEndIsAConflict) {
  change(adding("p0"));
  const auto other_place = client(registry_.host());
  int count = 0;
  // Each of our writes is followed by one of somebody else that does not contain it.
  registry_.add(
      {.method = "GET", .path = kMemoryPath, .times = 0, .skip = 1, .before = [&](const support::FakeRequest&) {
         const auto artifact = memory::make_artifact(
             memory::kMemoryType, {{"io.sluice.memory", R"({"id":")" + std::to_string(++count) + "\"}"}});
         registry_.put_manifest("shop/web", artifact.bytes, artifact.media_type, "sluice-memory");
       }});
  EXPECT_TRUE(failed_with(memory_.change(kImage, adding("ours"), {}), ErrorKind::conflict, "sluice-memory"));
  EXPECT_EQ(registry_.count("PUT", kMemoryPath), 2U + 8U);
}

TEST_F(MemoryRegistryTest, ALaterWriteThatContainsOursIsNoReasonToRepeatIt) {
  change(adding("p0"));
  const auto other_place = client(registry_.host());
  RegistryMemory other(*other_place, "shop", quick());
  registry_.add({.method = "GET", .path = kMemoryPath, .skip = 1, .before = [&](const support::FakeRequest&) {
                   for (int i = 0; i < 3; ++i) {
                     ASSERT_TRUE(other.change(kImage, adding("theirs" + std::to_string(i)), {}).ok());
                   }
                 }});
  const auto before = registry_.count("PUT", kMemoryPath);
  change(adding("ours"));
  EXPECT_EQ(registry_.count("PUT", kMemoryPath) - before, 4U);
  EXPECT_EQ(promotions_of(now()), (Ids{"p0", "ours", "theirs0", "theirs1", "theirs2"}));
}

TEST_F(MemoryRegistryTest, AWriterThatWasSlowReadsAgainBeforeItWrites) {
  change(adding("p0"));
  const auto other_place = client(registry_.host());
  RegistryMemory other(*other_place, "shop", quick());
  auto options = quick();
  options.settle = std::chrono::milliseconds(2);
  RegistryMemory slow(*place_, "shop", options);
  bool first = true;
  const auto done = slow.change(kImage,
                                [&](RepositoryMemory& memory) -> Status {
                                  if (std::exchange(first, false)) {
                                    SLUICE_CHECK(other.change(kImage, adding("theirs"), {}));
                                    pause_for(options.settle, {});  // what makes it slow
                                  }
                                  return adding("ours")(memory);
                                },
                                {});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(promotions_of(now()), (Ids{"p0", "theirs", "ours"}));
  EXPECT_EQ(registry_.count("PUT", kMemoryPath), 4U) << "the other's write was not replaced";
}

TEST_F(MemoryRegistryTest, TwoWritersLoseNothing) {
  const auto other = client(registry_.host());
  testing::two_writers(*place_, *other, kImage);
}

// Registries that lag.

TEST_F(MemoryRegistryTest, AReadThatLagsIsWaitedFor) {
  change(adding("p1"));
  registry_.add(stale_answer(3, 1));
  const auto before = registry_.count("PUT", kMemoryPath);
  change(adding("p2"));
  EXPECT_EQ(registry_.count("PUT", kMemoryPath) - before, 1U) << "what stood before is no other writer's";
  EXPECT_EQ(promotions_of(now()), (Ids{"p1", "p2"}));
}

TEST_F(MemoryRegistryTest, AReadThatLagsBehindSeveralWritesIsNoOtherWriter) {
  change(adding("p1"));
  const auto rule = stale_answer(2, 1);
  change(adding("p2"));
  registry_.add(rule);
  change(adding("p3"));
  EXPECT_EQ(promotions_of(now()), (Ids{"p1", "p2", "p3"}));
}

TEST_F(MemoryRegistryTest, ARegistryThatDoesNotShowAFirstWriteAtOnceIsWaitedFor) {
  registry_.add({.method = "GET", .path = kMemoryPath, .times = 3, .status = 404, .code = "MANIFEST_UNKNOWN"});
  change(adding("p1"));
  EXPECT_EQ(registry_.count("GET", kMemoryPath), 4U);
  EXPECT_EQ(promotions_of(now()), Ids{"p1"});
}

TEST_F(MemoryRegistryTest, WhatNeverShowsIsAnError) {
  change(adding("p1"));
  registry_.add(stale_answer(0, 0));
  EXPECT_TRUE(failed_with(memory_.change(kImage, adding("p2"), {}), ErrorKind::integrity, "reads back"));
}

// Registries that refuse.

TEST_F(MemoryRegistryTest, ImmutableTagsAreARefusal) {
  change(adding("p0"));
  for (const int status : {400, 409, 412, 405}) {
    registry_.turn([&](FakeKnobs& knobs) {
      knobs.immutable = FakeKnobs::Immutable::different;
      knobs.immutable_status = status;
      knobs.immutable_code = status == 400 ? "TAG_INVALID" : "UNKNOWN";
    });
    EXPECT_TRUE(refused(ErrorKind::unsupported, std::to_string(status)));
  }
  EXPECT_EQ(promotions_of(now()), Ids{"p0"});
}

TEST_F(MemoryRegistryTest, ARegistryThatTakesNoArtifactsIsARefusal) {
  registry_.turn([](FakeKnobs& knobs) { knobs.artifacts = false; });
  EXPECT_TRUE(refused(ErrorKind::unsupported, "MANIFEST_INVALID"));
  registry_.add({.method = "PUT", .path = kMemoryPath, .times = 0, .status = 415});
  EXPECT_TRUE(refused(ErrorKind::unsupported, "415"));
}

TEST_F(MemoryRegistryTest, WhoMayNotPushIsToldSo) {
  registry_.add({.method = "P*", .times = 0, .status = 403, .code = "DENIED"});
  EXPECT_TRUE(refused(ErrorKind::denied, "DENIED"));
}

TEST_F(MemoryRegistryTest, WhoMayNotUploadTheEmptyBlobIsToldSo) {
  registry_.add({.method = "POST", .times = 0, .status = 403, .code = "DENIED"});
  EXPECT_TRUE(refused(ErrorKind::denied, "DENIED"));
}

TEST_F(MemoryRegistryTest, ARepositoryThatAPushDoesNotMakeIsARefusal) {
  registry_.add({.method = "P*", .times = 0, .status = 404, .code = "NAME_UNKNOWN"});
  EXPECT_TRUE(refused(ErrorKind::unsupported, "NAME_UNKNOWN"));
}

TEST_F(MemoryRegistryTest, ABusyRegistryIsNoRefusal) {
  registry_.add({.method = "PUT", .path = kMemoryPath, .times = 0, .status = 429, .headers = {{"Retry-After", "0"}}});
  const auto done = memory_.change(kImage, adding("p1"), {});
  EXPECT_TRUE(failed_with(done, ErrorKind::busy));
  EXPECT_FALSE(memory::is_memory_refused(done.error()));
}

TEST_F(MemoryRegistryTest, ForbiddenIsTakenForMissingWhereTheTagsSaySo) {
  // Artifactory, Google: 403 where 404 is meant.
  registry_.turn([](FakeKnobs& knobs) { knobs.missing = 403; });
  registry_.put_manifest("shop/web", "{}", std::string(oci::media::kOciManifest), "v1");
  EXPECT_EQ(now(), RepositoryMemory{});
  change(adding("p1"));
  EXPECT_EQ(promotions_of(now()), Ids{"p1"});
}

TEST_F(MemoryRegistryTest, WhoMayNotReadIsToldSo) {
  change(adding("p1"));
  registry_.add({.method = "GET", .times = 0, .status = 403, .code = "DENIED"});
  EXPECT_TRUE(failed_with(memory_.read({kImage}, {}), ErrorKind::denied));
  EXPECT_TRUE(refused(ErrorKind::denied, "DENIED"));
  EXPECT_EQ(registry_.count("PUT", kMemoryPath), 2U) << "a memory that cannot be read is not written over";
}

TEST_F(MemoryRegistryTest, AnotherWayToSayThatTheBlobIsMissingIsUnderstood) {
  // Quay.
  registry_.add({.method = "PUT", .path = kMemoryPath, .status = 400, .code = "MANIFEST_INVALID"});
  change(adding("p1"));
  EXPECT_EQ(promotions_of(now()), Ids{"p1"});
}

TEST_F(MemoryRegistryTest, AStopEndsIt) {
  change(adding("p1"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(failed_with(memory_.change(kImage, adding("p2"), stop.get_token()), ErrorKind::cancelled));
}

// Pins.

class MemoryPinsTest : public MemoryRegistryTest {
 protected:
  MemoryPinsTest() {
    for (const auto& [digest, bytes] : image_.blobs) registry_.put_blob_as("shop/web", digest.text(), bytes);
    registry_.put_manifest("shop/web", image_.manifest.bytes, image_.manifest.media_type, "prod");
  }
  const support::FakeImage image_ = support::fake_image("web", {"a layer"});
  const std::string digest_ = image_.digest().text();
  const std::string pin_ = "sluice-" + image_.digest().hex().substr(0, 12);
};

TEST_F(MemoryPinsTest, APinIsTheSameManifestUnderATagOfItsOwn) {
  const auto done = memory_.pin(kImage, digest_, {});
  ASSERT_TRUE(done.ok()) << why(done);
  const auto found = registry_.manifest_of("shop/web", pin_);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->digest, digest_);
  EXPECT_EQ(found->bytes, image_.manifest.bytes);
  EXPECT_EQ(registry_.log().size(), 4U);
}

TEST_F(MemoryPinsTest, APinThatStandsIsNotWrittenAgain) {
  ASSERT_TRUE(memory_.pin(kImage, digest_, {}).ok());
  const auto before = registry_.log().size();
  ASSERT_TRUE(memory_.pin(kImage, digest_, {}).ok());
  EXPECT_EQ(registry_.log().size() - before, 1U);
}

TEST_F(MemoryPinsTest, AnImageThatIsGoneCannotBePinned) {
  EXPECT_TRUE(failed_with(memory_.pin(kImage, "sha256:" + std::string(64, '1'), {}), ErrorKind::not_found));
  EXPECT_FALSE(memory_.pin(kImage, "latest", {}).ok());
}

TEST_F(MemoryPinsTest, WhoMayNotPinIsToldSo) {
  registry_.add({.method = "PUT", .times = 0, .status = 403, .code = "DENIED"});
  const auto done = memory_.pin(kImage, digest_, {});
  EXPECT_TRUE(failed_with(done, ErrorKind::denied, "DENIED"));
  EXPECT_TRUE(memory::is_memory_refused(done.error()));
}

TEST_F(MemoryPinsTest, OnlyWhatCanBeReadIsThere) {
  const auto there = memory_.there(kImage, {"sha256:" + std::string(64, '1'), digest_, "sha256:x", "", digest_}, {});
  ASSERT_TRUE(there.ok()) << why(there);
  EXPECT_EQ(*there, (std::vector<bool>{false, true, false, false, true}));
  registry_.turn([](FakeKnobs& knobs) { knobs.missing = 403; });
  EXPECT_EQ(*memory_.there(kImage, {"sha256:" + std::string(64, '1')}, {}), std::vector<bool>{false});
  registry_.add({.method = "GET", .times = 0, .status = 401});
  EXPECT_FALSE(memory_.there(kImage, {digest_}, {}).ok()) << "who cannot look does not know";
}

}  // namespace

}  // namespace sluice
