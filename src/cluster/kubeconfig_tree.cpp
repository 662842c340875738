#include "cluster/kubeconfig_tree.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "cluster/kubeconfig_write.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::cluster {

namespace {

using yaml::Node;

Node from_json(const Json& json, const std::shared_ptr<const std::string>& file) {
  Node node;
  node.file = file;
  if (json.is_object()) {
    node.kind = Node::Kind::map;
    for (const auto& [key, value] : json.members()) {
      Node name;
      name.kind = Node::Kind::scalar;
      name.text = key;
      name.file = file;
      node.members.push_back({std::move(name), from_json(value, file)});
    }
  } else if (json.is_array()) {
    node.kind = Node::Kind::sequence;
    for (const auto& item : json.items()) node.items.push_back(from_json(item, file));
  } else if (!json.is_null()) {
    node.kind = Node::Kind::scalar;
    const auto text = json.as_string();
    node.plain = !text;
    node.text = text ? *text : json.dump();
  }
  return node;
}

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

// Words that YAML 1.1 or 1.2 take for something else than text when they stand without quotes.
bool reads_as_other(const std::string& text) {
  constexpr std::array<std::string_view, 11> kWords{"null", "~",   "true", "false", "yes", "no",
                                                    "on",   "off", "y",    "n",     ".nan"};
  const auto lower = text::lower(text);
  if (std::find(kWords.begin(), kWords.end(), lower) != kWords.end()) return true;
  return text.find_first_not_of("0123456789+-._:eExXoOabcdefABCDEF,") == std::string::npos;
}

// Whether a text means itself without quotes: the plain style of YAML 1.2 section 7.3.3, and far from its edges.
bool is_plain_safe(const std::string& text) {
  constexpr std::string_view kSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@-+=~%";
  if (text.empty() || text.find_first_not_of(kSafe) != std::string::npos) return false;
  if (std::string_view("-:@%~=").find(text.front()) != std::string_view::npos) return false;
  return text.back() != ':' && text.find(": ") == std::string::npos && !reads_as_other(text);
}

std::string scalar(const Node& node) {
  const bool was_plain = node.plain && node.text.find('\n') == std::string::npos;
  if (was_plain || is_plain_safe(node.text)) return node.text;
  return Json(node.text).dump();  // double-quoted YAML understands every escape of JSON
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
    Node key = member.key;
    out += margin + scalar(key) + ":";
    emit_value(member.value, indent, false, out);
  }
}

}  // namespace

Result<KubeconfigTree> read_tree(std::string_view text, const std::filesystem::path& file) {
  text = encoding::without_byte_order_mark(text);
  if (text::trim(text).starts_with('{')) {
    if (auto json = parse_json(text, {.max_bytes = kMaxKubeconfigBytes, .max_depth = 32})) {
      return KubeconfigTree{from_json(*json, std::make_shared<const std::string>(file.string())), true};
    }
    // Else it may still be YAML that begins with a bracket.
  }
  SLUICE_TRY(auto root, yaml::parse(text, file.string(), {.max_bytes = kMaxKubeconfigBytes, .max_depth = 32}));
  return KubeconfigTree{std::move(root), false};
}

Result<std::vector<std::string>> read_words(const Node& node, const std::string& what) {
  if (node.kind != Node::Kind::sequence) return yaml::error_at(node, what + " must be a list");
  std::vector<std::string> out;
  for (const auto& item : node.items) {
    if (item.kind != Node::Kind::scalar) return yaml::error_at(item, what + " must be a list of texts");
    out.push_back(item.text);
  }
  return out;
}

std::string emit_kubeconfig(const yaml::Node& root, bool as_json) {
  if (as_json) return to_json(root).dump_pretty() + "\n";
  std::string out;
  if (root.kind == Node::Kind::map && root.members.empty()) return "{}\n";
  emit(root, 0, out);
  return out;
}

}  // namespace sluice::cluster
