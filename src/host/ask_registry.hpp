#pragma once
// Asks one registry what a promotion will need of it: a login, the right to pull, the right to push. Nothing stays
// there: a token server is asked for a token, and where none tells, an upload is opened and given up.

#include "base/result.hpp"
#include "host/facts.hpp"
#include "places/registry.hpp"

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::host {

/// A right to look for.
struct Need {
  std::string repository;
  bool push = false;
  bool needed = true;  ///< RightFacts::needed
  std::string tag{};   ///< of the manifest that is read to prove a pull
};

/// Adds to `facts` what the registry answers: login, clock, rights. After the first failure that is not about one right
/// nothing more is asked. Errors: cancelled. Thread: job; blocks.
Status ask(places::Registry& registry, const std::vector<Need>& needs, std::chrono::seconds timeout,
           RegistryFacts& facts, const std::stop_token& stop);

}  // namespace sluice::host
