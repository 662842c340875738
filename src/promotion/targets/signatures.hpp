#pragma once
// Signatures that OpenShift keeps with an Image object, on their way from one cluster to another: how many there are,
// and what is said when they do not arrive. Carrying them: openshift::carry_signatures().

#include "base/finding.hpp"
#include "base/result.hpp"
#include "openshift/streams/tags.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/targets/targets.hpp"

#include <string>

namespace sluice::promotion {

/// The place whose Image object has the signatures that go along, when the plan takes the image from another cluster to
/// this target; null when none go along. Borrowed from `image`. Pure.
const pipeline::Target* signature_source(const PlannedTarget& planned, const PlannedImage& image);

/// Fills in PlannedImage::openshift_signatures where it is not known yet: one exchange for each image that goes from
/// one cluster to another, none for any other. Errors: those of opening a source; cancelled, unauthenticated.
Status look_at_signatures(Targets& targets, PlannedTarget& planned);

/// An image whose signatures were to go from one cluster to another.
struct SignedImage {
  pipeline::Target source;
  pipeline::Target target;
  std::string name;
  std::string digest;
};

/// signatures-not-carried: what a run says of signatures that did not arrive. Precondition: not all did. Pure.
Finding signatures_not_carried(const SignedImage& image, const openshift::CarriedSignatures& carried);

}  // namespace sluice::promotion
