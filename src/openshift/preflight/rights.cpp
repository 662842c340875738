#include "openshift/preflight/rights.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace sluice::openshift {

namespace {

constexpr std::string_view kImage = "image.openshift.io";
constexpr std::string_view kApps = "apps.openshift.io";

struct Followed {
  std::string_view group;
  std::string_view resource;
};
// What tells how a rollout goes, for every kind of workload.
constexpr std::array kFollowed = std::to_array<Followed>({{"", "pods"},
                                                          {"", "replicationcontrollers"},
                                                          {kApps, "deploymentconfigs"},
                                                          {"apps", "deployments"},
                                                          {"apps", "replicasets"},
                                                          {"apps", "statefulsets"},
                                                          {"apps", "daemonsets"}});
// What can be paused, or given triggers or images.
constexpr std::array kChanged = std::to_array<Followed>({{kApps, "deploymentconfigs"},
                                                         {"apps", "deployments"},
                                                         {"apps", "statefulsets"},
                                                         {"apps", "daemonsets"},
                                                         {"batch", "cronjobs"}});

// Collects rights in the order of the steps.
class Collector {
 public:
  explicit Collector(const PreflightRequest& request) : request_(request) {}

  void in_source(bool of_source, Purpose purpose, std::string_view subresource) {
    add(of_source, purpose, "get", "imagestreams", subresource, request_.source.project, request_.source.stream);
  }
  // `name` empty: where no name can be checked, as with "create", or any object is meant.
  void in_target(Purpose purpose, std::string_view verb, std::string_view resource, std::string_view subresource,
                 std::string_view name) {
    add(false, purpose, verb, resource, subresource, request_.target.project, name);
  }
  void in_target(Purpose purpose, std::string_view verb, const Followed& what, std::string_view subresource = "") {
    out_.push_back({false,
                    purpose,
                    {std::string(verb), std::string(what.group), std::string(what.resource), std::string(subresource),
                     request_.target.project, ""}});
  }
  void in_cluster(Purpose purpose, std::string_view verb, std::string_view resource) {
    add(false, purpose, verb, resource, "", "", "");
  }
  std::vector<Right> take() { return std::move(out_); }

 private:
  void add(bool of_source, Purpose purpose, std::string_view verb, std::string_view resource,
           std::string_view subresource, std::string_view project, std::string_view name) {
    out_.push_back({of_source,
                    purpose,
                    {std::string(verb), std::string(kImage), std::string(resource), std::string(subresource),
                     std::string(project), std::string(name)}});
  }

  const PreflightRequest& request_;
  std::vector<Right> out_;
};

void add_push(Collector& rights, const PreflightRequest& request) {
  rights.in_target(Purpose::push, "get", "imagestreams", "layers", request.target.stream);
  rights.in_target(Purpose::push, "update", "imagestreams", "layers", request.target.stream);
}

void add_tags(Collector& rights, const PreflightRequest& request) {
  rights.in_target(Purpose::tag, "create", "imagestreamtags", "", "");
  for (const auto& tag : request.tags) {
    rights.in_target(Purpose::tag, "update", "imagestreamtags", "", request.target.stream + ":" + tag);
  }
}

void add_road(Collector& rights, const PreflightRequest& request, bool with_source_api, bool one_identity) {
  // Whoever knows the digest has read the source, or needs no more of it than its content.
  const bool reads_source = with_source_api && request.digest.empty();
  switch (request.road) {
    case PreflightRoad::tag:
      // The server checks the right to the source of whoever writes the tag.
      rights.in_source(false, Purpose::read_source, "");
      rights.in_source(false, Purpose::pull, "layers");
      add_tags(rights, request);
      break;
    case PreflightRoad::mount:
      if (reads_source) rights.in_source(!one_identity, Purpose::read_source, "");
      if (with_source_api) rights.in_source(!one_identity, Purpose::pull, "layers");
      if (!one_identity) rights.in_source(false, Purpose::mount, "layers");
      add_push(rights, request);
      break;
    case PreflightRoad::stream:
      if (reads_source) rights.in_source(!one_identity, Purpose::read_source, "");
      if (with_source_api) rights.in_source(!one_identity, Purpose::pull, "layers");
      add_push(rights, request);
      break;
    case PreflightRoad::import_images:
      if (reads_source) rights.in_source(!one_identity, Purpose::read_source, "");
      rights.in_target(Purpose::import_images, "create", "imagestreamimports", "", "");
      break;
  }
}

void add_workloads(Collector& rights, const PreflightRequest& request) {
  if (request.follow) {
    for (const auto& what : kFollowed) {
      rights.in_target(Purpose::follow, "list", what);
      rights.in_target(Purpose::follow, "watch", what);
    }
    const Followed events{"", "events"};
    rights.in_target(Purpose::see_causes, "list", events);
    rights.in_target(Purpose::see_causes, "watch", events);
    rights.in_target(Purpose::see_causes, "get", Followed{"", "pods"}, "log");
  }
  if (request.start_rollouts) {
    rights.in_target(Purpose::start_rollouts, "create", Followed{kApps, "deploymentconfigs"}, "instantiate");
  }
  if (!request.change_workloads) return;
  for (const auto& what : kChanged) {
    rights.in_target(Purpose::change_workloads, "patch", what);
    rights.in_target(Purpose::change_workloads, "update", what);
  }
}

}  // namespace

std::string_view to_string(PreflightRoad road) {
  switch (road) {
    case PreflightRoad::tag:
      return "tag";
    case PreflightRoad::mount:
      return "mount";
    case PreflightRoad::stream:
      return "stream";
    case PreflightRoad::import_images:
      return "import";
  }
  return "stream";
}

bool PreflightRequest::target_pulls() const {
  if (!same_cluster) return false;
  return triggers_across || road == PreflightRoad::import_images || (reference && road == PreflightRoad::tag);
}

std::vector<Right> rights_for_preflight(const PreflightRequest& request, bool with_source_api, bool one_identity) {
  Collector rights(request);
  add_road(rights, request, with_source_api, one_identity);
  if (request.set_tags && request.road != PreflightRoad::tag) add_tags(rights, request);
  rights.in_target(Purpose::read_target, "get", "imagestreams", "", request.target.stream);
  rights.in_target(Purpose::create_stream, "create", "imagestreams", "", "");
  rights.in_target(Purpose::change_stream, "update", "imagestreams", "", request.target.stream);
  add_workloads(rights, request);
  if (request.carry_signatures) rights.in_cluster(Purpose::sign, "create", "imagesignatures");
  return rights.take();
}

}  // namespace sluice::openshift
