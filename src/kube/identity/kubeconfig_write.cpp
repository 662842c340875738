#include "kube/identity/kubeconfig_write.hpp"

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "kube/identity/kubeconfig_tree.hpp"
#include "net/url.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace sluice::kube {

namespace {

using yaml::Node;

Node text_node(std::string text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = std::move(text);
  return node;
}

Node true_node() {
  Node node = text_node("true");
  node.plain = true;
  return node;
}

Node map_node() {
  Node node;
  node.kind = Node::Kind::map;
  return node;
}

Node* member_of(Node& map, std::string_view key) {
  for (auto& member : map.members) {
    if (member.key.text == key) return &member.value;
  }
  return nullptr;
}

void set_member(Node& map, std::string_view key, Node value) {
  if (auto* there = member_of(map, key)) {
    *there = std::move(value);
  } else {
    map.members.push_back({text_node(std::string(key)), std::move(value)});
  }
}

void remove_member(Node& map, std::string_view key) {
  std::erase_if(map.members, [&](const Node::Member& member) { return member.key.text == key; });
}

Node& child(Node& map, std::string_view key, Node::Kind kind) {
  auto* there = member_of(map, key);
  if (there == nullptr) {
    set_member(map, key, Node());
    there = member_of(map, key);
  }
  if (there->kind != kind) {
    *there = Node();
    there->kind = kind;
  }
  return *there;
}

// The map of an entry {name, <what>}, made when it is not there.
Node& entry(Node& root, std::string_view list, std::string_view what, const std::string& name) {
  auto& items = child(root, list, Node::Kind::sequence).items;
  for (auto& item : items) {
    const auto* its_name = item.find("name");
    if (its_name != nullptr && its_name->text == name) return child(item, what, Node::Kind::map);
  }
  Node item = map_node();
  set_member(item, "name", text_node(name));
  set_member(item, what, map_node());
  items.push_back(std::move(item));
  return *member_of(items.back(), what);
}

// Files that are about to change, each read once and written once.
class Files {
 public:
  /// The tree of a file that will be changed.
  Result<Node*> change(const std::filesystem::path& file) {
    changed_.insert(file);
    return look(file);
  }
  /// The tree of a file; a new one for a file that is not there.
  Result<Node*> look(const std::filesystem::path& file) {
    if (const auto known = trees_.find(file); known != trees_.end()) return &known->second.root;
    KubeconfigTree tree;
    const auto text = read_file(file, kMaxKubeconfigBytes);
    if (text) {
      SLUICE_TRY(tree, read_tree(*text, file));
    } else if (text.error().kind() != ErrorKind::not_found) {
      return Error(text.error());
    }
    if (tree.root.kind == Node::Kind::null) {
      tree.root = map_node();
      set_member(tree.root, "apiVersion", text_node("v1"));
      set_member(tree.root, "kind", text_node("Config"));
    }
    if (tree.root.kind != Node::Kind::map) return yaml::error_at(tree.root, "a kubeconfig must be a map");
    return &trees_.emplace(file, std::move(tree)).first->second.root;
  }

  /// Gives the files that others could read or write before.
  Result<std::vector<std::filesystem::path>> write() {
    std::map<std::filesystem::path, std::string> texts;  // all of them before the first is written
    for (const auto& file : changed_) {
      const auto& tree = trees_.at(file);
      SLUICE_TRY(texts[file], emit_kubeconfig(tree.root, tree.is_json, file));
    }
    std::vector<std::filesystem::path> narrowed;
    for (const auto& [file, text] : texts) {
      // Through a link to what it names: the link of somebody's own making stays.
      std::error_code code;
      auto target = std::filesystem::weakly_canonical(file, code);
      if (code) target = file;
      SLUICE_TRY(const bool was_open, replace_private_file(target, text));
      if (was_open) narrowed.push_back(file);
    }
    return narrowed;
  }

