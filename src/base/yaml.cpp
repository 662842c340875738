#include "base/yaml.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <map>
#include <sstream>
#include <utility>

namespace sluice::yaml {

FilePosition Node::position() const { return {file ? *file : std::string(), line, column}; }

const Node* Node::find(std::string_view key) const {
  for (const auto& member : members) {
    if (member.key.text == key) return &member.value;
  }
  return nullptr;
}

Error error_at(const Node& node, std::string message) {
  return Error(ErrorKind::config, std::move(message)).at(node.position());
}

namespace {

using FileName = std::shared_ptr<const std::string>;

// Thrown out of the handler, which is the only way to stop yaml-cpp; caught in parse().
struct Refusal {
  Error error;
};

constexpr std::string_view kAliasMessage = "anchors and aliases (&name, *name) are not allowed here";
constexpr std::string_view kAliasHint = "write the value out, or quote it if it begins with '&' or '*'";

// yaml-cpp 0.7 writes "\N" (next line) and "\_" (a blank that does not break) as one byte each, which is no UTF-8. The
// text was UTF-8 before, so that a byte that begins no character comes from them.
std::string with_whole_characters(const std::string& value) {
  std::string out;
  for (std::size_t at = 0; at < value.size();) {
    const auto length = text::utf8_length(std::string_view(value).substr(at));
    if (length == 0) out += '\xC2';
    out.append(value, at, length == 0 ? 1 : length);
    at += length == 0 ? 1 : length;
  }
  return out;
}

// Builds our tree from the parser's events, and stops it at the limits and at everything that we do not read.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(FileName file, Limits limits) : file_(std::move(file)), limits_(limits) {}

  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) {
      refuse(mark, "a second document, or text after the end of the first, starts here",
             "keep one document in a file, and check the brackets and quotes before");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (anchor != 0) refuse_alias(mark);
    if (expects_key()) refuse(mark, "a key is missing here", "quote the key if it is meant to be \"null\" or \"~\"");
    place(make(mark, Node::Kind::null));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_alias(mark); }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_alias(mark); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (anchor != 0) refuse_alias(mark);
    check_tag(mark, tag);
    Node node = make(mark, Node::Kind::scalar);
    node.text = with_whole_characters(value);
    // "?" and "!" are the non-specific tags of plain and quoted scalars. Source: YAML 1.2, section 6.9.1.
    node.plain = tag == "?";
    if (expects_key()) {
      take_key(mark, std::move(node));
    } else {
      place(std::move(node));
    }
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::sequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    std::optional<Node> key;          // of the member whose value comes next
    std::map<std::string, int> seen;  // keys and their lines
  };

  [[noreturn]] void refuse(const YAML::Mark& mark, std::string message, std::string hint = "") const {
    throw Refusal{Error(ErrorKind::config, std::move(message))
                      .at({*file_, mark.line + 1, mark.column + 1})
                      .with_hint(std::move(hint))};
  }
  [[noreturn]] void refuse_alias(const YAML::Mark& mark) const {
    refuse(mark, std::string(kAliasMessage), std::string(kAliasHint));
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag.empty() || tag == "?" || tag == "!") return;
    refuse(mark, "tags (!name, !!type) are not allowed here", "quote the value if it begins with '!'");
  }

  Node make(const YAML::Mark& mark, Node::Kind kind) {
    if (++nodes_ > limits_.max_nodes) {
      refuse(mark, "more than " + std::to_string(limits_.max_nodes) + " values in one file");
    }
    Node node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    node.file = file_;
    return node;
  }

  bool expects_key() const {
    return !stack_.empty() && stack_.back().node.kind == Node::Kind::map && !stack_.back().key;
  }

  void take_key(const YAML::Mark& mark, Node key) {
    auto& frame = stack_.back();
    if (key.plain && key.text == "<<") refuse(mark, "merge keys (<<) are not allowed here", "write the values out");
    const auto [it, is_new] = frame.seen.emplace(key.text, key.line);
    if (!is_new) {
      refuse(mark, "the key" + shown_key(key) + " stands there twice",
             "the first is on line " + std::to_string(it->second) + "; remove one of them");
    }
    frame.key = std::move(key);
  }

  void place(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& frame = stack_.back();
    if (frame.node.kind == Node::Kind::sequence) {
      frame.node.items.push_back(std::move(node));
    } else {
      if (node.kind == Node::Kind::null) {  // the parser puts it where it noticed, often on the next line
        node.line = frame.key->line;
        node.column = frame.key->column;
      }
      frame.node.members.push_back({std::move(*frame.key), std::move(node)});
      frame.key.reset();
    }
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    if (anchor != 0) refuse_alias(mark);
    check_tag(mark, tag);
    if (expects_key())
      refuse(mark, "a key must be a word, not a list or a map",
             "close every bracket, and quote those that are meant as text");
    if (stack_.size() >= limits_.max_depth) {
      refuse(mark, "nested deeper than " + std::to_string(limits_.max_depth) + " levels");
    }
    stack_.push_back({make(mark, kind), std::nullopt, {}});
  }

  void close() {
    Node done = std::move(stack_.back().node);
    stack_.pop_back();
    place(std::move(done));
  }

  FileName file_;
  Limits limits_;
  std::vector<Frame> stack_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
  Node root_;
};

