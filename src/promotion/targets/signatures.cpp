#include "promotion/targets/signatures.hpp"

#include "base/task_pool.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::promotion {

namespace {

constexpr unsigned kReaders = 8;

// The bytes or the reference come from somewhere else; what a tag or a mount takes is in the cluster already.
bool moves(copy::Road road) {
  return road == copy::Road::stream || road == copy::Road::docker || road == copy::Road::import_images;
}

}  // namespace

const pipeline::Target* signature_source(const PlannedTarget& planned, const PlannedImage& image) {
  // Signatures are carried when the image is staged, which happens only where tags are set through the API.
  // A run that goes on finds its own bytes there: what the copy engine calls present may have no signatures yet.
  const bool resumed = !image.by_api && image.road == copy::Road::present;
  if (!planned.sets_tags() || (!moves(image.road) && !resumed)) return nullptr;
  const auto elsewhere = [&](const pipeline::Target& one) { return one.has_api && !same_cluster(one, planned.target); };
  if (!image.by_api && (image.origins.empty() || !elsewhere(image.origins.front()))) return nullptr;
  if (image.by_api && !elsewhere(image.source)) return nullptr;
  const auto found = std::find_if(image.origins.begin(), image.origins.end(), elsewhere);
  return found == image.origins.end() ? nullptr : &*found;
}

Status look_at_signatures(Targets& targets, PlannedTarget& planned) {
  const auto context = targets.context();
  TaskPool pool(targets.stop(), kReaders);
  Status opened;
  for (auto& image : planned.images) {
    const auto* from = signature_source(planned, image);
    if (from == nullptr || image.openshift_signatures) continue;
    auto source = targets.open(*from);
    if (!source) {
      opened = std::move(source).error();
      break;
    }
    if (!source->streams) continue;
    pool.add({.run = [side = source->side, from, &image, &context](const std::stop_token&) -> Status {
      SLUICE_TRY(image.openshift_signatures,
                 openshift::count_signatures(*side.client, from->project, image.name, image.after.text(), context));
      return {};
    }});
  }
  SLUICE_CHECK(pool.finish());
  return opened;
}

Finding signatures_not_carried(const SignedImage& image, const openshift::CarriedSignatures& carried) {
  // A promotion that is repeated finds the image there and carries nothing: they have to be created by hand.
  return {
      .code = "signatures-not-carried",
      .severity = Severity::warning,
      .subject = image.target.label() + "/" + image.name,
      .sentence = carried.sentence,
      .fix = fmt::format("oc get imagestreamimage {}@{} -n {} -o jsonpath='{{.image.signatures}}'  # at {}; create "
                         "each as an ImageSignature at {}",
                         image.name, image.digest, image.source.project, image.source.label(), image.target.label())};
}

}  // namespace sluice::promotion
