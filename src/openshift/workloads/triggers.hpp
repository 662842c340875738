#pragma once
// The annotation image.openshift.io/triggers of Deployments, StatefulSets, DaemonSets, CronJobs and others: read as
// strictly as the controller does, which ignores without a word what it cannot read. Pure.
// Source: github.com/openshift/library-go pkg/image/trigger, ParseContainerReference and the annotation's types.

#include "kube/objects/images.hpp"
#include "kube/objects/workloads.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::openshift {

inline constexpr std::string_view kTriggerAnnotation = "image.openshift.io/triggers";

/// One trigger that works.
struct FieldTrigger {
  kube::ImageSource from;  ///< the project is filled in
  std::string container;   ///< the container that it sets
  bool init = false;
  bool paused = false;
  std::string field_path;
};

/// One thing that is wrong. `sentence` says what, and what the controller makes of it.
struct TriggerProblem {
  std::string code;  ///< "not-json", "unknown-key", "paused-not-boolean", "unknown-container", ...
  std::string sentence;
  std::string fix;
  /// The whole annotation is without effect; else one trigger is, or nothing but a key.
  bool fatal = false;
};

struct TriggerReading {
  std::vector<FieldTrigger> triggers;  ///< empty when any problem is fatal
  std::vector<TriggerProblem> problems;
};

/// Where the pod spec of a kind is: "spec.template.spec", for a CronJob "spec.jobTemplate.spec.template.spec".
std::string_view pod_spec_path(std::string_view kind);

/// Reads an annotation for an object of `kind` with these containers. `project` is the object's own.
TriggerReading read_triggers(std::string_view annotation, std::string_view kind,
                             const std::vector<kube::Container>& containers, std::string_view project);

/// The annotation text for a trigger on one container, as the controller wants it.
std::string trigger_annotation_for(std::string_view kind, const kube::ImageSource& from, std::string_view container);
/// An annotation that can be read, with more triggers on the same tag; of containers their names and `init` count.
std::string annotation_with(std::string_view annotation, std::string_view kind, const kube::ImageSource& from,
                            const std::vector<kube::Container>& more);

}  // namespace sluice::openshift
