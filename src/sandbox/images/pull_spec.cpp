#include "sandbox/images/pull_spec.hpp"

#include "base/text.hpp"
#include "oci/digest.hpp"
#include "oci/reference.hpp"

#include <algorithm>

namespace sluice::sandbox {

namespace {

bool is_host(std::string_view part) {
  return part == "localhost" || part.find_first_of(".:") != std::string_view::npos;
}

}  // namespace

std::optional<PullSpec> PullSpec::parse(std::string_view text) {
  constexpr std::size_t kLongest = 4096;
  if (text.empty() || text.size() > kLongest) return std::nullopt;
  PullSpec spec;
  if (const auto mark = text.find('@'); mark != std::string_view::npos) {
    const auto digest = oci::Digest::parse(text.substr(mark + 1));
    if (!digest.ok()) return std::nullopt;
    spec.digest = digest->text();
    text = text.substr(0, mark);
  }
  const auto slash = text.rfind('/');
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    spec.tag = text.substr(colon + 1);
    if (!oci::check_tag(spec.tag).ok()) return std::nullopt;
    text = text.substr(0, colon);
  }
  if (const auto first = text.find('/'); first != std::string_view::npos && is_host(text.substr(0, first))) {
    const auto host = oci::parse_registry(text.substr(0, first));
    if (!host.ok()) return std::nullopt;
    spec.registry = *host;
    text = text.substr(first + 1);
  }
  if (!oci::check_repository_path(text).ok()) return std::nullopt;
  spec.path = text;
  return spec;
}

std::string PullSpec::ns() const {
  const auto slash = path.find('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string PullSpec::name() const {
  const auto slash = path.find('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string PullSpec::repository() const { return registry.empty() ? path : registry + "/" + path; }

std::string PullSpec::exact() const {
  if (!digest.empty()) return repository() + "@" + digest;
  return repository() + ":" + (tag.empty() ? "latest" : tag);
}

std::optional<FromName> split_from(std::string_view own_stream, std::string_view kind, std::string_view name) {
  if (kind != "ImageStreamTag" && kind != "ImageStreamImage") return std::nullopt;
  const char separator = kind == "ImageStreamTag" ? ':' : '@';
  const auto parts = text::split(name, separator);
  if (parts.size() == 1) return FromName{std::string(own_stream), parts[0]};
  if (parts.size() == 2) return FromName{parts[0], parts[1]};
  return std::nullopt;
}

}  // namespace sluice::sandbox
