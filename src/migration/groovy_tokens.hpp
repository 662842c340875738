#pragma once
// The words of a Jenkinsfile: names, texts, numbers and signs. Pure; any text gives some answer.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::migration {

/// A part of a text: as it is, or an expression that stands in ${...}.
struct GroovyPart {
  bool is_expression = false;
  std::string text;
};

struct GroovyToken {
  enum class Kind : std::uint8_t { name, text, number, sign, line_end };
  Kind kind = Kind::sign;
  std::string word{};               ///< of a name, number or sign ("->", "==", "?:" and else one character)
  std::vector<GroovyPart> parts{};  ///< of a text
  int line = 1;                     ///< where it begins; of a text, its first line
  bool is(std::string_view sign) const { return kind == Kind::sign && word == sign; }
  bool is_named(std::string_view name) const { return kind == Kind::name && word == name; }
};

std::vector<GroovyToken> groovy_tokens(std::string_view text, int first_line);

/// Whether a script is a Jenkinsfile, by the name of its file and by what stands in it.
bool looks_like_jenkinsfile(std::string_view text, std::string_view file_name);

}  // namespace sluice::migration
