#pragma once
// Signatures that a policy of the target cluster asks for (openshift/streams/image_policies.hpp): which names its pods
// pull an image by, and what becomes of an image that a policy covers. Codes: signature-left-behind, image-unsigned.

#include "base/finding.hpp"
#include "base/result.hpp"
#include "kube/objects/images.hpp"
#include "openshift/streams/image_policies.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/targets/targets.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::promotion {

/// Which sigstore signatures of one image will stand at the target. Those of Image objects do not count: no policy asks
/// for them.
struct SignatureOutlook {
  bool at_source_known = false;  ///< somebody could look; else `signatures_at_source` means nothing
  unsigned signatures_at_source = 0;
  bool left_behind = false;  ///< this plan does not bring them, and the target does not hold them
  std::string why_left{};    ///< a clause: "--no-attachments was given"
  std::string remedy{};      ///< what brings them, a command or an edit; empty: there is a usual one
};

/// An image as the pods of a project will pull it.
struct PulledImage {
  std::string subject;                  ///< of findings: "prod/web"
  std::string project;                  ///< at the target
  std::string source;                   ///< what one signs: "host/shop-dev/web@sha256:..."
  std::vector<std::string> references;  ///< every name that pods may pull it by, with the digest
};

/// "image-registry.openshift-image-registry.svc:5000": OpenShift 4's registry from within the cluster.
extern const std::string_view kInternalRegistry;

/// Every name that pods of the target may pull the image by: the registry's own name inside the cluster, those that the
/// stream shows, the one that the clusters file names; where a tag alone is set, those of the source's repository in
/// the same cluster too, which pull specs lead to then. By digest, as triggers write them. Pure.
std::vector<std::string> pulled_as(const PlannedTarget& planned, const PlannedImage& image,
                                   const std::optional<kube::ImageStream>& stream);

/// At most one finding for each policy that covers the image. None where nobody could look at the source. Pure.
std::vector<Finding> judge_signatures(const std::vector<openshift::ImagePolicy>& policies, const PulledImage& image,
                                      const SignatureOutlook& outlook);

/// Asks the target's cluster for its policies and appends what follows to the target's findings; `outlooks`: image by
/// image. Asks nothing where there is nothing to judge: no image streams, a cluster without the API group of the
/// policies (3.11), or only images whose signatures are there and come along, or are unknown. Policies that may not be
/// read are no finding. Errors: those of opening the target; of the API but denied and not_found.
Status look_at_policies(Targets& targets, PlannedTarget& planned, const std::vector<SignatureOutlook>& outlooks);

}  // namespace sluice::promotion
