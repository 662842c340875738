// The small parts: gzip, headers, the spool, names, an index's entry for an engine.

#include "archive/daemon_name.hpp"
#include "archive/engine_images.hpp"
#include "archive_testing.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace sluice::archive {
namespace {

using support::failed_with;

std::string unpacked(const std::string& bytes, std::size_t piece) {
  std::string out;
  Gunzip gunzip([&](std::string_view part) {
    out += part;
    return Status();
  });
  const auto all = std::as_bytes(std::span(bytes));
  for (std::size_t at = 0; at < all.size(); at += piece) {
    EXPECT_TRUE(gunzip.feed(all.subspan(at, std::min(piece, all.size() - at))));
  }
  EXPECT_TRUE(gunzip.finish());
  return out;
}

TEST(Gzip, GivesTheSameBytesHoweverTheContentArrives) {
  std::string content;
  for (int n = 0; content.size() < 300000; ++n) content += std::to_string(n * 7919);
  std::string in_drops;
  Gzip gzip([&](std::string_view bytes) {
    in_drops += bytes;
    return Status();
  });
  const auto all = std::as_bytes(std::span(content));
  for (std::size_t at = 0; at < all.size(); at += 997)
    ASSERT_TRUE(gzip.feed(all.subspan(at, std::min<std::size_t>(997, all.size() - at))));
  ASSERT_TRUE(gzip.finish());
  EXPECT_EQ(in_drops, packed(content));
  EXPECT_EQ(unpacked(in_drops, 13), content);
}

TEST(Gzip, CarriesNoTimeAndNoName) {
  const auto bytes = packed("content");
  ASSERT_GT(bytes.size(), 10U);
  EXPECT_EQ(bytes.substr(0, 9), std::string("\x1f\x8b\x08\0\0\0\0\0\0", 9));
}

TEST(Gunzip, ReadsMembersThatFollowEachOther) { EXPECT_EQ(unpacked(packed("one ") + packed("two"), 1), "one two"); }

TEST(Gunzip, AnEndThatIsMissingIsAnError) {
  Gunzip gunzip([](std::string_view) { return Status(); });
  const auto bytes = packed("content");
  ASSERT_TRUE(gunzip.feed(std::as_bytes(std::span(bytes)).first(bytes.size() - 1)));
  EXPECT_TRUE(failed_with(gunzip.finish(), ErrorKind::integrity, "cut off"));
}

TEST(TarHeader, IsReadBackWithItsNameAndContent) {
  const std::string content = "hello";
  const auto name = std::string(64, 'a') + ".tar";
  const auto header = tar_header(name, content.size());
  ASSERT_TRUE(header);
  EXPECT_EQ(header->size(), 512U);
  TarReader reader(pieces(*header + content + tar_padding(content.size()) + tar_end(), 100));
  const auto entry = reader.next();
  ASSERT_TRUE(entry && *entry) << support::why(entry);
  EXPECT_EQ((*entry)->path, name);
  const auto bytes = reader.read();
  ASSERT_TRUE(bytes);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()), content);
}

TEST(TarHeader, HoldsSizesBeyondEightGibibytes) {
  const auto header = tar_header("layer.tar", std::uint64_t{9} << 30);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->size(), 512U);
}

TEST(Spool, GivesBackWhatWasPutInAndHasNoName) {
  const support::TempFolder folder;
  auto spool = Spool::open(folder.path(), 0);
  ASSERT_TRUE(spool) << support::why(spool);
  ASSERT_TRUE(spool->append("hello "));
  ASSERT_TRUE(spool->append("world"));
  std::string read(5, ' ');
  ASSERT_TRUE(spool->read(6, std::as_writable_bytes(std::span(read))));
  EXPECT_EQ(read, "world");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_TRUE(failed_with(spool->read(9, std::as_writable_bytes(std::span(read))), ErrorKind::storage));
}

TEST(Spool, ADiskWithoutRoomIsRefusedBeforeAnythingIsRead) {
  const support::TempFolder folder;
  EXPECT_TRUE(failed_with(Spool::open(folder.path(), std::uint64_t{1} << 60), ErrorKind::storage, "TMPDIR"));
  EXPECT_TRUE(failed_with(Spool::open(folder.path() / "nowhere", 0), ErrorKind::storage, "nowhere"));
}

TEST(PathInside, KeepsToTheArchive) {
  EXPECT_EQ(*path_inside("", "./a//b"), "a/b");
  EXPECT_EQ(*path_inside("a", "../b/layer.tar"), "b/layer.tar");
  EXPECT_TRUE(failed_with(path_inside("a", "../../b"), ErrorKind::protocol));
  EXPECT_TRUE(failed_with(path_inside("", "/a"), ErrorKind::protocol));
  EXPECT_TRUE(failed_with(path_inside("", ""), ErrorKind::protocol));
}

