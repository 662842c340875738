#include "base/encoding.hpp"

#include <gtest/gtest.h>

namespace sluice::encoding {
namespace {

TEST(Hex, IsLowerCase) {
  EXPECT_EQ(hex(std::as_bytes(std::span(std::string_view("\x00\xff\x1a", 3)))), "00ff1a");
  EXPECT_EQ(hex({}), "");
  EXPECT_TRUE(is_lower_hex("0123456789abcdef"));
  EXPECT_FALSE(is_lower_hex("AB"));
  EXPECT_FALSE(is_lower_hex("0g"));
  EXPECT_FALSE(is_lower_hex(""));
}

TEST(Base64, WritesAndReadsTheVectorsOfTheRfc) {
  struct Row {
    const char* plain;
    const char* encoded;
  };
  // RFC 4648 section 10.
  const Row rows[] = {{"", ""},
                      {"f", "Zg=="},
                      {"fo", "Zm8="},
                      {"foo", "Zm9v"},
                      {"foob", "Zm9vYg=="},
                      {"fooba", "Zm9vYmE="},
                      {"foobar", "Zm9vYmFy"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.plain);
    EXPECT_EQ(base64(row.plain), row.encoded);
    const auto back = decode_base64(row.encoded);
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, row.plain);
  }
}

TEST(Base64, KeepsEveryByte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const auto back = decode_base64(base64(all));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, all);
}

TEST(Base64, ReadsTheUrlAlphabetAndMissingPadding) {
  for (const auto* text : {"+/+/", "-_-_"}) {
    const auto back = decode_base64(text);
    ASSERT_TRUE(back.ok()) << text;
    EXPECT_EQ(*back, "\xfb\xff\xbf") << text;
  }
  EXPECT_EQ(decode_base64("Zm8").value(), "fo");
}

TEST(Base64, RefusesOtherCharactersAndCutText) {
  for (const auto* text : {"Zm9v!", "Zm 9v", "Zm=9v", "Zm9v\n", "\xc3\xa9", "A", "Zm9vY"}) {
    const auto back = decode_base64(text);
    ASSERT_FALSE(back.ok()) << text;
    EXPECT_EQ(back.error().kind(), ErrorKind::config);
  }
}

TEST(Percent, KeepsUnreservedAndChosenCharacters) {
  struct Row {
    std::string text;
    const char* keep;
    const char* expected;
  };
  const Row rows[] = {
      {"aZ09-._~", "", "aZ09-._~"},
      {"a b/c?d&e=f", "", "a%20b%2Fc%3Fd%26e%3Df"},
      {"shop/web:1", "/:", "shop/web:1"},
      {"caf\xc3\xa9", "", "caf%C3%A9"},
      {std::string("\0\xff%", 3), "", "%00%FF%25"},
  };
  for (const auto& row : rows) EXPECT_EQ(percent(row.text, row.keep), row.expected);
}

TEST(TextEncoding, IsToldByTheBeginning) {
  using namespace std::string_view_literals;
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  const Row rows[] = {
      {"", ""},
      {"{}", ""},
      {"\xEF\xBB\xBF{}", ""},
      {"{\0}\0"sv, "UTF-16"},
      {"\0{\0}"sv, "UTF-16"},
      {"\xFF\xFE{\0"sv, "UTF-16"},
      {"\xFE\xFF\0{"sv, "UTF-16"},
      {"\xFF\xFE\0\0{\0\0\0"sv, "UTF-32"},
      {"\0\0\xFE\xFF\0\0\0{"sv, "UTF-32"},
      {"{\0"sv, ""},
      {"{\0ab"sv, ""},
      {"\0\0\0\0"sv, ""},
  };
  for (const auto& row : rows)
    EXPECT_EQ(foreign_encoding(row.text), row.expected) << hex(std::as_bytes(std::span(row.text)));
}

TEST(ByteOrderMark, IsTakenOffOnce) {
  EXPECT_EQ(without_byte_order_mark("\xEF\xBB\xBFx"), "x");
  EXPECT_EQ(without_byte_order_mark("x\xEF\xBB\xBF"), "x\xEF\xBB\xBF");
  EXPECT_EQ(without_byte_order_mark("\xEF\xBB"), "\xEF\xBB");
}

}  // namespace
}  // namespace sluice::encoding
