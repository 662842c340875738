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

// True when the actions say no more than pull and push.
bool only_pull_push(const std::vector<std::string>& actions) {
  return !actions.empty() &&
         std::all_of(actions.begin(), actions.end(), [](const auto& a) { return a == "pull" || a == "push"; });
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

ChallengeScope parse_challenge_scope(std::string_view text) {
  ChallengeScope out;
  if (text.size() > ScopeBatches::kMaxBytes) return out;
  std::size_t count = 0;
  for (const auto& item : text::split(text, ' ')) {
    // "type:name:actions"; a name may hold a port, so that the last ':' ends it.
    const auto first = item.find(':');
    const auto last = item.rfind(':');
    if (first == std::string::npos || last == first || last == first + 1 || last + 1 == item.size()) continue;
    if (++count > kMaxChallengeScopes) return out;
    const auto actions = text::split(std::string_view(item).substr(last + 1), ',');
    if (item.starts_with("repository:") && only_pull_push(actions)) {
      const bool push = std::find(actions.begin(), actions.end(), "push") != actions.end();
      merge_into(out.scopes, Scope{item.substr(first + 1, last - first - 1), push});
    } else {
      out.others.push_back(item);
    }
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
