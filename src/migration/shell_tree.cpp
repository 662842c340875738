#include "migration/shell_tree.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::migration {

namespace {

constexpr int kMaxDepth = 60;

using Kind = ShellNode::Kind;

bool is_one_of(const std::string& word, std::initializer_list<std::string_view> words) {
  return !word.empty() && std::find(words.begin(), words.end(), word) != words.end();
}

bool is_test(const ShellNode& node) {
  return node.kind == Kind::command && !node.words.empty() && is_one_of(node.words[0].keyword(), {"[", "[[", "test"});
}

class Parser {
 public:
  explicit Parser(std::vector<ShellToken> tokens) : tokens_(std::move(tokens)) {}

  ShellNode everything() {
    ShellNode top;
    while (!at_end()) {
      auto part = sequence({});
      for (auto& node : part.body) top.body.push_back(std::move(node));
      if (!at_end()) ++at_;  // a closing word that nothing opened
    }
    return top;
  }

 private:
  bool at_end() const { return at_ >= tokens_.size(); }
  const ShellToken& here() const { return tokens_[at_]; }
  bool is_op(std::string_view op) const { return !at_end() && here().op == op; }
  std::string keyword() const { return at_end() || !here().op.empty() ? std::string() : here().word.keyword(); }
  int line() const { return at_end() ? (tokens_.empty() ? 1 : tokens_.back().line) : here().line; }
  bool take(std::string_view word) {
    if (keyword() != word) return false;
    ++at_;
    return true;
  }
  void skip_breaks() {
    while (is_op("\n")) ++at_;
  }

  bool ends_here(std::initializer_list<std::string_view> ends) const {
    if (is_op(")") || is_op(";;")) return true;
    return is_one_of(keyword(), ends) ||
           is_one_of(keyword(), {"then", "do", "done", "fi", "elif", "else", "esac", "}"});
  }

  // Commands up to a closing word, which is left where it stands.
  ShellNode sequence(std::initializer_list<std::string_view> ends) {
    ShellNode out;
    out.line = line();
    if (++depth_ > kMaxDepth) at_ = tokens_.size();
    while (!at_end()) {
      skip_breaks();
      if (at_end() || ends_here(ends)) break;
      const auto before = at_;
      out.body.push_back(and_or());
      if (at_ == before) ++at_;
    }
    --depth_;
    return out;
  }

  // a && b || c. Behind a test, what follows may or may not be done.
  ShellNode and_or() {
    auto first = piped();
    if (!is_op("&&") && !is_op("||")) return first;
    const bool tested = is_test(first);
    const auto op = here().op;
    ShellNode rest;
    rest.line = line();
    while (is_op("&&") || is_op("||")) {
      ++at_;
      skip_breaks();
      if (at_end() || ends_here({})) break;
      rest.body.push_back(piped());
    }
    ShellNode out;
    out.line = first.line;
    if (!tested) {
      out.body.push_back(std::move(first));
      out.body.push_back(std::move(rest));
      return out;
    }
    out.kind = Kind::choice;
    out.name = op == "&&" ? "if" : "unless";
    if (first.name.empty()) out.words = std::move(first.words);
    out.body.push_back(std::move(rest));
    return out;
  }

  // a | b. What an echo says, a loop behind it reads.
  ShellNode piped() {
    auto first = one();
    if (!is_op("|")) return first;
    ShellNode out;
    out.line = first.line;
    out.body.push_back(std::move(first));
    while (is_op("|")) {
      ++at_;
      skip_breaks();
      if (at_end() || ends_here({})) break;
      auto then = one();
      const auto& before = out.body.back();
      if (then.kind == Kind::lines && then.input.empty()) {
        if (before.kind == Kind::command && !before.words.empty() &&
            is_one_of(before.words[0].keyword(), {"echo", "printf"})) {
          then.input.assign(before.words.begin() + 1, before.words.end());
        } else {
          then.from_file = true;
        }
      }
      out.body.push_back(std::move(then));
    }
    return out;
  }

  ShellNode one() {
    bool negated = false;
    while (keyword() == "!" || keyword() == "time") {
      negated = negated || keyword() == "!";
      ++at_;
    }
    auto out = unnegated();
    // What a turned test decides is not followed.
    if (negated && out.kind == Kind::command) out.name = "!";
    return out;
  }

  ShellNode unnegated() {
    const auto word = keyword();
    if (word == "if") return choice();
    if (word == "case") return cases();
    if (word == "for" || word == "select") return each();
    if (word == "while" || word == "until") return lines();
    if (word == "function") return function(1);
    if (word == "{" || is_op("(")) return group();
    if (at_ + 2 < tokens_.size() && tokens_[at_].op.empty() && tokens_[at_ + 1].op == "(" &&
        tokens_[at_ + 2].op == ")") {
      return function(0);
    }
    return command();
  }

