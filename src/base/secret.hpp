#pragma once
// Secret: a string that cannot be printed by accident. It has no formatter and no stream operator.

#include <string>
#include <utility>

namespace sluice {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  bool empty() const { return value_.empty(); }
  /// The one way out. Call it where the value goes onto the wire or into a credentials file, nowhere else.
  const std::string& reveal() const { return value_; }

  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string value_;
};

}  // namespace sluice
