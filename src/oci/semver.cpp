#include "oci/semver.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::oci {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

// "0", or digits without a leading zero that fit.
std::optional<std::uint64_t> read_number(std::string_view text) {
  if (!all_digits(text) || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{}) return std::nullopt;
  return value;
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

// semver.org, item 9: a number in a pre-release has no leading zero.
bool is_prerelease_identifier(const std::string& text) {
  return is_identifier(text) && !(all_digits(text) && text.size() > 1 && text.front() == '0');
}

// Runs of digits of any length.
std::weak_ordering compare_digits(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a <=> b;
}

// semver.org, item 11.4: numbers before words.
std::weak_ordering compare_identifiers(const std::string& a, const std::string& b) {
  const bool a_is_number = all_digits(a);
  const bool b_is_number = all_digits(b);
  if (a_is_number && b_is_number) return compare_digits(a, b);
  if (a_is_number != b_is_number) return a_is_number ? std::weak_ordering::less : std::weak_ordering::greater;
  return a <=> b;
}

// How many characters at the start are digits, or are none.
std::size_t run_length(std::string_view text) {
  const bool digits = is_digit(text.front());
  const auto end = std::find_if(text.begin(), text.end(), [&](char c) { return is_digit(c) != digits; });
  return static_cast<std::size_t>(end - text.begin());
}

std::weak_ordering compare_natural(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const auto a_run = a.substr(0, run_length(a));
    const auto b_run = b.substr(0, run_length(b));
    const bool both_digits = is_digit(a.front()) && is_digit(b.front());
    const std::weak_ordering order = both_digits ? compare_digits(a_run, b_run) : a_run <=> b_run;
    if (order != 0) return order;
    a.remove_prefix(a_run.size());
    b.remove_prefix(b_run.size());
  }
  return a.size() <=> b.size();
}

}  // namespace

std::optional<Semver> Semver::parse(std::string_view tag) {
  if (tag.starts_with('v')) tag.remove_prefix(1);
  if (const auto plus = tag.find('+'); plus != std::string_view::npos) {
    for (const auto& identifier : text::split(tag.substr(plus + 1), '.')) {
      if (!is_identifier(identifier)) return std::nullopt;
    }
    tag = tag.substr(0, plus);
  }
  Semver version;
  if (const auto dash = tag.find('-'); dash != std::string_view::npos) {
    version.prerelease = text::split(tag.substr(dash + 1), '.');
    for (const auto& identifier : version.prerelease) {
      if (!is_prerelease_identifier(identifier)) return std::nullopt;
    }
    tag = tag.substr(0, dash);
  }
  const auto numbers = text::split(tag, '.');
  if (numbers.size() > 3) return std::nullopt;
  std::uint64_t* const fields[] = {&version.major, &version.minor, &version.patch};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = read_number(numbers[i]);
    if (!number) return std::nullopt;
    *fields[i] = *number;
  }
  return version;
}

std::weak_ordering Semver::operator<=>(const Semver& other) const {
  if (const auto order = major <=> other.major; order != 0) return order;
  if (const auto order = minor <=> other.minor; order != 0) return order;
  if (const auto order = patch <=> other.patch; order != 0) return order;
  // semver.org, item 11.3: a pre-release comes before its version.
  if (prerelease.empty() || other.prerelease.empty()) return other.prerelease.size() <=> prerelease.size();
  const auto shared = std::min(prerelease.size(), other.prerelease.size());
  for (std::size_t i = 0; i < shared; ++i) {
    if (const auto order = compare_identifiers(prerelease[i], other.prerelease[i]); order != 0) return order;
  }
  return prerelease.size() <=> other.prerelease.size();
}

std::weak_ordering compare_tags(std::string_view a, std::string_view b) {
  const auto a_version = Semver::parse(a);
  const auto b_version = Semver::parse(b);
  if (a_version && b_version) return *b_version <=> *a_version;
  if (a_version) return std::weak_ordering::less;
  if (b_version) return std::weak_ordering::greater;
  return compare_natural(b, a);
}

bool glob_match(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // the last '*' seen, and where its run of text ends so far
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      // Only the last '*' ever needs another try: an earlier one already took the shortest run that works.
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace sluice::oci
