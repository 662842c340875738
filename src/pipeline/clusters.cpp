#include "pipeline/clusters.hpp"

#include "base/file.hpp"
#include "base/text.hpp"
#include "base/yaml.hpp"
#include "pipeline/fields.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::pipeline {

namespace {

constexpr std::string_view kSystemFile = "/etc/sluice/clusters.yaml";

const yaml::Keys& file_keys() {
  static const yaml::Keys kKeys{{"clusters", "allow-local-checks"}, {}};
  return kKeys;
}

const yaml::Keys& entry_keys() {
  static const yaml::Keys kKeys{{"api", "registry", "ca", "client-cert", "client-key", "proxy", "insecure", "username",
                                 "password", "token", "context"},
                                {}};
  return kKeys;
}

bool is_variable_name(std::string_view name) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  return !name.empty() && kLetters.find(name.front()) != std::string_view::npos &&
         name.find_first_not_of(std::string(kLetters) + "0123456789") == std::string_view::npos;
}

// Which references a field takes.
enum class Accepts : std::uint8_t { any, file_only };

// Nothing here repeats the value: whatever is not a good reference may be the secret itself.
Result<ValueReference> parse_reference(const yaml::Node& node, const std::string& what, Accepts accepts) {
  SLUICE_TRY(const auto text, yaml::as_string(node, what));
  struct Prefix {
    std::string_view text;
    ValueReference::Kind kind;
  };
  constexpr std::array kPrefixes{Prefix{"file:", ValueReference::Kind::file}, Prefix{"env:", ValueReference::Kind::env},
                                 Prefix{"exec:", ValueReference::Kind::exec}};
  for (const auto& [prefix, kind] : kPrefixes) {
    if (!text.starts_with(prefix)) continue;
    ValueReference reference{kind, std::string(text::trim(text.substr(prefix.size()))), node.position()};
    if (accepts == Accepts::file_only && kind != ValueReference::Kind::file) break;
    if (reference.value.empty()) {
      return yaml::error_at(node, what + " has nothing after '" + std::string(prefix) + "'");
    }
    if (kind == ValueReference::Kind::env && !is_variable_name(reference.value)) {
      return yaml::error_at(node, what + " does not name an environment variable after 'env:'");
    }
    if (kind == ValueReference::Kind::exec && reference.value.find_first_of("\"'\\\n") != std::string::npos) {
      return yaml::error_at(node, what + " has quotes or backslashes in its command")
          .with_hint("exec: runs without a shell and splits at blanks; put the command into a script");
    }
    return reference;
  }
  if (accepts == Accepts::file_only) {
    return yaml::error_at(node, what + " must name a file").with_hint("write file:PATH");
  }
  return yaml::error_at(node, what + " must be a reference, not the value itself")
      .with_hint("write file:PATH, env:NAME or exec:PROGRAM ARG..., and change a secret that stood here");
}

Result<std::optional<ValueReference>> optional_reference(const yaml::MapReader& entry, std::string_view key,
                                                         Accepts accepts) {
  const auto* node = entry.find(key);
  if (node == nullptr) return std::optional<ValueReference>();
  SLUICE_TRY(auto reference, parse_reference(*node, "'" + std::string(key) + "' of " + entry.what(), accepts));
  return std::optional<ValueReference>(std::move(reference));
}

Result<std::optional<std::string>> read_proxy(const yaml::MapReader& entry) {
  const auto* node = entry.find("proxy");
  if (node == nullptr) return std::optional<std::string>();
  const auto what = "'proxy' of " + entry.what();
  SLUICE_TRY(auto text, yaml::as_string(*node, what));
  if (text == "none") return std::optional<std::string>(std::move(text));
  if (detail::has_user_information(text)) {
    return yaml::error_at(*node, what + " holds credentials").with_hint("write http://HOST:PORT only");
  }
  const auto scheme_end = text.find("://");
  const auto scheme = text.substr(0, scheme_end == std::string::npos ? 0 : scheme_end);
  if ((scheme != "http" && scheme != "https") || scheme_end + 3 == text.size() ||
      text.find_first_of(" \t\r\n") != std::string::npos) {
    return yaml::error_at(*node, what + " is no proxy address").with_hint("write http://HOST:PORT, or none");
  }
  return std::optional<std::string>(std::move(text));
}

// https, or http to this machine: tokens go there.
bool is_api_address(std::string_view url) {
  if (detail::has_user_information(url) || url.find_first_of(" \t\r\n?#") != std::string_view::npos) return false;
  constexpr std::string_view kHttps = "https://";
  if (url.starts_with(kHttps)) return url.size() > kHttps.size();
  constexpr std::array<std::string_view, 3> kLocal{"http://127.0.0.1", "http://localhost", "http://[::1]"};
  return std::any_of(kLocal.begin(), kLocal.end(), [&](std::string_view start) {
    if (!url.starts_with(start)) return false;
    const auto rest = url.substr(start.size());
    return rest.empty() || rest.front() == ':' || rest.front() == '/';
  });
}

