#include "base/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace sluice {
namespace {

using testing::HasSubstr;

Json parsed(std::string_view text) {
  auto json = parse_json(text);
  EXPECT_TRUE(json.ok()) << text << ": " << json.error().sentence();
  return json.ok() ? std::move(json).value() : Json();
}

std::string refusal(std::string_view text, JsonLimits limits = {}) {
  const auto json = parse_json(text, limits);
  if (json.ok()) return "was read as " + json->dump();
  EXPECT_EQ(json.error().kind(), ErrorKind::protocol);
  return json.error().message();
}

TEST(Json, ReadsEveryType) {
  const auto json = parsed(R"({"s":"a","i":-7,"d":1.5,"t":true,"n":null,"l":[1,"x"],"o":{"k":1}})");
  EXPECT_EQ(json.string_at("s"), "a");
  EXPECT_EQ(json.integer_at("i"), -7);
  EXPECT_EQ(json.find("d")->as_number(), 1.5);
  EXPECT_EQ(json.bool_at("t"), true);
  EXPECT_TRUE(json.find("n")->is_null());
  EXPECT_EQ(json.find("l")->items().size(), 2U);
  EXPECT_EQ(json.find("o")->integer_at("k"), 1);
}

TEST(Json, IsEmptyHandedWhenTheTypeIsAnother) {
  const auto json = parsed(R"({"s":"a","d":1.5})");
  EXPECT_EQ(json.integer_at("s"), std::nullopt);
  EXPECT_EQ(json.integer_at("d"), std::nullopt);
  EXPECT_EQ(json.string_at("d"), std::nullopt);
  EXPECT_EQ(json.bool_at("absent"), std::nullopt);
  EXPECT_EQ(json.find("s")->find("x"), nullptr);
  EXPECT_TRUE(json.items().empty());
  EXPECT_TRUE(Json("text").members().empty());
}

TEST(Json, KeepsIntegersExactly) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(parsed("9223372036854775807").as_integer(), kMax);
  EXPECT_EQ(parsed("-9223372036854775808").as_integer(), kMin);
  EXPECT_EQ(parsed("9007199254740993").dump(), "9007199254740993") << "beyond what a double holds";
  for (const auto* text : {"9223372036854775808", "18446744073709551615", "18446744073709551616",
                           "-9223372036854775809", "100000000000000000000000000"}) {
    EXPECT_THAT(refusal(text), HasSubstr("an integer is larger than 2^63-1")) << text;
  }
}

TEST(Json, RefusesWhatIsNoJson) {
  struct Row {
    const char* name;
    std::string text;
  };
  const Row rows[] = {
      {"empty", ""},
      {"white space", " \n"},
      {"cut short", R"({"a":1)"},
      {"comma at the end", "[1,]"},
      {"comment", "[1] // one"},
      {"two values", "1 2"},
      {"single quotes", "{'a':1}"},
      {"leading zero", "01"},
      {"plus", "+1"},
      {"not a number", "NaN"},
      {"overflow", "1e999"},
      {"control character in a text", "\"a\nb\""},
      {"lone surrogate", R"("\ud800")"},
      {"invalid UTF-8", "\"\xff\""},
      {"overlong UTF-8", "\"\xc0\xaf\""},
      {"UTF-8 surrogate", "\"\xed\xa0\x80\""},
      {"NUL at the end", std::string("1\0", 2)},
      {"NUL and more", std::string("{}\0{}", 5)},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_THAT(refusal(row.text), HasSubstr("not valid JSON: bad syntax at byte "));
  }
}

TEST(Json, RefusesTheSameKeyTwice) {
  EXPECT_THAT(refusal(R"({"a":1,"b":{"a":2},"a":3})"), HasSubstr("the key \"a\" stands there twice"));
  EXPECT_THAT(refusal(R"([{"x":{"k":1,"\u006b":2}}])"), HasSubstr("the key \"k\" stands there twice"));
  EXPECT_TRUE(parse_json(R"([{"a":1},{"a":2},{"a":{"a":3}}])").ok());
}

TEST(Json, DoesNotEchoALongOrHarmfulKey) {
  const std::string key = "\\u001b" + std::string(1000, 'k');
  const auto message = refusal("{\"" + key + "\":1,\"" + key + "\":1}");
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_LT(message.size(), 200U);
}

