#include "app/cluster_login.hpp"

#include "base/text.hpp"
#include "kube/identity/kubeconfig_write.hpp"
#include "kube/identity/login.hpp"
#include "net/untrusted.hpp"
#include "openshift/registry/discovery.hpp"

#include <utility>

namespace sluice::app {

namespace {

std::string address_of(const net::Url& server) {
  // As oc writes it: always with a port.
  const bool is_v6 = server.host.find(':') != std::string::npos;
  return server.scheme + "://" + (is_v6 ? "[" + server.host + "]" : server.host) + ":" + std::to_string(server.port);
}

Result<Secret> token_of(net::Exchanger& exchanger, const ClusterLogin& login, const net::ExchangeContext& context) {
  if (!login.token.empty()) return login.token;
  kube::LoginRequest request;
  request.server = login.target.server;
  request.endpoint = std::make_shared<const net::Endpoint>(login.target.endpoint);
  if (!login.issuer_ca.empty()) {
    net::Endpoint issuer = login.target.endpoint;
    issuer.ca_files.push_back(login.issuer_ca);
    issuer.tls_server_name.clear();
    request.issuer = std::make_shared<const net::Endpoint>(std::move(issuer));
  }
  request.username = login.username;
  request.password = login.password;
  SLUICE_TRY(auto done, kube::log_in(exchanger, request, context));
  return std::move(done.token);
}

kube::ConnectionOptions connection_to(const LoginTarget& target, const Secret& token, std::string source) {
  kube::ConnectionOptions options;
  options.access.name = target.name;
  options.access.server = target.server;
  options.access.endpoint = std::make_shared<const net::Endpoint>(target.endpoint);
  options.access.identity = kube::token_identity(token, std::move(source));
  return options;
}

// The project that the next command is about: the one that was in use here, else the only one that we see.
std::string project_for(OpenCluster& open, const LoginTarget& target, const Environment& environment,
                        const net::ExchangeContext& context) {
  if (const auto config = kube::load_kubeconfig(environment)) {
    const auto* known = target.context.empty() ? config->context_for_server(address_of(target.server)) : nullptr;
    if (!target.context.empty()) {
      if (const auto named = config->context(target.context)) known = *named;
    }
    if (known != nullptr && !known->project.empty()) return known->project;
  }
  const auto projects = open.client.list<kube::Project>({}, context);
  return projects && projects->items.size() == 1 ? projects->items.front().name() : std::string();
}

std::string registry_for(OpenCluster& open, const std::string& project, const net::ExchangeContext& context) {
  openshift::DiscoveryOptions options;
  if (!project.empty()) options.projects.push_back(project);
  const auto names = openshift::find_registry(open.client, options, context);
  return names ? names->host : std::string();
}

Result<ClusterLoggedIn> perform(net::Exchanger& exchanger, const ClusterLogin& login, const Environment& environment,
                                const net::ExchangeContext& context) {
  SLUICE_TRY(const auto token, token_of(exchanger, login, context));
  OpenCluster open(login.target.name, exchanger, connection_to(login.target, token, "the token of this login"));
  SLUICE_TRY(const auto user, open.client.who_am_i(context));
  if (!login.token.empty() && !login.username.empty() && user.name() != login.username) {
    return Error(ErrorKind::unauthenticated, "the token belongs to " + text::printable(user.name(), 120) + ", not to " +
                                                 text::printable(login.username, 120));
  }
  ClusterLoggedIn out;
  out.server = address_of(login.target.server);
  out.user = user.name();
  out.project = project_for(open, login.target, environment, context);

  kube::KubeLogin kept;
  kept.server = out.server;
  kept.user = out.user;
  kept.project = out.project;
  kept.token = token;
  kept.ca_file = login.target.ca_file.empty() ? "" : std::filesystem::absolute(login.target.ca_file).string();
  kept.ca_pem = login.target.ca_pem;
  kept.insecure = !login.target.endpoint.verify_tls;
  kept.context = login.target.context;
  SLUICE_TRY(auto stored, kube::store_login(environment, kept));
  out.file = std::move(stored.file);
  out.context = std::move(stored.context);
  out.narrowed = std::move(stored.narrowed);
  out.registry = registry_for(open, out.project, context);
  return out;
}

}  // namespace

Result<ClusterLoggedIn> log_in_to_cluster(net::Exchanger& exchanger, const ClusterLogin& login,
                                          const Environment& environment, const net::ExchangeContext& context) {
  auto done = perform(exchanger, login, environment, context);
  if (done || !net::is_unknown_issuer(done.error())) return done;
  // The words of net are about registries; the login server's certificate has a hint of its own.
  if (done.error().hint().find("--issuer-ca") != std::string::npos) return done;
  return std::move(done).error().with_hint("give the CA of the API with --ca FILE, or `ca:` in the clusters file");
}

Result<ClusterLoggedOut> log_out_of_cluster(net::Exchanger& exchanger, const LoginTarget& target,
                                            const kube::Kubeconfig& config, const net::ExchangeContext& context) {
  ClusterLoggedOut out;
  out.server = address_of(target.server);
  const kube::KubeContext* known = nullptr;
  if (!target.context.empty()) {
    SLUICE_TRY(known, config.context(target.context));
  } else {
    known = config.context_for_server(out.server);
    if (known == nullptr) known = config.context_for_server(target.server.scheme + "://" + target.server.authority());
  }
  if (known == nullptr) return out;
  const auto user = config.users.find(known->user);
  if (user == config.users.end() || user->second.token.empty()) return out;
  kube::Connection connection(exchanger, connection_to(target, user->second.token, "the token of the kubeconfig"));
  if (const auto revoked = kube::log_out(connection, user->second.token, context)) out.revoked = *revoked;
  SLUICE_TRY(auto done, kube::erase_token(config, user->first));
  if (done.erased) out.file = user->second.file;
  out.narrowed = std::move(done.narrowed);
  return out;
}

}  // namespace sluice::app
