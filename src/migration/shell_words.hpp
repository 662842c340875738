#pragma once
// The words and operators of a shell script, quotes and continuations resolved. Pure; any text gives some answer.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::migration {

/// A part of a word.
struct Piece {
  enum class Kind : std::uint8_t {
    text,
    variable,  ///< `text` is what stands in ${...}: "TAG", "TAG:-latest"
    command,   ///< `text` is what stands in $(...)
  };
  Kind kind = Kind::text;
  bool quoted = false;  ///< it does not fall apart at blanks
  std::string text;
};

struct Word {
  int line = 1;
  std::vector<Piece> pieces;
  std::vector<Word> items{};  ///< of NAME=(a b c)
  bool is_list = false;       ///< NAME=(...)

  /// The text, when it is nothing but text; "" otherwise.
  std::string plain() const;
  /// As plain(), and "" when any of it is quoted: what can be a keyword.
  std::string keyword() const;
};

struct ShellToken {
  /// "" for a word. Else "\n" (also for ';'), ";;", "|", "&&", "||", "(", ")", and the redirections "<", ">", "<<<",
  /// and "<<" (the next token is the text of the here-document).
  std::string op;
  Word word;
  int line = 1;
};

/// Errors are no concern here: a quote that is never closed ends with the text.
std::vector<ShellToken> shell_tokens(std::string_view text, int first_line);

/// Reads one text as if it stood in double quotes.
Word double_quoted(std::string_view text, int line);

}  // namespace sluice::migration