TEST(DaemonName, IsReadAsTheDockerProgramReadsNames) {
  const auto plain = parse_daemon_name("docker-daemon:shop/web");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->image, "shop/web:latest");
  EXPECT_EQ(plain->label(), "web");
  EXPECT_EQ(parse_daemon_name("docker-daemon:web:1.4")->image, "web:1.4");
  EXPECT_EQ(parse_daemon_name("docker-daemon:127.0.0.1:5000/shop/web:1.4")->repository, "127.0.0.1:5000/shop/web");
  EXPECT_EQ(parse_daemon_name("docker-daemon:127.0.0.1:5000/shop/web")->tag, "latest");
  const auto id = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(parse_daemon_name("docker-daemon:" + id)->image, id);
  EXPECT_EQ(parse_daemon_name("docker-daemon:" + id)->label(), std::string(12, 'a'));
  EXPECT_TRUE(parse_daemon_name("docker-daemon:aaaaaaaaaaaa")->tag.empty());
  EXPECT_EQ(parse_daemon_name("docker-daemon:shop/web@" + id)->image, "shop/web@" + id);
}

TEST(DaemonName, WhatIsNoNameIsRefused) {
  for (const auto* text : {"docker-daemon:", "docker-daemon:Shop/web", "docker-daemon:shop/web:", "docker-daemon:../x",
                           "docker-daemon:shop/web@sha256:12", "docker-daemon:a b", "docker-daemon:?all=1"}) {
    EXPECT_TRUE(failed_with(parse_daemon_name(text), ErrorKind::usage)) << text;
  }
}

oci::Manifest index_of(const std::vector<oci::Platform>& platforms) {
  oci::Manifest index{.media_type = std::string(oci::media::kOciIndex),
                      .digest = oci::Digest::of("index"),
                      .bytes = {},
                      .kind = oci::ManifestKind::index,
                      .config = {},
                      .layers = {},
                      .children = {},
                      .subject = {},
                      .artifact_type = {}};
  for (const auto& platform : platforms) {
    index.children.push_back({.media_type = std::string(oci::media::kOciManifest),
                              .digest = oci::Digest::of(platform.text()),
                              .size_bytes = 1,
                              .urls = {},
                              .platform = platform,
                              .artifact_type = {}});
  }
  return index;
}

TEST(EntryFor, TakesTheEnginesPlatformAndTheLatestVariantThatRuns) {
  const auto index = index_of({{"unknown", "unknown", "", ""},
                               {"linux", "amd64", "", ""},
                               {"linux", "arm", "v5", ""},
                               {"linux", "arm", "v6", ""},
                               {"linux", "arm", "v7", ""},
                               {"linux", "arm64", "v8", ""}});
  const auto chosen = [&](const engine::EnginePlatform& platform) {
    const auto* entry = entry_for(index, platform);
    return entry == nullptr ? std::string("none") : entry->platform->text();
  };
  EXPECT_EQ(chosen({"linux", "amd64"}), "linux/amd64");
  EXPECT_EQ(chosen({"linux", "arm", "v6"}), "linux/arm/v6");
  EXPECT_EQ(chosen({"linux", "arm", "v8"}), "linux/arm/v7");
  EXPECT_EQ(chosen({"linux", "arm64"}), "linux/arm64/v8");
  EXPECT_EQ(chosen({"windows", "amd64"}), "none");
}

TEST(EntryFor, TakesNoVariantAboveTheBaselineWhenTheEngineNamesNone) {
  const auto chosen = [](const std::vector<oci::Platform>& platforms, const std::string& architecture) {
    const auto index = index_of(platforms);
    const auto* entry = entry_for(index, {"linux", architecture});
    return entry == nullptr ? std::string("none") : entry->platform->text();
  };
  const oci::Platform amd64{"linux", "amd64", "", ""};
  const oci::Platform amd64_v1{"linux", "amd64", "v1", ""};
  const oci::Platform amd64_v3{"linux", "amd64", "v3", ""};
  EXPECT_EQ(chosen({amd64, amd64_v3}, "amd64"), "linux/amd64");
  EXPECT_EQ(chosen({amd64_v3, amd64}, "amd64"), "linux/amd64");
  EXPECT_EQ(chosen({amd64_v3, amd64_v1}, "amd64"), "linux/amd64/v1");
  EXPECT_EQ(chosen({amd64_v3}, "amd64"), "none");
  const oci::Platform arm64{"linux", "arm64", "", ""};
  const oci::Platform arm64_v8{"linux", "arm64", "v8", ""};
  const oci::Platform arm64_v9{"linux", "arm64", "v9", ""};
  EXPECT_EQ(chosen({arm64_v9, arm64_v8}, "arm64"), "linux/arm64/v8");
  EXPECT_EQ(chosen({arm64, arm64_v9}, "arm64"), "linux/arm64");
  EXPECT_EQ(chosen({arm64_v9}, "arm64"), "none");
  EXPECT_EQ(chosen({{"linux", "arm", "v7", ""}, {"linux", "arm", "v5", ""}}, "arm"), "linux/arm/v5");
}

}  // namespace
}  // namespace sluice::archive
