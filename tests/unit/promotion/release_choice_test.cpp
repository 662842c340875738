#include "promotion/plan/release_choice.hpp"

#include "support/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::promotion {
namespace {

using support::failed_with;
using support::why;
using ::testing::HasSubstr;

using Kind = ReleaseSelector::Kind;

KnownRelease known(std::int64_t number, const std::string& content, const std::string& says,
                   const std::string& tag = "latest") {
  KnownRelease out{.release = {}, .says = says};
  out.release.app = "shop";
  out.release.number = number;
  out.release.images = {{"web", oci::Digest::of(content), tag}};
  out.release.id = records::release_id(out.release.images);
  return out;
}

Result<records::Release> pick(const std::string& text, const std::vector<KnownRelease>& from) {
  SLUICE_TRY(const auto selector, parse_selector("shop", text));
  return pick_release("shop", selector, from);
}

TEST(ReleaseSelector, IsANumberAnIdADigestOrATag) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::string id(64, 'a');
  struct Row {
    std::string text;
    Kind kind;
    std::int64_t number;
    std::string rest;
  };
  const std::vector<Row> rows{
      {"42", Kind::number, 42, "42"},
      {"shop 42", Kind::number, 42, "42"},
      {"9999999", Kind::number, 9'999'999, "9999999"},
      {"9f3c1b2a40d7", Kind::id, 0, "9f3c1b2a40d7"},
      {"123456789012", Kind::id, 0, "123456789012"},
      {id, Kind::id, 0, id},
      {digest, Kind::digest, 0, digest},
      {"v1.4.2", Kind::tag, 0, "v1.4.2"},
      {"9f3c1b2a40d", Kind::tag, 0, "9f3c1b2a40d"},
      {"9F3C1B2A40D7", Kind::tag, 0, "9F3C1B2A40D7"},
      {"shop-1", Kind::tag, 0, "shop-1"},
  };
  for (const auto& row : rows) {
    const auto selector = parse_selector("shop", row.text);
    ASSERT_TRUE(selector.ok()) << row.text << ": " << why(selector);
    EXPECT_EQ(selector->kind, row.kind) << row.text;
    EXPECT_EQ(selector->number, row.number) << row.text;
    EXPECT_EQ(selector->text, row.rest) << row.text;
  }
}

TEST(ReleaseSelector, RefusesWhatCanBeNoneOfThem) {
  for (const std::string& text : {std::string(), std::string("0"), std::string("10000000"), std::string("sha256:abc"),
                                  std::string("shop "), std::string(200, 'x')}) {
    EXPECT_TRUE(failed_with(parse_selector("shop", text), ErrorKind::usage, "names no release")) << text;
  }
}

TEST(ReleaseChoice, FindsAReleaseByEachOfItsNames) {
  const std::vector<KnownRelease> all{known(2, "two", "shop-prod", "v2"), known(1, "one", "shop-prod", "v1")};
  const auto& one = all[1].release;
  for (const auto& text : {std::string("1"), std::string("shop 1"), one.id, one.id.substr(0, 12),
                           one.images.front().digest.text(), std::string("v1")}) {
    const auto picked = pick(text, all);
    ASSERT_TRUE(picked.ok()) << text << ": " << why(picked);
    EXPECT_EQ(picked->id, one.id) << text;
  }
  EXPECT_TRUE(failed_with(pick("3", all), ErrorKind::not_found, "no release shop 3"));
  EXPECT_TRUE(failed_with(pick("v3", all), ErrorKind::not_found, "no release shop v3"));
}

TEST(ReleaseChoice, OneContentThatSeveralKnowIsOneRelease) {
  const auto picked = pick("1", {known(1, "one", "shop-prod"), known(1, "one", "the records of this machine")});
  ASSERT_TRUE(picked.ok()) << why(picked);
  EXPECT_EQ(picked->number, 1);
}

TEST(ReleaseChoice, RefusesANumberOfTwoContentsAndShowsBoth) {
  const auto here = known(3, "here", "shop-prod");
  const auto there = known(3, "there", "the records of this machine");
  const auto picked = pick("3", {here, there});
  ASSERT_TRUE(failed_with(picked, ErrorKind::usage, "shop 3 may be one of 2 contents"));
  for (const auto* one : {&here, &there}) {
    EXPECT_THAT(picked.error().message(), HasSubstr(one->release.id.substr(0, 12) + " as " + one->says));
    EXPECT_THAT(picked.error().message(), HasSubstr("web@" + one->release.images.front().digest.brief()));
  }
  EXPECT_THAT(picked.error().hint(), HasSubstr("--release " + here.release.id.substr(0, 12)));
}

TEST(ReleaseChoice, NamesAReleaseByNumberAndId) {
  const std::string id = "9f3c1b2a40d7" + std::string(52, '0');
  EXPECT_EQ(name_of("shop", 42, id), "shop 42");
  EXPECT_EQ(full_name_of("shop", 42, id), "shop 42 (9f3c1b2a40d7)");
  EXPECT_EQ(name_of("shop", 0, id), "shop (9f3c1b2a40d7)");
}

TEST(ReleaseChoice, ShowsFiveImagesOfMany) {
  records::Release release;
  for (int i = 0; i < 7; ++i) release.images.push_back({"i" + std::to_string(i), oci::Digest::of("x"), "latest"});
  EXPECT_THAT(content_text(release), HasSubstr("i4@"));
  EXPECT_THAT(content_text(release), ::testing::EndsWith("and 2 more"));
}

TEST(ReleaseChoice, TakesOverWhatStoodAtAPlace) {
  memory::StoodRelease stood;
  stood.id = std::string(64, 'a');
  stood.number = 7;
  stood.stood = memory::Stood::adopted;
  stood.images = {{.name = "web", .digest = oci::Digest::of("x").text(), .arrived_as = {}, .tag = "v1"}};
  const auto release = release_from(stood, "shop", "prod");
  ASSERT_TRUE(release.has_value());
  EXPECT_EQ(release->id, stood.id);
  EXPECT_EQ(release->number, 7);
  EXPECT_TRUE(release->adopted);
  EXPECT_EQ(release->origin, "prod");
  EXPECT_EQ(release->images.front().tag, "v1");
  stood.images.front().digest = "sha256:zz";
  EXPECT_FALSE(release_from(stood, "shop", "prod").has_value());
}

}  // namespace
}  // namespace sluice::promotion
