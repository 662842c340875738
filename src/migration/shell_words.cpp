#include "migration/shell_words.hpp"

#include <algorithm>
#include <utility>

namespace sluice::migration {

namespace {

constexpr int kMaxNesting = 40;  // of quotes, $( and ${ in each other

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Reader {
 public:
  Reader(std::string_view text, int line) : text_(text), line_(line) {}

  std::vector<ShellToken> tokens() {
    while (!at_end()) step();
    finish_word();
    return std::move(out_);
  }

  Word quoted_text() {
    word_.line = line_;
    while (!at_end()) take_in_quotes();
    return std::move(word_);
  }

 private:
  struct Heredoc {
    std::string end;
    bool quoted;
    bool strip;
    std::size_t token;  // whose word is the text
  };

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

  void add(char c, bool quoted) {
    begin_word();
    auto& pieces = word_.pieces;
    if (pieces.empty() || pieces.back().kind != Piece::Kind::text || pieces.back().quoted != quoted) {
      pieces.push_back({Piece::Kind::text, quoted, {}});
    }
    pieces.back().text += c;
  }
  void begin_word() {
    if (in_word_) return;
    in_word_ = true;
    word_ = Word{line_, {}};
  }
  void finish_word() {
    if (!in_word_) return;
    in_word_ = false;
    out_.push_back({"", std::move(word_), word_.line});
    word_ = {};
  }
  void operation(std::string op, std::size_t length) {
    finish_word();
    const int line = line_;
    skip(length);
    out_.push_back({std::move(op), {}, line});
  }

  void step() {
    const char c = peek();
    if (c == '\\') {
      escape();
    } else if (c == '\n') {
      operation("\n", 0);
      next();
      read_heredocs();
    } else if (c == ' ' || c == '\t') {
      finish_word();
      next();
    } else if (c == '#' && !in_word_) {
      while (!at_end() && peek() != '\n') next();
    } else if (c == '\'' || c == '"') {
      quotes(c);
    } else if (c == '$' || c == '`') {
      dollar(false);
    } else if (c == '(' && opens_list()) {
      list();
    } else if (!step_operator(c)) {
      add(next(), false);
    }
  }

  void escape() {
    next();
    if (at_end()) return;
    if (peek() == '\n') {
      next();
      return;
    }
    add(next(), true);
  }

  bool step_operator(char c) {
    for (const auto* op : {"&&", "||", ";;"}) {
      if (starts(op)) {
        operation(op, 2);
        return true;
      }
    }
    if (starts("&>") || starts(">&") || starts("<&")) return redirection(">", 2);
    if (starts("<<<")) return redirection("<<<", 3);
    if (starts("<<")) return heredoc();
    if (starts(">>")) return redirection(">", 2);
    if (starts("<(") || starts(">(")) {
      next();
      begin_word();
      next();
      word_.pieces.push_back({Piece::Kind::command, true, matching('(', ')')});
      return true;
    }
    switch (c) {
      case '>':
      case '<':
        return redirection(std::string(1, c), 1);
      case ';':
      case '&':
        operation("\n", 1);
        return true;
      case '|':
      case '(':
      case ')':
        operation(std::string(1, c), 1);
        return true;
      default:
        return false;
    }
  }

  // "2>" has a number that is no word.
  bool redirection(std::string op, std::size_t length) {
    if (in_word_ && word_.pieces.size() == 1 && word_.pieces[0].kind == Piece::Kind::text && !word_.pieces[0].quoted &&
        std::all_of(word_.pieces[0].text.begin(), word_.pieces[0].text.end(), is_digit)) {
      in_word_ = false;
    }
    operation(std::move(op), length);
    return true;
  }

  bool heredoc() {
    const bool strip = peek(2) == '-';
    redirection("<<", strip ? 3 : 2);
    while (peek() == ' ' || peek() == '\t') next();
    Heredoc doc{{}, false, strip, 0};
    while (!at_end() && std::string_view(" \t\n;|&<>()").find(peek()) == std::string_view::npos) {
      const char c = next();
      if (c == '\'' || c == '"' || c == '\\') {
        doc.quoted = true;
      } else {
        doc.end += c;
      }
    }
    out_.push_back({"", Word{line_, {}}, line_});
    doc.token = out_.size() - 1;
    heredocs_.push_back(std::move(doc));
    return true;
  }

  void read_heredocs() {
    for (const auto& doc : std::exchange(heredocs_, {})) {
      const int first = line_;
      std::string body;
      while (!at_end()) {
        std::string line;
        while (!at_end() && peek() != '\n') line += next();
        skip(1);
        if (doc.strip) line.erase(0, std::min(line.find_first_not_of('\t'), line.size()));
        if (line == doc.end) break;
        body += line + "\n";
      }
      out_[doc.token].word =
          doc.quoted ? Word{first, {{Piece::Kind::text, true, std::move(body)}}} : double_quoted(body, first);
    }
  }

  void quotes(char mark) {
    next();
    begin_word();
    // Empty quotes are a word, too.
    word_.pieces.push_back({Piece::Kind::text, true, {}});
    while (!at_end() && peek() != mark) {
      if (mark == '\'') {
        add(next(), true);
      } else {
        take_in_quotes();
      }
    }
    skip(1);
  }

  void take_in_quotes() {
    if (peek() == '\\' && std::string_view("$`\"\\\n").find(peek(1)) != std::string_view::npos && peek(1) != '\0') {
      next();
      const char c = next();
      if (c != '\n') add(c, true);
    } else if (peek() == '$' || peek() == '`') {
      dollar(true);
    } else {
      add(next(), true);
    }
  }

  void dollar(bool quoted) {
    begin_word();
    const char c = next();
    if (c == '`') {
      std::string inside;
      while (!at_end() && peek() != '`') inside += next();
      skip(1);
      word_.pieces.push_back({Piece::Kind::command, quoted, std::move(inside)});
    } else if (peek() == '(') {
      next();
      word_.pieces.push_back({Piece::Kind::command, quoted, matching('(', ')')});
    } else if (peek() == '{') {
      next();
      word_.pieces.push_back({Piece::Kind::variable, quoted, matching('{', '}')});
    } else if (is_name_start(peek())) {
      std::string name;
      while (is_name_start(peek()) || is_digit(peek())) name += next();
      word_.pieces.push_back({Piece::Kind::variable, quoted, std::move(name)});
    } else if (is_digit(peek()) ||
               (peek() != '\0' && std::string_view("@*#?!-$").find(peek()) != std::string_view::npos)) {
      word_.pieces.push_back({Piece::Kind::variable, quoted, std::string(1, next())});
    } else if (peek() == '\'' && !quoted) {
      return;  // $'...' is nearly '...'
    } else {
      add('$', quoted);
    }
  }

  // What stands up to the bracket that closes; quotes hide brackets.
  std::string matching(char opens, char closes) {
    std::string inside;
    int depth = 1;
    char mark = '\0';
    while (!at_end()) {
      const char c = next();
      if (c == '\\' && mark != '\'') {
        inside += c;
        if (!at_end()) inside += next();
        continue;
      }
      if (mark != '\0') {
        if (c == mark) mark = '\0';
      } else if (c == '\'' || c == '"') {
        mark = c;
      } else if (c == opens) {
        if (++depth > kMaxNesting) break;
      } else if (c == closes && --depth == 0) {
        break;
      }
      inside += c;
    }
    return inside;
  }

  bool opens_list() const {
    return in_word_ && !word_.pieces.empty() && word_.pieces.back().kind == Piece::Kind::text &&
           !word_.pieces.back().quoted && word_.pieces.back().text.ends_with('=');
  }

  void list() {
    next();
    const int line = line_;
    const auto inside = matching('(', ')');
    word_.is_list = true;
    for (auto& token : shell_tokens(inside, line)) {
      // A list in a list is none in any shell.
      if (token.op.empty() && !token.word.is_list) word_.items.push_back(std::move(token.word));
    }
  }

  std::string_view text_;
  int line_;
  std::size_t at_ = 0;
  bool in_word_ = false;
  Word word_;
  std::vector<Heredoc> heredocs_;
  std::vector<ShellToken> out_;
};

}  // namespace

std::string Word::plain() const {
  std::string out;
  for (const auto& piece : pieces) {
    if (piece.kind != Piece::Kind::text) return "";
    out += piece.text;
  }
  return out;
}

std::string Word::keyword() const {
  return pieces.size() == 1 && !pieces.front().quoted && !is_list ? plain() : std::string();
}

std::vector<ShellToken> shell_tokens(std::string_view text, int first_line) {
  return Reader(text, first_line).tokens();
}

Word double_quoted(std::string_view text, int line) { return Reader(text, line).quoted_text(); }

}  // namespace sluice::migration
