#pragma once
// What words of a shell become: variables in their usual forms, a few commands whose output follows from their words.

#include "migration/shell_words.hpp"
#include "migration/values.hpp"

#include <string>
#include <vector>

namespace sluice::migration {

/// The name under which a cluster's own registry is known inside of it; what "oc registry info" stands for.
inline constexpr std::string_view kInternalRegistry = "image-registry.openshift-image-registry.svc:5000";

/// One word without falling apart at blanks. What nobody can know is an unknown part (values.hpp).
std::string expanded(const Word& word, const Variables& variables);
/// The words that a word becomes: none for an unquoted empty variable, several for a list.
Value expanded_fields(const Word& word, const Variables& variables);
/// Of NAME=(...).
Value expanded_items(const Word& word, const Variables& variables);

}  // namespace sluice::migration
