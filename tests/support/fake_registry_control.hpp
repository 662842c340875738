#pragma once
// FakeRegistry by words: what sluice-fake-registry is told on its stdin, one JSON object a line.

#include "base/json.hpp"
#include "support/fake_registry.hpp"

#include <map>
#include <memory>
#include <string>

namespace sluice::support {

/// Thread: one at a time.
class FakeRegistryControl {
 public:
  explicit FakeRegistryControl(FakeRegistry& registry) : registry_(registry) {}

  /// {"do": VERB, ...}; what it gives is the verb's business. Errors: usage, and those of parse_json.
  Result<Json> obey(const std::string& line);

 private:
  Result<Json> change(const std::string& verb, const Json& order);
  Result<Json> look(const std::string& verb, const Json& order);
  Result<Json> put_blob(const Json& order);
  Status add_rule(const Json& rule);
  Status set_knobs(const Json& knobs);

  FakeRegistry& registry_;
  std::map<std::string, std::shared_ptr<FakeGate>> gates_;
};

}  // namespace sluice::support
