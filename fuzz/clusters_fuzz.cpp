// Any text as a clusters file: entries that keep the promises of clusters.hpp, or a config error with a position.

#include "fuzz/require.hpp"
#include "pipeline/clusters.hpp"

#include <cstdint>
#include <string_view>

namespace {

using sluice::pipeline::ValueReference;

void check_file(const std::optional<ValueReference>& reference) {
  if (!reference) return;
  require(reference->kind == ValueReference::Kind::file, "certificates are files");
  require(!reference->value.empty() && reference->position.line >= 1, "a reference is complete");
}

void check(const sluice::pipeline::Cluster& cluster) {
  require(cluster.has_api || !cluster.registry.empty(), "an entry leads somewhere");
  require(cluster.registry.find('@') == std::string::npos, "no credentials in a registry");
  require(cluster.client_cert.has_value() == cluster.client_key.has_value(), "both or none");
  require(cluster.username.has_value() == cluster.password.has_value(), "both or none");
  check_file(cluster.ca);
  check_file(cluster.client_cert);
  check_file(cluster.client_key);
  if (cluster.password) require(!cluster.password->value.empty(), "a reference is complete");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto clusters = sluice::pipeline::parse_clusters({reinterpret_cast<const char*>(data), size}, "clusters.yaml");
  if (clusters.ok()) {
    for (const auto& [name, cluster] : clusters->entries) {
      require(name == cluster.name, "entries know their names");
      check(cluster);
    }
  } else {
    require(clusters.error().kind() == sluice::ErrorKind::config, "what is refused is a config error");
    require(clusters.error().position().has_value(), "an error has a position");
    require(clusters.error().sentence().size() < 1000, "a message does not echo endless text");
  }
  return 0;
}