 private:
  std::map<std::filesystem::path, KubeconfigTree> trees_;
  std::set<std::filesystem::path> changed_;
};

std::filesystem::path file_for_new(const Environment& environment) {
  const auto files = kubeconfig_files(environment);
  for (const auto& file : files) {
    std::error_code code;
    if (std::filesystem::exists(file, code)) return file;
  }
  return files.back();
}

template <class T>
std::filesystem::path file_of(const std::map<std::string, T, std::less<>>& entries, const std::string& name,
                              const std::filesystem::path& otherwise) {
  const auto found = entries.find(name);
  return found != entries.end() ? found->second.file : otherwise;
}

// The name under which the server stands there already, when it is spoken to in the same way.
std::string known_cluster(const Kubeconfig& config, const KubeLogin& login, const std::string& by_default) {
  if (const auto own = config.clusters.find(by_default); own == config.clusters.end()) {
    for (const auto& [name, cluster] : config.clusters) {
      if (cluster.server == login.server && cluster.insecure == login.insecure) return name;
    }
  }
  return by_default;
}

void fill_cluster(Node& map, const KubeLogin& login) {
  set_member(map, "server", text_node(login.server));
  if (login.insecure) {
    // Both together are an error for every reader.
    remove_member(map, "certificate-authority");
    remove_member(map, "certificate-authority-data");
    set_member(map, "insecure-skip-tls-verify", true_node());
    return;
  }
  remove_member(map, "insecure-skip-tls-verify");
  if (!login.ca_pem.empty()) {
    remove_member(map, "certificate-authority");
    set_member(map, "certificate-authority-data", text_node(encoding::base64(login.ca_pem)));
  } else if (!login.ca_file.empty()) {
    remove_member(map, "certificate-authority-data");
    set_member(map, "certificate-authority", text_node(login.ca_file));
  }
}

}  // namespace

Result<std::string> cluster_entry_name(std::string_view server) {
  const auto url = net::Url::parse(server);
  if (!url) return Error(ErrorKind::config, "'" + text::printable(server, 120) + "' is no address of an API server");
  auto name = url->host + ":" + std::to_string(url->port);
  std::replace(name.begin(), name.end(), '.', '-');
  return name;
}

Result<StoredLogin> store_login(const Environment& environment, const KubeLogin& login) {
  SLUICE_TRY(const auto usual_name, cluster_entry_name(login.server));
  SLUICE_TRY(const auto config, load_kubeconfig(environment));
  const auto fresh = file_for_new(environment);
  const auto own = config.contexts.find(login.context);
  const bool has_own = !login.context.empty() && own != config.contexts.end();
  const auto cluster = has_own ? own->second.cluster : known_cluster(config, login, usual_name);
  const auto user = login.user + "/" + usual_name;
  const auto context = has_own ? login.context : login.project + "/" + usual_name + "/" + login.user;

  Files files;
  SLUICE_TRY(auto* cluster_root, files.change(file_of(config.clusters, cluster, fresh)));
  fill_cluster(entry(*cluster_root, "clusters", "cluster", cluster), login);

  SLUICE_TRY(auto* user_root, files.change(file_of(config.users, user, fresh)));
  auto& user_map = entry(*user_root, "users", "user", user);
  user_map = map_node();  // a certificate or plugin that stood there would win over the token
  set_member(user_map, "token", text_node(login.token.reveal()));

  const auto context_file = file_of(config.contexts, context, fresh);
  SLUICE_TRY(auto* context_root, files.change(context_file));
  auto& context_map = entry(*context_root, "contexts", "context", context);
  set_member(context_map, "cluster", text_node(cluster));
  if (!login.project.empty()) set_member(context_map, "namespace", text_node(login.project));
  set_member(context_map, "user", text_node(user));

  // The first file that names a current context decides, so that is where ours must stand.
  auto current_file = fresh;
  for (const auto& file : config.files) {
    SLUICE_TRY(auto* root, files.look(file));
    const auto* current = root->find("current-context");
    if (current != nullptr && !current->text.empty()) {
      current_file = file;
      break;
    }
  }
  SLUICE_TRY(auto* current_root, files.change(current_file));
  set_member(*current_root, "current-context", text_node(context));
  SLUICE_TRY(auto narrowed, files.write());
  return StoredLogin{context_file, context, std::move(narrowed)};
}

Result<ErasedToken> erase_token(const Kubeconfig& config, std::string_view user) {
  const auto found = config.users.find(user);
  if (found == config.users.end() || found->second.token.empty()) return ErasedToken{};
  Files files;
  SLUICE_TRY(auto* root, files.change(found->second.file));
  remove_member(entry(*root, "users", "user", found->first), "token");
  SLUICE_TRY(auto narrowed, files.write());
  return ErasedToken{true, std::move(narrowed)};
}

}  // namespace sluice::kube
