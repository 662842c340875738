#pragma once
// Scopes: what is asked for together. One token server request carries a batch of scopes. Pure.

#include "auth/authorizer.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::auth {

/// One scope per repository: pull and push of the same one become pull,push.
Scopes merged(const Scopes& scopes);
/// True when everything in `wanted` is in `held`; push includes pull.
bool covers(const Scopes& held, const Scopes& wanted);
/// The scope that matters most when only one can be had: the first that pushes, else the first.
Scopes primary(const Scopes& scopes);
/// `from` without the repositories of `taken`.
Scopes without(const Scopes& from, const Scopes& taken);
std::vector<std::string> texts(const Scopes& scopes);

/// The repositories that a challenge names in its "scope", with pull and push of what it wants done. Reads at most 16
/// scopes of at most 4 KiB; what is longer is left out, as is what has no three parts and what is about no repository.
Scopes parse_challenge_scope(std::string_view text);

/// What a token is asked for when a challenge names `named` and the request needs `needed`: never more rights than the
/// request needs, since whoever wrote the challenge gets to see the token. A challenge that knows none of our
/// repositories comes from behind a proxy that renames them: then its names are asked for on top, as many as ours.
Scopes scopes_to_ask(const Scopes& named, const Scopes& needed);

/// The batches of one host, in the order in which scopes were announced.
class ScopeBatches {
 public:
  /// A batch is filled up to this length in a query ("&scope=..."); a longer single scope has its own. The usual limit
  /// of servers for a request line is 8 KiB: half of it leaves room for realm, service, account, and for pulls that
  /// become pushes later.
  static constexpr std::size_t kMaxBytes = 4096;

  void add(const Scopes& scopes);
  /// The batch that holds all of `scopes`; `scopes` themselves when no single batch does.
  Scopes batch_for(const Scopes& scopes) const;
  /// From now on `scopes` are asked for without company.
  void isolate(const Scopes& scopes);

 private:
  struct Batch {
    Scopes scopes;
    bool closed = false;
  };
  std::vector<Batch> batches_;
};

}  // namespace sluice::auth
