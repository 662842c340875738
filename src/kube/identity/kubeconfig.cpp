#include "kube/identity/kubeconfig.hpp"

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "kube/identity/kubeconfig_tree.hpp"
#include "net/url.hpp"

#include <array>
#include <utility>

namespace sluice::kube {

namespace {

using yaml::Node;

std::string in_quotes(std::string_view text) { return "'" + text::printable(text, 120) + "'"; }

// Text of a scalar; empty for nothing at all. Secrets go through here: no error repeats the value.
Result<std::string> text_of(const Node& map, std::string_view key, const std::string& what) {
  const auto* node = map.find(key);
  if (node == nullptr || node->kind == Node::Kind::null) return std::string();
  if (node->kind != Node::Kind::scalar) {
    return yaml::error_at(*node, "'" + std::string(key) + "' of " + what + " must be a text");
  }
  return node->text;
}

Result<bool> flag_of(const Node& map, std::string_view key, const std::string& what) {
  const auto* node = map.find(key);
  if (node == nullptr || node->kind == Node::Kind::null) return false;
  return yaml::as_boolean(*node, "'" + std::string(key) + "' of " + what);
}

Result<std::string> data_of(const Node& map, std::string_view key, const std::string& what) {
  SLUICE_TRY(auto text, text_of(map, key, what));
  if (text.empty()) return text;
  // Long values are often folded over several lines.
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
  auto decoded = encoding::decode_base64(text);
  if (!decoded) return yaml::error_at(*map.find(key), "'" + std::string(key) + "' of " + what + " is not base64");
  return decoded;
}

std::string resolved(const std::string& path, const std::filesystem::path& file) {
  if (path.empty() || std::filesystem::path(path).is_absolute()) return path;
  return (file.parent_path() / path).lexically_normal().string();
}

Result<KubeCluster> read_cluster(const std::string& name, const Node& map, const std::filesystem::path& file) {
  const auto what = "cluster " + in_quotes(name);
  KubeCluster out;
  out.name = name;
  out.file = file;
  SLUICE_TRY(out.server, text_of(map, "server", what));
  SLUICE_TRY(const auto ca, text_of(map, "certificate-authority", what));
  out.ca_file = resolved(ca, file);
  SLUICE_TRY(out.ca_pem, data_of(map, "certificate-authority-data", what));
  SLUICE_TRY(out.insecure, flag_of(map, "insecure-skip-tls-verify", what));
  SLUICE_TRY(out.tls_server_name, text_of(map, "tls-server-name", what));
  SLUICE_TRY(auto proxy, text_of(map, "proxy-url", what));
  if (!proxy.empty()) out.proxy_url = std::move(proxy);
  if (out.insecure && !(out.ca_file.empty() && out.ca_pem.empty())) {
    return yaml::error_at(map, what + " has a CA together with 'insecure-skip-tls-verify: true'")
        .with_hint("remove one of them: the CA means that certificates are checked");
  }
  return out;
}

Result<ExecPlugin> read_exec(const Node& map, const std::string& what, const std::filesystem::path& file) {
  const auto where = "'exec' of " + what;
  ExecPlugin out;
  SLUICE_TRY(out.api_version, text_of(map, "apiVersion", where));
  constexpr std::string_view kGroup = "client.authentication.k8s.io/";
  if (!out.api_version.starts_with(kGroup)) {
    return yaml::error_at(map, where + " has no usable 'apiVersion'")
        .with_hint("kubectl knows client.authentication.k8s.io/v1 and v1beta1");
  }
  SLUICE_TRY(auto command, text_of(map, "command", where));
  if (command.empty()) return yaml::error_at(map, where + " has no 'command'");
  // A bare name is looked up in PATH; anything with a slash stands beside the file. Source: client-go, "exec".
  out.argv.push_back(command.find('/') != std::string::npos ? resolved(command, file) : std::move(command));
  if (const auto* args = map.find("args"); args != nullptr && args->kind != Node::Kind::null) {
    SLUICE_TRY(auto words, read_words(*args, "'args' of " + where));
    for (auto& word : words) out.argv.push_back(std::move(word));
  }
  if (const auto* env = map.find("env")) {
    for (const auto& item : env->items) {
      SLUICE_TRY(auto name, text_of(item, "name", where));
      SLUICE_TRY(auto value, text_of(item, "value", where));
      if (name.empty() || name.find('=') != std::string::npos) {
        return yaml::error_at(item, "an entry of 'env' of " + where + " has no usable name");
      }
      out.variables.emplace_back(std::move(name), std::move(value));
    }
  }
  SLUICE_TRY(out.provide_cluster_info, flag_of(map, "provideClusterInfo", where));
  SLUICE_TRY(out.install_hint, text_of(map, "installHint", where));
  return out;
}

Result<KubeUser> read_user(const std::string& name, const Node& map, const std::filesystem::path& file) {
  const auto what = "user " + in_quotes(name);
  KubeUser out;
  out.name = name;
  out.file = file;
  SLUICE_TRY(auto token, text_of(map, "token", what));
  out.token = Secret(std::move(token));
  SLUICE_TRY(const auto token_file, text_of(map, "tokenFile", what));
  out.token_file = resolved(token_file, file);
  SLUICE_TRY(const auto certificate, text_of(map, "client-certificate", what));
  out.client_cert_file = resolved(certificate, file);
  SLUICE_TRY(const auto key, text_of(map, "client-key", what));
  out.client_key_file = resolved(key, file);
  SLUICE_TRY(out.client_cert_pem, data_of(map, "client-certificate-data", what));
  SLUICE_TRY(auto key_pem, data_of(map, "client-key-data", what));
  out.client_key_pem = Secret(std::move(key_pem));
  SLUICE_TRY(out.username, text_of(map, "username", what));
  SLUICE_TRY(auto password, text_of(map, "password", what));
  out.password = Secret(std::move(password));
  if (const auto* exec = map.find("exec"); exec != nullptr && exec->kind == Node::Kind::map) {
    SLUICE_TRY(out.exec, read_exec(*exec, what, file));
  }
  for (const auto* unsupported : {"auth-provider", "as", "as-groups", "as-uid", "as-user-extra"}) {
    const auto* node = map.find(unsupported);
    if (node != nullptr && node->kind != Node::Kind::null && out.unsupported.empty()) out.unsupported = unsupported;
  }
  return out;
}

Result<KubeContext> read_context(const std::string& name, const Node& map, const std::filesystem::path& file) {
  const auto what = "context " + in_quotes(name);
  KubeContext out;
  out.name = name;
  out.file = file;
  SLUICE_TRY(out.cluster, text_of(map, "cluster", what));
  SLUICE_TRY(out.user, text_of(map, "user", what));
  SLUICE_TRY(out.project, text_of(map, "namespace", what));
  return out;
}

// A list of {name: ..., <what>: {...}}; the first of a name wins, as in kubectl.
template <class T, class Read>
Status read_entries(const Node& root, std::string_view list_key, std::string_view what, Read read,
                    const std::filesystem::path& file, std::map<std::string, T, std::less<>>& into) {
  static const Node kEmptyMap = [] {
    Node node;
    node.kind = Node::Kind::map;
    return node;
  }();
  const auto* list = root.find(list_key);
  if (list == nullptr || list->kind == Node::Kind::null) return {};
  if (list->kind != Node::Kind::sequence) {
    return yaml::error_at(*list, "'" + std::string(list_key) + "' must be a list");
  }
  for (const auto& item : list->items) {
    SLUICE_TRY(const auto name, text_of(item, "name", "an entry of '" + std::string(list_key) + "'"));
    // Tools leave such entries behind, with nothing in them; nobody can choose them, and kubectl passes over them.
    if (name.empty()) continue;
    const auto* map = item.find(what);
    if (map != nullptr && map->kind != Node::Kind::map && map->kind != Node::Kind::null) {
      return yaml::error_at(*map, std::string(what) + " " + in_quotes(name) + " must be a map");
    }
    SLUICE_TRY(auto entry, read(name, map != nullptr && map->kind == Node::Kind::map ? *map : kEmptyMap, file));
    into.emplace(name, std::move(entry));
  }
  return {};
}

template <class T>
std::vector<std::string> names_of(const std::map<std::string, T, std::less<>>& entries) {
  std::vector<std::string> out;
  for (const auto& [name, entry] : entries) out.push_back(name);
  return out;
}

}  // namespace

std::vector<std::filesystem::path> kubeconfig_files(const Environment& environment) {
  std::vector<std::filesystem::path> out;
  if (const auto list = environment.get("KUBECONFIG")) {
    for (auto& entry : text::split(*list, ':')) {
      if (!entry.empty()) out.emplace_back(std::move(entry));
    }
  }
  if (out.empty()) out.push_back(environment.home() / ".kube" / "config");
  return out;
}

Result<Kubeconfig> parse_kubeconfig(std::string_view text, const std::filesystem::path& file) {
  SLUICE_TRY(const auto tree, read_tree(text, file));
  const auto& root = tree.root;
  Kubeconfig out;
  out.files.push_back(file);
  if (root.kind == Node::Kind::null) return out;  // an empty file is a kubeconfig without entries
  if (root.kind != Node::Kind::map) return yaml::error_at(root, "a kubeconfig must be a map");
  SLUICE_TRY(const auto kind, text_of(root, "kind", "the kubeconfig"));
  if (!kind.empty() && kind != "Config") {
    return yaml::error_at(*root.find("kind"), "this file is no kubeconfig: its kind is " + in_quotes(kind));
  }
  SLUICE_CHECK(read_entries(root, "clusters", "cluster", read_cluster, file, out.clusters));
  SLUICE_CHECK(read_entries(root, "users", "user", read_user, file, out.users));
  SLUICE_CHECK(read_entries(root, "contexts", "context", read_context, file, out.contexts));
  SLUICE_TRY(out.current_context, text_of(root, "current-context", "the kubeconfig"));
  return out;
}

void merge_kubeconfig(Kubeconfig& into, Kubeconfig more) {
  for (auto& file : more.files) into.files.push_back(std::move(file));
  into.clusters.merge(more.clusters);  // keeps what is there
  into.users.merge(more.users);
  into.contexts.merge(more.contexts);
  if (into.current_context.empty()) into.current_context = std::move(more.current_context);
}

Result<Kubeconfig> load_kubeconfig(const Environment& environment) {
  Kubeconfig out;
  for (const auto& file : kubeconfig_files(environment)) {
    const auto text = read_file(file, kMaxKubeconfigBytes);
    if (!text) {
      if (text.error().kind() == ErrorKind::not_found) continue;
      return Error(text.error()).context("reading the kubeconfig");
    }
    SLUICE_TRY(auto one, parse_kubeconfig(*text, file).context("reading the kubeconfig"));
    merge_kubeconfig(out, std::move(one));
  }
  return out;
}

Result<const KubeContext*> Kubeconfig::context(std::string_view name) const {
  if (name.empty() && current_context.empty()) {
    return Error(ErrorKind::config, files.empty() ? "there is no kubeconfig" : "no kubeconfig context is current")
        .with_hint("log in with: sluice login https://API:6443 -u USER");
  }
  const auto wanted = name.empty() ? std::string_view(current_context) : name;
  if (const auto found = contexts.find(wanted); found != contexts.end()) return &found->second;
  auto message = "there is no kubeconfig context " + in_quotes(wanted);
  const auto known = names_of(contexts);
  if (const auto meant = text::nearest(wanted, known); !meant.empty())
    message += "; did you mean " + in_quotes(meant) + "?";
  return Error(ErrorKind::config, std::move(message))
      .with_hint(known.empty() ? "the kubeconfig has none" : "known: " + text::printable(text::join(known, ", "), 300));
}

const KubeContext* Kubeconfig::context_for_server(std::string_view server) const {
  // The same server may be written with and without its port, a slash, or capitals.
  const auto normal = [](std::string_view text) {
    while (text.ends_with('/')) text.remove_suffix(1);
    const auto url = net::Url::parse(text);
    return url ? url->text() : text::lower(text);
  };
  const auto leads_there = [&](const KubeContext& context) {
    const auto cluster = clusters.find(context.cluster);
    return cluster != clusters.end() && normal(cluster->second.server) == normal(server);
  };
  if (const auto current = contexts.find(current_context); current != contexts.end() && leads_there(current->second)) {
    return &current->second;
  }
  for (const auto& [name, context] : contexts) {
    if (leads_there(context)) return &context;
  }
  return nullptr;
}

}  // namespace sluice::kube
