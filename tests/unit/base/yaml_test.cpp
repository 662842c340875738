#include "base/yaml.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::yaml {
namespace {

Node read(std::string_view text) {
  auto node = parse(text, "a.yaml");
  EXPECT_TRUE(node.ok()) << (node.ok() ? "" : node.error().sentence()) << "\nin:\n" << text;
  return node.ok() ? std::move(*node) : Node{};
}

std::string refusal(std::string_view text, Limits limits = {}) {
  const auto node = parse(text, "a.yaml", limits);
  if (node.ok()) return "(accepted)";
  EXPECT_EQ(node.error().kind(), ErrorKind::config) << node.error().sentence();
  EXPECT_TRUE(node.error().position().has_value()) << node.error().sentence();
  return node.error().sentence();
}

std::string place(const Node& node) { return std::to_string(node.line) + ":" + std::to_string(node.column); }

std::string times(std::size_t count, std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

TEST(Yaml, BuildsMapsListsAndScalarsInOrder) {
  const auto root = read("b: [1, two]\na:\n  c: 'three'\n");
  ASSERT_EQ(root.kind, Node::Kind::map);
  ASSERT_EQ(root.members.size(), 2U);
  EXPECT_EQ(root.members[0].key.text, "b");
  EXPECT_EQ(root.members[1].key.text, "a");
  ASSERT_EQ(root.members[0].value.kind, Node::Kind::sequence);
  ASSERT_EQ(root.members[0].value.items.size(), 2U);
  EXPECT_EQ(root.members[0].value.items[1].text, "two");
  ASSERT_NE(root.find("a"), nullptr);
  ASSERT_NE(root.find("a")->find("c"), nullptr);
  EXPECT_EQ(root.find("a")->find("c")->text, "three");
  EXPECT_EQ(root.find("d"), nullptr);
}

TEST(Yaml, GivesEveryNodeItsLineAndColumnFromOne) {
  const auto root = read("app: shop\nlist:\n  - x\n  - {k: v}\n");
  EXPECT_EQ(place(root), "1:1");
  EXPECT_EQ(place(root.members[0].key), "1:1");
  EXPECT_EQ(place(root.members[0].value), "1:6");
  const auto& list = root.members[1].value;
  EXPECT_EQ(place(list), "3:3");
  EXPECT_EQ(place(list.items[0]), "3:5");
  EXPECT_EQ(place(list.items[1]), "4:5");
  EXPECT_EQ(place(list.items[1].members[0].key), "4:6");
  EXPECT_EQ(place(list.items[1].members[0].value), "4:9");
  EXPECT_EQ(list.position().file, "a.yaml");
}

TEST(Yaml, SkipsAByteOrderMarkAndCountsFromTheTextAfterIt) {
  const auto root = read(
      "\xEF\xBB\xBF"
      "app: shop\n");
  ASSERT_EQ(root.members.size(), 1U);
  EXPECT_EQ(root.members[0].key.text, "app");
  EXPECT_EQ(place(root.members[0].key), "1:1");
}

TEST(Yaml, KnowsPlainFromQuotedScalars) {
  const auto root = read("a: x\nb: 'x'\nc: \"x\"\nd: |\n  x\ne: >\n  x\n");
  ASSERT_EQ(root.members.size(), 5U);
  for (const auto& [key, value] : root.members) EXPECT_EQ(value.plain, key.text == "a") << key.text;
}

TEST(Yaml, KeepsScalarsAsTheyAreWritten) {
  for (const std::string text : {"1.10", "012", "no", "0x1F", "1_000", "2026-12-18", "v1.4.2", "12:30:45", "é"}) {
    const auto root = read("tag: " + text + "\n");
    ASSERT_NE(root.find("tag"), nullptr) << text;
    EXPECT_EQ(root.find("tag")->text, text);
  }
}

TEST(Yaml, ReadsTheEscapesOfUnicodesBlanksAndLineEndsAsUtf8) {
  const auto root = read("a: \"x\\N\\_\\L\\P\u00e9\\x85\\u00a0\\N\"\n");
  ASSERT_NE(root.find("a"), nullptr);
  EXPECT_EQ(root.find("a")->text, "x\u0085\u00a0\u2028\u2029\u00e9\u0085\u00a0\u0085");
}

TEST(Yaml, ReadsNothingAsNull) {
  for (const std::string_view text : {"", "\n", "# only words\n", "---\n", "~", "null"}) {
    const auto root = read(text);
    EXPECT_EQ(root.kind, Node::Kind::null) << text;
    EXPECT_GE(root.line, 1) << text;
  }
  EXPECT_EQ(read("a:\n").find("a")->kind, Node::Kind::null);
  EXPECT_EQ(read("a: ''\n").find("a")->kind, Node::Kind::scalar);
}

TEST(Yaml, KeepsBlocksAsTheyEnd) {
  EXPECT_EQ(read("a: |\n  x\n").find("a")->text, "x\n");
  EXPECT_EQ(read("a: |-\n  x\n").find("a")->text, "x");
  EXPECT_EQ(read("a: |+\n  x\n\n").find("a")->text, "x\n\n");
  EXPECT_EQ(read("a: >\n  x\n  y\n").find("a")->text, "x y\n");
}

TEST(Yaml, ReadsWindowsLineEnds) {
  const auto root = read("app: shop\r\nlist:\r\n  - x\r\n");
  EXPECT_EQ(root.find("app")->text, "shop");
  EXPECT_EQ(place(root.find("list")->items[0]), "3:5");
}

TEST(Yaml, RefusesWhatFilesOfPeopleShouldNotHold) {
  struct Row {
    const char* name;
    std::string text;
    const char* expected;
  };
  const std::vector<Row> rows{
      {"duplicate key", "a: 1\nb: 2\na: 3\n", "a.yaml:3:1: the key 'a' stands there twice; the first is on line 1"},
      {"duplicate key, quoted", "a: 1\n'a': 2\n", "a.yaml:2:1: the key 'a' stands there twice"},
      {"duplicate key in a flow map", "x: {k: 1, k: 2}\n", "a.yaml:1:11: the key 'k' stands there twice"},
      {"anchor", "a: &x 1\n", "anchors and aliases"},
      {"anchor on nothing", "a: &x\n", "anchors and aliases"},
      {"anchor on a list", "a: &x [1]\n", "anchors and aliases"},
      {"anchor on a key", "&x a: 1\n", "anchors and aliases"},
      {"alias", "a: &x 1\nb: *x\n", "a.yaml:1:4: anchors and aliases"},
      {"alias to nothing", "a: *hunter2\n", "a.yaml:1:4: anchors and aliases"},
      {"merge key", "a:\n  <<: {b: 1}\n", "a.yaml:2:3: merge keys (<<) are not allowed"},
      {"custom tag", "a: !secret x\n", "a.yaml:1:4: tags (!name, !!type) are not allowed"},
      {"core tag", "a: !!str 1\n", "tags (!name, !!type) are not allowed"},
      {"verbatim tag", "a: !<tag:x> 1\n", "tags (!name, !!type) are not allowed"},
      {"tag on a list", "a: !!seq [1]\n", "tags (!name, !!type) are not allowed"},
      {"tag on a map", "a: !!map {b: 1}\n", "tags (!name, !!type) are not allowed"},
      {"second document", "a: 1\n---\nb: 2\n", "a second document"},
      {"list as a key", "? [a, b]\n: 1\n", "a key must be a word"},
      {"map as a key", "{{a: 1}: 2}\n", "a key must be a word"},
      {"no key", ": 1\n", "a key is missing here"},
      {"null as a key", "~: 1\n", "a key is missing here"},
      {"open bracket", "a: [1, 2\nb: 3\n", "not valid YAML"},
      {"tab as indent", "a:\n\t- b\n", "not valid YAML"},
      {"bad indentation", "a: 1\n  b: 2\n", "not valid YAML"},
      {"text after the end", "[a] b\n", "text after the end of the first"},
      {"open bracket at the end", "images: [web, api\n", "not valid YAML"},
      {"open quote", "a: \"x", "not valid YAML"},
      {"open quote before a line break", "a: \"x\n", "not valid YAML"},
      {"open quote before blanks", "a: 'x\n  ", "not valid YAML"},
      {"no UTF-8", "a: \xff\n", "a.yaml:1:4: this byte is no UTF-8"},
      {"cut UTF-8", "a: \xe2\x82", "a.yaml:1:4: this byte is no UTF-8"},
      {"overlong UTF-8", "a: \xc0\xaf\n", "this byte is no UTF-8"},
      {"surrogate", "a: \xed\xa0\x80\n", "this byte is no UTF-8"},
      {"beyond Unicode", "a: \xf4\x90\x80\x80\n", "this byte is no UTF-8"},
      {"UTF-16", std::string("a\0:\0", 4), "the text is UTF-16, and only UTF-8 is read here"},
      {"byte 4, which ends yaml-cpp's input", "a: 1\n\x04\nb: 2\n", "a.yaml:2:1: a control character"},
      {"escape", "a: \x1b[31m\n", "a control character"},
      {"eight-bit control", "a: \xc2\x9b\n", "a control character"},
  };
  for (const auto& [name, text, expected] : rows) {
    const auto sentence = refusal(text);
    EXPECT_NE(sentence.find(expected), std::string::npos) << name << ": " << sentence;
    EXPECT_EQ(sentence.find("hunter2"), std::string::npos) << name << ": " << sentence;
  }
}

TEST(Yaml, RefusesMoreThanTheLimits) {
  EXPECT_EQ(read(times(64, "[") + times(64, "]")).kind, Node::Kind::sequence);
  EXPECT_NE(refusal(times(65, "[") + times(65, "]")).find("nested deeper than 64"), std::string::npos);
  EXPECT_NE(refusal("a: " + times(900, "[")), "(accepted)");
  EXPECT_NE(refusal(times(100'000, "[")), "(accepted)");
  EXPECT_NE(refusal(times(100'000, "{a: ")), "(accepted)");
  EXPECT_NE(refusal(times(5000, "- ")).find("nested deeper than 64"), std::string::npos);
  EXPECT_NE(refusal("a: " + std::string(1024 * 1024, 'x')).find("over the limit of 1048576"), std::string::npos);
  EXPECT_EQ(read(times(99'999, "- \n")).items.size(), 99'999U);
  EXPECT_NE(refusal(times(100'000, "- \n")).find("more than 100000 values"), std::string::npos);
  EXPECT_NE(refusal("{a: 1, b: 2}", {.max_nodes = 4}).find("more than 4 values"), std::string::npos);
}

Node value(std::string_view text) {
  auto root = read("v: " + std::string(text) + "\n");
  return root.members.empty() ? Node{} : root.members[0].value;
}

template <class T>
std::string problem(const Result<T>& result) {
  return result.ok() ? "(accepted)" : result.error().sentence();
}

TEST(YamlReaders, ReadStrings) {
  EXPECT_EQ(*as_string(value("1.10"), "'v'"), "1.10");
  EXPECT_EQ(*as_string(value("no"), "'v'"), "no");
  EXPECT_EQ(*as_string(value("'null'"), "'v'"), "null");
  EXPECT_EQ(problem(as_string(value(""), "'v'")), "a.yaml:1:1: 'v' has no value");
  EXPECT_EQ(problem(as_string(value("''"), "'v'")), "a.yaml:1:4: 'v' is empty");
  EXPECT_EQ(problem(as_string(value("[x]"), "'v'")), "a.yaml:1:4: 'v' must be a text, not a list");
  EXPECT_EQ(problem(as_string(value("{x: y}"), "'v'")), "a.yaml:1:4: 'v' must be a text, not a map");
}

TEST(YamlReaders, ReadIntegers) {
  EXPECT_EQ(*as_integer(value("0"), "'v'"), 0);
  EXPECT_EQ(*as_integer(value("-7"), "'v'"), -7);
  EXPECT_EQ(*as_integer(value("9223372036854775807"), "'v'"), 9223372036854775807LL);
  struct Row {
    const char* text;
    const char* expected;
  };
  for (const auto& [text, expected] : std::vector<Row>{{"9223372036854775808", "too large"},
                                                       {"012", "octal"},
                                                       {"'1'", "leave the quotes out"},
                                                       {"1.0", "whole number"},
                                                       {"+1", "whole number"},
                                                       {"0x10", "whole number"},
                                                       {"[1]", "not a list"}}) {
    const auto sentence = problem(as_integer(value(text), "'v'"));
    EXPECT_NE(sentence.find(expected), std::string::npos) << text << ": " << sentence;
  }
}

TEST(YamlReaders, ReadBooleansAndExplainTheOtherSpellings) {
  EXPECT_TRUE(*as_boolean(value("true"), "'v'"));
  EXPECT_FALSE(*as_boolean(value("false"), "'v'"));
  struct Row {
    const char* text;
    const char* expected;
  };
  for (const auto& [text, expected] : std::vector<Row>{{"yes", "'yes' is not read as true here; write true"},
                                                       {"on", "'on' is not read as true here; write true"},
                                                       {"True", "'True' is not read as true here; write true"},
                                                       {"no", "'no' is not read as false here; write false"},
                                                       {"Off", "'Off' is not read as false here; write false"},
                                                       {"'true'", "leave the quotes out"},
                                                       {"1", "must be true or false"},
                                                       {"hunter2", "must be true or false"},
                                                       {"[true]", "must be true or false, not a list"}}) {
    const auto sentence = problem(as_boolean(value(text), "'v'"));
    EXPECT_NE(sentence.find(expected), std::string::npos) << text << ": " << sentence;
    EXPECT_EQ(sentence.find("hunter2"), std::string::npos) << sentence;
  }
}

TEST(YamlReaders, ReadDurations) {
  using namespace std::chrono_literals;
  EXPECT_EQ(*as_duration(value("30s"), "'v'"), 30s);
  EXPECT_EQ(*as_duration(value("10m"), "'v'"), 10min);
  EXPECT_EQ(*as_duration(value("2h"), "'v'"), 2h);
  EXPECT_EQ(*as_duration(value("'3d'"), "'v'"), 72h);
  EXPECT_EQ(*as_duration(value("0s"), "'v'"), 0s);
  struct Row {
    const char* text;
    const char* expected;
  };
  for (const auto& [text, expected] : std::vector<Row>{{"30", "has no unit"},
                                                       {"s", "is no duration"},
                                                       {"1.5h", "is no duration"},
                                                       {"-1s", "is no duration"},
                                                       {"1h30m", "30s, 10m, 2h or 3d"},
                                                       {"10 m", "is no duration"},
                                                       {"5w", "is no duration"},
                                                       {"4000d", "longer than ten years"},
                                                       {"99999999999999999999s", "longer than ten years"}}) {
    const auto sentence = problem(as_duration(value(text), "'v'"));
    EXPECT_NE(sentence.find(expected), std::string::npos) << text << ": " << sentence;
  }
}

TEST(YamlReaders, ReadListsOfStrings) {
  EXPECT_EQ(*as_strings(value("[web, 'api']"), "'v'"), (std::vector<std::string>{"web", "api"}));
  EXPECT_TRUE(as_strings(value("[]"), "'v'")->empty());
  EXPECT_NE(problem(as_strings(value("web"), "'v'")).find("put it in brackets"), std::string::npos);
  EXPECT_EQ(problem(as_strings(value("[web, [x]]"), "'v'")), "a.yaml:1:10: an entry of 'v' must be a text, not a list");
}

TEST(YamlMapReader, SuggestsTheKeyThatWasMeant) {
  const Keys keys{{"app", "environments"}, {"gates"}};
  const auto root = read("app: x\nenviroments: []\n");
  EXPECT_EQ(problem(MapReader::open(root, "the pipeline", keys)),
            "a.yaml:2:1: unknown key 'enviroments' in the pipeline; did you mean 'environments'?; allowed here: app, "
            "environments");
}

TEST(YamlMapReader, ListsTheKeysWhenNoneIsNear) {
  const auto root = read("zzzzzzzz: 1\n");
  EXPECT_EQ(problem(MapReader::open(root, "the map", {{"app"}, {}})),
            "a.yaml:1:1: unknown key 'zzzzzzzz' in the map; allowed here: app");
}

TEST(YamlMapReader, RepeatsAnUnknownKeyOnlyWhenItLooksLikeOne) {
  for (const auto* text :
       {"S3CRET/with/slashes: 1\n", "two words: 1\n", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9eyJzdWIiOiJib2IifQ: 1\n"}) {
    const auto root = read(text);
    EXPECT_EQ(problem(MapReader::open(root, "the map", {{"app"}, {}})),
              "a.yaml:1:1: unknown key in the map; allowed here: app");
  }
}

TEST(YamlMapReader, SaysThatAPlannedKeyIsNotSupportedYet) {
  const Keys keys{{"app"}, {"gates"}};
  EXPECT_EQ(problem(MapReader::open(read("gates: {}\n"), "the pipeline", keys)),
            "a.yaml:1:1: 'gates' in the pipeline is not supported yet; remove it; supported here: app");
  EXPECT_NE(problem(MapReader::open(read("gate: {}\n"), "the pipeline", keys)).find("'gates' is not supported yet"),
            std::string::npos);
}

TEST(YamlMapReader, RefusesWhatIsNoMap) {
  EXPECT_NE(problem(MapReader::open(read("[a]"), "the pipeline", {{"app"}, {}})).find("must be a map, not a list"),
            std::string::npos);
  EXPECT_NE(problem(MapReader::open(read(""), "the pipeline", {{"app"}, {}})).find("the pipeline has no value"),
            std::string::npos);
}

TEST(YamlMapReader, AsksForRequiredKeys) {
  const auto root = read("app: x\n");
  const auto map = MapReader::open(root, "the pipeline", {{"app", "tag"}, {}});
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(*map->required_string("app"), "x");
  EXPECT_EQ(problem(map->required_string("tag")), "a.yaml:1:1: the pipeline has no 'tag'");
  EXPECT_EQ(map->optional_string("tag").value(), std::nullopt);
}

}  // namespace
}  // namespace sluice::yaml