  ShellNode group() {
    const bool round = is_op("(");
    ++at_;
    auto out = sequence({});
    if (round ? is_op(")") : keyword() == "}") ++at_;
    redirections(out);
    return out;
  }

  ShellNode function(std::size_t before_name) {
    ShellNode out;
    out.kind = Kind::function;
    out.line = line();
    at_ += before_name;
    if (!at_end() && here().op.empty()) {
      out.name = here().word.plain();
      ++at_;
    }
    while (is_op("(") || is_op(")")) ++at_;
    skip_breaks();
    if (keyword() == "{") out.body.push_back(group());
    return out;
  }

  ShellNode choice() {
    ShellNode out;
    out.kind = Kind::choice;
    out.name = "if";
    out.line = line();
    ++at_;
    auto test = sequence({"then"});
    // Only a test of its own decides anything here; other commands are run for what they do.
    const bool plain = test.body.size() == 1 && is_test(test.body.front());
    if (plain && test.body.front().name.empty()) out.words = test.body.front().words;
    take("then");
    auto then = sequence({});
    if (!plain) then.body.insert(then.body.begin(), std::move(test));
    out.body.push_back(std::move(then));
    if (keyword() == "elif") {
      ShellNode rest;
      rest.line = line();
      if (++depth_ > kMaxDepth) at_ = tokens_.size() - 1;
      rest.body.push_back(choice());  // which takes the "fi"
      --depth_;
      out.body.push_back(std::move(rest));
      out.has_else = true;
      return out;
    }
    if (take("else")) {
      out.body.push_back(sequence({}));
      out.has_else = true;
    }
    take("fi");
    return out;
  }

  ShellNode cases() {
    ShellNode out;
    out.kind = Kind::choice;
    out.name = "case";
    out.line = line();
    ++at_;
    if (!at_end() && here().op.empty()) out.words.push_back(tokens_[at_++].word);
    skip_breaks();
    take("in");
    while (!at_end()) {
      while (is_op("\n") || is_op(";;") || is_op("(")) ++at_;
      if (at_end() || take("esac")) break;
      const auto before = at_;
      std::vector<Word> patterns;
      while (!at_end() && !is_op(")") && !is_op("\n")) {
        if (here().op.empty()) patterns.push_back(here().word);
        ++at_;
      }
      if (is_op(")")) ++at_;
      auto body = sequence({});
      for (const auto& pattern : patterns) out.has_else = out.has_else || pattern.keyword() == "*";
      body.patterns = std::move(patterns);
      out.body.push_back(std::move(body));
      if (at_ == before || is_op(")")) ++at_;
    }
    return out;
  }

  ShellNode each() {
    ShellNode out;
    out.kind = Kind::each;
    out.line = line();
    ++at_;
    if (!at_end() && here().op.empty()) out.name = tokens_[at_++].word.plain();
    while (!at_end() && !is_op("\n") && keyword() != "do") {
      if (here().op.empty()) out.words.push_back(here().word);
      ++at_;
    }
    if (!out.words.empty() && out.words.front().keyword() == "in") out.words.erase(out.words.begin());
    skip_breaks();
    take("do");
    out.body.push_back(sequence({}));
    take("done");
    redirections(out);
    return out;
  }

  ShellNode lines() {
    ShellNode out;
    out.kind = Kind::lines;
    out.line = line();
    ++at_;
    auto test = sequence({"do"});
    if (!test.body.empty() && test.body.front().kind == Kind::command) out.words = test.body.front().words;
    take("do");
    out.body.push_back(sequence({}));
    out.body.push_back(std::move(test));
    take("done");
    redirections(out);
    return out;
  }

  // What stands behind a command or loop: its input is kept, its output is of no concern.
  bool redirections(ShellNode& node) {
    bool any = false;
    while (!at_end() && (is_op("<") || is_op(">") || is_op("<<<") || is_op("<<"))) {
      const auto op = tokens_[at_++].op;
      if (at_end() || !here().op.empty()) continue;
      auto word = tokens_[at_++].word;
      if (op == "<") node.from_file = true;
      if (op == "<<<" || op == "<<") node.input.push_back(std::move(word));
      any = true;
    }
    return any;
  }

  ShellNode command() {
    ShellNode out;
    out.kind = Kind::command;
    out.line = line();
    while (!at_end()) {
      if (redirections(out)) continue;
      if (at_end() || !here().op.empty()) break;
      out.words.push_back(tokens_[at_++].word);
    }
    return out;
  }

  std::vector<ShellToken> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

ShellNode shell_tree(std::string_view text, int first_line) {
  return Parser(shell_tokens(text, first_line)).everything();
}

}  // namespace sluice::migration
