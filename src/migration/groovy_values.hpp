#pragma once
// What expressions of a Jenkinsfile amount to.

#include "migration/groovy_tokens.hpp"
#include "migration/values.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace sluice::migration {

using GroovyTokens = std::vector<GroovyToken>;

/// Where the bracket at `open` closes; the number of tokens when it never does.
std::size_t closing(const GroovyTokens& tokens, std::size_t open);

/// The values of a call, by name where they have one.
struct GroovyArguments {
  std::vector<Value> positional;
  std::map<std::string, Value> named;
  std::size_t end = 0;  ///< behind the last one, and behind the bracket
  int text_line = 1;    ///< where the first text among them begins
  std::string text(const std::string& name) const;
};

class GroovyValues {
 public:
  /// Called for a name that a "(" or a value follows within an expression; true when it moved `at` behind it.
  using Step = std::function<bool(const GroovyTokens& tokens, std::size_t& at)>;

  explicit GroovyValues(const Variables& variables) : variables_(variables) {}
  void on_step(Step step) { step_ = std::move(step); }

  /// The value of the expression at `at`, which is moved behind it. A call of each() is left to the caller.
  Value value(const GroovyTokens& tokens, std::size_t& at) const;
  std::string text(const GroovyToken& token) const;
  /// Of what stands behind the name of a step, with brackets or without.
  GroovyArguments arguments(const GroovyTokens& tokens, std::size_t at) const;

 private:
  std::string value_of_part(const GroovyTokens& tokens, std::size_t& at) const;
  Value primary(const GroovyTokens& tokens, std::size_t& at) const;
  Value named(const GroovyTokens& tokens, std::size_t& at) const;
  Value list(const GroovyTokens& tokens, std::size_t& at) const;
  Value method(const GroovyTokens& tokens, std::size_t& at, Value value) const;

  const Variables& variables_;
  Step step_;
  mutable int depth_ = 0;
};

}  // namespace sluice::migration
