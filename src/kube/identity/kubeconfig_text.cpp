// The text of a kubeconfig: YAML or JSON that kubectl and we read as the tree it was made of.

#include "base/json.hpp"
#include "base/text.hpp"
#include "kube/identity/kubeconfig_tree.hpp"
#include "kube/identity/kubeconfig_write.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::kube {

namespace {

using yaml::Node;

Json to_json(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return {};
    case Node::Kind::scalar: {
      if (!node.plain) return Json(node.text);
      auto value = parse_json(node.text);
      return value && !value->is_object() && !value->is_array() ? std::move(*value) : Json(node.text);
    }
    case Node::Kind::sequence: {
      Json out = Json::array();
      for (const auto& item : node.items) out.push(to_json(item));
      return out;
    }
    case Node::Kind::map: {
      Json out = Json::object();
      for (const auto& member : node.members) out.set(member.key.text, to_json(member.value));
      return out;
    }
  }
  return {};
}

// "2001-02-03T04:05:06Z": a timestamp for YAML 1.1.
bool begins_as_a_date(std::string_view text) { return text.find_first_not_of("0123456789") == 4 && text[4] == '-'; }

// Words that YAML 1.1 or 1.2 take for something else than text when they stand without quotes.
bool reads_as_other(const std::string& text) {
  constexpr std::array<std::string_view, 14> kWords{"null", "~", "true", "false", "yes",  "no",    "on",
                                                    "off",  "y", "n",    ".nan",  ".inf", "-.inf", "+.inf"};
  const auto lower = text::lower(text);
  if (std::find(kWords.begin(), kWords.end(), lower) != kWords.end() || begins_as_a_date(text)) return true;
  return text.find_first_not_of("0123456789+-._:eExXoOabcdefABCDEF,") == std::string::npos;
}

// Characters that YAML allows and no version of it takes for a line break: YAML 1.2 section 5.1, without NEL, LS and
// PS, which end lines in YAML 1.1 (section 4.2), and without the byte order mark, which kubectl's reader refuses.
bool is_yaml_character(std::string_view character) {
  const auto code = text::code_point(character);
  if (code == 0x2028 || code == 0x2029 || code == 0xFEFF) return false;
  return (code >= 0x20 && code <= 0x7E) || (code >= 0xA0 && code <= 0xFFFD) || code >= 0x10000;
}

// Whether what stood there without quotes can stand so in a block: YAML 1.2 section 7.3.3, and less than that.
bool can_stay_plain(std::string_view text) {
  constexpr std::string_view kIndicators = "?:,[]{}#&*!|>'\"%@`";
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return false;
  if (kIndicators.find(text.front()) != std::string_view::npos || text == "-" || text.starts_with("- ")) return false;
  if (text.starts_with("---") || text.starts_with("...")) return false;
  if (text.back() == ':' || text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos) {
    return false;
  }
  for (std::size_t length = 0; !text.empty(); text.remove_prefix(length)) {
    length = text::utf8_length(text);
    if (length == 0 || !is_yaml_character(text.substr(0, length))) return false;
  }
  return true;
}

// Whether a text means itself without quotes: the plain style of YAML 1.2 section 7.3.3, and far from its edges.
bool is_plain_safe(const std::string& text) {
  constexpr std::string_view kSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@-+=~%";
  if (text.empty() || text.find_first_not_of(kSafe) != std::string::npos) return false;
  if (std::string_view("-:@%~=").find(text.front()) != std::string_view::npos) return false;
  return text.back() != ':' && text.find(": ") == std::string::npos && !reads_as_other(text);
}

// JSON as YAML understands it, too (kubectl reads JSON as YAML): outside of texts it is ASCII, so that what is replaced
// stands in a text always.
std::string for_yaml(std::string_view json) {
  std::string out;
  for (std::size_t at = 0, length = 0; at < json.size(); at += length) {
    length = text::utf8_length(json.substr(at));
    const auto character = json.substr(at, length);
    if (character == "\n" || is_yaml_character(character)) {
      out += character;
    } else {
      out += fmt::format("\\u{:04x}", text::code_point(character));  // all above U+FFFF are allowed
    }
  }
  return out;
}

