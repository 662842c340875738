// login, logout: registry credentials in the files of docker and podman, a cluster's in the kubeconfig.

#include "auth/login.hpp"

#include "app/cluster_login.hpp"
#include "app/login_party.hpp"
#include "base/standard_input.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "oci/reference.hpp"

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
  SLUICE_TRY(auto text, read_standard_input(StandardInput::everything, kMaxPasswordBytes, context.stop));
  while (text && (text->ends_with('\n') || text->ends_with('\r'))) text->pop_back();
  if (!text || text->empty()) return Error(ErrorKind::usage, "stdin holds no usable password");
  return Secret(std::move(*text));
}

// On stderr in every format: somebody else may have read what stood there, or have counted on reading it.
void tell_narrowed(const std::vector<std::filesystem::path>& files, Context& context) {
  for (const auto& file : files) {
    context.console.err("note: others could read or write " + file.string() +
                        "; now only its owner can (mode 0600). Change a secret that stood there before\n");
  }
}

Status check_cluster_login(const Login& login) {
  if (login.token.empty() && login.username.empty()) {
    return Error(ErrorKind::usage, "login needs a user name or a token")
        .with_hint("sluice login " + login.registry + " -u USER, or: sluice login " + login.registry + " --token -");
  }
  if (!login.token.empty() && login.password_stdin) {
    return Error(ErrorKind::usage, "--token and --password-stdin exclude each other");
  }
  return {};
}

// What the flags say about how the API is reached.
Status apply_flags(const Login& login, const Context& context, app::LoginTarget& target) {
  if (!login.ca.empty()) {
    target.ca_file = login.ca;
    target.endpoint.ca_files.push_back(login.ca);
  }
  const auto verify = context.common.session.source.tls_verify;
  if (verify == false && !login.ca.empty()) {
    return Error(ErrorKind::usage, "--ca and --tls-verify=false exclude each other");
  }
  if (verify) target.endpoint.verify_tls = *verify;
  return {};
}

void print_cluster_login(const app::ClusterLoggedIn& done, const app::LoginTarget& target, Context& context) {
  if (context.json()) {
    context.print(Json::object()
                      .set("schema", "sluice.login/1")
                      .set("registry", done.registry.empty() ? Json() : Json(done.registry))
                      .set("cluster", done.server)
                      .set("context", done.context)
                      .set("username", done.user)
                      .set("stored", done.file.string()));
  } else {
    const auto user = text::printable(done.user);
    context.console.out("logged in to " + done.server + " as " + user + "; stored in " + done.file.string() +
                        " as the context " + text::printable(done.context) + "\n");
    if (!done.registry.empty()) context.console.out("its registry is " + text::printable(done.registry) + "\n");
  }
  if (target.token_in_file) {
    context.console.err("note: the clusters file names a token for " + target.name +
                        ", which is used before this login\n");
  }
}

Exit login_to_cluster(const Login& login, app::LoginTarget target, Context& context) {
  SLUICE_CHECK(check_cluster_login(login));
  SLUICE_CHECK(apply_flags(login, context, target));
  app::ClusterLogin request;
  request.username = login.username;
  request.issuer_ca = login.issuer_ca;
  if (login.token.empty()) {
    SLUICE_TRY(request.password, read_password(login, context));
  } else {
    SLUICE_TRY(request.token, auth::parse_secret(login.token, "--token", context.session.environment(), context.stop));
  }
  request.target = std::move(target);
  SLUICE_TRY(const auto done,
             app::log_in_to_cluster(context.session.exchanger(), request, context.session.environment(),
                                    context.session.exchange_context()));
  print_cluster_login(done, request.target, context);
  tell_narrowed(done.narrowed, context);
  return 0;
}

void print_registry_logout(const std::string& host, const std::vector<std::string>& places, Context& context) {
  if (context.json()) {
    Json list = Json::array();
    for (const auto& place : places) list.push(place);
    context.print(Json::object()
                      .set("schema", "sluice.logout/1")
                      .set("registry", host)
                      .set("cluster", nullptr)
                      .set("revoked", nullptr)
                      .set("removed", std::move(list)));
  } else if (places.empty()) {
    context.console.out("nothing is stored for " + host + "\n");
  } else {
    context.console.out("removed " + host + " from " + text::join(places, ", ") + "\n");
  }
}

