#include "oci/reference.hpp"

#include "base/text.hpp"
#include "oci/docker_hub.hpp"
#include "oci/grammar.hpp"

#include <fmt/format.h>

namespace sluice::oci {

namespace {

constexpr std::string_view kTransport = "docker://";
constexpr std::string_view kExample = "registry.example.com/shop/web";

using grammar::Fault;

// The parts of a reference and where they start in the text; nothing is checked yet.
struct Parts {
  std::string_view registry;
  std::string_view path;
  std::optional<std::string_view> tag;
  std::optional<std::string_view> digest;
  std::size_t registry_at = 0;
  std::size_t path_at = 0;
  std::size_t tag_at = 0;
  std::size_t digest_at = 0;
};

bool has_algorithm(std::string_view text) { return text.starts_with("sha256:") || text.starts_with("sha512:"); }

// "shop/web" could mean a project of any registry: there is no default registry, so it means none.
bool can_be_registry(std::string_view component) {
  return component.find_first_of(".:") != std::string_view::npos || text::iequals(component, "localhost");
}

// Whether the text after this '@' is a digest, or meant as one.
bool starts_digest(std::string_view before, std::string_view after) {
  if (has_algorithm(after) && before.find('/') != std::string_view::npos) return true;
  return !grammar::digest_fault(after);
}

// Where a user name and password end that were put before the host ("user:password@host/path"), or 0.
// A message must not quote them. In doubt, a text is a password.
std::size_t credentials_end(std::string_view text) {
  for (auto at = text.rfind('@'); at != std::string_view::npos; at = text.substr(0, at).rfind('@')) {
    const auto before = text.substr(0, at);
    const auto after = text.substr(at + 1);
    if (starts_digest(before, after)) continue;
    const auto slash = before.find('/');
    const auto registry = before.substr(0, slash);
    const bool is_name =
        slash != std::string_view::npos && can_be_registry(registry) && !grammar::registry_fault(registry);
    if (!is_name || after.find('/') != std::string_view::npos) return at + 1;
  }
  return 0;
}

std::optional<Error> credentials_error(std::string_view what, std::string_view text) {
  const auto end = credentials_end(text);
  if (end == 0) return std::nullopt;
  return Error(ErrorKind::usage, fmt::format("cannot read the {} \"...@{}\": at character 1: a name and a password "
                                             "do not belong here",
                                             what, text::printable(text.substr(end))))
      .with_hint("leave out what stands before '@' and log in with: sluice login HOST");
}

Error fault_error(std::string_view what, std::string_view text, const Fault& fault) {
  return {ErrorKind::usage, fmt::format("cannot read the {} \"{}\": at character {}: {}", what, text::printable(text),
                                        fault.at + 1, fault.why)};
}

std::optional<Fault> scheme_fault(std::string_view text) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (text.starts_with(scheme)) return Fault{0, fmt::format("a reference has no \"{}\"", scheme)};
  }
  return std::nullopt;
}

Parts take_apart(std::string_view text, std::size_t start) {
  Parts parts;
  parts.registry_at = start;
  auto rest = text.substr(start);
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    parts.digest = rest.substr(at + 1);
    parts.digest_at = start + at + 1;
    rest = rest.substr(0, at);
  }
  const auto first_slash = rest.find('/');
  const auto colon = rest.rfind(':');
  if (first_slash == std::string_view::npos) {
    parts.registry = rest;
    return parts;
  }
  if (colon != std::string_view::npos && colon > rest.rfind('/')) {
    parts.tag = rest.substr(colon + 1);
    parts.tag_at = start + colon + 1;
    rest = rest.substr(0, colon);
  }
  parts.registry = rest.substr(0, first_slash);
  parts.path = rest.substr(first_slash + 1);
  parts.path_at = start + first_slash + 1;
  return parts;
}

std::optional<Fault> shape_fault(const Parts& parts) {
  const auto host_end = parts.registry_at + parts.registry.size();
  if (parts.path_at == 0) {
    const bool is_host = can_be_registry(parts.registry) && !grammar::registry_fault(parts.registry);
    if (is_host) return Fault{host_end, fmt::format("a repository path must follow the registry, as in {}", kExample)};
  }
  if (!parts.registry.empty() && (parts.path_at == 0 || !can_be_registry(parts.registry))) {
    return Fault{parts.registry_at,
                 fmt::format("a registry host is needed first, with '.' or ':' in it, as in {}", kExample)};
  }
  return std::nullopt;
}

