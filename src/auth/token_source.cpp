#include "auth/token_source.hpp"

#include <utility>

namespace sluice::auth {

namespace {

bool gave_up_for_itself(const Error& error, const net::ExchangeContext& leader) {
  return error.kind() == ErrorKind::cancelled || (error.kind() == ErrorKind::timeout && leader.deadline.expired());
}

}  // namespace

TokenSource::TokenSource(net::Exchanger& exchanger, Authorizer::Now now, Identities& identities)
    : exchanger_(exchanger), now_(std::move(now)), identities_(identities) {}

void TokenSource::expect(const Scopes& scopes) {
  shared_.with([&](Shared& shared) { shared.batches.add(scopes); });
}

void TokenSource::refused(const Secret& header, const TokenNeed& need) {
  constexpr std::string_view kBearer = "Bearer ";
  if (!header.reveal().starts_with(kBearer)) return;
  const Secret value(header.reveal().substr(kBearer.size()));
  shared_.with([&](Shared& shared) {
    if (shared.shelf.strike(value, need)) shared.batches.isolate(need.scopes);
  });
}

// What the token has to cover, as far as this token server lets it.
TokenNeed TokenSource::wanted(const Shared& shared, const TokenNeed& need) const {
  auto out = need;
  if (shared.one_scope_per_token) out.scopes = primary(need.scopes);
  return out;
}

TokenSource::Step TokenSource::next_step(Shared& shared, const TokenNeed& need, const Scopes* company) const {
  const auto want = wanted(shared, need);
  Step step;
  if (const auto* token = shared.shelf.find(want, now())) step.live = *token;
  const auto flight = shared.shelf.in_the_air(want);
  if (step.live && (now() < step.live->renew_at || flight != nullptr)) return step;
  step.wait = flight;
  if (flight != nullptr || (company == nullptr && !step.live)) return step;

  step.ask = want;
  if (!shared.one_scope_per_token && !need.alone) {
    if (step.live) step.ask.scopes = step.live->need.scopes;
    if (company != nullptr) step.ask.scopes.insert(company->begin(), company->end());
    step.ask.scopes = merged(step.ask.scopes);
  }
  step.lead = shared.shelf.take_off(step.ask);
  return step;
}

// The scopes that are announced, fit into the same request, and belong to the same credentials.
Result<Scopes> TokenSource::company_of(const TokenNeed& need, const net::ExchangeContext& context) {
  const auto batch = shared_.with([&](Shared& shared) {
    shared.batches.add(need.scopes);
    return shared.one_scope_per_token ? Scopes() : shared.batches.batch_for(need.scopes);
  });
  Scopes out;
  for (const auto& scope : batch) {
    // A look-up that fails here is told to the request that is about that repository.
    const auto identity = identities_.for_path(scope.repository, context);
    if (identity.ok() && *identity == need.identity) out.insert(scope);
    if (context.stop.stop_requested() || context.deadline.expired()) return waited_in_vain("credentials", context);
  }
  return out;
}

Result<Secret> TokenSource::token_for(TokenNeed need, const net::ExchangeContext& context) {
  std::optional<Scopes> company;
  for (;;) {
    const auto step =
        shared_.with([&](Shared& shared) { return next_step(shared, need, company ? &*company : nullptr); });
    if (step.lead != nullptr) return lead(step, need, context);
    if (step.live) return step.live->value;
    if (step.wait == nullptr) {
      SLUICE_TRY(company, company_of(need, context));
      continue;
    }
    const auto landed = step.wait->wait(context.deadline, context.stop);
    if (!landed) return waited_in_vain("a token for " + need.server->registry, context);
    // A token that brought less than was hoped for, or a leader that gave up, means another round.
    if (landed->ok()) continue;
    if (landed->error().kind() != ErrorKind::cancelled) return landed->error();
    if (context.stop.stop_requested() || context.deadline.expired()) {
      return waited_in_vain("a token for " + need.server->registry, context);
    }
  }
}

Result<Secret> TokenSource::lead(const Step& step, const TokenNeed& need, const net::ExchangeContext& context) {
  auto fetched = fetch(step, need, context);
  const auto old = shared_.with([&](Shared& shared) {
    shared.shelf.landed(step.lead);
    if (fetched) {
      shared.shelf.put(*fetched);
      return std::optional<Secret>();
    }
    auto* live = step.live ? shared.shelf.find(wanted(shared, need), now()) : nullptr;
    if (live == nullptr) return std::optional<Secret>();
    // The old token still works: the next try is half-way to its end, not with every request.
    live->renew_at = now() + (live->ends_at - now()) / 2;
    return std::optional(live->value);
  });
  if (!fetched && gave_up_for_itself(fetched.error(), context)) {
    // Those who wait have their own deadlines and stop tokens.
    step.lead->land(Error(ErrorKind::cancelled, "the request for a token was given up"));
  } else {
    step.lead->land(fetched);
  }
  if (fetched) return fetched->value;
  if (old) return *old;
  return std::move(fetched).error();
}

Result<HeldToken> TokenSource::fetch(const Step& step, const TokenNeed& need, const net::ExchangeContext& context) {
  const auto asked_at = now();
  const auto& ask = step.ask;
  const auto scopes = texts(ask.scopes);
  auto reply = ask_for_token(exchanger_, *ask.server, *ask.identity, scopes, context);
  if (reply) return HeldToken(ask, std::move(*reply), asked_at);
  if (scopes.size() < 2 || !may_dislike_several_scopes(reply.error())) return std::move(reply).error();

  auto single = ask;
  single.scopes = primary(need.scopes);
  SLUICE_TRY(auto second, ask_for_token(exchanger_, *ask.server, *ask.identity, texts(single.scopes), context));
  shared_.with([](Shared& shared) { shared.one_scope_per_token = true; });
  return HeldToken(std::move(single), std::move(second), asked_at);
}

}  // namespace sluice::auth
