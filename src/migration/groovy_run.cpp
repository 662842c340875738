#include "migration/groovy_run.hpp"

#include "base/text.hpp"
#include "migration/groovy_values.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::migration {

namespace {

using Kind = GroovyToken::Kind;

constexpr int kMaxDepth = 40;

struct Range {
  std::size_t first = 0;
  std::size_t last = 0;  // behind it
};

struct Function {
  std::vector<std::string> parameters;
  Range body;
};

class Groovy {
 public:
  Groovy(GroovyTokens all, Variables& variables, Reading reading)
      : tokens_(std::move(all)), variables_(variables), values_(variables), reading_(reading) {
    values_.on_step([this](const GroovyTokens& tokens, std::size_t& at) {
      // Steps count where they stand in the script, not in the expressions of a text.
      return &tokens == &tokens_ && step(at);
    });
  }

  void run() {
    find_functions();
    run({0, tokens_.size()});
    // A step of a shared library is called by others; so is a file of functions alone.
    const auto functions = functions_;
    for (const auto& [name, function] : functions) {
      if (called_.contains(name) || (name != "call" && !reading_.notebook.moves().empty())) continue;
      run(function.body);
    }
  }

 private:
  bool is_sign(std::size_t at, std::string_view sign) const { return at < tokens_.size() && tokens_[at].is(sign); }
  bool is_name(std::size_t at) const { return at < tokens_.size() && tokens_[at].kind == Kind::name; }
  bool is_named(std::size_t at, std::string_view name) const {
    return at < tokens_.size() && tokens_[at].is_named(name);
  }
  std::size_t behind_lines(std::size_t at) const {
    while (at < tokens_.size() && tokens_[at].kind == Kind::line_end) ++at;
    return at;
  }
  Range block(std::size_t open) const { return {open + 1, std::min(closing(tokens_, open), tokens_.size())}; }
  int line(std::size_t at) const { return at < tokens_.size() ? tokens_[at].line : 1; }

  // TYPE NAME(a, b) { ... }
  void find_functions() {
    for (std::size_t at = 1; at + 1 < tokens_.size(); ++at) {
      if (!is_name(at) || !is_name(at - 1) || !is_sign(at + 1, "(") || tokens_[at - 1].word == "new") continue;
      const auto end = closing(tokens_, at + 1);
      const auto open = behind_lines(end + 1);
      if (!is_sign(open, "{")) continue;
      Function found;
      for (auto i = at + 2; i < end; ++i) {
        if (is_name(i) && (is_sign(i + 1, ",") || i + 1 == end || is_sign(i + 1, "=")))
          found.parameters.push_back(tokens_[i].word);
      }
      found.body = block(open);
      functions_[tokens_[at].word] = std::move(found);
      starts_.insert(at - 1);
      at = open;
    }
  }

  void run(Range range) {
    if (++depth_ > kMaxDepth) {
      --depth_;
      return;
    }
    auto at = range.first;
    while (at < std::min(range.last, tokens_.size()) && reading_.budget.spend(1)) {
      const auto before = at;
      statement(at);
      if (at == before) ++at;
    }
    --depth_;
  }

  void statement(std::size_t& at) {
    if (starts_.contains(at)) {
      // A function is run where it is called.
      while (at < tokens_.size() && !is_sign(at, "{")) ++at;
      at = block(at).last;
      return;
    }
    const auto& token = tokens_[at];
    if (token.is("[") || token.kind == Kind::name) {
      if (each(at)) return;
    }
    if (token.kind == Kind::name && !declared(at) && !control(at) && !blocks(at) && !step(at)) ++at;
  }

  // LIST.each { NAME -> ... }
  bool each(std::size_t& at) {
    auto end = at;
    if (tokens_[at].is("[")) {
      end = closing(tokens_, at) + 1;
    } else {
      while (is_name(end) && is_sign(end + 1, ".") && is_name(end + 2) && tokens_[end + 2].word != "each") end += 2;
      ++end;
      if (is_sign(end, "(")) end = closing(tokens_, end) + 1;
    }
    if (!is_sign(end, ".") || !is_named(end + 1, "each")) return false;
    auto open = end + 2;
    if (is_sign(open, "(")) ++open;
    if (!is_sign(open, "{")) return false;
    const auto items = values_.value(tokens_, at);
    auto body = block(open);
    const auto after = body.last + 1;
    std::string name = "it";
    auto first = behind_lines(body.first);
    if (is_name(first) && is_name(first + 1) && is_sign(first + 2, "->")) ++first;
    if (is_name(first) && is_sign(first + 1, "->")) {
      name = tokens_[first].word;
      body.first = first + 2;
    }
    for (const auto& item : items) {
      variables_.set(name, {is_known(item) ? item : unknown(name)});
      run(body);
    }
    at = after;
    return true;
  }

