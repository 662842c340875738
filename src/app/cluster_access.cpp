#include "app/cluster_access.hpp"

#include "base/text.hpp"
#include "kube/identity/renewal.hpp"

#include <fmt/format.h>

#include <utility>

namespace sluice::app {

namespace {

const pipeline::Cluster* entry_with_api(const std::string& name, const pipeline::Clusters& clusters) {
  const auto found = clusters.entries.find(name);
  return found != clusters.entries.end() && found->second.has_api ? &found->second : nullptr;
}

bool is_address(const std::string& name) { return name.find("://") != std::string::npos; }

std::string in_file(const pipeline::Clusters& clusters, const std::string& name) {
  return clusters.file.string() + " (" + name + ")";
}

// TLS and proxy of an entry with an `api`. Its `insecure` is about the registry alone.
net::Endpoint endpoint_of(const pipeline::Cluster& entry, const pipeline::Clusters& clusters) {
  const auto path = [&](const pipeline::ValueReference& reference) {
    return pipeline::reference_path(reference, clusters).string();
  };
  net::Endpoint endpoint;
  if (entry.ca) endpoint.ca_files.push_back(path(*entry.ca));
  if (entry.client_cert && entry.client_key) {
    endpoint.client_cert_file = path(*entry.client_cert);
    endpoint.client_key_file = path(*entry.client_key);
  }
  if (entry.proxy) endpoint.proxy = *entry.proxy == "none" ? "" : *entry.proxy;
  if (entry.api.starts_with("http://")) endpoint.addresses = net::AddressRule::loopback_only;
  return endpoint;
}

Error no_credentials(const std::string& name, const std::string& where) {
  return Error(ErrorKind::unauthenticated, "there are no credentials for the cluster " + where)
      .with_hint("log in with: " + kube::login_command(name, ""));
}

kube::IdentityPtr identity_of(const pipeline::Cluster& entry, const ClusterSources& sources) {
  using Kind = kube::CredentialOrigin::Kind;
  const auto& reference = *entry.token;
  const auto of_entry = " of " + in_file(sources.clusters, entry.name);
  if (reference.kind == pipeline::ValueReference::Kind::file) {
    const auto path = pipeline::reference_path(reference, sources.clusters);
    return kube::token_file_identity(path, Secret(), "the token file " + path.string() + of_entry);
  }
  const bool variable = reference.kind == pipeline::ValueReference::Kind::env;
  // A command line may hold more than the name of a program; it is not shown.
  const auto name = variable ? reference.value : std::string(text::cut(text::trim(reference.value), ' ').first);
  const auto source = (variable ? "the token in the variable " : "the token of the program ") + name + of_entry;
  // Copies: the identity outlives the look-up.
  return kube::fetched_identity(
      [reference, file = sources.clusters.file, environment = sources.environment] {
        pipeline::Clusters folder;
        folder.file = file;
        return pipeline::resolve_reference(reference, folder, environment);
      },
      source, {variable ? Kind::variable : Kind::program, name});
}

Result<kube::Access> access_of_entry(const pipeline::Cluster& entry, const ClusterSources& sources) {
  const auto where = "the entry " + entry.name + " of " + sources.clusters.file.string();
  if (entry.context) return kube::access_of_context(sources.kubeconfig, *entry.context).context(where);
  kube::Access access;
  access.name = entry.name;
  SLUICE_TRY(access.server, kube::parse_server(entry.api).context(where));
  auto endpoint = endpoint_of(entry, sources.clusters);
  const auto* context = sources.kubeconfig.context_for_server(entry.api);
  if (context != nullptr) access.project = context->project;
  if (entry.token) {
    access.identity = identity_of(entry, sources);
  } else if (entry.client_cert) {
    access.identity =
        kube::certificate_identity("the client certificate of " + in_file(sources.clusters, entry.name),
                                   pipeline::reference_path(*entry.client_cert, sources.clusters).string());
  } else if (context != nullptr) {
    // Who we are comes from there; how the server is reached, from the file of the administrators.
    SLUICE_TRY(auto other, kube::access_of_context(sources.kubeconfig, context->name).context(where));
    access.identity = other.identity;
    net::Endpoint merged = *other.endpoint;
    merged.verify_tls = true;
    for (const auto& file : endpoint.ca_files) merged.ca_files.push_back(file);
    if (endpoint.proxy) merged.proxy = endpoint.proxy;
    endpoint = std::move(merged);
  } else {
    return no_credentials(entry.name, entry.name + " (" + entry.api + ")");
  }
  access.endpoint = std::make_shared<const net::Endpoint>(std::move(endpoint));
  access.ca_place = "`ca:` of the entry " + in_file(sources.clusters, entry.name);
  return access;
}

Error unknown_cluster(const std::string& name, const ClusterSources& sources) {
  std::vector<std::string> known;
  for (const auto& [entry, cluster] : sources.clusters.entries) {
    if (cluster.has_api) known.push_back(entry);
  }
  for (const auto& [context, rest] : sources.kubeconfig.contexts) known.push_back(context);
  auto message = "there is no cluster '" + text::printable(name, 120) + "' in the clusters file or the kubeconfig";
  if (const auto meant = text::nearest(name, known); !meant.empty()) message += "; did you mean '" + meant + "'?";
  return Error(ErrorKind::config, std::move(message))
      .with_hint(known.empty() ? "log in with sluice login and the address of the API"
                               : "known: " + text::printable(text::join(known, ", "), 300));
}

// Of the pod that we are in; empty when there is none, or when the kubeconfig says anything at all.
Result<std::optional<kube::Access>> access_of_pod(const ClusterSources& sources) {
  if (!sources.kubeconfig.current_context.empty() || !sources.kubeconfig.contexts.empty()) {
    return std::optional<kube::Access>();
  }
  return kube::access_in_cluster(sources.environment);
}

}  // namespace

Result<kube::Access> cluster_access(const std::string& name, const ClusterSources& sources) {
  if (name.empty()) {
    SLUICE_TRY(auto pod, access_of_pod(sources));
    if (pod) return std::move(*pod);
    return kube::access_of_context(sources.kubeconfig, "");
  }
  if (const auto* entry = entry_with_api(name, sources.clusters)) return access_of_entry(*entry, sources);
  if (sources.clusters.entries.contains(name)) {
    return Error(ErrorKind::config, "the entry " + name + " of the clusters file is a plain registry")
        .with_hint("give it an 'api' or a 'context'");
  }
  if (is_address(name)) {
    SLUICE_TRY(const auto server, kube::parse_server(name));
    const auto* context = sources.kubeconfig.context_for_server(server.scheme + "://" + server.authority());
    if (context == nullptr) context = sources.kubeconfig.context_for_server(name);
    if (context == nullptr) return no_credentials(name, server.authority());
    return kube::access_of_context(sources.kubeconfig, context->name);
  }
  if (!sources.kubeconfig.contexts.contains(name)) return unknown_cluster(name, sources);
  return kube::access_of_context(sources.kubeconfig, name);
}

namespace {

// What a kubeconfig says of a server: its CA and how it is reached, and nothing of a user.
Result<LoginTarget> target_of_cluster(const std::string& name, const kube::KubeCluster& known) {
  LoginTarget target;
  target.name = name;
  SLUICE_TRY(target.server, kube::parse_server(known.server));
  target.ca_file = known.ca_pem.empty() ? known.ca_file : "";
  target.ca_pem = known.ca_pem;
  if (!target.ca_file.empty()) target.endpoint.ca_files.push_back(target.ca_file);
  target.endpoint.ca_pem = target.ca_pem;
  target.endpoint.verify_tls = !known.insecure;
  target.endpoint.tls_server_name = known.tls_server_name;
  target.endpoint.proxy = known.proxy_url;
  return target;
}

Result<LoginTarget> target_of_context(const std::string& name, const std::string& context_name,
                                      const kube::Kubeconfig& config) {
  SLUICE_TRY(const auto* context, config.context(context_name));
  const auto found = config.clusters.find(context->cluster);
  if (found == config.clusters.end()) {
    return Error(ErrorKind::config, "the kubeconfig context " + text::printable(context->name, 120) +
                                        " names a cluster that is not there");
  }
  SLUICE_TRY(auto target, target_of_cluster(name, found->second));
  target.context = context->name;
  return target;
}

Result<LoginTarget> target_of_entry(const pipeline::Cluster& entry, const ClusterSources& sources) {
  if (entry.context) return target_of_context(entry.name, *entry.context, sources.kubeconfig);
  LoginTarget target;
  target.name = entry.name;
  SLUICE_TRY(target.server, kube::parse_server(entry.api));
  target.endpoint = endpoint_of(entry, sources.clusters);
  target.endpoint.client_cert_file.clear();
  target.endpoint.client_key_file.clear();
  if (!target.endpoint.ca_files.empty()) target.ca_file = target.endpoint.ca_files.front();
  target.token_in_file = entry.token.has_value();
  return target;
}

Result<LoginTarget> target_of_address(const std::string& address, const ClusterSources& sources) {
  SLUICE_TRY(auto server, kube::parse_server(address));
  if (server.target != "/") {
    return Error(ErrorKind::usage, "an API server's address has no path: " + server.redacted())
        .with_hint("write https://" + server.authority() + ", or " + server.authority() + " for a registry");
  }
  // What is known of this server already, its CA above all, counts again.
  const auto* context = sources.kubeconfig.context_for_server(server.scheme + "://" + server.authority());
  if (context != nullptr) {
    SLUICE_TRY(auto target, target_of_context(address, context->name, sources.kubeconfig));
    target.context.clear();  // the address was named, not the context
    return target;
  }
  LoginTarget target;
  target.name = address;
  if (server.scheme == "http") target.endpoint.addresses = net::AddressRule::loopback_only;
  target.server = std::move(server);
  return target;
}

}  // namespace

Result<std::optional<LoginTarget>> login_target(const std::string& name, const ClusterSources& sources) {
  using Found = std::optional<LoginTarget>;
  if (const auto* entry = entry_with_api(name, sources.clusters)) {
    SLUICE_TRY(auto target, target_of_entry(*entry, sources));
    return Found(std::move(target));
  }
  if (is_address(name)) {
    SLUICE_TRY(auto target, target_of_address(name, sources));
    return Found(std::move(target));
  }
  if (sources.clusters.entries.contains(name) || !sources.kubeconfig.contexts.contains(name)) return Found();
  SLUICE_TRY(auto target, target_of_context(name, name, sources.kubeconfig));
  return Found(std::move(target));
}

Result<net::Url> cluster_server(const std::string& name, const ClusterSources& sources) {
  if (name.empty()) {
    SLUICE_TRY(auto pod, access_of_pod(sources));
    if (pod) return std::move(pod->server);
    SLUICE_TRY(auto current, target_of_context(name, name, sources.kubeconfig));
    return std::move(current.server);
  }
  SLUICE_TRY(auto found, login_target(name, sources));
  if (!found) return unknown_cluster(name, sources);
  return std::move(found->server);
}

}  // namespace sluice::app
