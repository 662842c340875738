// What the templates of workloads name, and the project lacks: Secrets, ConfigMaps, keys of them, ServiceAccounts. What
// is missing keeps new pods from starting ("CreateContainerConfigError", "FailedMount"); running ones go on.
// Source: k8s.io/api core/v1, EnvVarSource, EnvFromSource, VolumeSource; kubelet, makeEnvironmentVariables.
#include "openshift/workloads/findings.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace sluice::openshift {

namespace {

// Objects of these kinds may be as large as 1 MiB, and a page has to be taken whole.
constexpr int kPage = 50;
constexpr std::string_view kSecret = "Secret";
constexpr std::string_view kConfigMap = "ConfigMap";
constexpr std::string_view kServiceAccount = "ServiceAccount";
constexpr kube::Resource kSecrets{"", "v1", "secrets", kSecret};
constexpr kube::Resource kConfigMaps{"", "v1", "configmaps", kConfigMap};

/// One reference that is not optional.
struct Named {
  std::string workload;
  std::string_view kind;
  std::string name;
  std::string key{};
};

class Collector {
 public:
  explicit Collector(std::string workload) : workload_(std::move(workload)) {}

  std::vector<Named> collect(const Json& pod_spec) {
    for (const auto list : {"initContainers", "containers"}) {
      for (const auto& container : kube::list_at(pod_spec, {list})) read_container(container);
    }
    for (const auto& volume : kube::list_at(pod_spec, {"volumes"})) read_volume(volume);
    auto account = kube::text_at(pod_spec, {"serviceAccountName"});
    if (account.empty()) account = kube::text_at(pod_spec, {"serviceAccount"});
    // The cluster itself makes the account "default" in every project.
    if (!account.empty() && account != "default") add(kServiceAccount, account, "");
    return std::move(out_);
  }

 private:
  void add(std::string_view kind, std::string name, std::string key) {
    if (!name.empty()) out_.push_back({workload_, kind, std::move(name), std::move(key)});
  }
  void add_reference(std::string_view kind, const Json* reference) {
    if (reference == nullptr || kube::flag_at(*reference, {"optional"})) return;
    add(kind, kube::text_at(*reference, {"name"}), kube::text_at(*reference, {"key"}));
  }

  void read_container(const Json& container) {
    for (const auto& variable : kube::list_at(container, {"env"})) {
      add_reference(kSecret, kube::at(variable, {"valueFrom", "secretKeyRef"}));
      add_reference(kConfigMap, kube::at(variable, {"valueFrom", "configMapKeyRef"}));
    }
    for (const auto& source : kube::list_at(container, {"envFrom"})) {
      add_reference(kSecret, source.find("secretRef"));
      add_reference(kConfigMap, source.find("configMapRef"));
    }
  }

  // A volume names the whole object, and keys only where it picks some.
  void read_files(std::string_view kind, const Json* source, std::string_view name_key) {
    if (source == nullptr || kube::flag_at(*source, {"optional"})) return;
    const auto name = kube::text_at(*source, {name_key});
    add(kind, name, "");
    for (const auto& item : kube::list_at(*source, {"items"})) add(kind, name, kube::text_at(item, {"key"}));
  }

  void read_volume(const Json& volume) {
    read_files(kSecret, volume.find("secret"), "secretName");
    read_files(kConfigMap, volume.find("configMap"), "name");
    for (const auto& source : kube::list_at(volume, {"projected", "sources"})) {
      read_files(kSecret, source.find("secret"), "name");
      read_files(kConfigMap, source.find("configMap"), "name");
    }
  }

