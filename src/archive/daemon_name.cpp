#include "archive/daemon_name.hpp"

#include "base/text.hpp"
#include "oci/reference.hpp"

#include <algorithm>

namespace sluice::archive {

namespace {

constexpr std::size_t kShortId = 12;
constexpr std::size_t kLongId = 64;

Error unreadable(std::string_view text, std::string why) {
  return Error(ErrorKind::usage, "cannot read \"" + text::printable(text) + "\": " + std::move(why))
      .with_hint("write docker-daemon:shop/web:1.4, or docker-daemon: and the id that docker images shows");
}

bool is_id(std::string_view text) {
  if (text.starts_with("sha256:")) return text.size() == kLongId + 7;
  return text.size() >= kShortId && text.size() <= kLongId &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// A first part with a dot, a port or the name localhost is a host, as the docker program reads it.
Status check_repository(std::string_view repository) {
  const auto slash = repository.find('/');
  const auto first = repository.substr(0, slash);
  const bool host =
      slash != std::string_view::npos && (first.find_first_of(".:") != std::string_view::npos || first == "localhost");
  if (!host) return oci::check_repository_path(repository);
  SLUICE_TRY(const auto registry, oci::parse_registry(first));
  static_cast<void>(registry);
  return oci::check_repository_path(repository.substr(slash + 1));
}

}  // namespace

std::string DaemonName::label() const {
  if (repository.empty()) {
    const auto start = image.starts_with("sha256:") ? image.find(':') + 1 : 0;
    return image.substr(start, kShortId);
  }
  return repository.substr(repository.rfind('/') + 1);
}

Result<DaemonName> parse_daemon_name(std::string_view text) {
  const auto name = text.starts_with(kDaemonScheme) ? text.substr(kDaemonScheme.size()) : text;
  if (name.empty()) return unreadable(text, "it names no image");
  if (is_id(name)) {
    if (name.starts_with("sha256:") && !oci::Digest::parse(name)) return unreadable(text, "that is no id");
    return DaemonName{.image = std::string(name), .repository = {}, .tag = {}};
  }
  const auto at = name.find('@');
  auto repository = name.substr(0, at);
  std::string tag;
  if (const auto colon = repository.rfind(':');
      colon != std::string_view::npos && repository.find('/', colon) == std::string_view::npos) {
    tag = repository.substr(colon + 1);
    repository = repository.substr(0, colon);
    if (auto status = oci::check_tag(tag); !status) return unreadable(text, status.error().message());
  }
  if (auto status = check_repository(repository); !status) return unreadable(text, status.error().message());
  if (at != std::string_view::npos) {
    const auto digest = oci::Digest::parse(name.substr(at + 1));
    if (!digest) return unreadable(text, digest.error().message());
    return DaemonName{
        .image = std::string(repository) + "@" + digest->text(), .repository = std::string(repository), .tag = {}};
  }
  if (tag.empty()) tag = "latest";
  return DaemonName{.image = std::string(repository) + ":" + tag, .repository = std::string(repository), .tag = tag};
}

}  // namespace sluice::archive
