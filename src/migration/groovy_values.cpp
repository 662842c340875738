#include "migration/groovy_values.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <utility>

namespace sluice::migration {

namespace {

constexpr int kMaxDepth = 40;

using Kind = GroovyToken::Kind;

bool is_sign(const GroovyTokens& tokens, std::size_t at, std::string_view sign) {
  return at < tokens.size() && tokens[at].is(sign);
}
bool is_kind(const GroovyTokens& tokens, std::size_t at, Kind kind) {
  return at < tokens.size() && tokens[at].kind == kind;
}
void skip_lines(const GroovyTokens& tokens, std::size_t& at) {
  while (is_kind(tokens, at, Kind::line_end)) ++at;
}

}  // namespace

std::size_t closing(const GroovyTokens& tokens, std::size_t open) {
  int depth = 0;
  for (auto at = open; at < tokens.size(); ++at) {
    const auto& token = tokens[at];
    if (token.is("(") || token.is("[") || token.is("{")) ++depth;
    if ((token.is(")") || token.is("]") || token.is("}")) && --depth <= 0) return at;
  }
  return tokens.size();
}

std::string GroovyArguments::text(const std::string& name) const {
  const auto found = named.find(name);
  return found == named.end() ? std::string() : text::join(found->second, " ");
}

std::string GroovyValues::text(const GroovyToken& token) const {
  std::string out;
  for (const auto& part : token.parts) {
    if (!part.is_expression) {
      out += part.text;
      continue;
    }
    const auto inner = groovy_tokens(part.text, token.line);
    std::size_t at = 0;
    auto value = value_of_part(inner, at);
    out += value;
    if (out.size() > kMaxScript) return unknown("");
  }
  return out;
}

std::string GroovyValues::value_of_part(const GroovyTokens& tokens, std::size_t& at) const {
  auto value = text::join(this->value(tokens, at), " ");
  skip_lines(tokens, at);
  return at < tokens.size() ? unknown("") : value;
}

Value GroovyValues::value(const GroovyTokens& tokens, std::size_t& at) const {
  if (++depth_ > kMaxDepth) {
    --depth_;
    ++at;
    return {unknown("")};
  }
  auto out = primary(tokens, at);
  while (at < tokens.size()) {
    if (is_sign(tokens, at, "+")) {
      ++at;
      skip_lines(tokens, at);
      const auto right = primary(tokens, at);
      out = {text::join(out, " ") + text::join(right, " ")};
      if (out.front().size() > kMaxScript) out = {unknown("")};
    } else if (is_sign(tokens, at, "?:")) {
      ++at;
      const auto right = primary(tokens, at);
      if (out.empty() || out.front().empty() || !is_known(out.front())) out = right;
    } else if (is_sign(tokens, at, "?")) {
      // a ? b : c: nobody knows which.
      ++at;
      value(tokens, at);
      if (is_sign(tokens, at, ":")) value(tokens, ++at);
      out = {unknown("")};
    } else if (is_sign(tokens, at, "==") || is_sign(tokens, at, "!=") || is_sign(tokens, at, "&&") ||
               is_sign(tokens, at, "||")) {
      primary(tokens, ++at);
      out = {unknown("")};
    } else {
      break;
    }
  }
  --depth_;
  return out;
}

Value GroovyValues::primary(const GroovyTokens& tokens, std::size_t& at) const {
  if (at >= tokens.size()) return {unknown("")};
  const auto& token = tokens[at];
  Value out{unknown("")};
  switch (token.kind) {
    case Kind::text:
      ++at;
      out = {text(token)};
      break;
    case Kind::number:
      ++at;
      out = {token.word};
      break;
    case Kind::name:
      out = named(tokens, at);
      break;
    case Kind::line_end:
      return out;
    case Kind::sign:
      if (token.is("[")) {
        out = list(tokens, at);
      } else if (token.is("(")) {
        const auto end = closing(tokens, at);
        out = value(tokens, ++at);
        at = std::min(end + 1, tokens.size());
      } else if (token.is("{")) {
        at = std::min(closing(tokens, at) + 1, tokens.size());
      } else if (!token.is(")") && !token.is("]") && !token.is("}") && !token.is(",")) {
        ++at;
      }
      break;
  }
  while (is_sign(tokens, at, ".") || is_sign(tokens, at, "?.") || is_sign(tokens, at, "[")) {
    const auto before = at;
    out = method(tokens, at, std::move(out));
    if (at == before) break;
  }
  return out;
}

// NAME, params.NAME, env.NAME, and steps like sh(...).
Value GroovyValues::named(const GroovyTokens& tokens, std::size_t& at) const {
  if (step_ && step_(tokens, at)) return {unknown("")};
  auto name = tokens[at++].word;
  while ((name == "params" || name == "env" || name == "this") && is_sign(tokens, at, ".") &&
         is_kind(tokens, at + 1, Kind::name)) {
    name = tokens[at + 1].word;
    at += 2;
  }
  if ((name == "params" || name == "env") && is_sign(tokens, at, "[") && is_kind(tokens, at + 1, Kind::text)) {
    name = text(tokens[at + 1]);
    at = std::min(closing(tokens, at) + 1, tokens.size());
  }
  if (is_sign(tokens, at, "(")) {
    at = std::min(closing(tokens, at) + 1, tokens.size());
    return {unknown("")};
  }
  const auto* value = variables_.find(name);
  return value != nullptr ? *value : Value{unknown(name)};
}

Value GroovyValues::list(const GroovyTokens& tokens, std::size_t& at) const {
  const auto end = closing(tokens, at);
  Value out;
  bool is_map = false;
  ++at;
  while (at < end && out.size() < kMaxItems) {
    const auto before = at;
    skip_lines(tokens, at);
    if (at >= end) break;
    if (is_sign(tokens, at, ",")) {
      ++at;
    } else if (is_sign(tokens, at, ":")) {
      is_map = true;
      ++at;
    } else {
      out.push_back(text::join(value(tokens, at), " "));
    }
    if (at == before) ++at;
  }
  at = std::min(end + 1, tokens.size());
  return is_map ? Value{unknown("")} : out;
}

// .trim(), .split(','), .NAME; [0]. What is not known gives an unknown part. each() is left alone.
Value GroovyValues::method(const GroovyTokens& tokens, std::size_t& at, Value value) const {
  if (is_sign(tokens, at, "[")) {
    const auto end = closing(tokens, at);
    const bool number = is_kind(tokens, at + 1, Kind::number) && tokens[at + 1].word.size() < 4;
    const auto index = number ? std::stoul(tokens[at + 1].word) : value.size();
    at = std::min(end + 1, tokens.size());
    return index < value.size() ? Value{value[index]} : Value{unknown("")};
  }
  if (!is_kind(tokens, at + 1, Kind::name)) {
    ++at;
    return {unknown("")};
  }
  const auto name = tokens[at + 1].word;
  if (name == "each" || name == "eachWithIndex") return value;
  at += 2;
  if (!is_sign(tokens, at, "(")) return {unknown(name)};
  const auto given = arguments(tokens, at);
  at = given.end;
  const bool single = value.size() == 1 && is_known(value.front());
  if (name == "trim" || name == "toString" || name == "toList" || name == "strip") return value;
  if (name == "toLowerCase" && single) return {text::lower(value.front())};
  if ((name == "split" || name == "tokenize") && single) {
    const auto separators = given.positional.empty() ? std::string(" \n") : text::join(given.positional.front(), "");
    return fields(value.front(), separators);
  }
  return {unknown("")};
}

GroovyArguments GroovyValues::arguments(const GroovyTokens& tokens, std::size_t at) const {
  GroovyArguments out;
  const bool brackets = is_sign(tokens, at, "(");
  const auto end = brackets ? closing(tokens, at) : tokens.size();
  if (brackets) ++at;
  bool first_text = true;
  while (at < end) {
    const auto before = at;
    if (brackets) skip_lines(tokens, at);
    if (at >= end || is_kind(tokens, at, Kind::line_end) || is_sign(tokens, at, "{") || is_sign(tokens, at, "}")) break;
    if (is_sign(tokens, at, ",")) {
      skip_lines(tokens, ++at);
      continue;
    }
    const bool has_name = is_kind(tokens, at, Kind::name) && is_sign(tokens, at + 1, ":");
    const auto name = has_name ? tokens[at].word : std::string();
    if (has_name) at += 2;
    if (first_text && is_kind(tokens, at, Kind::text)) {
      out.text_line = tokens[at].line;
      first_text = false;
    }
    auto one = value(tokens, at);
    if (has_name) {
      out.named[name] = std::move(one);
    } else {
      out.positional.push_back(std::move(one));
    }
    if (at == before || (!brackets && !is_sign(tokens, at, ","))) break;
    if (at == before) ++at;
  }
  out.end = brackets ? std::min(end + 1, tokens.size()) : at;
  return out;
}

}  // namespace sluice::migration
