// Tags, their order, and patterns on them. The input is three texts, one a line.

#include "base/text.hpp"
#include "fuzz/require.hpp"
#include "oci/semver.hpp"

#include <cstddef>
#include <cstdint>

using namespace sluice;
using oci::compare_tags;
using oci::glob_match;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto lines = text::split(std::string_view(reinterpret_cast<const char*>(data), size), '\n');
  lines.resize(3);
  const auto& a = lines[0];
  const auto& b = lines[1];
  const auto& c = lines[2];

  require(compare_tags(a, a) == 0, "a tag equals itself");
  require((compare_tags(a, b) < 0) == (compare_tags(b, a) > 0), "the order does not depend on the side");
  if (compare_tags(a, b) <= 0 && compare_tags(b, c) <= 0) {
    require(compare_tags(a, c) <= 0, "the order goes on over a third tag");
  }

  static_cast<void>(glob_match(a, b));
  require(glob_match("*", a), "a star matches everything");
  require(glob_match(std::string(a.size(), '?'), a), "question marks match their length");
  require(glob_match(a + "*", a + b), "a text with a star matches what starts with it");
  return 0;
}
