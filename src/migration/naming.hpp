#pragma once
// Names for an app and its environments, guessed from projects, tags and hosts. Pure.

#include "migration/route.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::migration {

/// Names for the stations, each another one.
std::vector<std::string> environment_names(const std::vector<Station>& stations);

/// What the projects share without the word for the environment, else the only image, else some word of a project.
std::string app_name(const Route& route);

}  // namespace sluice::migration
