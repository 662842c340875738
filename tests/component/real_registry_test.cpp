// Registry against a real one (Debian's docker-registry): what a scripted server cannot show. TLS: registry_tls_test.

#include "base/text.hpp"
#include "component/registry_testing.hpp"
#include "support/registry_process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace sluice::places {
namespace {

using support::failed_with;
using support::RegistryProcess;
using support::why;
using testing::descriptor_of;
using testing::pattern;

const ManifestName kLatest = ManifestName::tag("latest");

oci::Manifest manifest_of(const oci::Descriptor& config, const oci::Descriptor& layer) {
  const auto described = [](const char* type, const oci::Descriptor& blob) {
    return R"({"mediaType":")" + std::string(type) + R"(","digest":")" + blob.digest.text() + R"(","size":)" +
           std::to_string(blob.size_bytes) + "}";
  };
  const std::string type(oci::media::kDockerManifest);
  auto made =
      oci::parse_manifest(R"({"schemaVersion":2,"mediaType":")" + type + R"(","config":)" +
                              described("application/vnd.docker.container.image.v1+json", config) + R"(,"layers":[)" +
                              described("application/vnd.docker.image.rootfs.diff.tar.gzip", layer) + "]}",
                          type);
  EXPECT_TRUE(made.ok()) << why(made);
  return std::move(made).value();
}

/// One registry program for all tests of the suite; each test uses repositories of its own.
class RealRegistry : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (RegistryProcess::missing().empty()) process_ = std::make_unique<RegistryProcess>();
  }
  static void TearDownTestSuite() { process_.reset(); }

  void SetUp() override {
    if (const auto reason = RegistryProcess::missing(); !reason.empty()) GTEST_SKIP() << reason;
    RegistryOptions options;
    options.host = process_->host();
    registry_ = std::make_unique<Registry>(loop_, options);
    repository_ = text::lower(::testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  void TearDown() override { EXPECT_EQ(loop_.counters().live_transfers, 0U) << "a transfer was left in the loop"; }

  Status push_blob(const std::string& repository, const std::string& content) {
    const auto blob = descriptor_of(content);
    BlobPipe pipe(blob);
    SLUICE_TRY(const auto session, registry_->begin_upload(repository, HashAlgorithm::sha256, {}));
    if (!content.empty() && pipe.take(std::as_bytes(std::span(content))) != net::Flow::moved) return *pipe.failure();
    SLUICE_CHECK(pipe.end());
    return registry_->write_blob(session, blob, pipe, {}, {});
  }
  /// An image with one layer, pushed under `tag`.
  oci::Manifest push_image(const std::string& repository, const std::string& tag) {
    EXPECT_TRUE(push_blob(repository, kConfig).ok());
    EXPECT_TRUE(push_blob(repository, kLayer).ok());
    auto made = manifest_of(descriptor_of(kConfig), descriptor_of(kLayer));
    const auto put = registry_->put_manifest(repository, ManifestName::tag(tag), made, {});
    EXPECT_TRUE(put.ok()) << why(put);
    return made;
  }

  inline static const std::string kConfig = R"({"architecture":"amd64","os":"linux"})";
  inline static const std::string kLayer = "the layer";
  inline static std::unique_ptr<RegistryProcess> process_;
  net::TransferLoop loop_;
  std::unique_ptr<Registry> registry_;
  std::string repository_;
};

TEST_F(RealRegistry, HoldsWhatWasPushed) {
  const auto made = push_image(repository_, "latest");
  for (const auto& name : {kLatest, ManifestName::digest(made.digest)}) {
    const auto read = registry_->manifest(repository_, name, {});
    ASSERT_TRUE(read.ok()) << why(read);
    EXPECT_EQ(read->bytes, made.bytes);
    const auto digest = registry_->digest_of(repository_, name, {});
    ASSERT_TRUE(digest.ok()) << why(digest);
    EXPECT_EQ(*digest, made.digest);
  }
  const auto config = registry_->small_blob(repository_, descriptor_of(kConfig), 1000, {});
  ASSERT_TRUE(config.ok()) << why(config);
  EXPECT_EQ(*config, kConfig);
}

TEST_F(RealRegistry, KnowsWhatItDoesNotHave) {
  const auto blob = descriptor_of("nobody pushed this");
  const auto there = registry_->has_blob(repository_, blob, {});
  ASSERT_TRUE(there.ok()) << why(there);
  EXPECT_FALSE(*there);
  const auto digest = registry_->digest_of(repository_, kLatest, {});
  ASSERT_TRUE(digest.ok()) << why(digest);
  EXPECT_EQ(*digest, std::nullopt);
  EXPECT_TRUE(failed_with(registry_->manifest(repository_, kLatest, {}), ErrorKind::not_found, repository_));
  EXPECT_TRUE(failed_with(registry_->tags(repository_, {}), ErrorKind::not_found, repository_));
  EXPECT_TRUE(failed_with(registry_->small_blob(repository_, blob, 1000, {}), ErrorKind::not_found));
  BlobPipe pipe(blob);
  const auto reading = registry_->read_blob(repository_, blob, pipe, {});
  EXPECT_TRUE(failed_with(reading->started(), ErrorKind::not_found, repository_));
}

TEST_F(RealRegistry, TakesAManifestThatNoTagPointsAt) {
  EXPECT_TRUE(registry_->traits().push_by_digest);
  ASSERT_TRUE(push_blob(repository_, kConfig).ok());
  ASSERT_TRUE(push_blob(repository_, kLayer).ok());
  const auto made = manifest_of(descriptor_of(kConfig), descriptor_of(kLayer));
  const auto name = ManifestName::digest(made.digest);
  const auto put = registry_->put_manifest(repository_, name, made, {});
  ASSERT_TRUE(put.ok()) << why(put);
  EXPECT_TRUE(registry_->manifest(repository_, name, {}).ok());
  const auto tags = registry_->tags(repository_, {});
  if (tags.ok()) {
    EXPECT_TRUE(tags->empty());
  }
}

TEST_F(RealRegistry, RefusesAManifestWhoseBlobsAreMissing) {
  ASSERT_TRUE(push_blob(repository_, kConfig).ok());
  const auto layer = descriptor_of("nobody pushed this");
  const auto made = manifest_of(descriptor_of(kConfig), layer);
  EXPECT_TRUE(
      failed_with(registry_->put_manifest(repository_, kLatest, made, {}), ErrorKind::conflict, layer.digest.text()));
}

TEST_F(RealRegistry, MountsABlobFromAnotherRepository) {
  const auto blob = descriptor_of(kLayer);
  ASSERT_TRUE(push_blob(repository_ + "/dev", kLayer).ok());
  const auto mounted = registry_->mount_blob(repository_ + "/prod", blob, repository_ + "/dev", {});
  ASSERT_TRUE(mounted.ok()) << why(mounted);
  EXPECT_TRUE(std::holds_alternative<Mounted>(*mounted));
  const auto there = registry_->has_blob(repository_ + "/prod", blob, {});
  ASSERT_TRUE(there.ok()) << why(there);
  EXPECT_TRUE(*there);
}

TEST_F(RealRegistry, OpensAnUploadWhenThereIsNothingToMount) {
  const std::string content = "nobody pushed this";
  const auto blob = descriptor_of(content);
  const auto answer = registry_->mount_blob(repository_, blob, repository_ + "/dev", {});
  ASSERT_TRUE(answer.ok()) << why(answer);
  ASSERT_TRUE(std::holds_alternative<UploadSession>(*answer));
  BlobPipe pipe(blob);
  ASSERT_EQ(pipe.take(std::as_bytes(std::span(content))), net::Flow::moved);
  const auto written = registry_->write_blob(std::get<UploadSession>(*answer), blob, pipe, {}, {});
  EXPECT_TRUE(written.ok()) << why(written);
  EXPECT_TRUE(*registry_->has_blob(repository_, blob, {}));
}

TEST_F(RealRegistry, StreamsALargeBlobFromOneRepositoryToAnother) {
  const auto content = pattern(200'000);
  ASSERT_TRUE(push_blob(repository_ + "/dev", content).ok());
  auto big = content;
  while (big.size() < 20'000'000) big += big;
  const auto blob = descriptor_of(big);
  // Too large for the ring: both legs have to run.
  BlobPipe first(blob);
  const auto session = registry_->begin_upload(repository_ + "/dev", HashAlgorithm::sha256, {});
  ASSERT_TRUE(session.ok()) << why(session);
  std::thread feeding([&] {
    Watched<bool> room(false);
    first.on_room([&] { room.update([](bool& r) { r = true; }); });
    for (std::size_t at = 0; at < big.size();) {
      const auto piece = std::string_view(big).substr(at, 60'000);
      const auto flow = first.take(std::as_bytes(std::span(piece)));
      if (flow == net::Flow::broken) break;
      if (flow == net::Flow::moved) at += piece.size();
      if (flow == net::Flow::later) room.when([](bool r) { return r; }, {}, [](bool& r) { r = false; });
    }
    first.on_room(nullptr);
  });
  const auto pushed = registry_->write_blob(*session, blob, first, {}, {});
  feeding.join();
  ASSERT_TRUE(pushed.ok()) << why(pushed);

  BlobPipe pipe(blob);
  const auto reading = registry_->read_blob(repository_ + "/dev", blob, pipe, {});
  const auto opened = registry_->begin_upload(repository_ + "/prod", HashAlgorithm::sha256, {});
  ASSERT_TRUE(opened.ok()) << why(opened);
  const auto started = reading->started();
  ASSERT_TRUE(started.ok()) << why(started);
  const auto written = registry_->write_blob(*opened, blob, pipe, {}, {});
  EXPECT_TRUE(written.ok()) << why(written);
  EXPECT_TRUE(reading->finish().ok());
  EXPECT_TRUE(*registry_->has_blob(repository_ + "/prod", blob, {}));
}

TEST_F(RealRegistry, HoldsEmptyBlobs) {
  const auto pushed = push_blob(repository_, "");
  ASSERT_TRUE(pushed.ok()) << why(pushed);
  const auto blob = descriptor_of("");
  EXPECT_TRUE(*registry_->has_blob(repository_, blob, {}));
  BlobPipe pipe(blob);
  const auto reading = registry_->read_blob(repository_, blob, pipe, {});
  ASSERT_TRUE(reading->started().ok());
  const auto end = reading->finish();
  EXPECT_TRUE(end.ok()) << why(end);
}

TEST_F(RealRegistry, NeverHoldsABlobThatWasWrongAtTheSource) {
  const std::string content = "right";
  const auto blob = descriptor_of(content);
  const auto session = registry_->begin_upload(repository_, HashAlgorithm::sha256, {});
  ASSERT_TRUE(session.ok()) << why(session);
  BlobPipe pipe(blob);
  EXPECT_EQ(pipe.take(std::as_bytes(std::span(std::string_view("wrong")))), net::Flow::broken);
  EXPECT_TRUE(failed_with(registry_->write_blob(*session, blob, pipe, {}, {}), ErrorKind::integrity));
  EXPECT_FALSE(*registry_->has_blob(repository_, blob, {}));
}

TEST_F(RealRegistry, ListsItsTags) {
  push_image(repository_, "v1");
  push_image(repository_, "v2");
  push_image(repository_, "latest");
  auto tags = registry_->tags(repository_, {});
  ASSERT_TRUE(tags.ok()) << why(tags);
  std::sort(tags->begin(), tags->end());
  EXPECT_EQ(text::join(*tags, " "), "latest v1 v2");
}

TEST_F(RealRegistry, TakesUnusedUploadsBack) {
  const auto session = registry_->begin_upload(repository_, HashAlgorithm::sha256, {});
  ASSERT_TRUE(session.ok()) << why(session);
  registry_->abandon_upload(*session);
  const auto blob = descriptor_of("x");
  BlobPipe pipe(blob);
  ASSERT_EQ(pipe.take(std::as_bytes(std::span(std::string_view("x")))), net::Flow::moved);
  EXPECT_TRUE(failed_with(registry_->write_blob(*session, blob, pipe, {}, {}), ErrorKind::not_found));
}

TEST_F(RealRegistry, ReusesItsConnection) {
  push_image(repository_, "latest");
  const auto before = registry_->requests();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(registry_->manifest(repository_, kLatest, {}).ok());
  EXPECT_EQ(registry_->requests() - before, 5U) << "one exchange each, no challenge, no second try";
}

}  // namespace
}  // namespace sluice::places
