#pragma once
// A pipeline proposed from what clusters show: which projects follow each other, which images move, under which tags.
// Pure; app/cluster_look.hpp gathers what is looked at. Names decide the order, triggers decide the tags, and what was
// said on the command line wins over both. Every guess, and whatever would keep a promotion from working, is a note.

#include "base/finding.hpp"
#include "base/result.hpp"
#include "kube/objects/images.hpp"
#include "openshift/workloads/workloads.hpp"
#include "pipeline/pipeline.hpp"

#include <string>
#include <vector>

namespace sluice::init {

/// What was said already; all else is guessed.
struct SketchWish {
  std::string app{};
  std::string cluster{};     ///< as a pipeline names it; empty: the current context
  std::string to_cluster{};  ///< of the projects that images go to; empty: the same
  std::string from{};        ///< the project where images are born
  std::vector<std::string> to{};
  std::vector<std::string> images{};
  std::string tag{};  ///< of the source
};

/// The projects that there are; empty when they may not be listed.
struct ProjectNames {
  std::vector<std::string> here;
  std::vector<std::string> there{};  ///< of `to_cluster`
  std::string current{};             ///< that the kubeconfig's context is in; may be empty
};

/// An environment to be.
struct SketchStep {
  std::string environment;
  std::string cluster;
  std::string project;
  friend bool operator==(const SketchStep&, const SketchStep&) = default;
};

/// Projects that look like the environments of one app, in order; at least two.
struct Chain {
  std::string stem;  ///< what their names share; may be empty
  std::vector<SketchStep> steps;
  std::vector<Finding> notes;
};

/// Every chain that fits the wish. Projects of the cluster itself ("openshift-...") do not count.
/// Errors: config (a project that is not there, none that fit together: exit code 2, with what there is).
Result<std::vector<Chain>> find_chains(const ProjectNames& names, const SketchWish& wish);
/// For who cannot tell which of several is meant.
Error several_chains(const std::vector<Chain>& chains);

/// What a project has, in the order of a chain's steps.
struct SeenProject {
  std::vector<kube::ImageStream> streams;
  openshift::Workloads workloads;
};

struct Sketch {
  pipeline::Pipeline pipeline;
  std::vector<Finding> notes;  ///< info: what was guessed; warning: what looks wrong, with the command that mends it
};

/// Precondition: `seen` has an entry for each step.
/// Errors: config (a name that is none), not_found (the first project has no image).
Result<Sketch> sketch_pipeline(const Chain& chain, const std::vector<SeenProject>& seen, const SketchWish& wish);

}  // namespace sluice::init
