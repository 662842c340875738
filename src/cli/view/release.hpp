#pragma once
// Releases as text and JSON.

#include "base/json.hpp"
#include "promotion/plan/release_choice.hpp"
#include "records/records.hpp"

#include <string>

namespace sluice::cli {

Json release_json(const records::Release& release);
/// "web:v1@0fb2f319822d  api:..."; at most five.
std::string images_text(const records::Release& release);

}  // namespace sluice::cli
