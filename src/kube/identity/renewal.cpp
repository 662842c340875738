#include "kube/identity/renewal.hpp"

#include "base/text.hpp"
#include "findings/catalogue.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace sluice::kube {

namespace {

using Kind = CredentialOrigin::Kind;

// `oc create token` came with OpenShift 4.11, which is Kubernetes 1.24.
constexpr int kFirstCreateToken = 24;

std::string shown_word(std::string_view text) { return findings::shell_word(text::printable(text, 200)); }

// The command that writes a token of a service account to its output; the second one is for servers of another age.
std::pair<std::string, std::string> token_commands(const TokenLife& life, std::optional<int> minor) {
  const auto [project, name] = text::cut(life.service_account, '/');
  const auto of = fmt::format("{} -n {}", shown_word(name), shown_word(project));
  if (!minor) return {"oc create token " + of, "before OpenShift 4.11: oc sa get-token " + of};
  return {(*minor < kFirstCreateToken ? "oc sa get-token " : "oc create token ") + of, ""};
}

std::string for_service_account(const CredentialOrigin& origin, std::string_view server, const TokenLife& life,
                                std::optional<int> minor) {
  const auto [command, other] = token_commands(life, minor);
  std::string out = command;
  if (origin.kind == Kind::file) out += " > " + shown_word(origin.name);
  if (origin.kind == Kind::login) out += fmt::format(" | sluice login {} --token -", shown_word(server));
  if (origin.kind == Kind::variable) out = fmt::format("export {}=\"$({})\"", shown_word(origin.name), command);
  if (!other.empty()) out += "  # " + other;
  return out;
}

}  // namespace

std::string login_command(std::string_view server, std::string_view user) {
  // As oc writes them, entries bear the name of the server behind that of the user.
  const auto name = text::cut(user, '/').first;
  if (name.empty()) return fmt::format("sluice login {} -u \"$(id -un)\"", shown_word(server));
  return fmt::format("sluice login {} -u {}", shown_word(server), shown_word(name));
}

std::string renewal_of(const CredentialOrigin& origin, std::string_view server, const TokenLife& life,
                       std::optional<int> minor) {
  const bool account = !life.service_account.empty();
  const auto name = text::printable(origin.name, 200);
  switch (origin.kind) {
    case Kind::nobody:
      break;
    case Kind::login:
      return account ? for_service_account(origin, server, life, minor) : login_command(server, origin.name);
    case Kind::file:
      return account ? for_service_account(origin, server, life, minor) : "write a new token into " + name;
    case Kind::variable:
      return account ? for_service_account(origin, server, life, minor)
                     : "set the variable " + name + " to a new token";
    case Kind::program:
      return name.empty() ? "look why the program gives a token that has ended"
                          : "run it by hand, and look why it gives a token that has ended: " + name;
    case Kind::certificate:
      return "have a new client certificate made" + (name.empty() ? "" : ", and put it into " + name);
    case Kind::pod:
      return "the cluster renews it by itself: see whether the service account is still there" +
             (account ? ", oc get serviceaccount " + shown_word(text::cut(life.service_account, '/').second) + " -n " +
                            shown_word(text::cut(life.service_account, '/').first)
                      : "");
  }
  return login_command(server, "");
}

std::string renewal_clause(const CredentialOrigin& origin, const std::string& renewal) {
  const bool login = origin.kind == Kind::nobody || origin.kind == Kind::login;
  return login && renewal.starts_with("sluice login ") ? "log in again with: " + renewal : renewal;
}

std::optional<int> minor_in(const Json& version) {
  const auto text = version.string_at("minor").value_or("");
  int minor = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), minor);
  if (parsed.ec != std::errc()) return std::nullopt;
  return minor;
}

}  // namespace sluice::kube
