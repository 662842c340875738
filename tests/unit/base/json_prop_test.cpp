#include "base/json.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice {
namespace {

std::string any_text() {
  return *rc::gen::resize(6, rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab\"\\\n\x01/{}"))));
}

// At most `depth` containers inside each other.
Json any_json(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 7 : 5)) {
    case 0:
      return {};
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::arbitrary<std::int64_t>();
    // Halves never read back as integers.
    case 3:
      return static_cast<double>(*rc::gen::inRange(-1000, 1000)) + 0.5;
    case 4:
      return any_text();
    case 5: {
      auto list = Json::array();
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) list.push(any_json(depth - 1));
      return list;
    }
    default: {
      auto object = Json::object();
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) object.set(any_text(), any_json(depth - 1));
      return object;
    }
  }
}

RC_GTEST_PROP(JsonProperty, ReadsBackWhatItWrites, ()) {
  const auto json = any_json(4);
  for (const auto& text : {json.dump(), json.dump_pretty()}) {
    const auto again = parse_json(text);
    RC_ASSERT(again.ok());
    RC_ASSERT((*again == json));
  }
}

RC_GTEST_PROP(JsonProperty, HasOneCanonicalForm, ()) {
  const auto json = any_json(4);
  const auto again = parse_json(json.canonical());
  RC_ASSERT(again.ok());
  RC_ASSERT(again->canonical() == json.canonical());
}

}  // namespace
}  // namespace sluice
