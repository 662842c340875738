#pragma once
// Judges the facts of this host: findings, with what mends them. Pure. Every code stands in codes() and in
// docs/findings.md.

#include "base/finding.hpp"
#include "host/facts.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace sluice::host {

/// What an engine is for: without an environment that goes by one, nothing about it is more than information.
std::vector<Finding> judge(const EngineFacts& engine, const std::vector<RegistryFacts>& registries);
std::vector<Finding> judge(const RegistryFacts& registry);
/// Which registries a proxy leads to, and which go around it, is told from the registries' facts.
std::vector<Finding> judge(const MachineFacts& machine, const std::vector<RegistryFacts>& registries);

/// All of it, blockers first.
std::vector<Finding> judge_all(const EngineFacts& engine, const MachineFacts& machine,
                               const std::vector<RegistryFacts>& registries);

/// Every code that may come out, sorted.
std::span<const std::string_view> codes();

/// Less than this and nothing can be pulled into an engine.
inline constexpr std::uint64_t kFullBytes = std::uint64_t{16} * 1024 * 1024;
/// Less than this deserves a look.
inline constexpr std::uint64_t kLittleBytes = std::uint64_t{1} * 1024 * 1024 * 1024;
/// Tokens and certificates begin and end by the clock.
inline constexpr std::int64_t kMostSkewSeconds = 60;

}  // namespace sluice::host