std::string scalar(const Node& node) {
  if ((node.plain && can_stay_plain(node.text)) || is_plain_safe(node.text)) return node.text;
  return for_yaml(Json(node.text).dump());  // double-quoted YAML understands every escape of JSON
}

// "key:". Where it is longer than 1024 characters, no reader looks for the colon any more: YAML 1.2 section 7.4.
std::string key_of(const Node& key, const std::string& margin) {
  constexpr std::size_t kLongestBytes = 1000;
  const auto text = scalar(key);
  return text.size() <= kLongestBytes ? text + ":" : "? " + text + "\n" + margin + ":";
}

void emit(const Node& node, std::size_t indent, std::string& out);

// What follows "key:" or "-" on the same line or on the next ones.
void emit_value(const Node& node, std::size_t indent, bool in_sequence, std::string& out) {
  switch (node.kind) {
    case Node::Kind::null:
      out += " null\n";
      return;
    case Node::Kind::scalar:
      out += " " + scalar(node) + "\n";
      return;
    case Node::Kind::sequence:
      if (node.items.empty()) {
        out += " []\n";
        return;
      }
      break;
    case Node::Kind::map:
      if (node.members.empty()) {
        out += " {}\n";
        return;
      }
      break;
  }
  out += "\n";
  // As kubectl writes: lists stand under their key, maps two further in.
  emit(node, node.kind == Node::Kind::sequence && !in_sequence ? indent : indent + 2, out);
}

void emit(const Node& node, std::size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  for (const auto& item : node.items) {
    if (item.kind == Node::Kind::map && !item.members.empty()) {
      // "- key: value": the first member shares the line with its dash.
      std::string block;
      emit(item, indent + 2, block);
      out += margin + "- " + block.substr(indent + 2);
    } else {
      out += margin + "-";
      emit_value(item, indent, true, out);
    }
  }
  for (const auto& member : node.members) {
    out += margin + key_of(member.key, margin);
    emit_value(member.value, indent, false, out);
  }
}

// The first value or key of `node` that is not the same in `other`; null: there is none.
const Node* difference(const Node& node, const Node& other) {
  if (node.kind != other.kind || node.text != other.text) return &node;
  if (node.items.size() != other.items.size() || node.members.size() != other.members.size()) return &node;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    if (const auto* found = difference(node.items[i], other.items[i])) return found;
  }
  for (std::size_t i = 0; i < node.members.size(); ++i) {
    if (const auto* found = difference(node.members[i].key, other.members[i].key)) return found;
    if (const auto* found = difference(node.members[i].value, other.members[i].value)) return found;
  }
  return nullptr;
}

Error cannot_be_written(const Node& node, const std::filesystem::path& file, const std::string& why) {
  return Error(ErrorKind::config, "the kubeconfig cannot be changed (" + why + "), so it was left as it is")
      .at(node.line > 0 ? node.position() : FilePosition{file.string(), 0, 0})
      .with_hint("choose another file with KUBECONFIG, or names without odd characters");
}

}  // namespace

Result<std::string> emit_kubeconfig(const yaml::Node& root, bool as_json, const std::filesystem::path& file) {
  std::string out;
  if (as_json) {
    out = for_yaml(to_json(root).dump_pretty()) + "\n";
  } else if (root.kind == Node::Kind::map && root.members.empty()) {
    out = "{}\n";
  } else {
    emit(root, 0, out);
  }
  // What was written wrong would be found by the next command, when what stood there is gone.
  const auto again = read_tree(out, file);
  if (!again) return cannot_be_written(root, file, "it could not be read again: " + again.error().message());
  if (const auto* changed = difference(root, again->root)) {
    return cannot_be_written(*changed, file, "one of its texts would not be the same any more");
  }
  return out;
}

}  // namespace sluice::kube