// What must stand together, or cannot.
Status check_entry(const yaml::MapReader& entry) {
  struct Pair {
    std::string_view key;
    std::string_view needs;
  };
  constexpr std::array kPairs{Pair{"client-cert", "client-key"}, Pair{"client-key", "client-cert"},
                              Pair{"username", "password"}, Pair{"password", "username"}};
  for (const auto& [key, needs] : kPairs) {
    const auto* node = entry.find(key);
    if (node != nullptr && entry.find(needs) == nullptr) {
      return yaml::error_at(*node,
                            entry.what() + " has '" + std::string(key) + "' without '" + std::string(needs) + "'");
    }
  }
  if (const auto* context = entry.find("context")) {
    for (const std::string_view other : {"api", "token"}) {
      if (entry.find(other) == nullptr) continue;
      return yaml::error_at(*context, entry.what() + " has both 'context' and '" + std::string(other) + "'")
          .with_hint("a kubeconfig context says server and credentials; remove one of them");
    }
    return {};
  }
  if (entry.find("api") != nullptr) return {};
  if (entry.find("registry") == nullptr) {
    return yaml::error_at(entry.node(), entry.what() + " has no 'registry'").with_hint("write registry: HOST[:PORT]");
  }
  if (const auto* token = entry.find("token")) {
    return yaml::error_at(*token, entry.what() + " has a 'token' without an 'api'")
        .with_hint("a plain registry takes 'username' and 'password'");
  }
  return {};
}

Result<Cluster> parse_entry(const yaml::Node::Member& member) {
  if (!detail::is_plain_name(member.key.text)) {
    return yaml::error_at(member.key, "the key" + yaml::shown_key(member.key) + " is no name for a cluster")
        .with_hint("use letters, digits, '.', '_' and '-', at most 63");
  }
  SLUICE_TRY(const auto entry, yaml::MapReader::open(member.value, "cluster '" + member.key.text + "'", entry_keys()));
  SLUICE_CHECK(check_entry(entry));
  Cluster cluster;
  cluster.name = member.key.text;
  cluster.position = member.key.position();
  if (const auto* api = entry.find("api")) {
    SLUICE_TRY(const auto url, yaml::as_string(*api, "'api' of " + entry.what()));
    if (!is_api_address(url)) {
      return yaml::error_at(*api, "'api' of " + entry.what() + " is no API address")
          .with_hint("write https://HOST:PORT");
    }
    cluster.api = url;
    cluster.has_api = true;
  }
  SLUICE_TRY(cluster.context, entry.optional_string("context"));
  if (cluster.context) cluster.has_api = true;
  if (const auto* registry = entry.find("registry")) {
    SLUICE_TRY(cluster.registry, detail::read_registry(*registry, "'registry' of " + entry.what()));
  }
  if (const auto* insecure = entry.find("insecure")) {
    SLUICE_TRY(cluster.insecure, yaml::as_boolean(*insecure, "'insecure' of " + entry.what()));
  }
  SLUICE_TRY(cluster.ca, optional_reference(entry, "ca", Accepts::file_only));
  SLUICE_TRY(cluster.client_cert, optional_reference(entry, "client-cert", Accepts::file_only));
  SLUICE_TRY(cluster.client_key, optional_reference(entry, "client-key", Accepts::file_only));
  SLUICE_TRY(cluster.proxy, read_proxy(entry));
  SLUICE_TRY(cluster.username, entry.optional_string("username"));
  SLUICE_TRY(cluster.password, optional_reference(entry, "password", Accepts::any));
  SLUICE_TRY(cluster.token, optional_reference(entry, "token", Accepts::any));
  return cluster;
}

// Empty when the file is not there.
Result<std::optional<Clusters>> load_if_present(const std::filesystem::path& file) {
  const auto text = read_file(file, yaml::Limits{}.max_bytes);
  if (!text) {
    if (text.error().kind() == ErrorKind::not_found) return std::optional<Clusters>();
    return text.error();
  }
  SLUICE_TRY(auto clusters, parse_clusters(*text, file));
  return std::optional<Clusters>(std::move(clusters));
}

}  // namespace

Result<Clusters> parse_clusters(std::string_view text, const std::filesystem::path& file) {
  SLUICE_TRY(const auto root, yaml::parse(text, file.string()));
  SLUICE_TRY(const auto top, yaml::MapReader::open(root, "the clusters file", file_keys()));
  SLUICE_TRY(const auto* entries, top.require("clusters"));
  if (entries->kind != yaml::Node::Kind::map) {
    return yaml::error_at(*entries, "'clusters' must be a map of names")
        .with_hint("write for example: clusters: {prod: {registry: registry.example.com}}");
  }
  Clusters clusters;
  clusters.file = file;
  if (const auto* allowed = top.find("allow-local-checks")) {
    SLUICE_TRY(clusters.allow_local_checks, yaml::as_boolean(*allowed, "'allow-local-checks' of " + top.what()));
  }
  for (const auto& member : entries->members) {
    SLUICE_TRY(auto cluster, parse_entry(member));
    clusters.entries.emplace(member.key.text, std::move(cluster));
  }
  return clusters;
}

Result<Clusters> load_clusters(const std::optional<std::filesystem::path>& flag,
                               const sluice::Environment& environment) {
  if (flag) {
    SLUICE_TRY(auto named, load_if_present(*flag));
    if (named) return std::move(*named);
    return Error(ErrorKind::config, "there is no clusters file " + flag->string()).with_hint("check --clusters");
  }
  for (const auto& file :
       {environment.config_home() / "sluice" / "clusters.yaml", std::filesystem::path(kSystemFile)}) {
    SLUICE_TRY(auto found, load_if_present(file));
    if (found) return std::move(*found);
  }
  return Clusters{};
}

}  // namespace sluice::pipeline
