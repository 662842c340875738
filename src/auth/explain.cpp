#include "auth/explain.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace sluice::auth {

namespace {

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

std::string asked_text(const LoginExplanation& login) {
  if (login.scheme.empty()) return login.preemptive ? "took a token that was sent unasked" : "asked for no login";
  auto out = "asked for a login by " + login.scheme;
  if (!login.realm.empty()) out += ", tokens from " + login.realm;
  if (!login.service.empty()) out += " for the service " + text::printable(login.service, 100);
  if (login.preemptive) out += "; a token was sent before it asked";
  return out;
}

std::string who_text(const Login& login) {
  if (login.source.empty()) return "nobody: without credentials";
  const auto who = login.user.empty() ? std::string("whoever the token stands for") : text::printable(login.user, 100);
  const auto by = login.kind == "identity-token"   ? ", with an identity token"
                  : login.kind == "registry-token" ? ", with a registry token"
                                                   : ", with a password";
  return who + by + " from " + text::printable(login.source);
}

std::string step_text(const LookedAt& step) {
  auto out = text::printable(step.where);
  if (!step.key.empty()) out += ", \"" + text::printable(step.key) + "\"";
  if (!step.helper.empty()) out += ", " + text::printable(step.helper, 100);
  return out + ": " + (step.won ? "won" : "no") + (step.why.empty() ? "" : ", " + text::printable(step.why));
}

Json step_json(const LookedAt& step) {
  return Json::object()
      .set("where", step.where)
      .set("key", text_or_null(step.key))
      .set("helper", text_or_null(step.helper))
      .set("won", step.won)
      .set("why", text_or_null(step.why));
}

}  // namespace

std::string explain_text(const LoginExplanation& login) {
  auto out = fmt::format("login at {}: it {}\n", login.registry, asked_text(login));
  if (login.logins.empty()) out += "  no credentials were looked for\n";
  for (const auto& one : login.logins) {
    out += fmt::format("  {}: {}\n", one.repository.empty() ? "the registry itself" : text::printable(one.repository),
                       who_text(one));
    for (const auto& step : one.looked_at) out += "    " + step_text(step) + "\n";
  }
  return out;
}

Json explain_json(const LoginExplanation& login) {
  Json logins = Json::array();
  for (const auto& one : login.logins) {
    Json steps = Json::array();
    for (const auto& step : one.looked_at) steps.push(step_json(step));
    logins.push(Json::object()
                    .set("repository", text_or_null(one.repository))
                    .set("source", text_or_null(one.source))
                    .set("user", text_or_null(one.user))
                    .set("kind", one.kind)
                    .set("looked_at", std::move(steps)));
  }
  return Json::object()
      .set("registry", login.registry)
      .set("scheme", text_or_null(login.scheme))
      .set("realm", text_or_null(login.realm))
      .set("service", text_or_null(login.service))
      .set("preemptive", login.preemptive)
      .set("logins", std::move(logins));
}

}  // namespace sluice::auth
