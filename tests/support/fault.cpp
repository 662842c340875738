#include "support/fault.hpp"

#include "base/json.hpp"

#include <array>
#include <optional>
#include <regex.h>

namespace sluice::support {
namespace {

constexpr std::array<std::pair<std::string_view, FaultAction>, 7> kActions{{
    {"status", FaultAction::status},
    {"cut", FaultAction::cut},
    {"truncate", FaultAction::truncate},
    {"corrupt", FaultAction::corrupt},
    {"stall", FaultAction::stall},
    {"delay", FaultAction::delay},
    {"drop_length", FaultAction::drop_length},
}};

Error bad(std::string_view key, std::string_view wanted) {
  return Error(ErrorKind::usage,
               "the fault rule's \"" + std::string(key) + "\" is not understood: expected " + std::string(wanted));
}

Result<std::string> text_of(std::string_view key, const Json& value) {
  if (auto text = value.as_string()) return *text;
  return bad(key, "a string");
}

Result<std::int64_t> number_of(std::string_view key, const Json& value, std::int64_t least) {
  if (auto number = value.as_integer(); number && *number >= least) return *number;
  return bad(key, "an integer of at least " + std::to_string(least));
}

Result<bool> flag_of(std::string_view key, const Json& value) {
  if (auto flag = value.as_bool()) return *flag;
  return bad(key, "true or false");
}

Result<FaultAction> action_of(const Json& value) {
  for (const auto& [name, action] : kActions) {
    if (value.as_string() == name) return action;
  }
  return bad("action", "status, cut, truncate, corrupt, stall, delay or drop_length");
}

Result<FaultSide> side_of(const Json& value) {
  if (value.as_string() == "request") return FaultSide::request;
  if (value.as_string() == "response") return FaultSide::response;
  return bad("side", "request or response");
}

Status read_selector(FaultRule& rule, std::string_view key, const Json& value, bool& known) {
  known = true;
  if (key == "method") {
    SLUICE_TRY(rule.method, text_of(key, value));
  } else if (key == "target") {
    SLUICE_TRY(rule.target, text_of(key, value));
  } else if (key == "upstream") {
    SLUICE_TRY(const auto index, number_of(key, value, 0));
    rule.upstream = static_cast<std::size_t>(index);
  } else if (key == "nth") {
    SLUICE_TRY(const auto nth, number_of(key, value, 1));
    rule.nth = static_cast<std::uint64_t>(nth);
  } else if (key == "times") {
    SLUICE_TRY(const auto times, number_of(key, value, 0));
    rule.times = static_cast<std::uint64_t>(times);
  } else {
    known = false;
  }
  return {};
}

Status read_answer(FaultRule& rule, std::string_view key, const Json& value, bool& known) {
  known = true;
  if (key == "status") {
    SLUICE_TRY(const auto status, number_of(key, value, 200));
    rule.status = static_cast<int>(status);
  } else if (key == "retry_after") {
    SLUICE_TRY(rule.retry_after, number_of(key, value, 0));
  } else if (key == "body") {
    SLUICE_TRY(rule.body, text_of(key, value));
  } else if (key == "headers") {
    for (const auto& [name, field] : value.members()) {
      SLUICE_TRY(auto text, text_of(key, field));
      rule.headers.emplace_back(name, std::move(text));
    }
  } else if (key == "early") {
    SLUICE_TRY(rule.early, flag_of(key, value));
  } else {
    known = false;
  }
  return {};
}

Status read_effect(FaultRule& rule, std::string_view key, const Json& value, bool& known) {
  known = true;
  if (key == "action") {
    SLUICE_TRY(rule.action, action_of(value));
  } else if (key == "side") {
    SLUICE_TRY(rule.side, side_of(value));
  } else if (key == "at") {
    SLUICE_TRY(rule.at, number_of(key, value, -1));
  } else if (key == "reset") {
    SLUICE_TRY(rule.reset, flag_of(key, value));
  } else if (key == "delay_ms") {
    SLUICE_TRY(const auto delay, number_of(key, value, 0));
    rule.delay = std::chrono::milliseconds(delay);
  } else {
    known = false;
  }
  return {};
}

}  // namespace

std::string_view to_string(FaultAction action) {
  for (const auto& [name, value] : kActions) {
    if (value == action) return name;
  }
  return "";
}

Result<FaultRule> FaultRule::parse(std::string_view json) {
  auto parsed = parse_json(json);
  if (!parsed.ok() || !parsed->is_object()) {
    return Error(ErrorKind::usage, "a fault rule is not a JSON object: " + std::string(json));
  }
  FaultRule rule;
  // Stalling a request means that nobody ever answers it, which needs no more words.
  if (parsed->string_at("action") == "stall" && parsed->find("side") == nullptr) rule.side = FaultSide::request;
  if (parsed->string_at("action") == "stall" && parsed->find("at") == nullptr) rule.at = -1;
  if (parsed->find("action") == nullptr) return bad("action", "to be there");
  for (const auto& [key, value] : parsed->members()) {
    bool known = false;
    SLUICE_CHECK(read_selector(rule, key, value, known));
    if (!known) SLUICE_CHECK(read_answer(rule, key, value, known));
    if (!known) SLUICE_CHECK(read_effect(rule, key, value, known));
    if (!known) return bad(key, "one of the keys in support/fault.hpp");
  }
  return rule;
}

namespace {

struct FreeRegex {
  void operator()(regex_t* regex) const {
    ::regfree(regex);
    delete regex;
  }
};
using Regex = std::unique_ptr<regex_t, FreeRegex>;

// POSIX, because g++ 12 warns about its own <regex> under AddressSanitizer.
Result<Regex> compile(const std::string& pattern) {
  auto regex = std::make_unique<regex_t>();
  if (const int code = ::regcomp(regex.get(), pattern.c_str(), REG_EXTENDED | REG_NOSUB); code != 0) {
    std::array<char, 200> why{};
    ::regerror(code, regex.get(), why.data(), why.size());
    return Error(ErrorKind::usage,
                 "the fault rule's target \"" + pattern + "\" is no regular expression: " + why.data());
  }
  return Regex(regex.release());
}

}  // namespace

struct FaultBook::Entry {
  std::shared_ptr<const FaultRule> rule;
  Regex target;  ///< null: every target
  std::uint64_t seen = 0;
};

FaultBook::FaultBook() = default;
FaultBook::~FaultBook() = default;
FaultBook::FaultBook(FaultBook&&) noexcept = default;
FaultBook& FaultBook::operator=(FaultBook&&) noexcept = default;

Status FaultBook::add(FaultRule rule) {
  Entry entry;
  if (!rule.target.empty()) {
    SLUICE_TRY(entry.target, compile(rule.target));
  }
  entry.rule = std::make_shared<const FaultRule>(std::move(rule));
  entries_.push_back(std::move(entry));
  return {};
}

void FaultBook::clear() { entries_.clear(); }

std::shared_ptr<const FaultRule> FaultBook::match(std::string_view method, const std::string& target,
                                                  std::size_t upstream) {
  std::shared_ptr<const FaultRule> hit;
  for (auto& entry : entries_) {
    const auto& rule = *entry.rule;
    if (!rule.method.empty() && rule.method != method) continue;
    if (rule.upstream && *rule.upstream != upstream) continue;
    if (entry.target && ::regexec(entry.target.get(), target.c_str(), 0, nullptr, 0) != 0) continue;
    ++entry.seen;
    const bool in_range = entry.seen >= rule.nth && (rule.times == 0 || entry.seen - rule.nth < rule.times);
    if (in_range && !hit) hit = entry.rule;
  }
  return hit;
}

}  // namespace sluice::support
