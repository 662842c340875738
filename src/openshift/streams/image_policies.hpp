#pragma once
// ImagePolicy and ClusterImagePolicy of OpenShift 4.20 and later: which images a node runs only when they bear a
// sigstore signature. Signatures of Image objects (ImageSignature) are none of that kind, and no policy asks for them.
// Source: github.com/openshift/api, config/v1/types_image_policy.go; containers-policy.json(5), "docker:".

#include "base/result.hpp"
#include "kube/client.hpp"
#include "kube/objects/object.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::openshift {

/// `spec.policy.rootOfTrust.policyType`.
enum class RootOfTrust : std::uint8_t { public_key, fulcio, pki, unknown };
std::string_view to_string(RootOfTrust root);

struct ImagePolicy {
  std::string project;  ///< empty: a ClusterImagePolicy
  std::string name;
  std::vector<std::string> scopes;
  RootOfTrust root = RootOfTrust::unknown;
  /// "the ClusterImagePolicy release", "the ImagePolicy shop/release".
  std::string shown() const;
};
/// A member that is absent or odd reads as empty.
ImagePolicy read_image_policy(const Json& json);

enum class PolicyView : std::uint8_t {
  read,
  hidden,  ///< 403: only who may list them knows whether there are any
  absent,  ///< 404: the cluster has no such kind (before 4.20), or no such project
};

/// What one project's pods are held to.
struct ImagePolicies {
  std::vector<ImagePolicy> policies;
  PolicyView of_cluster = PolicyView::absent;
  PolicyView of_project = PolicyView::absent;
};
/// Two lists, side by side. Errors: those of the API but denied and not_found, which are told by the views.
Result<ImagePolicies> read_image_policies(kube::Client& client, const std::string& project,
                                          const net::ExchangeContext& context);

/// The most specific scope of the policy that the reference falls under; empty when none covers it. A reference with a
/// tag and a digest counts by its digest, one with neither by ":latest". In the order of precedence: the image itself,
/// its repository, what lies before each "/" of it, the host with its port, "*.DOMAIN" for each domain above the host
/// (without its port). Scopes are in the expanded form, "docker.io/library/busybox"; the reference need not be. Empty
/// too for what is no reference of a registry ("busybox": which one a node asks is its own matter). Pure.
std::optional<std::string> covers(const ImagePolicy& policy, std::string_view reference);

struct PolicyMatch {
  ImagePolicy policy;
  std::string scope;
};
/// The policy that counts for a pod of `project` with this image: the one with the most specific scope, and one of the
/// cluster before any of the project, whose scopes under or equal to it are ignored. Of several with one scope the
/// first by name (a node asks for all of them). Pure.
std::optional<PolicyMatch> policy_for(const std::vector<ImagePolicy>& policies, std::string_view project,
                                      std::string_view reference);

}  // namespace sluice::openshift