  // def NAME = ..., TYPE NAME = ..., NAME = ..., env.NAME = ...
  bool declared(std::size_t& at) {
    auto name = at;
    if (is_name(at + 1) && (is_sign(at + 2, "=") || tokens_[at].word == "def")) name = at + 1;
    if (is_named(name, "env") && is_sign(name + 1, ".") && is_name(name + 2)) name += 2;
    if (!is_sign(name + 1, "=") && !is_sign(name + 1, "+=")) {
      if (name == at) return false;
      at = name + 1;
      return true;
    }
    const bool append = is_sign(name + 1, "+=");
    at = behind_lines(name + 2);
    auto value = values_.value(tokens_, at);
    if (append && variables_.find(tokens_[name].word) != nullptr) {
      value = {variables_.text(tokens_[name].word) + text::join(value, " ")};
    }
    assign(tokens_[name].word, std::move(value));
    return true;
  }

  void assign(const std::string& name, Value value) {
    for (auto& item : value) {
      if (!is_known(item) && item.front() == kUnknownOpens && item.find(kUnknownCloses) == item.size() - 1) {
        item = unknown(name);
      }
    }
    variables_.set(name, std::move(value));
  }

  bool control(std::size_t& at) {
    if (is_named(at, "for") && is_sign(at + 1, "(")) return loop(at);
    if (is_named(at, "if") && is_sign(at + 1, "(")) return choice(at);
    return false;
  }

  // for (x in LIST) { ... }, for (String x : LIST) { ... }
  bool loop(std::size_t& at) {
    const auto end = closing(tokens_, at + 1);
    auto name = at + 2;
    if (is_name(name) && is_name(name + 1) && tokens_[name + 1].word != "in") ++name;
    const auto open = behind_lines(end + 1);
    if (!is_name(name) || !(is_named(name + 1, "in") || is_sign(name + 1, ":")) || !is_sign(open, "{")) return false;
    auto value_at = name + 2;
    const auto items = values_.value(tokens_, value_at);
    const auto body = block(open);
    for (const auto& item : items) {
      variables_.set(tokens_[name].word, {is_known(item) ? item : unknown(tokens_[name].word)});
      run(body);
    }
    at = body.last + 1;
    return true;
  }

  // Nobody knows which one is taken: each alternative begins at what is there now.
  bool choice(std::size_t& at) {
    const auto before = variables_.all();
    std::vector<std::map<std::string, Value>> ends;
    while (is_named(at, "if") && is_sign(at + 1, "(")) {
      at = alternative(behind_lines(closing(tokens_, at + 1) + 1), before, ends);
      if (!is_named(behind_lines(at), "else")) break;
      at = behind_lines(behind_lines(at) + 1);
      if (is_named(at, "if")) continue;
      at = alternative(at, before, ends);
      break;
    }
    variables_.replace_all(before);
    variables_.merge(ends);
    return true;
  }

  std::size_t alternative(std::size_t at, const std::map<std::string, Value>& before,
                          std::vector<std::map<std::string, Value>>& ends) {
    if (at >= tokens_.size() || !reading_.budget.spend(1 + before.size())) return tokens_.size();
    variables_.replace_all(before);
    Range body{at, at + 1};
    auto after = at;
    if (is_sign(at, "{")) {
      body = block(at);
      after = body.last + 1;
    } else {
      while (body.last < tokens_.size() && tokens_[body.last].kind != Kind::line_end) ++body.last;
      after = body.last;
    }
    run(body);
    ends.push_back(variables_.all());
    return after;
  }

  // Words of a Jenkinsfile with a block that means something here.
  bool blocks(std::size_t& at) {
    if (is_named(at, "environment") && is_sign(at + 1, "{")) {
      at += 2;  // its lines are assignments
      return true;
    }
    if (is_named(at, "string") || is_named(at, "choice")) return parameter(at);
    if (is_named(at, "withCredentials")) {
      const auto end = is_sign(at + 1, "(") ? closing(tokens_, at + 1) : at + 1;
      reading_.notebook.login(line(at), "Jenkins binds credentials here; none of them was looked at", "");
      for (auto i = at; i + 2 < end; ++i) {
        if (!is_name(i) || !text::lower(tokens_[i].word).ends_with("variable") || !is_sign(i + 1, ":")) continue;
        const auto name = values_.text(tokens_[i + 2]);
        variables_.set(name, {unknown(name)});
      }
      at = end + 1;
      return true;
    }
    if (is_named(at, "withEnv")) {
      const auto given = values_.arguments(tokens_, at + 1);
      for (const auto& list : given.positional) {
        for (const auto& item : list) {
          const auto [name, value] = text::cut(item, '=');
          if (migration::is_name(name)) assign(std::string(name), {std::string(value)});
        }
      }
      at = std::max(given.end, at + 1);
      return true;
    }
    return false;
  }

  // string(name: 'TAG', defaultValue: 'latest'), choice(name: 'ENV', choices: ['test'])
  bool parameter(std::size_t& at) {
    const auto given = values_.arguments(tokens_, at + 1);
    const auto name = given.text("name");
    if (!migration::is_name(name)) return false;
    const auto usual = given.text("defaultValue");
    const auto choices = given.named.find("choices");
    if (!usual.empty()) {
      variables_.set(name, {usual});
    } else if (choices != given.named.end() && choices->second.size() == 1) {
      variables_.set(name, choices->second);
    }
    at = std::max(given.end, at + 1);
    return true;
  }

