#pragma once
// JsonMembers: reads members of an object that somebody else wrote, strictly and bounded. An absent member is empty,
// one of another type, size or shape is a problem; the first problem is kept, so that a whole object is read before it
// is judged.

#include "base/json.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

class JsonMembers {
 public:
  /// Borrows `object`.
  explicit JsonMembers(const Json& object);

  /// At most `most` bytes, no control characters.
  std::string text(std::string_view key, std::size_t most);
  /// Between 0 and `most`.
  std::int64_t number(std::string_view key, std::int64_t most);
  bool flag(std::string_view key);
  /// The elements of an array of at most `most`.
  const Json::Array& list(std::string_view key, std::size_t most);

  void fail(std::string why);
  /// A clause that goes on after "the entry ..."; empty when nothing is wrong.
  const std::string& problem() const { return problem_; }

 private:
  const Json& object_;
  std::string problem_;
};

}  // namespace sluice
