#include "oci/semver.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::oci {
namespace {

rc::Gen<std::string> tags() {
  return rc::gen::resize(8, rc::gen::container<std::string>(rc::gen::elementOf(std::string("v01290.-_aB"))));
}

// The definition, word for word; slow.
bool matches_slowly(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    return matches_slowly(pattern.substr(1), text) || (!text.empty() && matches_slowly(pattern, text.substr(1)));
  }
  return !text.empty() && (pattern.front() == '?' || pattern.front() == text.front()) &&
         matches_slowly(pattern.substr(1), text.substr(1));
}

RC_GTEST_PROP(TagsProperty, AreOrderedConsistently, ()) {
  const auto a = *tags();
  const auto b = *tags();
  const auto c = *tags();
  RC_ASSERT((compare_tags(a, a) == 0));
  RC_ASSERT((compare_tags(a, b) < 0) == (compare_tags(b, a) > 0));
  if (compare_tags(a, b) <= 0 && compare_tags(b, c) <= 0) RC_ASSERT((compare_tags(a, c) <= 0));
}

RC_GTEST_PROP(GlobProperty, AgreesWithItsDefinition, ()) {
  const auto pattern = *rc::gen::resize(8, rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab*?"))));
  const auto text = *rc::gen::resize(10, rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab"))));
  RC_ASSERT(glob_match(pattern, text) == matches_slowly(pattern, text));
}

}  // namespace
}  // namespace sluice::oci
