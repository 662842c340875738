// What a kubeconfig holds stays what it is when a login is written beside it, and others can read what was written.

#include "kube/identity/kubeconfig_write.hpp"

#include "base/json.hpp"
#include "base/text.hpp"
#include "kube/identity/kubeconfig_tree.hpp"
#include "unit/kube/kube_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace sluice::kube {
namespace {

using testing::failed_with;
using ::testing::HasSubstr;
using testing::why;
using yaml::Node;

// Texts that no plain scalar of YAML can hold, or that mean something else there.
std::vector<std::string> awkward_texts() {
  std::vector<std::string> out{"",
                               " ",
                               " a",
                               "a ",
                               "\ta",
                               "a\t",
                               "a\tb",
                               "a\nb",
                               "\n",
                               "a\n",
                               "a\rb",
                               "\r",
                               "a\r",
                               "-de-\r\r",
                               "a\r\nb",
                               "a: b",
                               "a:",
                               ":a",
                               ":",
                               "a #b",
                               "#a",
                               "a#b",
                               "? a",
                               "?a",
                               "?",
                               "- a",
                               "-",
                               "---",
                               "--- a",
                               "...",
                               "... a",
                               "[a]",
                               "{a: b}",
                               "]",
                               "}",
                               ",",
                               "a, b",
                               "&a",
                               "*a",
                               "!a",
                               "|",
                               ">",
                               "'a'",
                               "\"a\"",
                               "a\"b",
                               "a'b",
                               "a\\b",
                               "%a",
                               "@a",
                               "`a`",
                               "null",
                               "Null",
                               "~",
                               "true",
                               "No",
                               "y",
                               "1",
                               "-1",
                               "+1",
                               "1.5",
                               "1e3",
                               ".5",
                               ".inf",
                               "-.Inf",
                               "+.INF",
                               ".nan",
                               "0x1F",
                               "0o17",
                               "017",
                               "1_000",
                               "1:30",
                               "0b101",
                               "2001-02-03",
                               "2001-02-03T04:05:06Z",
                               "<<",
                               "=",
                               "a=b",
                               "\u00e9",
                               "\u0085",
                               "a\u0085b",
                               "\u0085a",
                               "\u2028",
                               "a\u2028b",
                               "a\u2029b",
                               "\u2029",
                               "\ufeff",
                               "a\ufeffb",
                               "\ufffe",
                               "\uffff",
                               "\u00a0a",
                               "a\u00a0",
                               "\u007f",
                               "a\u007fb",
                               "\u0080",
                               "\u009b31m",
                               "\u200e",
                               "\u202e",
                               "\U0001F600",
                               std::string(1500, 'k'),
                               std::string(1500, ' ') + "k",
                               std::string(600, '"')};
  for (char c = 0; c < 0x20; ++c) {
    out.push_back(std::string(1, c));
    out.push_back("a" + std::string(1, c) + "b");
  }
  return out;
}

Node scalar(const std::string& text, bool plain = false) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = text;
  node.plain = plain;
  return node;
}

Node map(const std::string& key, Node value) {
  Node node;
  node.kind = Node::Kind::map;
  node.members.push_back({scalar(key), std::move(value)});
  return node;
}

Node list(std::vector<Node> items) {
  Node node;
  node.kind = Node::Kind::sequence;
  node.items = std::move(items);
  return node;
}

// The text in every place where a text can stand.
Node everywhere(const std::string& text, bool plain) {
  Node key = scalar(text, plain);
  Node root = map("value", scalar(text, plain));
  root.members.push_back({scalar("list"), list({scalar(text, plain), scalar("b"), list({scalar(text, plain)})})});
  Node first = map("x", scalar(text, plain));
  first.members.front().key = key;
  first.members.push_back({scalar("other key"), scalar("z")});
  root.members.push_back({scalar("maps"), list({first, first})});
  root.members.push_back({key, first});
  Node listed = map("x", list({scalar("one"), first}));
  listed.members.front().key = key;
  root.members.push_back({scalar("inner"), std::move(listed)});
  return root;
}

std::string described(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "null";
    case Node::Kind::scalar:
      return Json(node.text).dump();
    case Node::Kind::sequence: {
      std::string out = "[";
      for (const auto& item : node.items) out += described(item) + ", ";
      return out + "]";
    }
    case Node::Kind::map: {
      std::string out = "{";
      for (const auto& member : node.members) out += described(member.key) + ": " + described(member.value) + ", ";
      return out + "}";
    }
  }
  return "";
}

// Source: YAML 1.2 section 5.1, without what YAML 1.1 takes for a line break.
bool everybody_reads(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto length = text::utf8_length(text.substr(at));
    if (length == 0) return false;
    const auto code = text::code_point(text.substr(at, length));
    const bool is_in = code == '\n' || (code >= 0x20 && code <= 0x7E) ||
                       (code >= 0xA0 && code <= 0xFFFD && code != 0x2028 && code != 0x2029 && code != 0xFEFF) ||
                       code >= 0x10000;
    if (!is_in) return false;
    at += length;
  }
  return true;
}

