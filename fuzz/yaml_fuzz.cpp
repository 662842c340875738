// Any text as a YAML file: a tree within its limits with positions everywhere, or a config error with a position.

#include "base/yaml.hpp"
#include "fuzz/require.hpp"

#include <cstdint>
#include <string_view>

namespace {

using sluice::yaml::Node;

// The number of nodes, keys included.
std::size_t walk(const Node& node, std::size_t depth) {
  require(depth <= sluice::yaml::Limits{}.max_depth, "the depth is bounded");
  require(node.line >= 1 && node.column >= 1 && node.file != nullptr, "every node has a position");
  std::size_t nodes = 1;
  for (const auto& item : node.items) nodes += walk(item, depth + 1);
  for (const auto& [key, value] : node.members) {
    require(key.kind == Node::Kind::scalar, "keys are scalars");
    nodes += 1 + walk(value, depth + 1);
  }
  // Every reader must cope with every node.
  static_cast<void>(sluice::yaml::as_string(node, "'v'").ok());
  static_cast<void>(sluice::yaml::as_integer(node, "'v'").ok());
  static_cast<void>(sluice::yaml::as_boolean(node, "'v'").ok());
  static_cast<void>(sluice::yaml::as_duration(node, "'v'").ok());
  static_cast<void>(sluice::yaml::as_strings(node, "'v'").ok());
  return nodes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto root = sluice::yaml::parse({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
  if (root.ok()) {
    require(walk(*root, 0) <= sluice::yaml::Limits{}.max_nodes, "the number of nodes is bounded");
  } else {
    require(root.error().kind() == sluice::ErrorKind::config, "what is refused is a config error");
    require(root.error().position().has_value(), "an error has a position");
    require(root.error().sentence().size() < 1000, "a message does not echo endless text");
  }
  return 0;
}
