#pragma once
// A pipeline as the text of sluice.yaml, in the shortest form that parse_pipeline() reads to the same values. Pure.

#include "pipeline/pipeline.hpp"

#include <string>
#include <vector>

namespace sluice::pipeline {

/// The text of a pipeline file. What equals its default is left out; an environment with one target and little else
/// takes one line. `comments` become comment lines at the top, control characters taken out.
/// A target that names a cluster is written without its registry, which the cluster's entry knows.
std::string write_pipeline(const Pipeline& pipeline, const std::vector<std::string>& comments = {});

}  // namespace sluice::pipeline
