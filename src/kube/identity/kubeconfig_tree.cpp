#include "kube/identity/kubeconfig_tree.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

#include <utility>

namespace sluice::kube {

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

}  // namespace sluice::kube
