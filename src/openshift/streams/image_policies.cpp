#include "openshift/streams/image_policies.hpp"

#include "oci/reference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace sluice::openshift {

namespace {

constexpr kube::Resource kOfProject{"config.openshift.io", "v1", "imagepolicies", "ImagePolicy"};
constexpr kube::Resource kOfCluster{"config.openshift.io", "v1", "clusterimagepolicies", "ClusterImagePolicy", false};

RootOfTrust root_of(std::string_view type) {
  if (type == "PublicKey") return RootOfTrust::public_key;
  if (type == "FulcioCAWithRekor") return RootOfTrust::fulcio;
  return type == "PKI" ? RootOfTrust::pki : RootOfTrust::unknown;
}

struct Listed {
  std::vector<ImagePolicy> policies;
  PolicyView view = PolicyView::read;
};

Result<Listed> list(kube::Client& client, const kube::Resource& resource, const std::string& project,
                    const net::ExchangeContext& context) {
  kube::Selection selection;
  selection.project = project;
  const auto pages = client.list_json(resource, selection, context);
  Listed out;
  if (!pages) {
    const auto kind = pages.error().kind();
    if (kind != ErrorKind::denied && kind != ErrorKind::not_found) return pages.error();
    out.view = kind == ErrorKind::denied ? PolicyView::hidden : PolicyView::absent;
    return out;
  }
  for (const auto& item : pages->items) out.policies.push_back(read_image_policy(item));
  return out;
}

// Every scope that the image falls under, the most specific first: what a node looks up, in its order.
std::vector<std::string> scopes_of(std::string_view reference) {
  const auto parsed = oci::Reference::parse(reference);
  if (!parsed) return {};
  auto name = parsed->repository.text();
  std::vector<std::string> out;
  out.push_back(parsed->digest ? name + "@" + parsed->digest->text() : name + ":" + parsed->tag.value_or("latest"));
  out.push_back(name);
  for (auto slash = name.rfind('/'); slash != std::string::npos; slash = name.rfind('/')) {
    name.resize(slash);
    out.push_back(name);
  }
  name.resize(std::min(name.find(':'), name.size()));
  for (auto dot = name.find('.'); dot != std::string::npos; dot = name.find('.')) {
    name.erase(0, dot + 1);
    out.push_back("*." + name);
  }
  return out;
}

// The place of the policy's best scope among these; their number when it has none of them.
std::size_t rank_in(const std::vector<std::string>& scopes, const ImagePolicy& policy) {
  const auto found = std::find_if(scopes.begin(), scopes.end(), [&](const std::string& scope) {
    return std::find(policy.scopes.begin(), policy.scopes.end(), scope) != policy.scopes.end();
  });
  return static_cast<std::size_t>(found - scopes.begin());
}

}  // namespace

std::string_view to_string(RootOfTrust root) {
  switch (root) {
    case RootOfTrust::public_key:
      return "PublicKey";
    case RootOfTrust::fulcio:
      return "FulcioCAWithRekor";
    case RootOfTrust::pki:
      return "PKI";
    case RootOfTrust::unknown:
      break;
  }
  return "unknown";
}

std::string ImagePolicy::shown() const {
  return project.empty() ? fmt::format("the ClusterImagePolicy {}", name)
                         : fmt::format("the ImagePolicy {}/{}", project, name);
}

ImagePolicy read_image_policy(const Json& json) {
  return {.project = kube::text_at(json, {"metadata", "namespace"}),
          .name = kube::text_at(json, {"metadata", "name"}),
          .scopes = kube::strings_at(json, {"spec", "scopes"}),
          .root = root_of(kube::text_at(json, {"spec", "policy", "rootOfTrust", "policyType"}))};
}

Result<ImagePolicies> read_image_policies(kube::Client& client, const std::string& project,
                                          const net::ExchangeContext& context) {
  std::optional<Result<Listed>> of_project;
  std::optional<Result<Listed>> of_cluster;
  {
    const std::jthread beside([&] { of_project = list(client, kOfProject, project, context); });
    of_cluster = list(client, kOfCluster, "", context);
  }
  SLUICE_TRY(auto cluster, std::move(*of_cluster));
  SLUICE_TRY(auto own, std::move(*of_project));
  ImagePolicies out{std::move(cluster.policies), cluster.view, own.view};
  for (auto& policy : own.policies) out.policies.push_back(std::move(policy));
  return out;
}

std::optional<std::string> covers(const ImagePolicy& policy, std::string_view reference) {
  const auto scopes = scopes_of(reference);
  const auto rank = rank_in(scopes, policy);
  if (rank == scopes.size()) return std::nullopt;
  return scopes[rank];
}

std::optional<PolicyMatch> policy_for(const std::vector<ImagePolicy>& policies, std::string_view project,
                                      std::string_view reference) {
  const auto scopes = scopes_of(reference);
  const ImagePolicy* best = nullptr;
  std::size_t best_rank = scopes.size();
  // What covers one image lies on one line from the image to its domains. So a scope of the project is either under one
  // of the cluster and ignored, or above it and less specific: the cluster's comes first in either case.
  const auto precedes = [&](const ImagePolicy& one, std::size_t rank) {
    if (best == nullptr) return true;
    if (one.project.empty() != best->project.empty()) return one.project.empty();
    return rank != best_rank ? rank < best_rank : one.name < best->name;
  };
  for (const auto& policy : policies) {
    if (!policy.project.empty() && policy.project != project) continue;
    const auto rank = rank_in(scopes, policy);
    if (rank == scopes.size() || !precedes(policy, rank)) continue;
    best = &policy;
    best_rank = rank;
  }
  if (best == nullptr) return std::nullopt;
  return PolicyMatch{*best, scopes[best_rank]};
}

}  // namespace sluice::openshift
