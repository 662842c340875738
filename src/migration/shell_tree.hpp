#pragma once
// A shell script as a tree of commands, loops, choices and functions. What is no shell gives some tree, never an error.

#include "migration/shell_words.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::migration {

struct ShellNode {
  enum class Kind : std::uint8_t {
    command,   ///< `words`
    sequence,  ///< `body`
    each,      ///< for `name` in `words`: `body`
    lines,     ///< while `words`: the first of `body`, whose words come from `input`; the second is the test
    choice,    ///< `body` are the alternatives, each a sequence; `tests` what decides, as far as there is one
    function,  ///< `name`, `body`
  };
  Kind kind = Kind::sequence;
  int line = 1;
  std::string name{};
  std::vector<Word> words{};
  std::vector<ShellNode> body{};
  /// Of an alternative in a `case`: its patterns; of the `case`: its subject in `words`.
  std::vector<Word> patterns{};
  /// What is read from: the text of a here-document or here-string, or the words of an echo before a pipe.
  std::vector<Word> input{};
  bool has_else = false;   ///< of a choice: one of the alternatives is taken in any case
  bool from_file = false;  ///< what is read stands in a file or comes from a program
};

ShellNode shell_tree(std::string_view text, int first_line);

}  // namespace sluice::migration