std::optional<Fault> name_fault(const Parts& parts) {
  if (auto fault = grammar::registry_fault(parts.registry)) return Fault{fault->at + parts.registry_at, fault->why};
  if (auto fault = grammar::path_fault(parts.path)) return Fault{fault->at + parts.path_at, fault->why};
  if (parts.registry.size() + 1 + parts.path.size() > grammar::kMaxNameBytes) {
    return Fault{parts.registry_at + grammar::kMaxNameBytes,
                 fmt::format("registry and path have at most {} characters together", grammar::kMaxNameBytes)};
  }
  return std::nullopt;
}

// From left to right, so that the position is that of the first thing wrong.
std::optional<Fault> first_fault(const Parts& parts) {
  if (auto fault = shape_fault(parts)) return fault;
  if (auto fault = name_fault(parts)) return fault;
  if (parts.tag) {
    if (auto fault = grammar::tag_fault(*parts.tag)) return Fault{fault->at + parts.tag_at, fault->why};
  }
  if (parts.digest) {
    if (auto fault = grammar::digest_fault(*parts.digest)) return Fault{fault->at + parts.digest_at, fault->why};
  }
  return std::nullopt;
}

// The same reference with a lower-case path, when that is all it needs.
std::string suggestion(std::string_view text, const Parts& parts) {
  if (parts.path_at == 0) return {};
  std::string candidate(text);
  candidate.replace(parts.path_at, parts.path.size(), text::lower(parts.path));
  if (candidate == text || first_fault(take_apart(candidate, parts.registry_at))) return {};
  return candidate;
}

}  // namespace

Result<std::string> parse_registry(std::string_view text) {
  if (auto error = credentials_error("registry", text)) return std::move(*error);
  auto fault = scheme_fault(text);
  if (!fault) fault = grammar::registry_fault(text);
  if (fault) return fault_error("registry", text, *fault).with_hint("give host or host:port, without anything else");
  return canonical_registry(text::lower(text));
}

Status check_repository_path(std::string_view path) {
  if (const auto fault = grammar::path_fault(path)) return fault_error("repository path", path, *fault);
  return {};
}

Status check_tag(std::string_view tag) {
  if (const auto fault = grammar::tag_fault(tag)) return fault_error("tag", tag, *fault);
  return {};
}

Result<Reference> Reference::parse(std::string_view text) {
  const std::size_t start = text.starts_with(kTransport) ? kTransport.size() : 0;
  if (text.size() == start) {
    return Error(ErrorKind::usage, "the image reference is empty")
        .with_hint(fmt::format("give host[:port]/path[:tag][@digest], for example {}:latest", kExample));
  }
  if (auto error = credentials_error("reference", text.substr(start))) return std::move(*error);
  if (const auto fault = scheme_fault(text)) {
    return fault_error("reference", text, *fault).with_hint("leave it out; the registry decides how it is spoken to");
  }
  const auto parts = take_apart(text, start);
  if (const auto fault = first_fault(parts)) {
    auto error = fault_error("reference", text, *fault);
    if (const auto better = suggestion(text, parts); !better.empty()) {
      return std::move(error).with_hint(fmt::format("did you mean \"{}\"?", text::printable(better, better.size())));
    }
    return error;
  }
  Reference reference;
  reference.repository.registry = canonical_registry(text::lower(parts.registry));
  reference.repository.path = canonical_path(reference.repository.registry, parts.path);
  if (parts.tag) reference.tag = std::string(*parts.tag);
  if (parts.digest) {
    auto digest = Digest::parse(*parts.digest);
    if (!digest) return Error(ErrorKind::usage, digest.error().message());
    reference.digest = std::move(*digest);
  }
  if (!parts.tag && !parts.digest) reference.tag = "latest";
  return reference;
}

std::string Reference::tag_or_digest() const {
  if (digest) return digest->text();
  return tag.value_or("latest");
}

std::string Reference::text() const {
  auto out = repository.text();
  if (tag) out += ":" + *tag;
  if (digest) out += "@" + digest->text();
  return out;
}

}  // namespace sluice::oci
