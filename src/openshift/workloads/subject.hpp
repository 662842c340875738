#pragma once
// What judging the workloads of a project works with: judging.cpp and surroundings.cpp.
// Pure; of this room alone.

#include "openshift/workloads/commands.hpp"
#include "openshift/workloads/workloads.hpp"

#include <string>
#include <vector>

namespace sluice::openshift::detail {

/// A workload of any kind.
struct Subject {
  WorkloadKind kind = WorkloadKind::deployment;
  std::string project;
  std::string name;
  std::string uid;
  std::vector<kube::Container> containers;
  bool paused = false;
  bool on_delete = false;
  std::string annotation{};  ///< with its triggers; "" of a DeploymentConfig

  CommandSubject command() const { return {kind, project, name}; }
};

/// A trigger of any kind of workload: what it follows, and which containers it sets.
struct Setting {
  kube::ImageSource from;
  std::vector<std::string> containers;

  std::string tag() const { return from.project + "/" + from.name; }
  bool sets(const kube::Container& container) const;
};

/// A container as it is bound to a tag.
BoundContainer bound(const kube::Container& container, const StreamTag& tag);

bool follows(const kube::ImageSource& from, const StreamTag& tag);

/// The annotation as --fix-triggers would write it, so that triggers of other containers stay; "" when nobody can tell
/// what is meant.
std::string mended_annotation_command(const Subject& subject, const WorkloadUse& use);
/// Lets the use's tag set its containers.
std::string follow_command(const Subject& subject, const WorkloadUse& use);

/// Fills in what is wrong beside the trigger on the use's tag: containers that nothing sets, and two triggers on one.
void look_around(const Subject& subject, const std::vector<Setting>& settings, WorkloadUse& use);

}  // namespace sluice::openshift::detail
