#include "oci/digest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace sluice::oci {
namespace {

using testing::HasSubstr;

const std::string kHex64(64, 'a');
const std::string kHex128(128, 'b');

TEST(Digest, ReadsSha256AndSha512) {
  const auto short_one = Digest::parse("sha256:" + kHex64);
  ASSERT_TRUE(short_one.ok());
  EXPECT_EQ(short_one->algorithm(), HashAlgorithm::sha256);
  EXPECT_EQ(short_one->hex(), kHex64);

  const auto long_one = Digest::parse("sha512:" + kHex128);
  ASSERT_TRUE(long_one.ok());
  EXPECT_EQ(long_one->algorithm(), HashAlgorithm::sha512);
  EXPECT_EQ(long_one->text(), "sha512:" + kHex128);
}

TEST(Digest, RefusesWhatIsNoDigestAndPointsAtIt) {
  struct Row {
    const char* name;
    std::string text;
    const char* why;
  };
  const Row rows[] = {
      {"empty", "", "at character 1: a digest is missing"},
      {"no colon", kHex64, "written as algorithm and hex"},
      {"no algorithm", ":" + kHex64, "at character 1: the digest algorithm \"\" is not known"},
      {"unknown algorithm", "md5:" + std::string(32, 'a'), "the digest algorithm \"md5\" is not known"},
      {"upper-case algorithm", "SHA256:" + kHex64, "the digest algorithm \"SHA256\" is not known"},
      {"no hex", "sha256:", "has 64 hex digits, not 0"},
      {"one short", "sha256:" + std::string(63, 'a'), "at character 71: a sha256 digest has 64 hex digits, not 63"},
      {"one long", "sha256:" + std::string(65, 'a'), "at character 72: a sha256 digest has 64 hex digits, not 65"},
      {"sha512 with the length of sha256", "sha512:" + kHex64, "has 128 hex digits, not 64"},
      {"upper-case hex", "sha256:aB" + kHex64, "at character 9: the hex digits of a digest are lower-case"},
      {"not hex", "sha256:aag" + kHex64, "at character 10: 'g' is not a lower-case hex digit"},
      {"space at the end", "sha256:" + kHex64 + " ", "at character 72: a space"},
      {"NUL inside", "sha256:" + std::string("a\0a", 3), "at character 9: a control character"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto digest = Digest::parse(row.text);
    ASSERT_FALSE(digest.ok());
    EXPECT_EQ(digest.error().kind(), ErrorKind::protocol);
    EXPECT_THAT(digest.error().message(), HasSubstr(row.why));
  }
}

TEST(Digest, HashesBytes) {
  // FIPS 180-2, the empty message.
  EXPECT_EQ(Digest::of("").text(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Digest::of("", HashAlgorithm::sha512).brief(), "cf83e1357eef");
}

TEST(Digest, ReadsBackWhatItWrites) {
  for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha512}) {
    const auto digest = Digest::of("shop", algorithm);
    const auto again = Digest::parse(digest.text());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(*again, digest);
  }
}

TEST(Digest, IsAKeyOfContainers) {
  const std::set<Digest> digests{Digest::of("a"), Digest::of("b"), Digest::of("a"),
                                 Digest::of("a", HashAlgorithm::sha512)};
  EXPECT_EQ(digests.size(), 3U);
}

}  // namespace
}  // namespace sluice::oci
