// login, logout: registry credentials in the files of docker and podman.

#include "auth/login.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "oci/reference.hpp"

#include <iostream>

namespace sluice::cli {

namespace {

constexpr std::size_t kMaxPasswordBytes = 64 * 1024;  // OpenShift and cloud tokens run to some KiB

Result<Secret> read_password(const Login& login, Context& context) {
  if (!login.password_stdin) {
    auto typed = context.console.hidden_prompt("Password for " + login.registry + ": ", context.stop);
    if (!typed.empty()) return Secret(std::move(typed));
    return Error(ErrorKind::usage, "no password was given")
        .with_hint("pipe it in: printf %s \"$TOKEN\" | sluice login " + login.registry + " -u USER --password-stdin");
  }
  std::string text;
  char c = 0;
  while (text.size() <= kMaxPasswordBytes && std::cin.get(c)) text += c;
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty() || text.size() > kMaxPasswordBytes) return Error(ErrorKind::usage, "stdin holds no usable password");
  return Secret(std::move(text));
}

}  // namespace

Exit execute(const Login& login, Context& context) {
  SLUICE_TRY(const auto host, oci::parse_registry(login.registry));
  if (login.username.empty()) {
    return Error(ErrorKind::usage, "login needs a user name").with_hint("sluice login " + host + " -u USER");
  }
  SLUICE_TRY(const auto password, read_password(login, context));
  SLUICE_TRY(auto* registry, context.session.registry_with(host, login.username, password));
  SLUICE_CHECK(registry->check_login(context.stop));
  auth::Credentials credentials;
  credentials.username = login.username;
  credentials.password = password;
  SLUICE_TRY(const auto place, auth::store_credentials(context.session.credential_sources(), host, credentials));
  if (context.json()) {
    context.print(Json::object()
                      .set("schema", "sluice.login/1")
                      .set("registry", host)
                      .set("username", login.username)
                      .set("stored", place));
  } else {
    context.console.out("logged in to " + host + " as " + login.username + "; stored in " + place + "\n");
  }
  return 0;
}

Exit execute(const Logout& logout, Context& context) {
  SLUICE_TRY(const auto host, oci::parse_registry(logout.registry));
  SLUICE_TRY(const auto places, auth::erase_credentials(context.session.credential_sources(), host));
  if (context.json()) {
    Json list = Json::array();
    for (const auto& place : places) list.push(place);
    context.print(
        Json::object().set("schema", "sluice.logout/1").set("registry", host).set("removed", std::move(list)));
  } else if (places.empty()) {
    context.console.out("nothing is stored for " + host + "\n");
  } else {
    context.console.out("removed " + host + " from " + text::join(places, ", ") + "\n");
  }
  return 0;
}

}  // namespace sluice::cli
