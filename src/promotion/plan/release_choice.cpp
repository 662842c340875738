#include "promotion/plan/release_choice.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace sluice::promotion {

namespace {

constexpr std::size_t kShortId = 12;
constexpr std::size_t kLongId = 64;
constexpr std::size_t kMaxTag = 128;
constexpr std::size_t kMostShown = 5;

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool fits(const ReleaseSelector& selector, const records::Release& release) {
  switch (selector.kind) {
    case ReleaseSelector::Kind::number:
      return release.number == selector.number;
    case ReleaseSelector::Kind::id:
      return release.id.starts_with(selector.text);
    case ReleaseSelector::Kind::digest:
      return std::any_of(release.images.begin(), release.images.end(),
                         [&](const auto& image) { return image.digest.text() == selector.text; });
    case ReleaseSelector::Kind::tag:
      break;
  }
  return std::any_of(release.images.begin(), release.images.end(),
                     [&](const auto& image) { return image.tag == selector.text; });
}

std::string shown(std::string_view app, const ReleaseSelector& selector) {
  if (selector.kind == ReleaseSelector::Kind::number) return fmt::format("{} {}", app, selector.number);
  return fmt::format("{} {}", app, selector.text);
}

}  // namespace

Result<ReleaseSelector> parse_selector(std::string_view app, std::string_view text) {
  auto rest = text;
  if (rest.starts_with(app) && rest.substr(app.size()).starts_with(' ')) rest = rest.substr(app.size() + 1);
  const auto refuse = [&](const std::string& why) {
    return Error(ErrorKind::usage, "'" + text::printable(text, 80) + "' names no release: " + why)
        .with_hint("name it by number, id, tag or digest; see: sluice releases");
  };
  if (rest.empty() || rest.size() > kMaxTag + 8) return refuse("it is empty or too long");
  ReleaseSelector out;
  out.text = std::string(rest);
  if (all_digits(rest) && rest.size() < kShortId) {
    out.kind = ReleaseSelector::Kind::number;
    std::from_chars(rest.data(), rest.data() + rest.size(), out.number);
    if (out.number < 1 || out.number > memory::kMaxNumber) return refuse("numbers go from 1 to 9999999");
    return out;
  }
  if (rest.find(':') != std::string_view::npos) {
    if (!oci::Digest::parse(rest)) return refuse("it is no digest");
    out.kind = ReleaseSelector::Kind::digest;
  } else if (rest.size() >= kShortId && rest.size() <= kLongId && encoding::is_lower_hex(rest)) {
    out.kind = ReleaseSelector::Kind::id;
  }
  return out;
}

Result<records::Release> pick_release(std::string_view app, const ReleaseSelector& selector,
                                      const std::vector<KnownRelease>& known) {
  const KnownRelease* found = nullptr;
  std::vector<std::string> contents;
  std::set<std::string> ids;
  for (const auto& one : known) {
    if (!fits(selector, one.release) || !ids.insert(one.release.id).second) continue;
    if (found == nullptr) found = &one;
    if (contents.size() < kMostShown)
      contents.push_back(
          fmt::format("{} as {} says: {}", one.release.id.substr(0, kShortId), one.says, content_text(one.release)));
  }
  if (found == nullptr) {
    return Error(ErrorKind::not_found, "there is no release " + shown(app, selector) + " that is known here")
        .with_hint("see: sluice releases");
  }
  if (ids.size() > 1) {
    return Error(ErrorKind::usage, fmt::format("{} may be one of {} contents: {}", shown(app, selector), ids.size(),
                                               text::join(contents, "; ")))
        .with_hint("name the one you mean by its id: --release " + found->release.id.substr(0, kShortId));
  }
  return found->release;
}

std::string name_of(std::string_view app, std::int64_t number, std::string_view id) {
  if (number == 0) return fmt::format("{} ({})", app, id.substr(0, kShortId));
  return fmt::format("{} {}", app, number);
}

std::string full_name_of(std::string_view app, std::int64_t number, std::string_view id) {
  if (number == 0) return name_of(app, number, id);
  return fmt::format("{} {} ({})", app, number, id.substr(0, kShortId));
}

std::string content_text(const records::Release& release) {
  std::vector<std::string> parts;
  for (const auto& image : release.images) {
    if (parts.size() == kMostShown) {
      parts.push_back(fmt::format("and {} more", release.images.size() - kMostShown));
      break;
    }
    parts.push_back(image.name + "@" + image.digest.brief());
  }
  return text::join(parts, ", ");
}

std::optional<records::Release> release_from(const memory::StoodRelease& stood, const std::string& app,
                                             const std::string& environment) {
  records::Release out;
  out.id = stood.id;
  out.app = app;
  out.number = stood.number;
  out.pattern_tag = stood.pattern_tag;
  out.adopted = stood.stood == memory::Stood::adopted;
  out.origin = environment;
  for (const auto& image : stood.images) {
    auto digest = oci::Digest::parse(image.digest);
    if (!digest) return std::nullopt;
    out.images.push_back({image.name, std::move(*digest), image.tag});
  }
  return out;
}

}  // namespace sluice::promotion
