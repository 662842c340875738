#include "host/ask_registry.hpp"

#include "base/wall_clock.hpp"
#include "net/retry_after.hpp"

#include <optional>
#include <utility>

namespace sluice::host {

namespace {

// Troubles of the registry as a whole: the next repository would only meet them again.
bool concerns_all(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::unreachable:
    case ErrorKind::timeout:
    case ErrorKind::busy:
    case ErrorKind::untrusted:
    case ErrorKind::config:
      return true;
    default:
      return false;
  }
}

bool is_about_login(const Error& error) {
  return error.kind() == ErrorKind::unauthenticated || error.kind() == ErrorKind::denied;
}

void note_login(const places::Registry& registry, RegistryFacts& facts) {
  const auto login = registry.explain_login();
  facts.asks_for_login = !login.scheme.empty() || login.preemptive;
  for (const auto& one : login.logins) {
    if (one.source.empty()) continue;
    facts.user = one.user;
    facts.source = one.source;
    return;
  }
}

// Opening an upload is what a push begins with, so its answer is the right itself. Given up at once.
Status try_upload(places::Registry& registry, const std::string& repository, const std::stop_token& stop) {
  SLUICE_TRY(const auto session, registry.begin_upload(repository, HashAlgorithm::sha256, stop));
  registry.abandon_upload(session);
  return {};
}

// False: nothing is there, or may be seen: some registries say 404 to who may not pull.
Result<bool> try_read(places::Registry& registry, const Need& need, const std::stop_token& stop) {
  SLUICE_TRY(const auto found, registry.find_manifest(need.repository, places::ManifestName::tag(need.tag), stop));
  return found.has_value();
}

Error no_right_in_token(const std::string& host, const Need& need) {
  return Error(ErrorKind::denied, "the token server of " + host + " gave a token without the right to " +
                                      (need.push ? "push to " : "pull from ") + need.repository)
      .with_hint("ask for the right, or log in as somebody who has it: sluice login " + host);
}

// True: the right is proven; false: nobody can tell.
Result<bool> look_for(places::Registry& registry, const Need& need, std::chrono::seconds timeout,
                      const std::stop_token& stop) {
  SLUICE_TRY(const auto grant, registry.token_grant(need.repository, need.push, {Deadline::after(timeout), stop}));
  if (grant == auth::Grant::granted) return true;
  if (grant == auth::Grant::refused) return no_right_in_token(registry.name(), need);
  if (!need.push) return try_read(registry, need, stop);
  SLUICE_CHECK(try_upload(registry, need.repository, stop));
  return true;
}

}  // namespace

Status ask(places::Registry& registry, const std::vector<Need>& needs, std::chrono::seconds timeout,
           RegistryFacts& facts, const std::stop_token& stop) {
  const auto head = registry.greet(stop);
  const auto now = seconds_now();
  note_login(registry, facts);
  // Credentials may be for some repositories alone: then only these are good for an answer.
  std::optional<Error> doubt;
  if (!head) {
    if (head.error().kind() == ErrorKind::cancelled) return head.error();
    doubt = head.error();
    if (!is_about_login(*doubt)) {
      facts.failure = std::move(doubt);
      return {};
    }
  } else if (const auto date = net::parse_http_date(head->get("date").value_or(""))) {
    facts.ahead_seconds = *date - now;
  }
  for (const auto& need : needs) {
    auto right = look_for(registry, need, timeout, stop);
    if (!right && right.error().kind() == ErrorKind::cancelled) return right.error();
    const bool same_again = doubt && !right && right.error().kind() == ErrorKind::unauthenticated;
    if (!right && (same_again || concerns_all(right.error()))) {
      facts.failure = std::move(right).error();
      break;
    }
    doubt.reset();
    RightFacts found{.repository = need.repository, .push = need.push, .needed = need.needed};
    found.known = !right || *right;
    if (!right) found.failure = std::move(right).error();
    facts.rights.push_back(std::move(found));
  }
  if (doubt && !facts.failure) facts.failure = std::move(doubt);
  note_login(registry, facts);
  return {};
}

}  // namespace sluice::host
