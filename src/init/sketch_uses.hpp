#pragma once
// Which tags of image streams the workloads of a project name, whatever these are called. Private to sketch.cpp: who
// knows the tag asks openshift::judge_workloads().

#include "openshift/workloads/workloads.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::init::detail {

/// One trigger, or one container that names an image by its tag.
struct ImageUse {
  std::string workload;  ///< "Deployment web"
  std::string project;
  std::string stream;
  std::string tag;  ///< empty: pinned to a digest
  bool trigger = false;
};

/// Builds are left out: what they start from is no image of the app. Pure.
std::vector<ImageUse> uses_of(const openshift::Workloads& workloads, std::string_view project);

}  // namespace sluice::init::detail
