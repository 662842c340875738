#include "migration/shell_run.hpp"

#include "migration/shell_expand.hpp"
#include "migration/shell_test.hpp"
#include "migration/shell_tree.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace sluice::migration {

namespace {

using Kind = ShellNode::Kind;

constexpr int kMaxDepth = 24;  // of functions that call each other, and of scripts in strings

bool contains(std::initializer_list<std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Commands that only talk about others.
bool only_talks(const std::string& command) {
  return contains({"echo",      "printf",  "log",     "info",    "warn",  "error",  "die",    "say",  "print", "cat",
                   "grep",      "which",   "type",    "apt-get", "apt",   "yum",    "dnf",    "apk",  "pip",   "pip3",
                   "systemctl", "service", "usermod", "git",     "find",  "ls",     "test",   "[",    "[[",    "trap",
                   "alias",     "set",     "fail",    "fatal",   "debug", "notice", "header", "title"},
                  command) ||
         command.starts_with("log_") || command.starts_with("echo_") || command.starts_with("print_");
}

bool runs_elsewhere(const std::string& command) { return contains({"ssh", "xargs", "parallel", "expect"}, command); }

struct Assignment {
  std::string name;
  bool append = false;
  Word value;
};

std::optional<Assignment> assignment(const Word& word) {
  if (word.pieces.empty() || word.pieces[0].kind != Piece::Kind::text || word.pieces[0].quoted) return std::nullopt;
  const auto& text = word.pieces[0].text;
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  Assignment out;
  out.append = text[equals - 1] == '+';
  out.name = text.substr(0, equals - (out.append ? 1 : 0));
  if (!is_name(out.name)) return std::nullopt;
  out.value = word;
  out.value.pieces[0].text.erase(0, equals + 1);
  return out;
}

class Shell {
 public:
  Shell(Variables& variables, Reading reading) : variables_(variables), reading_(reading) {}

  // A file of functions alone is used by other scripts.
  void run_uncalled() {
    const auto functions = functions_;
    for (const auto& [name, function] : functions) {
      for (const auto& part : function.body) run(part);
    }
  }

  void run_text(std::string_view text, int line) {
    if (++depth_ <= kMaxDepth) run(shell_tree(text, line));
    --depth_;
  }

 private:
  void run(const ShellNode& node) {
    if (!reading_.budget.spend(1)) return;
    switch (node.kind) {
      case Kind::command:
        return run_command(node);
      case Kind::sequence:
        for (const auto& part : node.body) run(part);
        return;
      case Kind::each:
        return run_each(node);
      case Kind::lines:
        return run_lines(node);
      case Kind::choice:
        return run_choice(node);
      case Kind::function:
        functions_[node.name] = node;
        return;
    }
  }

  void run_each(const ShellNode& node) {
    Value items;
    for (const auto& word : node.words) {
      for (auto& item : expanded_fields(word, variables_)) items.push_back(std::move(item));
    }
    if (node.words.empty()) items = variables_.find("@") != nullptr ? *variables_.find("@") : Value{unknown(node.name)};
    for (const auto& item : items) {
      if (!reading_.budget.spend(1 + item.size())) return;
      assign(node.name, {item});
      run(node.body.front());
    }
  }

  void run_lines(const ShellNode& node) {
    std::vector<std::string> names;
    std::string separators = " \t";
    bool reads = false;
    for (const auto& word : node.words) {
      const auto plain = word.plain();
      const auto made = assignment(word);
      if (made && made->name == "IFS") separators = expanded(made->value, variables_);
      if (reads && is_name(plain)) names.push_back(plain);
      reads = reads || plain == "read";
    }
    if (!reads) {
      run(node.body.back());
      return run(node.body.front());
    }
    std::string text;
    for (const auto& word : node.input) text += expanded(word, variables_) + "\n";
    if (names.empty()) names.emplace_back("REPLY");
    if (node.from_file || node.input.empty()) {
      for (const auto& name : names) assign(name, {unknown(name)});
      return run(node.body.front());
    }
    for (const auto& line : fields(text, "\n")) {
      read_into(names, line, separators);
      run(node.body.front());
    }
  }

  // The last name gets all that is left.
  void read_into(const std::vector<std::string>& names, std::string_view line, const std::string& separators) {
    const auto all = separators.empty() ? Value{std::string(line)} : fields(line, separators);
    for (std::size_t i = 0; i < names.size(); ++i) {
      std::string value = i < all.size() ? all[i] : std::string();
      for (auto rest = i + 1; i + 1 == names.size() && rest < all.size(); ++rest)
        value += separators.substr(0, 1) + all[rest];
      assign(names[i], {std::move(value)});
    }
  }

  void run_choice(const ShellNode& node) {
    if (const auto taken = which(node)) {
      if (*taken < node.body.size()) run(node.body[*taken]);
      return;
    }
    const auto before = variables_.all();
    std::vector<std::map<std::string, Value>> ends;
    for (const auto& alternative : node.body) {
      if (!reading_.budget.spend(1 + before.size())) return;
      variables_.replace_all(before);
      run(alternative);
      ends.push_back(variables_.all());
    }
    variables_.replace_all(before);
    variables_.merge(ends);
  }

  // Which alternative is taken, where that follows from what is known; one beyond the last: none.
  std::optional<std::size_t> which(const ShellNode& node) const {
    if (node.name == "case") return matching_case(node, variables_);
    const auto holds = test_holds(node.words, variables_);
    if (!holds) return std::nullopt;
    return *holds == (node.name == "if") ? 0 : node.has_else ? 1 : node.body.size();
  }

  void assign(const std::string& name, Value value) {
    // What is unknown is best called by the name that the script gives to it.
    for (auto& item : value) {
      if (!is_known(item) && item.front() == kUnknownOpens && item.find(kUnknownCloses) == item.size() - 1) {
        item = unknown(name);
      }
    }
    variables_.set(name, std::move(value));
  }

  void assign(const Assignment& made) {
    Value value = made.value.is_list ? expanded_items(made.value, variables_) : Value{expanded(made.value, variables_)};
    if (made.append) {
      const auto* before = variables_.find(made.name);
      if (before != nullptr && made.value.is_list) {
        value.insert(value.begin(), before->begin(), before->end());
      } else if (before != nullptr && !before->empty()) {
        value.front().insert(0, before->front());
      }
    }
    assign(made.name, std::move(value));
  }

  void run_command(const ShellNode& node) {
    std::size_t first = 0;
    while (first < node.words.size()) {
      const auto made = assignment(node.words[first]);
      if (!made) break;
      assign(*made);
      ++first;
    }
    if (first == node.words.size()) return;
    for (const auto& word : node.words) give_defaults(word);
    const auto head = node.words[first].plain();
    if (contains({"export", "local", "declare", "readonly", "typeset"}, head)) return declare(node, first + 1);
    Value words;
    for (auto i = first; i < node.words.size(); ++i) {
      for (auto& word : expanded_fields(node.words[i], variables_)) {
        if (!reading_.budget.spend(1 + word.size() / 16)) return;
        words.push_back(std::move(word));
      }
    }
    if (!words.empty()) run_words(node, words);
  }

  // ${NAME:=VALUE} sets the variable, too.
  void give_defaults(const Word& word) {
    for (const auto& piece : word.pieces) {
      if (piece.kind != Piece::Kind::variable) continue;
      const auto at = piece.text.find('=');
      if (at == std::string::npos) continue;
      const auto name = piece.text.substr(0, at - (at > 0 && piece.text[at - 1] == ':' ? 1 : 0));
      if (!is_name(name)) continue;
      Word alone{word.line, {piece}};
      assign(name, {expanded(alone, variables_)});
    }
  }

  void declare(const ShellNode& node, std::size_t first) {
    for (auto i = first; i < node.words.size(); ++i) {
      if (const auto made = assignment(node.words[i])) assign(*made);
    }
  }

  void run_words(const ShellNode& node, const Value& words) {
    const auto& head = words.front();
    if (const auto known = functions_.find(head); known != functions_.end()) {
      return call(known->second, {words.begin() + 1, words.end()});
    }
    if (run_builtin(node, words) || reading_.tools.run(words, node.line) || only_talks(head)) return;
    if (head == "command" && words.size() > 1 && words[1] == "-v") return;
    if (contains({"bash", "sh"}, head) || head.ends_with("/bash") || head.ends_with("/sh")) {
      if (words.size() > 2 && words[1].ends_with('c') && words[1].starts_with('-')) run_text(words[2], node.line);
      return;
    }
    run_wrapped(node, words);
  }

  // sudo docker ..., retry 3 docker ..., timeout 60 skopeo ...
  void run_wrapped(const ShellNode& node, const Value& words) {
    for (std::size_t i = 1; i < words.size(); ++i) {
      if (Tools::mentions_move(words[i]) || (runs_elsewhere(words[0]) && Tools::is_tool(words[i]))) {
        reading_.notebook.seen();
        return reading_.notebook.not_understood(
            node.line, runs_elsewhere(words[0])
                           ? words[0] + " runs a command on images, with words that are not known here"
                           : "a text with a command on images in it is handed to another program");
      }
      if (Tools::is_tool(words[i])) {
        return run_words(node, {words.begin() + static_cast<std::ptrdiff_t>(i), words.end()});
      }
      if (const auto known = functions_.find(words[i]); known != functions_.end()) {
        return call(known->second, {words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end()});
      }
    }
  }

  bool run_builtin(const ShellNode& node, const Value& words) {
    const auto& head = words.front();
    if (head == "set" && words.size() > 1 && words[1] == "--") {
      arguments({words.begin() + 2, words.end()});
    } else if (head == "shift") {
      auto now = variables_.find("@") != nullptr ? *variables_.find("@") : Value();
      if (!now.empty()) now.erase(now.begin());
      arguments(now);
    } else if (head == "unset") {
      for (const auto& word : words) variables_.forget(word);
    } else if (head == "eval" && words.size() > 1) {
      std::string text;
      for (std::size_t i = 1; i < words.size(); ++i) text += words[i] + " ";
      run_text(text, node.line);
    } else if (head == "source" || head == ".") {
      reading_.notebook.not_understood(node.line,
                                       "another file is read here, which was not looked at; give the values of its "
                                       "variables with --set NAME=VALUE");
    } else if (contains({"read", "mapfile", "readarray"}, head)) {
      read_command(node, words);
    } else {
      return contains({"shift", "exit", "return", "true", "false", ":", "cd", "break", "continue"}, head);
    }
    return true;
  }

  // read [-ra] NAME... <<< TEXT
  void read_command(const ShellNode& node, const Value& words) {
    std::vector<std::string> names;
    bool list = words[0] != "read";
    for (std::size_t i = 1; i < words.size(); ++i) {
      if (words[i].starts_with('-')) list = list || words[i].find('a') != std::string::npos;
      if (is_name(words[i])) names.push_back(words[i]);
    }
    if (names.empty()) return;
    if (node.input.empty() || node.from_file || words[0] != "read") {
      for (const auto& name : names) assign(name, {unknown(name)});
      return;
    }
    const auto text = expanded(node.input.front(), variables_);
    auto separators = variables_.find("IFS") != nullptr ? variables_.text("IFS") : std::string(" \t\n");
    variables_.forget("IFS");
    if (list) return assign(names.front(), fields(text, separators));
    read_into(names, text.substr(0, text.find('\n')), separators);
  }

  void arguments(const Value& values) {
    for (int i = 1; i <= 9; ++i) {
      const auto at = static_cast<std::size_t>(i - 1);
      // An argument that is not given is empty, and a default takes its place.
      variables_.set(std::to_string(i), {at < values.size() ? values[at] : std::string()});
    }
    variables_.set("@", values);
  }

  // By value: the function may define itself anew.
  void call(ShellNode function, const Value& values) {  // NOLINT(performance-unnecessary-value-param)
    if (++depth_ > kMaxDepth || !reading_.budget.spend(10)) {
      --depth_;
      return;
    }
    std::map<std::string, Value> before;
    for (const auto* name : {"1", "2", "3", "4", "5", "6", "7", "8", "9", "@"}) {
      if (const auto* value = variables_.find(name)) before[name] = *value;
      variables_.forget(name);
    }
    arguments(values);
    for (const auto& part : function.body) run(part);
    for (const auto* name : {"1", "2", "3", "4", "5", "6", "7", "8", "9", "@"}) {
      variables_.forget(name);
      if (before.contains(name)) variables_.set(name, before[name]);
    }
    --depth_;
  }

  Variables& variables_;
  Reading reading_;
  std::map<std::string, ShellNode> functions_;
  int depth_ = 0;
};

}  // namespace

void run_shell(std::string_view text, int first_line, Variables& variables, Reading reading) {
  Shell shell(variables, reading);
  shell.run_text(text, first_line);
  if (reading.notebook.moves().empty()) shell.run_uncalled();
}

}  // namespace sluice::migration