Exit logout_of_registry(const std::string& host, Context& context) {
  SLUICE_TRY(const auto erased, auth::erase_credentials(context.session.credential_sources(), host));
  tell_narrowed(erased.narrowed, context);
  print_registry_logout(host, erased.places, context);
  return 0;
}

Exit logout_of_cluster(const app::LoginTarget& target, const std::string& name, Context& context) {
  SLUICE_TRY(const auto* config, context.session.kubeconfig());
  SLUICE_TRY(const auto done,
             app::log_out_of_cluster(context.session.exchanger(), target, *config, context.session.exchange_context()));
  tell_narrowed(done.narrowed, context);
  // An address that no kubeconfig has a token for may be a registry's: what is stored for it says so.
  if (const auto address = app::registry_address(name); done.file.empty() && address && !address->scheme.empty()) {
    SLUICE_TRY(const auto erased, auth::erase_credentials(context.session.credential_sources(), address->host));
    tell_narrowed(erased.narrowed, context);
    if (!erased.places.empty()) {
      print_registry_logout(address->host, erased.places, context);
      return 0;
    }
  }
  if (context.json()) {
    Json list = Json::array();
    if (!done.file.empty()) list.push(done.file.string());
    context.print(Json::object()
                      .set("schema", "sluice.logout/1")
                      .set("registry", nullptr)
                      .set("cluster", done.server)
                      .set("revoked", done.revoked)
                      .set("removed", std::move(list)));
  } else if (done.file.empty()) {
    context.console.out("nothing is stored for " + done.server + "\n");
  } else {
    context.console.out(
        "removed the token for " + done.server + " from " + done.file.string() +
        (done.revoked ? ", and the cluster has forgotten it\n" : "; the cluster may accept it until it expires\n"));
  }
  return 0;
}

Error only_for_clusters(const std::string& flag, const Login& login) {
  return Error(ErrorKind::usage,
               flag + " is for clusters, and " + text::printable(login.registry, 120) + " is taken for a registry")
      .with_hint("write https://HOST:PORT for the API of a cluster");
}

Exit login_to_registry(const Login& login, const std::string& host, Context& context) {
  if (!login.token.empty()) return only_for_clusters("--token", login);
  if (!login.issuer_ca.empty()) return only_for_clusters("--issuer-ca", login);
  if (login.username.empty()) {
    return Error(ErrorKind::usage, "login needs a user name").with_hint("sluice login " + host + " -u USER");
  }
  SLUICE_TRY(const auto password, read_password(login, context));
  SLUICE_TRY(auto* registry, context.session.registry_with(host, login.username, password, login.ca));
  SLUICE_CHECK(registry->check_login(context.stop));
  auth::Credentials credentials;
  credentials.username = login.username;
  credentials.password = password;
  SLUICE_TRY(const auto stored, auth::store_credentials(context.session.credential_sources(), host, credentials));
  if (context.json()) {
    context.print(Json::object()
                      .set("schema", "sluice.login/1")
                      .set("registry", host)
                      .set("cluster", nullptr)
                      .set("context", nullptr)
                      .set("username", login.username)
                      .set("stored", stored.place));
  } else {
    context.console.out("logged in to " + host + " as " + login.username + "; stored in " + stored.place + "\n");
  }
  tell_narrowed(stored.narrowed, context);
  return 0;
}

}  // namespace

Exit execute(const Login& login, Context& context) {
  // Only a cluster takes a token or has a login server.
  const bool may_ask = login.token.empty() && login.issuer_ca.empty();
  SLUICE_TRY(const auto addressed, context.session.registry_for_login(login.registry, login.ca, may_ask));
  if (addressed) return login_to_registry(login, *addressed, context);
  SLUICE_TRY(auto target, context.session.login_target(login.registry));
  if (target) return login_to_cluster(login, std::move(*target), context);
  if (!login.ca.empty()) return only_for_clusters("--ca", login);
  SLUICE_TRY(const auto host, oci::parse_registry(login.registry));
  return login_to_registry(login, host, context);
}

Exit execute(const Logout& logout, Context& context) {
  SLUICE_TRY(const auto addressed, context.session.registry_for_login(logout.registry, {}, false));
  if (addressed) return logout_of_registry(*addressed, context);
  SLUICE_TRY(const auto target, context.session.login_target(logout.registry));
  if (target) return logout_of_cluster(*target, logout.registry, context);
  SLUICE_TRY(const auto host, oci::parse_registry(logout.registry));
  return logout_of_registry(host, context);
}

}  // namespace sluice::cli
