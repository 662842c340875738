#include "archive_testing.hpp"

#include <gtest/gtest.h>

namespace sluice::archive {
namespace {

using support::failed_with;
using support::why;

const std::string& base() {
  static const auto bytes = layer_tar(std::string(70000, 'b'));
  return bytes;
}
const std::string& own() {
  static const auto bytes = layer_tar("our program");
  return bytes;
}

TEST(SavedImage, BothFormsGiveTheSameManifestWithTheConfigByteForByte) {
  const auto older = read_image(old_form(base(), own()));
  const auto newer = read_image(new_form(base(), own()));
  ASSERT_TRUE(older) << why(older);
  ASSERT_TRUE(newer) << why(newer);
  EXPECT_EQ(older->manifest.bytes, newer->manifest.bytes);
  EXPECT_EQ(older->config, config_of({base(), own(), base()}));
  EXPECT_EQ(older->manifest.config->digest.hex(), sha256(older->config));
  EXPECT_EQ(older->manifest.media_type, oci::media::kDockerManifest);
  EXPECT_EQ(older->repo_tags, std::vector<std::string>{"shop/web:1.4"});
}

TEST(SavedImage, ARepeatedLayerIsNamedTwiceAndHeldOnce) {
  const auto image = read_image(old_form(base(), own()));
  ASSERT_TRUE(image) << why(image);
  ASSERT_EQ(image->manifest.layers.size(), 3U);
  EXPECT_EQ(image->manifest.layers[0].digest, image->manifest.layers[2].digest);
  EXPECT_EQ(image->layers.size(), 2U);
}

TEST(SavedImage, HowTheBytesArriveChangesNothing) {
  const auto whole = read_image(old_form(base(), own()), {}, 1 << 20);
  const auto drops = read_image(old_form(base(), own()), {}, 7);
  ASSERT_TRUE(whole && drops);
  EXPECT_EQ(whole->manifest.bytes, drops->manifest.bytes);
}

TEST(SavedImage, LayersThatArePackedAlreadyStayAsTheyAre) {
  const auto layer = packed(own());
  const auto config = config_of({own()});
  const auto image =
      read_image(TarMaker().file("l", layer).file("c", config).file("manifest.json", list_of("c", {"l"})).end());
  ASSERT_TRUE(image) << why(image);
  EXPECT_EQ(image->manifest.layers[0].digest.hex(), sha256(layer));
  EXPECT_EQ(image->layers[0].diff_id.hex(), sha256(own()));
}

TEST(SavedImage, ThePackingIsSeenHoweverSmallTheFirstPieceIs) {
  const auto layer = packed(own());
  const auto config = config_of({own()});
  const auto bytes = TarMaker().file("l", layer).file("c", config).file("manifest.json", list_of("c", {"l"})).end();
  for (const std::size_t piece : {1U, 513U, 514U, 517U}) {
    const auto image = read_image(bytes, {}, piece);
    ASSERT_TRUE(image) << piece << ": " << why(image);
    EXPECT_EQ(image->manifest.layers[0].digest.hex(), sha256(layer)) << piece;
  }
}

TEST(SavedImage, AHardLinkLeadsToItsLayer) {
  const auto config = config_of({own()});
  const auto image = read_image(TarMaker()
                                    .file("a/layer.tar", own())
                                    .hardlink("b/layer.tar", "a/layer.tar")
                                    .file("c", config)
                                    .file("manifest.json", list_of("c", {"b/layer.tar"}))
                                    .end());
  ASSERT_TRUE(image) << why(image);
}

TEST(SavedImage, NamesAndLinksOutOfTheArchiveAreRefused) {
  const auto refused = [](const TarMaker& tar) {
    return failed_with(read_image(tar.end()), ErrorKind::protocol, "leads out of it");
  };
  EXPECT_TRUE(refused(TarMaker().file("../evil", "x")));
  EXPECT_TRUE(refused(TarMaker().file("a/../../evil", "x")));
  EXPECT_TRUE(refused(TarMaker().file("/etc/evil", "x")));
  EXPECT_TRUE(refused(TarMaker().symlink("a/layer.tar", "../../etc/passwd")));
  EXPECT_TRUE(refused(TarMaker().symlink("a", "/etc/passwd")));
  EXPECT_TRUE(refused(TarMaker().hardlink("a", "../etc/passwd")));
  const auto config = config_of({own()});
  EXPECT_TRUE(refused(TarMaker().file("l", own()).file("c", config).file("manifest.json", list_of("c", {"../../l"}))));
}

TEST(SavedImage, ALinkThatGoesRoundIsRefused) {
  const auto config = config_of({own()});
  const auto bytes =
      TarMaker().symlink("a", "b").symlink("b", "a").file("c", config).file("manifest.json", list_of("c", {"a"})).end();
  EXPECT_TRUE(failed_with(read_image(bytes), ErrorKind::protocol, "leads nowhere"));
}

TEST(SavedImage, ADeviceIsRefused) {
  EXPECT_TRUE(failed_with(read_image(TarMaker().device("null").end()), ErrorKind::protocol, "device"));
}

TEST(SavedImage, ANameThatComesTwiceIsRefused) {
  const auto config = config_of({own()});
  const auto list = list_of("c", {"l"});
  const auto bytes =
      TarMaker().file("l", own()).file("c", config).file("manifest.json", list).file("./manifest.json", list).end();
  EXPECT_TRUE(failed_with(read_image(bytes), ErrorKind::protocol, "twice"));
}

TEST(SavedImage, WhatIsMissingIsNamed) {
  const auto config = config_of({own()});
  EXPECT_TRUE(failed_with(read_image(TarMaker().file("c", config).file("manifest.json", list_of("c", {"l"})).end()),
                          ErrorKind::protocol, "lacks the layer l"));
  EXPECT_TRUE(failed_with(read_image(TarMaker().file("l", own()).file("manifest.json", list_of("c", {"l"})).end()),
                          ErrorKind::protocol, "lacks the config c"));
  EXPECT_TRUE(failed_with(read_image(TarMaker().file("l", own()).end()), ErrorKind::protocol, "manifest.json"));
}

TEST(SavedImage, AManifestThatLiesAboutLayersIsFoundOut) {
  const auto config = config_of({base(), own()});
  const auto with = [&](const std::vector<std::string>& layers) {
    return read_image(TarMaker()
                          .file("b", base())
                          .file("o", own())
                          .file("c", config)
                          .file("manifest.json", list_of("c", layers))
                          .end());
  };
  ASSERT_TRUE(with({"b", "o"}));
  EXPECT_TRUE(failed_with(with({"o", "b"}), ErrorKind::integrity, "the config says"));
  EXPECT_TRUE(failed_with(with({"b"}), ErrorKind::integrity, "1 layers"));
  EXPECT_TRUE(failed_with(with({"b", "o", "o"}), ErrorKind::integrity, "3 layers"));
}

TEST(SavedImage, AnArchiveThatIsCutOffIsRefusedWhereverItIsCut) {
  const auto whole = old_form(base(), own());
  // All but the zeros at the end, and the files that nobody needs before them, is wanted.
  const auto needed = whole.size() - 1024 - 1024;
  for (std::size_t size = 0; size < needed; size += 511) {
    EXPECT_FALSE(read_image(whole.substr(0, size))) << size << " of " << whole.size();
  }
}

TEST(SavedImage, AStreamThatBreaksSaysWhy) {
  const auto whole = old_form(base(), own());
  auto spool = Spool::open(std::filesystem::temp_directory_path(), 0);
  ASSERT_TRUE(spool);
  int calls = 0;
  const auto image = read_saved(
      [&]() -> Result<std::string> {
        if (calls++ == 0) return whole.substr(0, 20000);
        return Error(ErrorKind::unreachable, "the engine went away");
      },
      *spool);
  EXPECT_TRUE(failed_with(image, ErrorKind::unreachable, "the engine went away"));
}

TEST(SavedImage, SeveralImagesAreRefused) {
  const auto config = config_of({own()});
  const auto one = list_of("c", {"l"});
  const auto two = one.substr(0, one.size() - 1) + "," + one.substr(1);
  EXPECT_TRUE(failed_with(read_image(TarMaker().file("l", own()).file("c", config).file("manifest.json", two).end()),
                          ErrorKind::unsupported, "2 images"));
}

TEST(SavedImage, AnotherPackingIsNamed) {
  const std::string zstd("\x28\xb5\x2f\xfd rest", 9);
  const auto config = config_of({zstd});
  EXPECT_TRUE(failed_with(
      read_image(TarMaker().file("l", zstd).file("c", config).file("manifest.json", list_of("c", {"l"})).end()),
      ErrorKind::unsupported, "zstd"));
}

TEST(SavedImage, AGzipLayerThatIsDamagedIsRefused) {
  auto layer = packed(own());
  const auto config = config_of({own()});
  const auto with = [&](const std::string& bytes) {
    return read_image(TarMaker().file("l", bytes).file("c", config).file("manifest.json", list_of("c", {"l"})).end());
  };
  ASSERT_TRUE(with(layer));
  EXPECT_TRUE(failed_with(with(layer.substr(0, layer.size() - 1)), ErrorKind::unsupported, "damaged"));
  layer[layer.size() / 2] = static_cast<char>(layer[layer.size() / 2] ^ 0x40);
  EXPECT_FALSE(with(layer));
}

TEST(SavedImage, LimitsHold) {
  const auto bytes = old_form(base(), own());
  EXPECT_TRUE(failed_with(read_image(bytes, {.entries = 3}), ErrorKind::unsupported, "more than 3 files"));
  EXPECT_TRUE(failed_with(read_image(bytes, {.unpacked_bytes = 50000}), ErrorKind::unsupported, "more than"));
  EXPECT_TRUE(failed_with(read_image(bytes, {.all_text_bytes = 100}), ErrorKind::unsupported, "of JSON"));
  EXPECT_TRUE(failed_with(read_image(bytes, {.text_bytes = 10}), ErrorKind::protocol, "manifest.json"));
}

TEST(SavedImage, AGzipFileCountsWithAllThatItUnpacksTo) {
  const auto bomb = packed(layer_tar(std::string(3'000'000, '\0')));
  ASSERT_LT(bomb.size(), 10'000U);
  const auto bytes = TarMaker().file("l", bomb).end();
  EXPECT_TRUE(failed_with(read_image(bytes, {.unpacked_bytes = 1'000'000}), ErrorKind::unsupported, "more than"));
  EXPECT_TRUE(failed_with(read_image(bytes), ErrorKind::protocol, "manifest.json")) << "it is only too large above";
}

TEST(SavedImage, TheSpoolHasALimitAlsoForFilesThatNobodyNames) {
  const auto config = config_of({own()});
  std::string noise;
  for (int n = 0; noise.size() < 200'000; ++n) noise += sha256(std::to_string(n));
  const auto bytes =
      TarMaker().file("x", noise).file("l", own()).file("c", config).file("manifest.json", list_of("c", {"l"})).end();
  EXPECT_TRUE(failed_with(read_image(bytes, {.spooled_bytes = 50'000}), ErrorKind::unsupported, "packed"));
  EXPECT_TRUE(failed_with(read_image(TarMaker().file("x", packed(noise)).end(), {.spooled_bytes = 50'000}),
                          ErrorKind::unsupported, "packed"));
  EXPECT_TRUE(read_image(bytes));
}

TEST(SavedImage, WhetherAFileIsTextIsSaidByItsFirstBytesAlone) {
  const auto config = config_of({own()});
  // A piece is one header, or as much content; all but the first one of the content look like JSON.
  const auto braces = std::string(512, 'x') + std::string(20000, '{');
  const auto bytes =
      TarMaker().file("b", braces).file("l", own()).file("c", config).file("manifest.json", list_of("c", {"l"})).end();
  const auto image = read_image(bytes, {.all_text_bytes = 5000}, 512);
  EXPECT_TRUE(image) << why(image);
}

TEST(SavedImage, WhatIsNoArchiveIsRefused) {
  EXPECT_TRUE(failed_with(read_image(""), ErrorKind::protocol));
  EXPECT_TRUE(failed_with(read_image("{\"message\":\"no such image\"}"), ErrorKind::protocol));
}

}  // namespace
}  // namespace sluice::archive