  std::string workload_;
  std::vector<Named> out_;
};

template <class T>
const T* with_uid(const std::vector<T>& objects, std::string_view uid) {
  const auto found = std::find_if(objects.begin(), objects.end(), [&](const T& one) { return one.uid() == uid; });
  return found != objects.end() ? &*found : nullptr;
}

// Borrowed; null for builds, and for what has gone.
const Json* pod_spec_of(const Workloads& workloads, const WorkloadUse& use) {
  const auto in_template = [&](const auto& objects) -> const Json* {
    const auto* object = with_uid(objects, use.uid);
    return object != nullptr ? kube::at(object->json(), {"spec", "template", "spec"}) : nullptr;
  };
  switch (use.kind) {
    case WorkloadKind::deployment_config:
      return in_template(workloads.configs);
    case WorkloadKind::deployment:
      return in_template(workloads.deployments);
    case WorkloadKind::stateful_set:
      return in_template(workloads.stateful_sets);
    case WorkloadKind::daemon_set:
      return in_template(workloads.daemon_sets);
    case WorkloadKind::cron_job: {
      const auto* job = with_uid(workloads.cron_jobs, use.uid);
      return job != nullptr ? kube::at(job->json(), {"spec", "jobTemplate", "spec", "template", "spec"}) : nullptr;
    }
    case WorkloadKind::build_config:
      break;
  }
  return nullptr;
}

std::vector<Named> named_by(const Workloads& workloads, const std::vector<WorkloadUse>& uses) {
  std::vector<Named> out;
  std::set<std::string> seen;
  for (const auto& use : uses) {
    const auto* pod_spec = pod_spec_of(workloads, use);
    if (pod_spec == nullptr || !seen.insert(use.uid).second) continue;
    for (auto& one : Collector(use.shown()).collect(*pod_spec)) out.push_back(std::move(one));
  }
  return out;
}

/// Names of objects, and of what is in each. No values.
using Keys = std::map<std::string, std::set<std::string>>;

// Empty when the kind may not be read.
Result<std::optional<Keys>> read_keys(kube::Client& client, std::string_view project, const kube::Resource& resource,
                                      const net::ExchangeContext& context) {
  kube::Selection selection;
  selection.project = project;
  selection.page = kPage;
  auto listed = client.list_json(resource, selection, context);
  if (!listed && listed.error().kind() == ErrorKind::denied) return std::optional<Keys>();
  if (!listed) return std::move(listed).error();
  Keys out;
  for (const auto& item : listed->items) {
    auto& keys = out[kube::text_at(item, {"metadata", "name"})];
    for (const auto member : {"data", "binaryData"}) {
      const auto* data = item.find(member);
      if (data == nullptr) continue;
      for (const auto& [key, value] : data->members()) keys.insert(key);
    }
  }
  return std::optional(std::move(out));
}

void compare(const std::vector<Named>& named, std::string_view kind, const Keys& keys, Needs& out) {
  std::set<std::tuple<std::string, std::string, std::string>> told;
  for (const auto& one : named) {
    if (one.kind != kind) continue;
    const auto object = keys.find(one.name);
    const bool gone = object == keys.end();
    if (!gone && (one.key.empty() || object->second.contains(one.key))) continue;
    // Of an object that is not there, nobody asks for the keys.
    const auto key = gone ? std::string() : one.key;
    if (told.emplace(one.workload, one.name, key).second) {
      out.missing.push_back({one.workload, std::string(kind), one.name, key});
    }
  }
}

}  // namespace

Result<Needs> read_needs(kube::Client& client, std::string_view project, const Workloads& workloads,
                         const std::vector<WorkloadUse>& uses, const net::ExchangeContext& context) {
  const auto named = named_by(workloads, uses);
  Needs out;
  for (const auto& resource : {kSecrets, kConfigMaps, kube::ServiceAccount::kResource}) {
    if (std::none_of(named.begin(), named.end(), [&](const Named& one) { return one.kind == resource.kind; })) continue;
    SLUICE_TRY(const auto keys, read_keys(client, project, resource, context));
    if (keys) {
      compare(named, resource.kind, *keys, out);
    } else {
      out.unread.push_back(std::string(resource.kind) + "s");
    }
  }
  return out;
}

}  // namespace sluice::openshift