  // Steps that do something, and functions of the script. Moves `at` behind them.
  bool step(std::size_t& at) {
    if (!is_name(at)) return false;
    const auto& name = tokens_[at].word;
    if (name == "sh" && at + 1 < tokens_.size()) return shell(at);
    if (name == "openshiftTag") return tag_step(at);
    if (name == "openshift" && is_sign(at + 1, ".")) return dsl(at);
    if (name == "docker" && is_sign(at + 1, ".") && is_name(at + 2)) return docker_plugin(at);
    if (is_sign(at + 1, "(") && functions_.contains(name) && !starts_.contains(at - 1)) return call(at);
    return false;
  }

  bool shell(std::size_t& at) {
    const auto given = values_.arguments(tokens_, at + 1);
    auto script = given.text("script");
    if (script.empty() && !given.positional.empty()) script = text::join(given.positional.front(), " ");
    if (given.end <= at + 1) return false;
    at = given.end;
    // Each step is a shell of its own: what it sets is gone afterwards.
    auto variables = variables_;
    run_shell(script, given.text_line, variables, reading_);
    return true;
  }

  bool tag_step(std::size_t& at) {
    const auto given = values_.arguments(tokens_, at + 1);
    const auto from = given.text("namespace");
    const auto to = given.text("destinationNamespace");
    const auto stream = [&](const char* name, const char* tag, const std::string& project) {
      auto out = project.empty() ? given.text(name) : project + "/" + given.text(name);
      return given.text(tag).empty() ? out : out + ":" + given.text(tag);
    };
    for (const auto& name : fields(given.text("destTag"), ", ")) {
      const auto target = to.empty() ? from : to;
      reading_.tools.tag_streams(stream("srcStream", "srcTag", from),
                                 (target.empty() ? "" : target + "/") + given.text("destStream") + ":" + name, "",
                                 line(at));
    }
    if (given.text("destTag").empty()) {
      reading_.notebook.not_understood(line(at), "openshiftTag: no destTag is named");
    }
    at = std::max(given.end, at + 1);
    return true;
  }

  // openshift.tag(a, b), openshift.withProject(p) { ... }
  bool dsl(std::size_t& at) {
    const auto method = is_name(at + 2) ? tokens_[at + 2].word : std::string();
    if (!is_sign(at + 3, "(")) return false;
    const auto given = values_.arguments(tokens_, at + 3);
    const auto first = given.positional.empty() ? std::string() : text::join(given.positional.front(), " ");
    if (method == "tag") {
      for (std::size_t i = 1; i < given.positional.size(); ++i) {
        reading_.tools.tag_streams(first, text::join(given.positional[i], " "), "", line(at));
      }
      at = given.end;
      return true;
    }
    if (method != "withProject" || !is_sign(behind_lines(given.end), "{")) return false;
    const auto project = reading_.tools.project();
    if (!first.empty()) reading_.tools.set_project(first);
    const auto body = block(behind_lines(given.end));
    run(body);
    reading_.tools.set_project(project);
    at = body.last + 1;
    return true;
  }

  bool docker_plugin(std::size_t& at) {
    if (tokens_[at + 2].word == "withRegistry" || tokens_[at + 2].word == "image") {
      reading_.notebook.seen();
      reading_.notebook.not_understood(line(at),
                                       "docker." + tokens_[at + 2].word + " of the Docker Pipeline plugin is not read");
    }
    at += 3;
    return true;
  }

  bool call(std::size_t& at) {
    const auto name = tokens_[at].word;
    const auto& function = functions_.at(name);
    const auto given = values_.arguments(tokens_, at + 1);
    at = std::max(given.end, at + 1);
    called_.insert(name);
    if (!reading_.budget.spend(10)) return true;
    std::map<std::string, Value> before;
    for (std::size_t i = 0; i < function.parameters.size(); ++i) {
      const auto& parameter = function.parameters[i];
      if (const auto* value = variables_.find(parameter)) before[parameter] = *value;
      const auto named = given.named.find(parameter);
      variables_.set(parameter, i < given.positional.size()  ? given.positional[i]
                                : named != given.named.end() ? named->second
                                                             : Value{unknown(parameter)});
    }
    run(function.body);
    for (const auto& parameter : function.parameters) {
      variables_.forget(parameter);
      if (before.contains(parameter)) variables_.set(parameter, before[parameter]);
    }
    return true;
  }

  GroovyTokens tokens_;
  Variables& variables_;
  GroovyValues values_;
  Reading reading_;
  std::map<std::string, Function> functions_;
  std::set<std::string> called_;
  std::set<std::size_t> starts_;  // where functions begin
  int depth_ = 0;
};

}  // namespace

void run_jenkinsfile(std::string_view text, Variables& variables, Reading reading) {
  Groovy(groovy_tokens(text, 1), variables, reading).run();
}

}  // namespace sluice::migration
