#include "auth/token_shelf.hpp"

#include "auth/scopes.hpp"

#include <algorithm>
#include <utility>

namespace sluice::auth {

namespace {

bool good_for(const TokenNeed& held, const TokenNeed& wanted) {
  if (held.identity != wanted.identity || !held.server->same_as(*wanted.server)) return false;
  if (wanted.alone && held.scopes != wanted.scopes) return false;
  return covers(held.scopes, wanted.scopes);
}

}  // namespace

HeldToken::HeldToken(TokenNeed good_for, TokenReply reply, TimePoint asked_at)
    : need(std::move(good_for)),
      value(std::move(reply.token)),
      renew_at(asked_at + reply.life * 3 / 4),
      ends_at(asked_at + reply.life) {}

HeldToken* TokenShelf::find(const TokenNeed& need, TimePoint now) {
  std::erase_if(tokens_, [&](const HeldToken& token) { return now >= token.ends_at; });
  const auto found = std::find_if(tokens_.rbegin(), tokens_.rend(),
                                  [&](const HeldToken& token) { return good_for(token.need, need); });
  return found == tokens_.rend() ? nullptr : &*found;
}

void TokenShelf::put(HeldToken token) {
  // What the new one is good for too needs no older one.
  std::erase_if(tokens_, [&](const HeldToken& old) { return good_for(token.need, old.need); });
  tokens_.push_back(std::move(token));
}

bool TokenShelf::strike(const Secret& value, const TokenNeed& need) {
  bool had_company = false;
  for (auto token = tokens_.begin(); token != tokens_.end();) {
    if (token->value != value) {
      ++token;
      continue;
    }
    const auto rest = without(token->need.scopes, need.scopes);
    if (rest.empty() || need.scopes.empty()) {
      token = tokens_.erase(token);
      continue;
    }
    token->need.scopes = rest;
    had_company = true;
    ++token;
  }
  return had_company;
}

TokenShelf::TokenFlight TokenShelf::in_the_air(const TokenNeed& need) const {
  const auto found =
      std::find_if(pending_.begin(), pending_.end(), [&](const Pending& p) { return good_for(p.need, need); });
  return found == pending_.end() ? nullptr : found->flight;
}

TokenShelf::TokenFlight TokenShelf::take_off(TokenNeed need) {
  return pending_.emplace_back(Pending{std::move(need), std::make_shared<Flight<HeldToken>>()}).flight;
}

void TokenShelf::landed(const TokenFlight& flight) {
  std::erase_if(pending_, [&](const Pending& p) { return p.flight == flight; });
}

}  // namespace sluice::auth
