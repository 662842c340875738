#pragma once
// Texts of a script of which parts may be unknown: "registry/shop/web:" and what $TAG holds. An unknown part stands
// between two control characters that no script can bring in (readable()).

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::migration {

inline constexpr char kUnknownOpens = '\x01';
inline constexpr char kUnknownCloses = '\x02';
inline constexpr std::size_t kMaxText = 8192;       // of one value; a guess, far above what a person writes
inline constexpr std::size_t kMaxScript = 262'144;  // of one script in a step
inline constexpr std::size_t kMaxItems = 1000;      // of one list

/// The part that the variable `name` would give; "" for the output of a command.
std::string unknown(std::string_view name);
bool is_known(std::string_view text);
/// For people: "the value of $TAG cannot be known from the script" of the first unknown part. Precondition:
/// !is_known(text).
std::string why_unknown(std::string_view text);
/// The first variable without a value; "" when there is none with a name.
std::string unknown_name(std::string_view text);
/// With '*' for each unknown part.
std::string as_pattern(std::string_view text);
/// Without control characters other than line breaks and tabs, so that nobody can forge an unknown part.
std::string readable(std::string_view text);

/// A name that people give to passwords and tokens; what such a variable holds is never looked at.
bool sounds_secret(std::string_view name);
bool is_name(std::string_view text);

using Value = std::vector<std::string>;  ///< of a plain variable: one text
/// Items, of which a list may be written in one text: "web api".
Value fields(std::string_view text, std::string_view separators = " \t\n");

/// What variables hold while a script is read.
class Variables {
 public:
  /// What was given on the command line wins over what the script says; arguments ("1") only until a function is
  /// called.
  explicit Variables(const std::map<std::string, std::string>& presets = {});

  /// Null: not set.
  const Value* find(const std::string& name) const;
  /// The value as one text; of a list the items with blanks; an unknown part when it is not set.
  std::string text(const std::string& name) const;
  void set(const std::string& name, Value value);
  void forget(const std::string& name);
  const std::map<std::string, Value>& all() const { return values_; }
  void replace_all(std::map<std::string, Value> values) { values_ = std::move(values); }

  /// After alternatives of which nobody knows which one is taken: each began at what is here now. A value that only one
  /// of them gives to an unset variable is taken, a known value stays where they give none; else it is unknown.
  void merge(const std::vector<std::map<std::string, Value>>& alternatives);

 private:
  std::map<std::string, std::string> presets_;
  std::map<std::string, Value> values_;
  mutable Value preset_;  // what find() shows of a preset
};

}  // namespace sluice::migration
