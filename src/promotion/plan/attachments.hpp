#pragma once
// What is attached to the images of a plan, where the copy engine does not look for it: in image streams. And the
// findings about what stays behind.

#include "base/finding.hpp"
#include "base/result.hpp"
#include "kube/objects/images.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/plan/signature_findings.hpp"
#include "promotion/targets/targets.hpp"

#include <set>
#include <string>
#include <vector>

namespace sluice::promotion {

/// The tags of a stream that cosign has named after one of `digests` ("sha256:..."), or after what is attached to one
/// of them. Pure.
std::vector<copy::Attachment> attachments_in(const kube::ImageStream& stream, std::set<std::string> digests);

/// Finds what is attached to the images that a cluster brings by its own means, and what of it is at the target.
/// Errors: those of the API.
Status look_at_stream_attachments(Targets& targets, const Plan& plan, PlannedTarget& planned);

/// Which signatures of each image will stand at the target, for the policies there (signature_findings.hpp). Pure.
std::vector<SignatureOutlook> signature_outlooks(const Plan& plan, const PlannedTarget& planned);

/// attachments-left: by wish, or because the target cannot hold them. attachments-unknown: nobody could look, and the
/// image goes on without. Pure.
std::vector<Finding> attachment_findings(const Plan& plan, const PlannedTarget& planned);

}  // namespace sluice::promotion
