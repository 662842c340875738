#include "openshift/streams/refusals.hpp"

#include "findings/catalogue.hpp"

#include <fmt/format.h>

#include <chrono>
#include <memory>

namespace sluice::openshift {

Error with_facts_of(const Error& cause, Error error) {
  auto coded = std::move(error).with_registry_code(cause.registry_code());
  auto out = cause.http_status() ? std::move(coded).with_status(*cause.http_status()) : std::move(coded);
  const auto* failure = kube::failure_of(cause);
  if (failure == nullptr) return out;
  return std::move(out).with_detail(std::make_shared<const kube::ApiFailure>(*failure));
}

std::string our_name(kube::Client& client, const net::ExchangeContext& context) {
  const auto user = client.who_am_i(context);
  return user && !user->name().empty() ? findings::shell_word(user->name()) : "USER";
}

Error explain_refusal(kube::Client& client, Error error, const NeededRight& needed,
                      const net::ExchangeContext& context) {
  const auto* failure = kube::failure_of(error);
  if (failure == nullptr) return error;
  if (failure->is_limit()) {
    return with_facts_of(error, Error(ErrorKind::blocked, error.message()).with_hint(error.hint()));
  }
  if (error.kind() != ErrorKind::denied) return error;
  const auto user = our_name(client, context);
  auto hint = fmt::format("grant it with: oc policy add-role-to-user {} {} -n {}", needed.role, user,
                          findings::shell_word(needed.project));
  if (!needed.less.empty()) hint += fmt::format("  # or less: deploy/openshift/{}", needed.less);
  return with_facts_of(error, Error(ErrorKind::denied, fmt::format("{} does not let {} {} {} in {}, which {} needs",
                                                                   client.connection().host(), user, needed.verb,
                                                                   needed.resource, needed.project, needed.what))
                                  .with_hint(std::move(hint)));
}

bool is_stale(const Error& error) {
  const auto* failure = kube::failure_of(error);
  return failure != nullptr && failure->is_stale();
}

Status pause_after_conflict(kube::Client& client, int attempt, const net::ExchangeContext& context) {
  const auto& timing = client.connection().timing();
  const auto wait = std::chrono::milliseconds(static_cast<long long>(20.0 * attempt * fraction_of(timing)));
  if (timing.pause(wait, context.stop)) return {};
  return Error(ErrorKind::cancelled, "stopped while somebody else was writing to the same image stream");
}

}  // namespace sluice::openshift
