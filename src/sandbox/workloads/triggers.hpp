#pragma once
// What an image trigger says and what it changes. Two forms: the ImageChange triggers of a DeploymentConfig, and the
// annotation image.openshift.io/triggers of every other kind of workload. Pure.
// Source: OpenShift's image trigger controller (library-go image/trigger).

#include "base/json.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sluice::sandbox {

inline constexpr std::string_view kTriggerAnnotation = "image.openshift.io/triggers";

/// One container of a pod spec, as a fieldPath selects it.
struct ContainerSelector {
  bool init = false;
  std::variant<std::size_t, std::string> which;  ///< index, or name
};

/// One entry of the annotation.
struct AnnotationTrigger {
  std::string ns;  ///< empty: the workload's own
  std::string stream;
  std::string tag;
  std::string field_path;
  bool paused = false;
};

/// The annotation's entries that name an image stream tag. Empty for text that the controller would not take: no JSON
/// array, a member of a wrong type, or the same fieldPath twice.
std::optional<std::vector<AnnotationTrigger>> parse_trigger_annotation(std::string_view text);

/// `field_path` = `pod_spec_path` + ".containers[...]" or ".initContainers[...]" + ".image"; the selector is an index
/// or exactly ?(@.name=="NAME"). Empty for anything else.
std::optional<ContainerSelector> parse_field_path(std::string_view field_path, std::string_view pod_spec_path);

/// Where the pod spec of a resource's objects is: "spec.template.spec", or that of a job template.
std::string_view pod_spec_path(std::string_view resource);

/// The pull spec of a tag now; empty when it has none.
using TagResolver =
    std::function<std::optional<std::string>(std::string_view ns, std::string_view stream, std::string_view tag)>;

/// The workload with its triggers applied; empty when nothing changes or the triggers cannot be used now.
std::optional<Json> with_images(std::string_view resource, const Json& workload, const TagResolver& resolve);

/// (namespace, stream) of every trigger, paused and manual ones too.
std::vector<std::pair<std::string, std::string>> streams_of(std::string_view resource, const Json& workload);

/// "name:tag" of a trigger's `from`.
std::pair<std::string, std::string> split_tag(std::string_view name);

}  // namespace sluice::sandbox
