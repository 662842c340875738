#pragma once
// What a promotion is to do, and the rights that it needs for it, each as one question. Pure.
// Source: OpenShift's and the integrated registry's access checks (github.com/openshift/image-registry,
// pkg/dockerregistry/server/auth.go; imagestreamtags, "validateUserCanAccess...").

#include "kube/objects/core.hpp"
#include "openshift/streams/image_part.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::openshift {

/// How the image gets to the target.
enum class PreflightRoad : std::uint8_t {
  tag,            ///< an ImageStreamTag of the same cluster; no bytes move
  mount,          ///< through the registry of the same cluster
  stream,         ///< through us
  import_images,  ///< the target cluster pulls
};
std::string_view to_string(PreflightRoad road);

/// One side of a promotion.
struct PreflightSide {
  std::string cluster;  ///< for people
  std::string project;
  std::string stream;
};

struct PreflightRequest {
  PreflightRoad road = PreflightRoad::stream;
  PreflightSide source;
  PreflightSide target;
  bool same_cluster = false;     ///< always so for tag and mount
  std::string source_registry;   ///< host[:port] that an import pulls from
  std::string digest;            ///< of the manifest that is promoted; empty: not known, projects and rights are judged
  std::string media_type;        ///< of the same
  std::vector<ImagePart> parts;  ///< empty: not known
  std::vector<std::string> tags;
  bool set_tags = false;  ///< the tags are set through the API on any road (always so for tag)
  /// With set_tags every image is pinned under a tag of our own; this digest, which stood there before, as well.
  std::string pinned_before{};
  bool reference = false;            ///< the tag goes on pointing to the source's repository
  bool triggers_across = false;      ///< workloads of the target follow a stream of the source project
  bool follow = true;                ///< rollouts are to be watched
  bool start_rollouts = false;       ///< DeploymentConfigs are to be started
  bool change_workloads = false;     ///< to be paused, or given triggers or images
  bool carry_signatures = false;     ///< Image signatures go along
  std::chrono::seconds needs{3600};  ///< how long a token must live

  /// Whether somebody of the target's project pulls from the source's.
  bool target_pulls() const;
};

/// What a right is for. The codes of findings follow from it.
enum class Purpose : std::uint8_t {
  read_source,
  pull,
  mount,
  read_target,
  create_stream,
  change_stream,
  tag,
  push,
  import_images,
  follow,
  see_causes,
  start_rollouts,
  change_workloads,
  sign,
};

struct Right {
  bool of_source = false;  ///< asked for the source's identity; else for the target's
  Purpose purpose = Purpose::pull;
  kube::AccessQuestion question;
};

/// Every right once, in the order of the steps. `with_source_api`: the source has an API to ask; `one_identity`: both
/// sides are asked as the same user of the same cluster.
std::vector<Right> rights_for_preflight(const PreflightRequest& request, bool with_source_api, bool one_identity);

}  // namespace sluice::openshift
