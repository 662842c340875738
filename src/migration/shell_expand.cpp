#include "migration/shell_expand.hpp"

#include "base/text.hpp"
#include "migration/shell_tree.hpp"
#include "oci/semver.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace sluice::migration {

namespace {

constexpr int kMaxDepth = 20;
constexpr std::size_t kMaxChanged = 500;  // a reference is shorter; trying every part of a text takes long

std::string expand_word(const Word& word, const Variables& variables, int depth);

std::string argument(std::string_view text, const Variables& variables, int depth) {
  if (depth > kMaxDepth) return unknown("");
  return expand_word(double_quoted(text, 1), variables, depth + 1);
}

// ${X#p}, ${X##p}, ${X%p}, ${X%%p}.
std::string without_affix(std::string value, const std::string& pattern, bool front, bool longest) {
  if (value.size() > kMaxChanged || pattern.size() > kMaxChanged) return unknown("");
  for (std::size_t step = 0; step <= value.size(); ++step) {
    const auto length = longest ? value.size() - step : step;
    const auto part = front ? value.substr(0, length) : value.substr(value.size() - length);
    if (oci::glob_match(pattern, part)) {
      return front ? value.substr(length) : value.substr(0, value.size() - length);
    }
  }
  return value;
}

std::string replaced(const std::string& value, const std::string& what, const std::string& with, bool all) {
  if (what.empty() || what.find_first_of("*?[") != std::string::npos) return unknown("");
  std::string out;
  std::size_t at = 0;
  while (out.size() <= kMaxText) {
    const auto found = value.find(what, at);
    if (found == std::string::npos) break;
    out += value.substr(at, found - at) + with;
    at = found + what.size();
    if (!all) break;
  }
  return out + value.substr(at);
}

// What stands behind the name in ${NAME...}. `value` is known.
std::string changed(const std::string& name, const std::string& value, std::string_view how, const Variables& variables,
                    int depth) {
  const bool twice = how.size() > 1 && how[0] == how[1];
  const auto rest = [&] { return argument(how.substr(twice ? 2 : 1), variables, depth); };
  switch (how.front()) {
    case '#':
    case '%': {
      const auto pattern = rest();
      return is_known(pattern) ? without_affix(value, pattern, how.front() == '#', twice) : unknown(name);
    }
    case '/': {
      const auto inner = how.substr(twice ? 2 : 1);
      const auto [what, with] = text::cut(inner, '/');
      const auto old = argument(what, variables, depth);
      const auto made = argument(with, variables, depth);
      return is_known(old) ? replaced(value, old, made, twice) : unknown(name);
    }
    case ',':
      return text::lower(value);
    default:
      return unknown(name);
  }
}

std::string name_of(std::string_view text) {
  if (text.empty()) return "";
  if (std::string_view("@*#?!-$").find(text.front()) != std::string_view::npos) return std::string(1, text.front());
  std::size_t length = 0;
  while (length < text.size() &&
         (is_name(text.substr(0, length + 1)) ||
          text.substr(0, length + 1).find_first_not_of("0123456789") == std::string_view::npos)) {
    ++length;
  }
  return std::string(text.substr(0, length));
}

// The element of ${NAME[i]}; the whole list for [@] and [*].
std::string element(const Value& value, std::string_view index, const std::string& name) {
  if (index == "@" || index == "*") return text::join(value, " ");
  if (index.empty() || index.size() > 4 || index.find_first_not_of("0123456789") != std::string_view::npos) {
    return unknown(name);
  }
  const auto at = std::strtoul(std::string(index).c_str(), nullptr, 10);
  return at < value.size() ? value[at] : unknown(name);
}

std::string variable(std::string_view inside, const Variables& variables, int depth) {
  const auto name = name_of(inside);
  if (name.empty() || name == "#" || name == "?" || name == "!" || name == "-" || name == "$") return unknown("");
  auto how = inside.substr(name.size());
  const auto lookup = name == "*" ? std::string("@") : name;
  const auto* set = variables.find(lookup);
  std::string value = set != nullptr ? text::join(*set, " ") : unknown(lookup);
  if (how.starts_with('[')) {
    const auto end = std::min(how.find(']'), how.size());
    if (set != nullptr) value = element(*set, how.substr(1, end - 1), name);
    how.remove_prefix(std::min(end + 1, how.size()));
  } else if (set != nullptr && set->size() > 1 && lookup != "@") {
    value = set->front();
  }
  if (how.empty()) return value;
  const bool colon = how.starts_with(':');
  if (colon) how.remove_prefix(1);
  if (how.starts_with('-') || how.starts_with('=')) {
    // What a variable gets that is called like a password may be one.
    if (sounds_secret(name)) return unknown(name);
    return set == nullptr || !is_known(value) || (colon && value.empty()) ? argument(how.substr(1), variables, depth)
                                                                          : value;
  }
  if (how.starts_with('?')) return value;
  if (how.empty() || colon || how.starts_with('+') || !is_known(value)) return unknown(lookup);
  return changed(name, value, how, variables, depth);
}

std::string last_component(std::string_view path) {
  return std::string(path.substr(path.find_last_of('/') == std::string_view::npos ? 0 : path.find_last_of('/') + 1));
}

// Commands whose output follows from their words.
std::string output_of(std::string_view command, const Variables& variables, int depth) {
  const auto has = [&](std::string_view what) { return command.find(what) != std::string_view::npos; };
  if (has("oc registry info") || (has("oc get route") && (has("default-route") || has("docker-registry")))) {
    return std::string(kInternalRegistry);
  }
  if (depth > kMaxDepth) return unknown("");
  const auto tree = shell_tree(command, 1);
  if (tree.body.size() != 1 || tree.body[0].kind != ShellNode::Kind::command || tree.body[0].words.size() < 2) {
    return unknown("");
  }
  Value words;
  for (const auto& word : tree.body[0].words) words.push_back(expand_word(word, variables, depth + 1));
  if (words[0] == "echo" && !words[1].starts_with('-')) {
    return text::join(Value(words.begin() + 1, words.end()), " ");
  }
  if (words[0] == "basename" && words.size() == 2 && is_known(words[1])) return last_component(words[1]);
  if (words[0] == "which" && words.size() == 2) return words[1];
  if (words[0] == "command" && words.size() == 3 && words[1] == "-v") return words[2];
  return unknown("");
}

std::string expand_piece(const Piece& piece, const Variables& variables, int depth) {
  switch (piece.kind) {
    case Piece::Kind::text:
      return piece.text;
    case Piece::Kind::variable:
      return variable(piece.text, variables, depth);
    case Piece::Kind::command:
      return output_of(piece.text, variables, depth);
  }
  return "";
}

std::string expand_word(const Word& word, const Variables& variables, int depth) {
  std::string out;
  for (const auto& piece : word.pieces) {
    out += expand_piece(piece, variables, depth);
    if (out.size() > kMaxText) return unknown("");
  }
  return out;
}

// "$@" and "${LIST[@]}": one word for each item.
const Value* whole_list(const Word& word, const Variables& variables) {
  if (word.pieces.empty() || word.pieces.back().kind != Piece::Kind::variable) return nullptr;
  // Empty quotes before it stand for the quotes around it.
  for (std::size_t i = 0; i + 1 < word.pieces.size(); ++i) {
    if (word.pieces[i].kind != Piece::Kind::text || !word.pieces[i].text.empty()) return nullptr;
  }
  const auto& inside = word.pieces.back().text;
  if (inside == "@" || inside == "*") return variables.find("@");
  const auto name = name_of(inside);
  const auto how = std::string_view(inside).substr(name.size());
  return how == "[@]" || how == "[*]" ? variables.find(name) : nullptr;
}

}  // namespace

