#include "kube/identity/access.hpp"

#include "base/file.hpp"
#include "base/text.hpp"
#include "kube/identity/renewal.hpp"
#include "net/address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::kube {

namespace {

constexpr std::size_t kMaxPemBytes = std::size_t{1024} * 1024;

std::string shown_path(const std::filesystem::path& path) { return text::printable(path.string(), 200); }

Result<net::Endpoint> endpoint_of(const KubeCluster& cluster, const KubeUser* user) {
  net::Endpoint endpoint;
  endpoint.verify_tls = !cluster.insecure;
  if (!cluster.ca_pem.empty()) {
    endpoint.ca_pem = cluster.ca_pem;
  } else if (!cluster.ca_file.empty()) {
    endpoint.ca_files.push_back(cluster.ca_file);
  }
  endpoint.tls_server_name = cluster.tls_server_name;
  endpoint.proxy = cluster.proxy_url;
  if (user == nullptr) return endpoint;
  // The inline form of each wins over its file. They may be mixed, so both become text then.
  const bool has_certificate = !(user->client_cert_pem.empty() && user->client_cert_file.empty());
  const bool has_key = !(user->client_key_pem.empty() && user->client_key_file.empty());
  if (has_certificate != has_key) {
    return Error(ErrorKind::config, fmt::format("the user '{}' in {} has a client certificate without its key, or the "
                                                "other way round",
                                                text::printable(user->name, 120), shown_path(user->file)));
  }
  if (user->client_cert_pem.empty() && user->client_key_pem.empty()) {
    endpoint.client_cert_file = user->client_cert_file;
    endpoint.client_key_file = user->client_key_file;
    return endpoint;
  }
  endpoint.client_cert_pem = user->client_cert_pem;
  endpoint.client_key_pem = user->client_key_pem;
  if (endpoint.client_cert_pem.empty()) {
    SLUICE_TRY(endpoint.client_cert_pem,
               read_file(user->client_cert_file, kMaxPemBytes).context("reading a client certificate"));
  }
  if (endpoint.client_key_pem.empty()) {
    SLUICE_TRY(auto key, read_file(user->client_key_file, kMaxPemBytes).context("reading a client key"));
    endpoint.client_key_pem = Secret(std::move(key));
  }
  return endpoint;
}

Error unsupported_user(const KubeCluster& cluster, const KubeUser& user, std::string_view what) {
  return Error(ErrorKind::unsupported, fmt::format("the user '{}' in {} logs in by {}, which is not supported",
                                                   text::printable(user.name, 120), shown_path(user.file), what))
      .with_hint("log in with: " + login_command(text::printable(cluster.server, 200), user.name));
}

Result<IdentityPtr> identity_of(const KubeCluster& cluster, const KubeUser& user, const Timing& timing) {
  if (!user.unsupported.empty()) return unsupported_user(cluster, user, "'" + user.unsupported + "'");
  const auto where = fmt::format("the user {} in {}", text::printable(user.name, 120), shown_path(user.file));
  if (user.exec) {
    std::string ca = cluster.ca_pem;
    if (ca.empty() && !cluster.ca_file.empty() && user.exec->provide_cluster_info) {
      SLUICE_TRY(ca, read_file(cluster.ca_file, kMaxPemBytes).context("reading a CA certificate"));
    }
    return exec_identity(
        *user.exec,
        {cluster.server, std::move(ca), cluster.tls_server_name, cluster.proxy_url.value_or(""), cluster.insecure},
        "the credential plugin of " + where, timing);
  }
  if (!user.token_file.empty()) {
    return token_file_identity(user.token_file, user.token, "the token file of " + where, timing);
  }
  if (!user.token.empty()) return token_identity(user.token, "the token of " + where, user.name);
  if (!(user.client_cert_pem.empty() && user.client_cert_file.empty())) {
    return certificate_identity("the client certificate of " + where,
                                user.client_cert_pem.empty() ? user.client_cert_file : user.file.string());
  }
  if (!user.password.empty()) return unsupported_user(cluster, user, "user name and password");
  return anonymous_identity();
}

}  // namespace

