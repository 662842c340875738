#include "auth/scopes.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace sluice::auth {

namespace {

constexpr std::size_t kMaxChallengeScopes = 16;

std::size_t query_bytes(const Scope& scope) {
  return std::string_view("&scope=").size() + encoding::percent(scope.text()).size();
}

std::size_t query_bytes(const Scopes& scopes) {
  std::size_t sum = 0;
  for (const auto& scope : scopes) sum += query_bytes(scope);
  return sum;
}

bool has_repository(const Scopes& scopes, const std::string& repository) {
  return std::any_of(scopes.begin(), scopes.end(), [&](const Scope& s) { return s.repository == repository; });
}

void merge_into(Scopes& scopes, const Scope& scope) {
  const Scope pull{scope.repository, false};
  const Scope push{scope.repository, true};
  if (scopes.contains(push)) return;
  if (scope.push) scopes.erase(pull);
  scopes.insert(scope);
}

}  // namespace

std::string Scope::text() const { return "repository:" + repository + (push ? ":pull,push" : ":pull"); }

Scopes merged(const Scopes& scopes) {
  Scopes out;
  for (const auto& scope : scopes) merge_into(out, scope);
  return out;
}

bool covers(const Scopes& held, const Scopes& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const Scope& scope) {
    return held.contains(scope) || held.contains(Scope{scope.repository, true});
  });
}

Scopes primary(const Scopes& scopes) {
  for (const auto& scope : scopes) {
    if (scope.push) return {scope};
  }
  return scopes.empty() ? Scopes{} : Scopes{*scopes.begin()};
}

Scopes without(const Scopes& from, const Scopes& taken) {
  Scopes out;
  for (const auto& scope : from) {
    if (!has_repository(taken, scope.repository)) out.insert(scope);
  }
  return out;
}

std::vector<std::string> texts(const Scopes& scopes) {
  std::vector<std::string> out;
  for (const auto& scope : scopes) out.push_back(scope.text());
  return out;
}

Scopes parse_challenge_scope(std::string_view text) {
  Scopes out;
  if (text.size() > ScopeBatches::kMaxBytes) return out;
  std::size_t count = 0;
  for (const auto& item : text::split(text, ' ')) {
    // "type:name:actions"; a name may hold a port, so that the last ':' ends it.
    const auto first = item.find(':');
    const auto last = item.rfind(':');
    if (first == std::string::npos || last == first || last == first + 1 || last + 1 == item.size()) continue;
    if (++count > kMaxChallengeScopes) return out;
    if (!item.starts_with("repository:")) continue;
    const auto actions = text::split(std::string_view(item).substr(last + 1), ',');
    const auto has = [&](std::string_view action) {
      return std::find(actions.begin(), actions.end(), action) != actions.end();
    };
    const bool push = has("push") || has("*");
    if (push || has("pull")) merge_into(out, Scope{item.substr(first + 1, last - first - 1), push});
  }
  return out;
}

Scopes scopes_to_ask(const Scopes& named, const Scopes& needed) {
  auto out = merged(needed);
  const bool knows_ours = std::any_of(named.begin(), named.end(),
                                      [&](const Scope& scope) { return has_repository(out, scope.repository); });
  if (knows_ours) return out;
  const bool push = std::any_of(out.begin(), out.end(), [](const Scope& scope) { return scope.push; });
  auto room = out.size();
  for (const auto& scope : named) {
    if (room-- == 0) break;
    merge_into(out, Scope{scope.repository, scope.push && push});
  }
  return out;
}

void ScopeBatches::add(const Scopes& scopes) {
  for (const auto& scope : merged(scopes)) {
    const auto known = std::find_if(batches_.begin(), batches_.end(),
                                    [&](const Batch& batch) { return has_repository(batch.scopes, scope.repository); });
    if (known != batches_.end()) {
      merge_into(known->scopes, scope);
      continue;
    }
    const auto roomy = std::find_if(batches_.begin(), batches_.end(), [&](const Batch& batch) {
      return !batch.closed && query_bytes(batch.scopes) + query_bytes(scope) <= kMaxBytes;
    });
    if (roomy != batches_.end()) {
      roomy->scopes.insert(scope);
    } else {
      batches_.push_back({{scope}, false});
    }
  }
}

Scopes ScopeBatches::batch_for(const Scopes& scopes) const {
  auto wanted = merged(scopes);
  for (const auto& batch : batches_) {
    if (!wanted.empty() && covers(batch.scopes, wanted)) return batch.scopes;
  }
  return wanted;
}

void ScopeBatches::isolate(const Scopes& scopes) {
  for (auto& batch : batches_) batch.scopes = without(batch.scopes, scopes);
  std::erase_if(batches_, [](const Batch& batch) { return batch.scopes.empty(); });
  batches_.push_back({merged(scopes), true});
}

}  // namespace sluice::auth