std::string expanded(const Word& word, const Variables& variables) { return expand_word(word, variables, 0); }

Value expanded_fields(const Word& word, const Variables& variables) {
  if (const auto* list = whole_list(word, variables)) return *list;
  Value out;
  std::string current;
  bool any = false;
  const auto* ifs = variables.find("IFS");
  const std::string separators = ifs != nullptr && ifs->size() == 1 && is_known(ifs->front()) ? ifs->front() : " \t\n";
  for (const auto& piece : word.pieces) {
    const auto text = expand_piece(piece, variables, 0);
    if (piece.quoted || piece.kind == Piece::Kind::text) {
      current += text;
      any = true;
      continue;
    }
    const auto parts = fields(text, separators);
    const bool blank_first = !text.empty() && separators.find(text.front()) != std::string::npos;
    if (blank_first && any) {
      out.push_back(std::exchange(current, {}));
      any = false;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (i > 0) out.push_back(std::exchange(current, {}));
      current += parts[i];
      any = true;
    }
  }
  if (any) out.push_back(std::move(current));
  if (out.size() > kMaxItems) out.resize(kMaxItems);
  return out;
}

Value expanded_items(const Word& word, const Variables& variables) {
  Value out;
  for (const auto& item : word.items) {
    for (auto& one : expanded_fields(item, variables)) {
      if (out.size() < kMaxItems) out.push_back(std::move(one));
    }
  }
  return out;
}

}  // namespace sluice::migration