TEST(KubeconfigWrite, KeepsEveryTextWhereverItStands) {
  for (const auto& text : awkward_texts()) {
    for (const bool as_json : {false, true}) {
      SCOPED_TRACE(Json(text).dump() + (as_json ? " in JSON" : " in YAML"));
      const auto root = everywhere(text, false);
      const auto written = emit_kubeconfig(root, as_json, "config");
      ASSERT_TRUE(written.ok()) << why(written);
      EXPECT_TRUE(everybody_reads(*written)) << *written;
      const auto again = read_tree(*written, "config");
      ASSERT_TRUE(again.ok()) << why(again) << *written;
      EXPECT_EQ(described(again->root), described(root)) << *written;
    }
  }
}

TEST(KubeconfigWrite, QuotesWhatStoodThereWithoutQuotesAndCannotHere) {
  for (const auto& text : awkward_texts()) {
    if (text.empty() || text == "~" || text == "null" || text == "Null") continue;  // without quotes they are no texts
    SCOPED_TRACE(Json(text).dump());
    const auto root = everywhere(text, true);
    if (text == "<<") continue;  // as a key without quotes it is refused when it is read
    const auto written = emit_kubeconfig(root, false, "config");
    ASSERT_TRUE(written.ok()) << why(written);
    EXPECT_TRUE(everybody_reads(*written)) << *written;
    const auto again = read_tree(*written, "config");
    ASSERT_TRUE(again.ok()) << why(again) << *written;
    EXPECT_EQ(described(again->root), described(root)) << *written;
  }
}

TEST(KubeconfigWrite, NumbersAndTextsThatLookLikeThemStayApart) {
  const auto tree = read_tree(
      "a: [1, -1, 1.10, 1e3, true, .inf, 2001-02-03, 2001-02-03 04:05:06, null]\n"
      "b: ['1', '-1', '1.10', '1e3', 'true', '.inf', '2001-02-03T04:05:06Z', 'null']\n",
      "config");
  ASSERT_TRUE(tree.ok()) << why(tree);
  const auto written = emit_kubeconfig(tree->root, false, "config");
  ASSERT_TRUE(written.ok()) << why(written);
  EXPECT_EQ(*written,
            "a:\n- 1\n- -1\n- 1.10\n- 1e3\n- true\n- .inf\n- 2001-02-03\n- 2001-02-03 04:05:06\n- null\n"
            "b:\n- \"1\"\n- \"-1\"\n- \"1.10\"\n- \"1e3\"\n- \"true\"\n- \".inf\"\n- \"2001-02-03T04:05:06Z\"\n"
            "- \"null\"\n");
}

class KubeconfigWriteTest : public ::testing::Test {
 protected:
  Environment environment() {
    return Environment([this](std::string_view name) -> std::optional<std::string> {
      return name == "KUBECONFIG" ? std::optional(file.string()) : std::nullopt;
    });
  }
  std::string read() const {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static KubeLogin login(const std::string& user, const std::string& project) {
    return {"https://api:443", user, project, Secret("t"), "", "", false, ""};
  }

  support::TempFolder folder;
  std::filesystem::path file = folder.path() / "config";
};

TEST_F(KubeconfigWriteTest, AfterALoginTheNextOneReadsTheFile) {
  for (const std::string text :
       {"u:\n-de-\r\r\r\r:\r\r", "? a\rb\n: c\n", "u: \"\\x7f\\x9b\\N\\L\\P\"\n", "\"a\\rb\": 'c'\n",
        "{\"kind\": \"Config\", \"\\u007f\\u009b\": \"\\u0085\\ufeff\"}"}) {
    SCOPED_TRACE(Json(text).dump());
    std::ofstream(file, std::ios::trunc) << text;
    const auto before = read_tree(text, file);
    ASSERT_TRUE(before.ok()) << why(before);
    for (const auto* user : {"ann", "bob"}) {
      const auto stored = store_login(environment(), login(user, "shop"));
      ASSERT_TRUE(stored.ok()) << why(stored) << read();
    }
    const auto after = read_tree(read(), file);
    ASSERT_TRUE(after.ok()) << why(after);
    EXPECT_EQ(described(after->root.members.front().key), described(before->root.members.front().key));
    EXPECT_EQ(described(after->root.members.front().value), described(before->root.members.front().value));
    EXPECT_TRUE(everybody_reads(read())) << read();
  }
}

TEST_F(KubeconfigWriteTest, ATextThatNoKubeconfigHoldsIsRefusedBeforeAnythingIsWritten) {
  std::ofstream(file) << "current-context: x\n";
  EXPECT_TRUE(failed_with(store_login(environment(), login("ann", "sh\xffop")), ErrorKind::config, "left as it is"));
  EXPECT_EQ(read(), "current-context: x\n");
}

TEST_F(KubeconfigWriteTest, AFileThatWouldGrowOverTheLimitIsLeftAsItIs) {
  const std::string text = "x: " + std::string(kMaxKubeconfigBytes - 10, 'x') + "\n";
  std::ofstream(file) << text;
  const auto stored = store_login(environment(), login("ann", "shop"));
  EXPECT_TRUE(failed_with(stored, ErrorKind::config, "left as it is"));
  EXPECT_EQ(read(), text);
}

}  // namespace
}  // namespace sluice::kube
