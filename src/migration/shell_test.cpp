#include "migration/shell_test.hpp"

#include "migration/shell_expand.hpp"
#include "oci/semver.hpp"

#include <string>

namespace sluice::migration {

std::optional<bool> test_holds(const std::vector<Word>& words, const Variables& variables) {
  Value texts;
  for (const auto& word : words) texts.push_back(expanded(word, variables));
  if (texts.empty() || (texts[0] != "[" && texts[0] != "[[" && texts[0] != "test")) return std::nullopt;
  const bool double_brackets = texts[0] == "[[";
  texts.erase(texts.begin());
  if (!texts.empty() && (texts.back() == "]" || texts.back() == "]]")) texts.pop_back();
  for (const auto& text : texts) {
    if (!is_known(text)) return std::nullopt;
  }
  if (texts.size() == 2 && texts[0] == "-z") return texts[1].empty();
  if (texts.size() == 2 && texts[0] == "-n") return !texts[1].empty();
  if (texts.size() != 3) return std::nullopt;
  const bool same = double_brackets ? oci::glob_match(texts[2], texts[0]) : texts[0] == texts[2];
  if (texts[1] == "=" || texts[1] == "==") return same;
  if (texts[1] == "!=") return !same;
  return std::nullopt;
}

std::optional<std::size_t> matching_case(const ShellNode& node, const Variables& variables) {
  if (node.words.empty()) return std::nullopt;
  const auto subject = expanded(node.words.front(), variables);
  if (!is_known(subject)) return std::nullopt;
  for (std::size_t i = 0; i < node.body.size(); ++i) {
    for (const auto& word : node.body[i].patterns) {
      const auto pattern = expanded(word, variables);
      if (!is_known(pattern)) return std::nullopt;
      if (oci::glob_match(pattern, subject)) return i;
    }
  }
  return node.body.size();
}

}  // namespace sluice::migration
