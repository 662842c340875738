#include "migration/groovy_tokens.hpp"

#include "base/text.hpp"

#include <utility>

namespace sluice::migration {

namespace {

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Reader {
 public:
  Reader(std::string_view text, int line) : text_(text), line_(line) {}

  std::vector<GroovyToken> tokens() {
    while (at_ < text_.size()) step();
    return std::move(out_);
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  char next() {
    const char c = text_[at_++];
    if (c == '\n') ++line_;
    return c;
  }
  void skip(std::size_t count) {
    for (; count > 0 && !at_end(); --count) next();
  }
  void add(GroovyToken::Kind kind, std::string word) { out_.push_back({kind, std::move(word), {}, line_}); }

  void step() {
    const char c = peek();
    if (starts("//") || (c == '#' && starts("#!"))) {
      while (!at_end() && peek() != '\n') next();
    } else if (starts("/*")) {
      while (!at_end() && !starts("*/")) next();
      skip(2);
    } else if (starts("'''") || starts("\"\"\"")) {
      quoted(std::string(3, c));
    } else if (c == '\'' || c == '"') {
      quoted(std::string(1, c));
    } else if (c == '\n' || c == ';') {
      add(GroovyToken::Kind::line_end, "");
      next();
    } else if (is_name_start(c)) {
      std::string word;
      while (is_name_start(peek()) || is_digit(peek())) word += next();
      add(GroovyToken::Kind::name, std::move(word));
    } else if (is_digit(c)) {
      std::string word;
      while (is_digit(peek()) || (peek() == '.' && is_digit(peek(1)))) word += next();
      add(GroovyToken::Kind::number, std::move(word));
    } else if (c == ' ' || c == '\t') {
      next();
    } else {
      sign();
    }
  }

  void sign() {
    for (const auto* two : {"->", "==", "!=", "?:", "+=", "&&", "||", "?.", "<=", ">="}) {
      if (!starts(two)) continue;
      add(GroovyToken::Kind::sign, two);
      skip(2);
      return;
    }
    add(GroovyToken::Kind::sign, std::string(1, peek()));
    next();
  }

  void quoted(const std::string& mark) {
    const bool interpolates = mark.front() == '"';
    GroovyToken token{GroovyToken::Kind::text, {}, {}, line_};
    skip(mark.size());
    std::string plain;
    while (!at_end() && !starts(mark)) {
      // A text of one line ends with it, so that one missing quote does not hide the rest.
      if (mark.size() == 1 && peek() == '\n') break;
      if (peek() == '\\') {
        escape(plain);
      } else if (interpolates && peek() == '$' && (peek(1) == '{' || is_name_start(peek(1)))) {
        token.parts.push_back({false, std::exchange(plain, {})});
        token.parts.push_back({true, expression()});
      } else {
        plain += next();
      }
    }
    if (starts(mark)) skip(mark.size());
    token.parts.push_back({false, std::move(plain)});
    out_.push_back(std::move(token));
  }

  void escape(std::string& plain) {
    next();
    if (at_end()) return;
    const char c = next();
    if (c == 'n') {
      plain += '\n';
    } else if (c == 't') {
      plain += '\t';
    } else if (c == '\n') {
      plain += "\\\n";  // the shell takes it for the same
    } else {
      plain += c;
    }
  }

  std::string expression() {
    next();
    std::string inside;
    if (peek() != '{') {
      while (is_name_start(peek()) || is_digit(peek()) || (peek() == '.' && is_name_start(peek(1)))) inside += next();
      return inside;
    }
    next();
    for (int depth = 1; !at_end(); inside += next()) {
      if (peek() == '{') ++depth;
      if (peek() == '}' && --depth == 0) break;
    }
    skip(1);
    return inside;
  }

  std::string_view text_;
  int line_;
  std::size_t at_ = 0;
  std::vector<GroovyToken> out_;
};

}  // namespace

std::vector<GroovyToken> groovy_tokens(std::string_view text, int first_line) {
  return Reader(text, first_line).tokens();
}

bool looks_like_jenkinsfile(std::string_view text, std::string_view file_name) {
  const auto name = text::lower(file_name);
  if (name.find("jenkinsfile") != std::string::npos || name.ends_with(".groovy")) return true;
  if (name.ends_with(".sh") || name.ends_with(".bash")) return false;
  if (text.starts_with("#!")) return text.substr(0, text.find('\n')).find("groovy") != std::string_view::npos;
  for (const auto* word : {"pipeline {", "pipeline{", "node {", "node(", "stage('", "stage(\""}) {
    if (text.find(word) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace sluice::migration
