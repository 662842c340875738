// Any text as a kubeconfig: entries or a config error; what is read can be written and read again with the same
// meaning; and each context becomes an access or an error.

#include "fuzz/require.hpp"
#include "kube/identity/access.hpp"
#include "kube/identity/kubeconfig.hpp"
#include "kube/identity/kubeconfig_tree.hpp"
#include "kube/identity/kubeconfig_write.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

using namespace sluice;

namespace {

bool same(const kube::Kubeconfig& a, const kube::Kubeconfig& b) {
  if (a.current_context != b.current_context || a.users.size() != b.users.size()) return false;
  if (a.clusters.size() != b.clusters.size() || a.contexts.size() != b.contexts.size()) return false;
  for (const auto& [name, user] : a.users) {
    const auto other = b.users.find(name);
    if (other == b.users.end() || user.token != other->second.token || user.exec != other->second.exec) return false;
  }
  for (const auto& [name, cluster] : a.clusters) {
    const auto other = b.clusters.find(name);
    if (other == b.clusters.end() || cluster.server != other->second.server) return false;
    if (cluster.ca_pem != other->second.ca_pem || cluster.insecure != other->second.insecure) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = kube::parse_kubeconfig(text, "/home/ann/.kube/config");
  if (!config.ok()) {
    require(config.error().kind() == ErrorKind::config, "what is refused is a config error");
    require(config.error().sentence().size() < 2000, "a message does not echo endless text");
    return 0;
  }
  const auto tree = kube::read_tree(text, "config");
  require(tree.ok(), "what was read once is read again");
  if (tree->root.kind == yaml::Node::Kind::map) {
    // It may not be written when it has grown over the limit of reading; what else is refused was there before.
    const auto written = kube::emit_kubeconfig(tree->root, tree->is_json, "config");
    require(written.ok() || text.size() > kube::kMaxKubeconfigBytes / 8, "what was read can be written");
    if (!written.ok()) return 0;
    const auto again = kube::parse_kubeconfig(*written, "/home/ann/.kube/config");
    require(again.ok() && same(*config, *again), "writing keeps the meaning");
    const auto twice = kube::emit_kubeconfig(kube::read_tree(*written, "config")->root, tree->is_json, "config");
    require(twice.ok() && *twice == *written, "what was written once is written so again");
  }
  for (const auto& [name, context] : config->contexts) {
    const auto access = kube::access_of_context(*config, name);
    require(!access.ok() || access->identity != nullptr, "an access has an identity");
  }
  return 0;
}
