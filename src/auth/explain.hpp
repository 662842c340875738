#pragma once
// Who one is at a registry and why, in words and as JSON (--explain-auth). Pure: it tells what the look-up and the
// authorizer noted while they worked, and asks nobody. Nothing in here ever is a secret.

#include "base/json.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::auth {

/// One place where credentials were looked for, or would have been.
struct LookedAt {
  std::string where;   ///< a flag, "~/.docker/config.json", "clusters.yaml (prod)"
  std::string key;     ///< the entry's name as it is written there; empty when it is about the whole place
  std::string helper;  ///< "docker-credential-pass"; empty without one
  bool won = false;
  std::string why;  ///< one clause: why it did not win, or what won
};

/// In whose name requests for one repository go out.
struct Login {
  std::string repository;  ///< path; empty: requests that are about none
  std::string source;      ///< the entry; empty: anonymous
  std::string user;        ///< empty: anonymous, or a token that names nobody
  std::string kind;        ///< "password", "identity-token", "registry-token", "anonymous"
  std::vector<LookedAt> looked_at{};
};

/// All about one registry.
struct LoginExplanation {
  std::string registry;
  std::string scheme;       ///< what it asked for: "basic", "bearer"; empty: it asked for no login
  std::string realm;        ///< the token server, without query; empty: there is none
  std::string service;      ///< as the challenge names it
  bool preemptive = false;  ///< a token was sent before anybody asked
  std::vector<Login> logins{};
};

/// Several lines that end with a line break.
std::string explain_text(const LoginExplanation& login);
/// The shape of "explanations.auth[]" in the schemas; what does not apply is null.
Json explain_json(const LoginExplanation& login);

}  // namespace sluice::auth