TEST(Json, HoldsItsLimits) {
  EXPECT_TRUE(parse_json("[1,2]", {.max_bytes = 5}).ok());
  EXPECT_EQ(refusal("[1,23]", {.max_bytes = 5}), "JSON of 6 bytes is over the limit of 5");

  const JsonLimits shallow{.max_depth = 3};
  EXPECT_TRUE(parse_json(R"([[{}]])", shallow).ok());
  EXPECT_THAT(refusal("[[[{}]]]", shallow), HasSubstr("nested deeper than 3"));
  EXPECT_THAT(refusal(std::string(1'000'000, '[')), HasSubstr("nested deeper than 64"));

  const JsonLimits few{.max_values = 4};
  EXPECT_TRUE(parse_json("[1,2,3]", few).ok());
  EXPECT_THAT(refusal("[1,2,3,4]", few), HasSubstr("more than 4 values"));
}

TEST(Json, WritesItsMembersInOrderAndSortedWhenCanonical) {
  const auto json = parsed(R"( {"b" : [1, {"z":null, "a":"x"}], "a":true, "B":1.25, "aa":{}, "e":[]} )");
  EXPECT_EQ(json.dump(), R"({"b":[1,{"z":null,"a":"x"}],"a":true,"B":1.25,"aa":{},"e":[]})");
  EXPECT_EQ(json.canonical(), R"({"B":1.25,"a":true,"aa":{},"b":[1,{"a":"x","z":null}],"e":[]})");
  EXPECT_EQ(parsed(R"({"a":[1,{}],"b":2})").dump_pretty(), "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": 2\n}");
}

TEST(Json, WritesTextsSoThatTheyReadBack) {
  struct Row {
    const char* name;
    std::string text;
    std::string expected;
  };
  const Row rows[] = {
      {"quotes and backslash", "\"\\/", R"("\"\\/")"},
      {"line breaks", "a\n\t\r", R"("a\n\t\u000d")"},
      {"control characters", std::string("\0\x1f\x7f", 3), "\"\\u0000\\u001f\x7f\""},
      {"UTF-8", "caf\xc3\xa9 \xf0\x9f\x9a\xa2", "\"caf\xc3\xa9 \xf0\x9f\x9a\xa2\""},
      {"invalid UTF-8", "a\xff\xc3", "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
      {"cut UTF-8", "\xf0\x9f\x9a", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"surrogate", "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(Json(row.text).dump(), row.expected);
    EXPECT_TRUE(parse_json(row.expected).ok());
  }
}

TEST(Json, WritesTheShortestNumberThatReadsBack) {
  struct Row {
    double value;
    const char* expected;
  };
  const Row rows[] = {
      {0.1, "0.1"},
      {1.5, "1.5"},
      {1.0 / 3, "0.3333333333333333"},
      {1e300, "1e+300"},
      {-0.0, "0"},
      {std::numeric_limits<double>::infinity(), "null"},
      {std::numeric_limits<double>::quiet_NaN(), "null"},
  };
  for (const auto& row : rows) EXPECT_EQ(Json(row.value).dump(), row.expected);
}

TEST(Json, IsBuiltMemberByMember) {
  Json json;
  json.set("a", 1).set("b", Json().push("x").push(2)).set("c", std::optional<std::string>());
  EXPECT_EQ(json.dump(), R"({"a":1,"b":["x",2],"c":null})");
  json.set("a", "again");
  EXPECT_TRUE(json.remove("b"));
  EXPECT_FALSE(json.remove("b"));
  EXPECT_EQ(json.dump(), R"({"a":"again","c":null})");
  EXPECT_FALSE(Json(7).remove("a"));
}

TEST(Json, ComparesByTypeAndOrder) {
  EXPECT_EQ(parsed(R"({"a":[1]})"), parsed(R"( { "a" : [ 1 ] } )"));
  EXPECT_FALSE(parsed(R"({"a":1,"b":2})") == parsed(R"({"b":2,"a":1})"));
  EXPECT_FALSE(parsed("1") == parsed("1.5"));
}

}  // namespace
}  // namespace sluice
