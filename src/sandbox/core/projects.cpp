#include "sandbox/core/projects.hpp"

#include "base/encoding.hpp"
#include "sandbox/core/controller.hpp"
#include "sandbox/core/tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kTokenType = "kubernetes.io/service-account-token";
constexpr std::string_view kPullType = "kubernetes.io/dockercfg";
constexpr std::string_view kAccountName = "kubernetes.io/service-account.name";
constexpr std::string_view kAccountUid = "kubernetes.io/service-account.uid";

Json token_data(World& world, const std::string& ns, const std::string& account) {
  const auto token = world.new_token(fmt::format("system:serviceaccount:{}:{}", ns, account));
  const auto ca = world.ca_pem.empty() ? std::string("no TLS in this sandbox\n") : world.ca_pem;
  auto data = Json::object();
  data.set("ca.crt", encoding::base64(ca));
  data.set("namespace", encoding::base64(ns));
  data.set("service-ca.crt", encoding::base64(ca));
  data.set("token", encoding::base64(token));
  return data;
}

Json named(std::string_view name) {
  auto entry = Json::object();
  entry.set("name", name);
  return entry;
}

// The pull secret of a service account, for the names under which the registry is known inside the cluster.
std::string add_pull_secret(World& world, const Key& account, const std::string& uid) {
  const auto token = world.new_token(fmt::format("system:serviceaccount:{}:{}", account.ns, account.name));
  auto entry = Json::object();
  entry.set("username", "serviceaccount");
  entry.set("password", token);
  entry.set("email", "serviceaccount@example.org");
  entry.set("auth", encoding::base64("serviceaccount:" + token));
  auto config = Json::object();
  config.set(world.registry.internal, std::move(entry));
  auto secret = Json::object();
  secret.set("type", kPullType);
  set_at(secret, {"data", ".dockercfg"}, encoding::base64(config.dump()));
  annotate(secret, kAccountName, account.name);
  annotate(secret, kAccountUid, uid);
  const auto name = fmt::format("{}-dockercfg-{}", account.name, random_suffix(5));
  world.store.create({"secrets", account.ns, name}, std::move(secret));
  return name;
}

// Makes the secrets of new service accounts, and fills token secrets that were made by hand.
class AccountController final : public Controller {
 public:
  void observe(const World& /*world*/, const Change& change, WorkQueue& queue) override {
    if (change.what == Change::What::deleted) return;
    if (change.key.resource == "serviceaccounts" || change.key.resource == "secrets") queue.add(change.key);
  }
  void reconcile(World& world, const Key& key, WorkQueue& /*queue*/) override {
    if (key.resource == "secrets") {
      fill_token_secret(world, key);
    } else {
      add_account_secrets(world, key);
    }
  }
};

}  // namespace

bool is_project_name(std::string_view name) {
  const auto plain = [](char letter) { return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9'); };
  return !name.empty() && name.size() <= 63 && plain(name.front()) && plain(name.back()) &&
         std::all_of(name.begin(), name.end(), [&](char letter) { return plain(letter) || letter == '-'; });
}

ObjectRef add_project(World& world, std::string_view name, std::string_view admin, Json annotations, Json labels) {
  auto object = Json::object();
  if (annotations.is_null()) annotations = Json::object();
  if (!admin.empty()) annotations.set("openshift.io/requester", admin);
  annotations.set("openshift.io/sa.scc.supplemental-groups", "1000000000/10000");
  annotations.set("openshift.io/sa.scc.uid-range", "1000000000/10000");
  annotations.set("openshift.io/sa.scc.mcs", "s0:c1,c0");
  set_at(object, {"metadata", "annotations"}, std::move(annotations));
  if (!labels.is_null()) set_at(object, {"metadata", "labels"}, std::move(labels));
  set_at(object, {"spec", "finalizers"}, Json(Json::Array{Json("kubernetes")}));
  set_at(object, {"status", "phase"}, "Active");
  const Key key{"namespaces", "", std::string(name)};
  auto stored = world.store.create(key, std::move(object));
  add_project_bindings(world.store, name, admin);
  add_service_accounts(world, key.name);
  return stored;
}

void add_service_accounts(World& world, const std::string& project) {
  for (const auto* name : {"builder", "default", "deployer"}) {
    const Key key{"serviceaccounts", project, name};
    if (!world.store.get(key)) world.store.create(key, Json::object());
  }
}

void clear_project(World& world, const std::string& project) {
  for (const auto& key : world.store.keys_in(project)) {
    const auto last = world.store.remove(key);
    if (key.resource != "secrets") continue;
    const auto token = encoding::decode_base64(text_at(*last, {"data", "token"}));
    if (token.ok() && !token->empty()) world.revoke(*token);
  }
}

void fill_token_secret(World& world, const Key& key) {
  const auto secret = world.store.get(key);
  if (!secret || text_at(*secret, {"type"}) != kTokenType || secret->find("data") != nullptr) return;
  const auto name = annotation(*secret, kAccountName);
  const auto account = world.store.get({"serviceaccounts", key.ns, name});
  if (!account) return;
  auto filled = *secret;
  filled.set("data", token_data(world, key.ns, name));
  annotate(filled, kAccountUid, uid_of(*account));
  world.store.replace(key, std::move(filled));
}

void add_account_secrets(World& world, const Key& key) {
  const auto account = world.store.get(key);
  if (!account || !at(*account, {"imagePullSecrets"}).items().empty()) return;
  const auto uid = uid_of(*account);
  auto changed = *account;
  // From 4.11 on no token secret is made by itself.
  if (world.profile == Profile::v3_11) {
    auto secret = Json::object();
    secret.set("type", kTokenType);
    secret.set("data", token_data(world, key.ns, key.name));
    annotate(secret, kAccountName, key.name);
    annotate(secret, kAccountUid, uid);
    const auto name = fmt::format("{}-token-{}", key.name, random_suffix(5));
    world.store.create({"secrets", key.ns, name}, std::move(secret));
    make_at(changed, {"secrets"}).push(named(name));
  }
  const auto pull = add_pull_secret(world, key, uid);
  make_at(changed, {"secrets"}).push(named(pull));
  make_at(changed, {"imagePullSecrets"}).push(named(pull));
  world.store.replace(key, std::move(changed));
}

void add_project_controllers(Controllers& controllers) { controllers.push_back(std::make_unique<AccountController>()); }

}  // namespace sluice::sandbox
