#pragma once
// Refusals of writes to image streams in the words of who has to mend them: the missing right, on which side, and the
// command that grants it. For the files behind stream_tags.hpp.

#include "kube/client.hpp"

#include <string>
#include <utility>

namespace sluice::openshift {

/// The right that a step needs.
struct NeededRight {
  std::string what;      ///< the step, with a verb in -ing: "tagging prod/web:live"
  std::string verb;      ///< "get"
  std::string resource;  ///< "imagestreams/layers"
  std::string project;
  std::string role;    ///< that has it
  std::string less{};  ///< a file of deploy/openshift that has less; may be empty
};

/// The same error in better words: a limit or quota becomes `blocked`, in the server's words; `denied` names the user,
/// the right and the command that grants it. Every other error is as it was. Asks the server who we are if need be.
Error explain_refusal(kube::Client& client, Error error, const NeededRight& needed,
                      const net::ExchangeContext& context);

/// Our name as the server knows it, as a word of a shell; "USER" when it does not tell.
std::string our_name(kube::Client& client, const net::ExchangeContext& context);

/// A new error with the facts of the API server that stood behind another.
Error with_facts_of(const Error& cause, Error error);

/// Pauses before the next try; `cancelled` when stopped meanwhile.
Status pause_after_conflict(kube::Client& client, int attempt, const net::ExchangeContext& context);

bool is_stale(const Error& error);

/// Repeats `attempt(n)`, n from 1, while it meets a stale version; kConflictTries times at most. `attempt` reads again
/// what it needs.
template <class F>
auto past_conflicts(kube::Client& client, const net::ExchangeContext& context, F&& attempt) -> decltype(attempt(1)) {
  for (int n = 1;; ++n) {
    auto done = attempt(n);
    if (done || n == kube::kConflictTries || !is_stale(done.error())) return done;
    SLUICE_CHECK(pause_after_conflict(client, n, context));
  }
}

}  // namespace sluice::openshift