Result<net::Url> parse_server(std::string_view text) {
  auto url = net::Url::parse(text);
  if (!url) {
    return Error(ErrorKind::config,
                 "'" + text::printable(text, 120) + "' is no address of an API server: " + url.error().message())
        .with_hint("write https://HOST:PORT");
  }
  if (url->scheme != "https" && !net::is_loopback_name(url->host)) {
    return Error(ErrorKind::config, "the API server " + url->authority() + " must be spoken to over https")
        .with_hint("write https://HOST:PORT");
  }
  if (url->target.find('?') != std::string::npos) {
    return Error(ErrorKind::config, "the address of an API server has no query: " + url->redacted());
  }
  return url;
}

Result<Access> access_of_context(const Kubeconfig& config, std::string_view name, const Timing& timing) {
  SLUICE_TRY(const auto* context, config.context(name));
  const auto cluster = config.clusters.find(context->cluster);
  const auto missing = [&](std::string_view what, const std::string& entry) {
    return Error(ErrorKind::config,
                 fmt::format("the kubeconfig context '{}' in {} names the {} '{}', which is not there",
                             text::printable(context->name, 120), shown_path(context->file), what,
                             text::printable(entry, 120)))
        .with_hint("log in again, with sluice login and the address of the API");
  };
  if (cluster == config.clusters.end()) return missing("cluster", context->cluster);
  const auto user = config.users.find(context->user);
  if (user == config.users.end() && !context->user.empty()) return missing("user", context->user);

  Access access;
  access.name = context->name;
  access.project = context->project;
  SLUICE_TRY(access.server, parse_server(cluster->second.server)
                                .context("the cluster " + text::printable(cluster->first, 120) + " in " +
                                         shown_path(cluster->second.file)));
  access.ca_place = fmt::format("certificate-authority of the cluster {} in {}", text::printable(cluster->first, 120),
                                shown_path(cluster->second.file));
  const bool has_user = user != config.users.end();
  SLUICE_TRY(auto endpoint, endpoint_of(cluster->second, has_user ? &user->second : nullptr));
  if (access.server.scheme == "http") endpoint.addresses = net::AddressRule::loopback_only;
  access.endpoint = std::make_shared<const net::Endpoint>(std::move(endpoint));
  access.identity = anonymous_identity();
  if (has_user) {
    SLUICE_TRY(access.identity, identity_of(cluster->second, user->second, timing));
  }
  return access;
}

Result<std::optional<Access>> access_in_cluster(const Environment& environment, const std::filesystem::path& folder,
                                                const Timing& timing) {
  using Found = std::optional<Access>;
  const auto host = environment.get("KUBERNETES_SERVICE_HOST");
  const auto port = environment.get("KUBERNETES_SERVICE_PORT");
  std::error_code code;
  if (!host || !port || !std::filesystem::exists(folder / "token", code)) return Found();

  Access access;
  access.name = "the pod's service account";
  const bool is_v6 = host->find(':') != std::string::npos;
  SLUICE_TRY(access.server, parse_server("https://" + (is_v6 ? "[" + *host + "]" : *host) + ":" + *port)
                                .context("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT"));
  net::Endpoint endpoint;
  if (std::filesystem::exists(folder / "ca.crt", code)) endpoint.ca_files.push_back((folder / "ca.crt").string());
  endpoint.proxy = "";  // the server is next door, whatever stands in HTTPS_PROXY
  access.endpoint = std::make_shared<const net::Endpoint>(std::move(endpoint));
  access.identity = token_file_identity(folder / "token", Secret(), access.name, timing, CredentialOrigin::Kind::pod);
  access.ca_place = (folder / "ca.crt").string();
  access.in_cluster = true;
  if (const auto project = read_file(folder / "namespace", 4096)) access.project = std::string(text::trim(*project));
  return Found(std::move(access));
}

}  // namespace sluice::kube
