#include "migration/naming.hpp"

#include "base/text.hpp"
#include "pipeline/fields.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace sluice::migration {

namespace {

// Words that people use for environments.
constexpr std::array<std::string_view, 33> kWords{
    "dev",     "develop",       "devel",      "development", "int",   "integration", "ci",
    "build",   "test",          "tst",        "testing",     "qa",    "sit",         "uat",
    "acc",     "accept",        "acceptance", "stg",         "stage", "staging",     "pre",
    "preprod", "pprod",         "nonprod",    "prd",         "prod",  "production",  "live",
    "release", "preproduction", "quality",    "sandbox",     "dr"};

bool is_environment(std::string_view word) { return std::find(kWords.begin(), kWords.end(), word) != kWords.end(); }

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : text) {
    if (std::string_view("-_./:").find(c) == std::string_view::npos) {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::exchange(word, {}));
    }
  }
  if (!word.empty()) out.push_back(word);
  return out;
}

std::string environment_word(std::string_view text) {
  const auto words = words_of(text);
  const auto found =
      std::find_if(words.rbegin(), words.rend(), [](const std::string& word) { return is_environment(word); });
  return found == words.rend() ? std::string() : *found;
}

// Without the word for the environment: "shop-dev" -> "shop", "dev" -> "".
std::string stem(std::string_view component) {
  std::vector<std::string> kept;
  for (const auto& word : words_of(component)) {
    if (!is_environment(word)) kept.push_back(word);
  }
  return text::join(kept, "-");
}

std::string as_label(std::string_view text) {
  std::string out;
  for (const char c : text::lower(text)) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (good || (!out.empty() && out.back() != '-')) out += good ? c : '-';
  }
  out.resize(std::min<std::size_t>(out.size(), 63));
  while (out.ends_with('-')) out.pop_back();
  return pipeline::detail::is_dns_label(out) ? out : std::string();
}

std::string guessed_name(const Station& station, bool first) {
  if (auto word = environment_word(station.tag); !word.empty()) return word;
  if (station.tag.empty()) {
    if (auto word = environment_word(station.spot.project); !word.empty()) return word;
    if (auto word = environment_word(station.spot.host); !word.empty()) return word;
  } else if (!first && pipeline::detail::is_plain_name(station.tag)) {
    return station.tag;
  }
  return first ? "source" : "target";
}

}  // namespace

std::vector<std::string> environment_names(const std::vector<Station>& stations) {
  std::vector<std::string> out;
  std::set<std::string> taken;
  for (const auto& station : stations) {
    const auto name = guessed_name(station, out.empty());
    auto unique = name;
    for (int i = 2; !taken.insert(unique).second; ++i) unique = name + "-" + std::to_string(i);
    out.push_back(std::move(unique));
  }
  return out;
}

std::string app_name(const Route& route) {
  for (const auto& station : route.stations) {
    const auto components = text::split(station.spot.project, '/');
    for (auto part = components.rbegin(); part != components.rend(); ++part) {
      if (environment_word(*part).empty()) continue;
      if (auto name = as_label(stem(*part)); !name.empty()) return name;
      // team/shop/dev: the word before is what it is the environment of.
      if (part + 1 != components.rend()) {
        if (auto name = as_label(stem(*(part + 1))); !name.empty()) return name;
      }
    }
  }
  if (route.images.size() == 1) {
    if (auto name = as_label(words_of(route.images.front()).empty() ? "" : route.images.front()); !name.empty())
      return name;
  }
  for (const auto& station : route.stations) {
    const auto components = text::split(station.spot.project, '/');
    if (auto name = as_label(components.back()); !name.empty()) return name;
  }
  return "app";
}

}  // namespace sluice::migration