// Control characters other than tab and line breaks: YAML forbids them, terminals obey them, and yaml-cpp takes the
// byte 4 for the end of the file, which would drop the rest in silence.
bool is_control(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text[0]);
  if (byte == '\t' || byte == '\n' || byte == '\r') return false;
  if (byte < 0x20 || byte == 0x7F) return true;
  return byte == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
}

Status check_text(std::string_view text, const std::string& file) {
  int line = 1;
  std::size_t line_start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = text::utf8_length(text.substr(at));
    if (length == 0 || is_control(text.substr(at))) {
      return Error(ErrorKind::config, length == 0 ? "this byte is no UTF-8" : "a control character stands here")
          .at({file, line, static_cast<int>(at - line_start) + 1})
          .with_hint("save the file as plain UTF-8 text");
    }
    if (text[at] == '\n') {
      ++line;
      line_start = at + 1;
    }
    at += length;
  }
  return {};
}

// yaml-cpp 0.7 takes a quoted text that is still open for finished when the file ends after a line break or blanks.
// An empty comment as the last line makes it notice, and means nothing elsewhere.
std::string with_firm_end(std::string_view text) {
  std::string out(text);
  if (out.ends_with('\n')) return out + "#";
  if (out.ends_with(' ') || out.ends_with('\t') || out.ends_with('\r')) return out + "\n#";
  return out;
}

Error syntax_error(const YAML::Exception& why, const std::string& file) {
  FilePosition position{file, 0, 0};
  if (!why.mark.is_null()) position = {file, why.mark.line + 1, why.mark.column + 1};
  // This message of the parser carries the name; a password that begins with '*' must not be shown.
  if (why.msg.starts_with(YAML::ErrorMsg::UNKNOWN_ANCHOR)) {
    return Error(ErrorKind::config, std::string(kAliasMessage))
        .at(std::move(position))
        .with_hint(std::string(kAliasHint));
  }
  return Error(ErrorKind::config, "not valid YAML: " + text::printable(why.msg))
      .at(std::move(position))
      .with_hint("check the indentation, colons and quotes here and on the line before");
}

}  // namespace

Result<Node> parse(std::string_view text, std::string_view file, Limits limits) {
  const auto name = std::make_shared<const std::string>(file);
  if (text.size() > limits.max_bytes) {
    return Error(ErrorKind::config, std::to_string(text.size()) + " bytes are over the limit of " +
                                        std::to_string(limits.max_bytes) + " for such a file")
        .at({*name, 0, 0});
  }
  text = encoding::without_byte_order_mark(text);
  if (const auto foreign = encoding::foreign_encoding(text); !foreign.empty()) {
    return Error(ErrorKind::config, "the text is " + std::string(foreign) + ", and only UTF-8 is read here")
        .at({*name, 0, 0})
        .with_hint("save it as UTF-8");
  }
  SLUICE_CHECK(check_text(text, *name));
  try {
    std::istringstream in(with_firm_end(text));
    YAML::Parser parser(in);
    TreeBuilder builder(name, limits);
    while (parser.HandleNextDocument(builder)) {
    }
    Node root = builder.take();
    if (!root.file) {  // no document at all
      root.file = name;
      root.line = root.column = 1;
    }
    return root;
  } catch (const Refusal& refusal) {
    return refusal.error;
  } catch (const YAML::Exception& why) {
    return syntax_error(why, *name);
  } catch (const std::exception& why) {
    return Error(ErrorKind::config, std::string("the YAML parser gave up: ") + text::printable(why.what()))
        .at({*name, 0, 0});
  }
}

}  // namespace sluice::yaml
