#include "auth/challenge.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <optional>

namespace sluice::auth {

namespace {

// Guesses, far above anything seen in the wild; they bound the work that a hostile header can cause.
constexpr std::size_t kMaxHeaderBytes = 16384;
constexpr std::size_t kMaxChallenges = 16;
constexpr std::size_t kMaxParameters = 32;

bool is_token_char(char c) {  // RFC 9110 section 5.6.2
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Walks over one header value. Every step moves forward, so that reading ends.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool next_is(char c) const { return !rest_.empty() && rest_.front() == c; }
  void drop() { rest_.remove_prefix(1); }
  std::size_t left() const { return rest_.size(); }

  void skip_blanks() {
    while (next_is(' ') || next_is('\t')) drop();
  }
  void skip_separators() {
    while (next_is(' ') || next_is('\t') || next_is(',')) drop();
  }
  void skip_to_comma() { rest_.remove_prefix(std::min(rest_.find(','), rest_.size())); }

  std::string_view token() {
    return take([](char c) { return is_token_char(c); });
  }

  // Real servers leave URLs unquoted: everything up to a comma or a blank counts.
  std::string_view bare_value() {
    return take([](char c) { return c != ',' && c != ' ' && c != '\t' && c != '"'; });
  }

  // A quoted-string with its escapes undone; empty when the closing quote is missing. Precondition: next_is('"').
  std::optional<std::string> quoted() {
    drop();
    std::string out;
    while (!done()) {
      char c = rest_.front();
      drop();
      if (c == '"') return out;
      if (c == '\\') {
        if (done()) return std::nullopt;
        c = rest_.front();
        drop();
      }
      out += c;
    }
    return std::nullopt;
  }

 private:
  template <class Wanted>
  std::string_view take(Wanted&& wanted) {
    std::size_t length = 0;
    while (length < rest_.size() && wanted(rest_[length])) ++length;
    const auto out = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return out;
  }

  std::string_view rest_;
};

// The value after "name="; empty when there is none that makes sense.
std::optional<std::string> read_value(Reader& in) {
  in.skip_blanks();
  if (in.next_is('"')) return in.quoted();
  const auto value = in.bare_value();
  if (value.empty() || value.find_first_not_of('=') == std::string_view::npos) return std::nullopt;
  return std::string(value);
}

void add_parameter(Challenge& challenge, std::string_view name, std::string value) {
  if (challenge.parameters.size() >= kMaxParameters) return;
  auto key = text::lower(name);
  // A name must stand once (RFC 9110 section 11.2); of two the first counts, as for every other client.
  for (const auto& [known, unused] : challenge.parameters) {
    if (known == key) return;
  }
  challenge.parameters.emplace_back(std::move(key), std::move(value));
}

}  // namespace

std::string Challenge::get(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return {};
}

std::vector<Challenge> parse_challenges(std::string_view header_value) {
  std::vector<Challenge> out;
  if (header_value.size() > kMaxHeaderBytes) return out;
  Reader in(header_value);
  bool after_scheme = false;  // only blanks since the scheme's name: a token68 may follow
  for (in.skip_separators(); !in.done(); in.skip_separators()) {
    const auto name = in.token();
    if (name.empty()) {
      in.skip_to_comma();
      after_scheme = false;
      continue;
    }
    in.skip_blanks();
    if (in.next_is('=')) {
      in.drop();
      auto value = read_value(in);
      if (value && !out.empty()) add_parameter(out.back(), name, std::move(*value));
      after_scheme = false;
    } else if (after_scheme && (in.done() || in.next_is(',') || in.next_is('/'))) {
      in.skip_to_comma();  // a token68, which no registry scheme uses
      after_scheme = false;
    } else {
      if (out.size() == kMaxChallenges) break;
      out.push_back({text::lower(name), {}});
      after_scheme = !in.done() && !in.next_is(',');
    }
  }
  return out;
}

}  // namespace sluice::auth
