#pragma once
// A kubeconfig file as a tree, from YAML or JSON. Private to this room.

#include "base/result.hpp"
#include "base/yaml.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kube {

inline constexpr std::size_t kMaxKubeconfigBytes = std::size_t{4} * 1024 * 1024;

struct KubeconfigTree {
  yaml::Node root;
  bool is_json = false;
};

/// Errors: config, with the position.
Result<KubeconfigTree> read_tree(std::string_view text, const std::filesystem::path& file);

/// A list of scalars, which may be empty texts. Errors: config.
Result<std::vector<std::string>> read_words(const yaml::Node& node, const std::string& what);

}  // namespace sluice::kube
