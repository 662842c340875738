#pragma once
// How places are named in our own records: a place is one repository of a target with its moving tag. Pure.

#include "pipeline/pipeline.hpp"

#include <string>
#include <vector>

namespace sluice::promotion {

/// All keys of the places of a target: "uid:7d0c.../web:latest" where its identity is known, and always
/// "api.example.com:6443/shop-prod/web:latest". Whoever shares one of them shares a place.
std::vector<std::string> place_keys(const pipeline::Target& target, const std::vector<std::string>& images,
                                    const std::string& tag);

}  // namespace sluice::promotion
