// What a registry's answers come to.

#include "base/text.hpp"
#include "host/judge.hpp"
#include "net/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

namespace sluice::host {

namespace {

constexpr std::size_t kMostShown = 5;

std::string_view code_of(const RegistryFacts& registry, const Error& error) {
  switch (error.kind()) {
    case ErrorKind::unauthenticated:
    case ErrorKind::denied:
      return "registry-not-logged-in";
    case ErrorKind::untrusted:
      return "registry-not-trusted";
    case ErrorKind::unreachable:
      // Where a proxy leads there, it is the proxy that is connected to.
      return !registry.proxy.empty() && error.message().starts_with("cannot ") ? "proxy-unreachable"
                                                                               : "registry-unreachable";
    case ErrorKind::timeout:
    case ErrorKind::busy:
      return "registry-unreachable";
    default:
      return "registry-unusable";
  }
}

Finding failed(const RegistryFacts& registry, const Error& error) {
  Finding out{.code = std::string(code_of(registry, error)),
              .severity = registry.needed ? Severity::blocker : Severity::warning,
              .subject = registry.host,
              .sentence = error.message(),
              .fix = error.hint()};
  if (!registry.proxy.empty()) {
    out.sentence += fmt::format(" (through the proxy {} of {})", registry.proxy, registry.proxy_origin);
    if (out.code == "proxy-unreachable") {
      const auto url = net::Url::parse("https://" + registry.host + "/");
      out.fix = fmt::format("start the proxy, or have {} name one that runs; if none is needed: NO_PROXY={}",
                            registry.proxy_origin, url ? url->host : registry.host);
    }
  }
  if (out.fix.empty() && out.code == "registry-not-logged-in") out.fix = "sluice login " + registry.host;
  return out;
}

std::string names_of(const std::vector<const RightFacts*>& rights) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < rights.size() && k < kMostShown; ++k) names.push_back(rights[k]->repository);
  auto out = text::join(names, ", ");
  if (rights.size() > kMostShown) out += fmt::format(" and {} more", rights.size() - kMostShown);
  return out;
}

// One finding for all repositories with the same trouble: as a rule it is one right, for one project.
Finding missing(const RegistryFacts& registry, const std::vector<const RightFacts*>& rights) {
  const auto& error = *rights.front()->failure;
  const bool push = rights.front()->push;
  const bool anonymous = registry.source.empty();
  const bool login_helps = error.kind() == ErrorKind::unauthenticated ||
                           (error.kind() == ErrorKind::denied && anonymous && registry.asks_for_login);
  const bool needed = std::any_of(rights.begin(), rights.end(), [](const auto* right) { return right->needed; });
  const auto who = anonymous               ? std::string("without a login we")
                   : registry.user.empty() ? "whoever is logged in by " + registry.source
                                           : registry.user;
  return {.code = login_helps ? "registry-not-logged-in"
                  : push      ? "registry-may-not-push"
                              : "registry-may-not-pull",
          .severity = needed ? Severity::blocker : Severity::warning,
          .subject = registry.host,
          .sentence = fmt::format("{} may not {} {} at {}: {}", who, push ? "push to" : "pull from", names_of(rights),
                                  registry.host, error.message()),
          .fix = error.hint().empty() ? "sluice login " + registry.host : error.hint()};
}

// The rights that are missing, those of one kind and one cause together, in the order in which they were found.
std::vector<std::vector<const RightFacts*>> troubles_of(const RegistryFacts& registry) {
  std::vector<std::vector<const RightFacts*>> out;
  for (const auto& right : registry.rights) {
    if (!right.failure) continue;
    const auto same = std::find_if(out.begin(), out.end(), [&](const auto& group) {
      return group.front()->push == right.push && group.front()->failure->kind() == right.failure->kind();
    });
    if (same == out.end()) {
      out.push_back({&right});
    } else {
      same->push_back(&right);
    }
  }
  return out;
}

std::string login_sentence(const RegistryFacts& registry) {
  if (!registry.asks_for_login) return registry.host + " asks for no login";
  if (registry.source.empty()) return registry.host + " lets us in without credentials";
  return fmt::format("{} takes {} (from {})", registry.host,
                     registry.user.empty() ? std::string("our token") : "the login of " + registry.user,
                     registry.source);
}

std::string rights_sentence(const RegistryFacts& registry) {
  std::size_t pull = 0;
  std::size_t push = 0;
  std::size_t unknown = 0;
  for (const auto& right : registry.rights) {
    if (!right.known) ++unknown;
    if (!right.failure && right.known) ++(right.push ? push : pull);
  }
  std::string out;
  if (pull > 0) out += fmt::format("; pull from {} {}", pull, pull == 1 ? "repository" : "repositories");
  if (push > 0)
    out += fmt::format("{} push to {} {}", out.empty() ? ";" : ",", push, push == 1 ? "repository" : "repositories");
  if (!out.empty()) out += " proven";
  if (unknown > 0)
    out += fmt::format("; whether we may pull from {} {} shows when there is something to pull", unknown,
                       unknown == 1 ? "repository" : "repositories");
  return out;
}

Finding clock_of(const RegistryFacts& registry) {
  const auto skew = *registry.ahead_seconds;
  const auto size = std::abs(skew);
  Finding out{.code = "clock",
              .severity = Severity::info,
              .subject = registry.host,
              .sentence = fmt::format("the clocks of this host and {} agree", registry.host),
              .fix = {}};
  if (size <= kMostSkewSeconds) return out;
  out.code = "clock-skew";
  out.severity = Severity::warning;
  out.sentence = fmt::format(
      "the clock of {} is {} {} that of this host: tokens and certificates may count as ended, or "
      "as not yet begun",
      registry.host, text::human_seconds(static_cast<double>(size)), skew > 0 ? "ahead of" : "behind");
  out.fix = "timedatectl set-ntp true, on the host whose clock is wrong";
  return out;
}

}  // namespace

std::vector<Finding> judge(const RegistryFacts& registry) {
  std::vector<Finding> out;
  if (registry.failure) out.push_back(failed(registry, *registry.failure));
  for (const auto& rights : troubles_of(registry)) out.push_back(missing(registry, rights));
  if (!registry.failure) {
    out.push_back({.code = "registry-login",
                   .severity = Severity::info,
                   .subject = registry.host,
                   .sentence = login_sentence(registry) + rights_sentence(registry),
                   .fix = {}});
  }
  if (registry.ahead_seconds) out.push_back(clock_of(registry));
  if (registry.insecure) {
    out.push_back({.code = "registry-insecure",
                   .severity = Severity::info,
                   .subject = registry.host,
                   .sentence = fmt::format("the certificate of {} is not checked (insecure: true in the clusters file)",
                                           registry.host),
                   .fix = {}});
  }
  return out;
}

}  // namespace sluice::host
