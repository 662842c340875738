#include "app/session.hpp"

#include "app/login_order.hpp"
#include "app/who.hpp"
#include "base/process.hpp"
#include "base/sent_secrets.hpp"
#include "base/text.hpp"
#include "net/address.hpp"
#include "oci/docker_hub.hpp"
#include "openshift/registry/access.hpp"
#include "openshift/registry/discovery.hpp"
#include "places/certs_d.hpp"
#include "version.hpp"

#include <algorithm>

namespace sluice::app {

namespace {

// "http://proxy.example.com:3128/" -> "proxy.example.com:3128"; "none" stays. The clusters file has no credentials
// here.
std::string without_scheme(const std::string& proxy) {
  const auto scheme = proxy.find("://");
  const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
  return proxy.substr(begin, proxy.find('/', begin) - begin);
}

net::LoopOptions loop_options(const SessionOptions& options, const Environment& environment) {
  net::LoopOptions loop;
  loop.stall = options.timeout;
  loop.least_rate = options.least_rate;
  // What is said to be sent may still sit in buffers, and object stores copy a blob on commit: patience, not for ever.
  loop.commit = options.timeout * 10;
  loop.connect_timeout = std::min<std::chrono::milliseconds>(options.timeout, std::chrono::seconds(10));
  loop.user_agent = std::string("sluice/") + kVersion;
  loop.proxies = net::ProxySettings::from(environment);
  return loop;
}

}  // namespace

Session::Session(SessionOptions options, Environment environment, std::stop_token stop,
                 records::AfterCommit after_commit)
    : options_(std::move(options)),
      environment_(std::move(environment)),
      stop_(std::move(stop)),
      after_commit_(std::move(after_commit)),
      journal_(environment_.state_home() / "sluice" / "transfers"),
      profiles_(environment_.state_home() / "sluice" / "hosts"),
      loop_(loop_options(options_, environment_)) {
  note_proxy_passwords();
}

Session::~Session() = default;

// curl sends them by itself, as it reads these variables by itself.
void Session::note_proxy_passwords() const {
  for (const auto* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    const auto proxy = environment_.get(name).value_or("");
    const auto end = proxy.rfind('@');
    if (end == std::string::npos) continue;
    const auto begin = proxy.find("://");
    const auto login = std::string_view(proxy).substr(0, end).substr(begin == std::string::npos ? 0 : begin + 3);
    const auto [user, password] = text::cut(login, ':');
    SentSecrets::process().add(Secret(std::string(password)), user);
  }
}

auth::CredentialSources Session::credential_sources() const {
  auth::CredentialSources sources;
  sources.authfile = options_.authfile;
  sources.environment = environment_;
  return sources;
}

Result<const pipeline::Clusters*> Session::clusters() {
  if (!clusters_) {
    SLUICE_TRY(clusters_, pipeline::load_clusters(options_.clusters, environment_));
    for (const auto& name : pipeline::named_variables(*clusters_)) keep_from_children(name);
  }
  return static_cast<const pipeline::Clusters*>(&*clusters_);
}

Result<const pipeline::Clusters*> Session::clusters_and_contexts() {
  SLUICE_CHECK(clusters());
  const auto config = kubeconfig();
  clusters_->contexts.clear();
  if (config) {
    for (const auto& [name, context] : (*config)->contexts) clusters_->contexts.push_back(name);
  } else {
    clusters_->contexts_error = config.error();
  }
  return static_cast<const pipeline::Clusters*>(&*clusters_);
}

Result<pipeline::Pipeline> Session::load_pipeline(const std::filesystem::path& file) {
  SLUICE_TRY(const auto* known, clusters());
  auto pipeline = pipeline::load_pipeline(file, *known);
  if (!pipeline && pipeline.error().kind() == ErrorKind::config) {
    // A name that is no entry may be a context. Who names none needs no kubeconfig, and may have a broken one.
    SLUICE_CHECK(clusters_and_contexts());
    pipeline = pipeline::load_pipeline(file, *known);
  }
  if (pipeline) SLUICE_CHECK(find_servers(*pipeline));
  return pipeline;
}

void Session::keep_profiles() const {
  std::map<std::string, places::HostProfile> known;
  for (const auto& [key, registry] : registries_) known.emplace(registry->name(), registry->profile());
  for (const auto& [host, profile] : known) {
    if (profile != profiles_.load(host)) profiles_.keep(host, profile);
  }
}

Status Session::find_servers(pipeline::Pipeline& pipeline) {
  std::map<std::string, std::string, std::less<>> servers;  // by the cluster's name
  for (auto& environment : pipeline.environments) {
    for (auto& target : environment.targets) {
      if (!target.has_api) continue;
      auto& server = servers[target.cluster];
      if (server.empty()) {
        const auto what = "finding the cluster of environment '" + environment.name + "'";
        auto sources = sources_of(target.cluster, false);
        if (!sources) return std::move(sources).error().context(what);
        auto url = cluster_server(target.cluster, *sources);
        if (!url) return std::move(url).error().context(what);
        server = url->authority();
      }
      target.server = server;
      auto& known = projects_[server];
      if (std::find(known.begin(), known.end(), target.project) == known.end()) known.push_back(target.project);
    }
  }
  // Without clusters the parser has seen all there is.
  return servers.empty() ? Status() : pipeline::check_places(pipeline);
}

Result<records::Store*> Session::store(bool read_only) {
  if (store_) return store_.get();
  if (read_only) {
    if (!look_only_) {
      SLUICE_TRY(look_only_, records::open_read_only(options_.state, environment_));
    }
    return look_only_.get();
  }
  SLUICE_TRY(const auto path, records::records_path(options_.state, environment_));
  SLUICE_TRY(store_, records::open_sqlite(path, after_commit_));
  return store_.get();
}

memory::Who Session::who() const { return who_asks(environment_); }

Result<places::RegistryOptions> Session::registry_options(const std::string& host, const pipeline::Cluster* cluster,
                                                          const SideOptions& side) {
  places::RegistryOptions registry;
  registry.host = oci::api_host(host);
  registry.timeout = options_.timeout;
  registry.retry_times = options_.retry_times;
  registry.max_wait = options_.max_wait;
  registry.profile = profiles_.load(host);
  registry.tell_wait = tell_wait_;
  registry.insecure = (cluster != nullptr && cluster->insecure) || side.tls_verify == false;
  if (side.tls_verify == true) registry.insecure = false;

  if (side.cert_dir) {
    SLUICE_CHECK(places::add_certificates(registry.endpoint, *side.cert_dir));
  } else {
    SLUICE_CHECK(places::add_host_certificates(registry.endpoint, host, environment_));
    // podman looks under the name that people write, docker under the one that is spoken to.
    if (registry.host != host) {
      SLUICE_CHECK(places::add_host_certificates(registry.endpoint, registry.host, environment_));
    }
  }
  std::optional<auth::Credentials> fixed;
  if (cluster != nullptr) {
    SLUICE_TRY(fixed, apply_entry(*cluster, registry));
  }
  const std::string flag = &side == &options_.source ? "--src-creds" : "--dest-creds";
  const auto entry = cluster == nullptr ? std::string() : clusters_->file.string() + " (" + cluster->name + ")";
  const bool entry_has_login = fixed.has_value();
  if (side.creds) {
    SLUICE_TRY(fixed, auth::parse_credentials(*side.creds, flag, environment_, stop_));
  }
  if (fixed) {
    registry.find_credentials = [given = *fixed](std::string_view) -> Result<std::optional<auth::Credentials>> {
      return std::optional(given);
    };
  } else {
    auto lookup = std::make_shared<auth::CredentialLookup>(credential_sources(), host);
    registry.find_credentials = [lookup, stop = stop_](std::string_view repository) {
      return lookup->find(repository, stop);
    };
    registry.looked_at = [lookup](std::string_view repository) { return lookup->looked_at(repository); };
    if (cluster != nullptr && cluster->has_api) {
      auto open = this->cluster(cluster->name);
      if (open) {
        use_api_token(**open, registry);
      } else if (open.error().kind() != ErrorKind::unauthenticated) {
        return std::move(open).error();
      } else {
        note_first(registry, auth::LookedAt{cluster->name + "'s API", {}, {}, false, "nobody is logged in there"});
      }
    }
  }
  const auto looked_at = entry_looked_at({entry, entry_has_login, side.creds.has_value()});
  if (looked_at) note_first(registry, *looked_at);
  if (side.creds) note_first(registry, auth::LookedAt{flag, {}, {}, true, {}});
  return registry;
}

Result<std::optional<auth::Credentials>> Session::apply_entry(const pipeline::Cluster& entry,
                                                              places::RegistryOptions& registry) {
  const auto path = [&](const std::optional<pipeline::ValueReference>& reference) {
    return pipeline::reference_path(*reference, *clusters_).string();
  };
  if (entry.ca) registry.endpoint.ca_files.push_back(path(entry.ca));
  if (entry.client_cert && entry.client_key) {
    registry.endpoint.client_cert_file = path(entry.client_cert);
    registry.endpoint.client_key_file = path(entry.client_key);
  }
  if (entry.proxy) registry.endpoint.proxy = *entry.proxy == "none" ? "" : *entry.proxy;
  if (!entry.password) return std::optional<auth::Credentials>();
  SLUICE_TRY(auto password, pipeline::resolve_reference(*entry.password, *clusters_, environment_));
  auth::Credentials credentials;
  credentials.username = entry.username.value_or("");
  credentials.password = std::move(password);
  credentials.source = clusters_->file.string() + " (" + entry.name + ")";
  return std::optional(std::move(credentials));
}

void Session::use_api_token(OpenCluster& open, places::RegistryOptions& registry) const {
  const auto token_name = "the API token of " + (open.name.empty() ? open.connection.host() : open.name);
  // A registry that may be anybody's must not get what opens the whole cluster, asked or unasked.
  if (registry.insecure && !net::is_loopback_name(net::host_of(registry.host))) {
    note_first(registry,
               auth::LookedAt{token_name, {}, {}, false, "not sent: the registry's certificate is not checked"});
    return;
  }
  const auto identity = open.connection.access().identity;
  const auto shown_for = std::make_shared<TokensShown>();
  const auto context = [stop = stop_, timeout = options_.timeout] {
    return net::ExchangeContext{Deadline::after(timeout), stop};
  };
  registry.preemptive_bearer = true;
  note_first(registry, [shown_for, token_name](std::string_view repository) {
    return shown_for->looked_at(token_name, repository);
  });
  registry.find_credentials = [identity, context, shown_for, otherwise = registry.find_credentials](
                                  std::string_view repository) -> Result<std::optional<auth::Credentials>> {
    SLUICE_TRY(auto shown, identity->present(context()));
    shown_for->note(repository, !shown.token.empty());
    if (shown.token.empty()) return otherwise(repository);  // a client certificate says nothing to a registry
    auth::Credentials credentials;
    credentials.source = identity->explain();
    credentials.registry_token = std::move(shown.token);
    return std::optional(std::move(credentials));
  };
  registry.current_token = [identity](const Secret* refused, const net::ExchangeContext& exchange) -> Result<Secret> {
    if (refused != nullptr) static_cast<void>(identity->refused({*refused, "", {}}));
    SLUICE_TRY(auto shown, identity->present(exchange));
    return std::move(shown.token);
  };
  registry.explain_refusal = [&open, host = registry.host](Error refusal, const auth::Scopes& scopes,
                                                           const net::ExchangeContext& exchange) {
    // What is written decides, as it does about whose credentials are sent.
    auto scope = std::find_if(scopes.begin(), scopes.end(), [](const auth::Scope& one) { return one.push; });
    if (scope == scopes.end()) scope = scopes.begin();
    if (scope == scopes.end()) return refusal;
    const auto [project, stream] = text::cut(scope->repository, '/');
    if (stream.empty()) return refusal;
    return openshift::explain_refusal(open.client, {host, std::string(project), std::string(stream), scope->push},
                                      std::move(refusal), exchange);
  };
}

Result<const kube::Kubeconfig*> Session::kubeconfig() {
  if (!kubeconfig_) {
    SLUICE_TRY(kubeconfig_, kube::load_kubeconfig(environment_));
  }
  return static_cast<const kube::Kubeconfig*>(&*kubeconfig_);
}

Result<ClusterSources> Session::cluster_sources() {
  SLUICE_TRY(const auto* known, clusters());
  SLUICE_TRY(const auto* config, kubeconfig());
  return ClusterSources{*known, *config, environment_};
}

Result<ClusterSources> Session::sources_of(const std::string& name, bool as_whom) {
  SLUICE_TRY(const auto* known, clusters());
  const auto config = kubeconfig();
  if (config) return ClusterSources{*known, **config, environment_};
  const auto entry = known->entries.find(name);
  if (entry == known->entries.end() || entry->second.api.empty()) return config.error();
  if (as_whom && !entry->second.token && !entry->second.client_cert) return config.error();
  static const kube::Kubeconfig kNone;
  return ClusterSources{*known, kNone, environment_};
}

net::ExchangeContext Session::exchange_context() const {
  return {Deadline::after(options_.timeout * (1 + static_cast<int>(options_.retry_times))), stop_};
}

Result<OpenCluster*> Session::cluster(const std::string& name) {
  if (const auto known = open_clusters_.find(name); known != open_clusters_.end()) return known->second.get();
  SLUICE_TRY(const auto sources, sources_of(name, true));
  kube::ConnectionOptions connection;
  SLUICE_TRY(connection.access, cluster_access(name, sources));
  connection.timeout = options_.timeout;
  connection.retry_times = options_.retry_times;
  auto made = std::make_unique<OpenCluster>(name, loop_, std::move(connection));
  return open_clusters_.emplace(name, std::move(made)).first->second.get();
}

Result<std::optional<LoginTarget>> Session::login_target(const std::string& name) {
  const auto sources = cluster_sources();
  if (sources) return app::login_target(name, *sources);
  // A kubeconfig that is broken must not keep anybody from logging in to a registry.
  const auto* known = clusters_ ? &*clusters_ : nullptr;
  const bool is_cluster = name.find("://") != std::string::npos ||
                          (known != nullptr && known->entries.contains(name) && known->entries.at(name).has_api);
  if (known == nullptr || is_cluster || !oci::parse_registry(name)) return sources.error();
  return std::optional<LoginTarget>();
}

Result<std::string> Session::registry_host(OpenCluster& open, const pipeline::Cluster* entry,
                                           const std::string& project) {
  if (entry != nullptr && !entry->registry.empty()) return entry->registry;
  auto& host = registry_hosts_[open.name];
  if (!host.empty()) return host;
  openshift::DiscoveryOptions options;
  if (!project.empty()) options.projects.push_back(project);
  // Any stream of the cluster names its registry, and we may not see them everywhere.
  for (const auto& other : projects_[open.connection.host()]) {
    if (other != project) options.projects.push_back(other);
  }
  SLUICE_TRY(const auto names, openshift::find_registry(open.client, options, exchange_context()));
  SLUICE_TRY(host, openshift::usable_host(names, open.name.empty() ? open.connection.host() : open.name));
  return host;
}

Result<places::Registry*> Session::registry_of(const std::string& name, const std::string& project) {
  SLUICE_TRY(auto* open_cluster, cluster(name));
  SLUICE_TRY(const auto* known, clusters());
  const auto found = known->entries.find(name);
  const auto* entry = found != known->entries.end() ? &found->second : nullptr;
  SLUICE_TRY(const auto host, registry_host(*open_cluster, entry, project));
  const auto key = host + "|" + name + "|cluster";
  if (const auto there = registries_.find(key); there != registries_.end()) return there->second.get();
  SLUICE_TRY(auto options, registry_options(host, entry, SideOptions{}));
  if (entry == nullptr) use_api_token(*open_cluster, options);
  auto made = std::make_unique<places::Registry>(loop_, std::move(options));
  return registries_.emplace(key, std::move(made)).first->second.get();
}

Result<places::Registry*> Session::open(const std::string& host, const pipeline::Cluster* cluster,
                                        const SideOptions& side) {
  const bool plain = side == SideOptions{};
  std::string key = host + "|" + (cluster != nullptr ? cluster->name : "");
  // The same settings on both sides are one registry; different ones are kept apart.
  if (!plain) key += (side == options_.source) ? "|source" : "|destination";
  if (const auto known = registries_.find(key); known != registries_.end()) return known->second.get();
  SLUICE_TRY(auto options, registry_options(host, cluster, side));
  auto made = std::make_unique<places::Registry>(loop_, std::move(options));
  return registries_.emplace(key, std::move(made)).first->second.get();
}

Result<const pipeline::Cluster*> Session::entry_of(const std::string& name, const std::string& host) {
  SLUICE_TRY(const auto* known, clusters());
  if (!name.empty()) {
    const auto found = known->entries.find(name);
    if (found != known->entries.end()) return &found->second;
    return Error(ErrorKind::config, "the clusters file has no entry " + name)
        .with_hint("name the right file with --clusters");
  }
  // A registry that is only named by its host still gets the CA and credentials that its administrators wrote down.
  for (const auto& [key, cluster] : known->entries) {
    if (cluster.registry == oci::canonical_registry(host)) return &cluster;
  }
  return static_cast<const pipeline::Cluster*>(nullptr);
}

Result<places::Registry*> Session::registry(const std::string& host, Side side) {
  SLUICE_TRY(const auto* entry, entry_of("", host));
  return open(host, entry, side == Side::source ? options_.source : options_.destination);
}

Result<places::Registry*> Session::registry_with(const std::string& host, const std::string& username,
                                                 const Secret& password, const std::string& ca_file) {
  SLUICE_TRY(const auto* entry, entry_of("", host));
  SLUICE_TRY(auto options, registry_options(host, entry, options_.source));
  if (!ca_file.empty()) options.endpoint.ca_files.push_back(ca_file);
  auth::Credentials credentials;
  credentials.username = username;
  credentials.password = password;
  credentials.source = "what was typed";
  options.find_credentials = [credentials](std::string_view) -> Result<std::optional<auth::Credentials>> {
    return std::optional(credentials);
  };
  auto made = std::make_unique<places::Registry>(loop_, std::move(options));
  return registries_.insert_or_assign(host + "|login", std::move(made)).first->second.get();
}

Result<OpenCluster*> Session::cluster_behind(const pipeline::Target& target) {
  SLUICE_TRY(auto* open_cluster, cluster(target.cluster));
  const auto server = open_cluster->connection.host();
  if (target.server.empty() || target.server == server) return open_cluster;
  // A plan, or a promotion that goes on, is about one cluster, whatever its name stands for by now.
  const auto who = target.cluster.empty() ? std::string("the current kubeconfig context")
                                          : "the cluster '" + text::printable(target.cluster, 120) + "'";
  return Error(ErrorKind::config,
               who + " is at " + server + " now, and " + target.label() + " is meant at " + target.server)
      .with_hint("let it point at " + target.server + " again, or make a new plan");
}

Result<places::Registry*> Session::registry_behind(const pipeline::Target& target) {
  if (target.has_api) {
    SLUICE_CHECK(cluster_behind(target));
    return registry_of(target.cluster, target.project);
  }
  SLUICE_TRY(const auto* entry, entry_of(target.cluster, target.registry));
  return open(target.registry, entry, SideOptions{});
}

Result<places::Place*> Session::place_of(const pipeline::Target& target) {
  const std::scoped_lock lock(asking_);
  SLUICE_TRY(auto* opened, registry_behind(target));
  return static_cast<places::Place*>(opened);
}

Result<promotion::ClusterSide> Session::cluster_of(const pipeline::Target& target) {
  if (!target.has_api) return promotion::ClusterSide{};
  const std::scoped_lock lock(asking_);
  SLUICE_TRY(auto* opened, cluster_behind(target));
  const auto name = target.cluster.empty() ? opened->connection.host() : target.cluster;
  return promotion::ClusterSide{name, &opened->client, &streams_};
}

Result<std::string> Session::registry_host_of(const pipeline::Target& target) {
  if (!target.has_api) return target.registry;
  const std::scoped_lock lock(asking_);
  SLUICE_TRY(const auto* opened, registry_behind(target));
  return opened->name();
}

Result<promotion::SideSettings> Session::settings_of(const pipeline::Target& target) {
  const std::scoped_lock lock(asking_);
  SLUICE_TRY(const auto* known, clusters());
  const pipeline::Cluster* entry = nullptr;
  // A context of the kubeconfig says nothing about a registry.
  const bool by_name = target.has_api || !target.cluster.empty();
  if (by_name) {
    const auto named = known->entries.find(target.cluster);
    if (named != known->entries.end()) entry = &named->second;
  } else {
    SLUICE_TRY(entry, entry_of("", target.registry));
  }
  promotion::SideSettings settings;
  if (entry == nullptr) return settings;
  if (by_name && !entry->registry.empty()) settings.registry = entry->registry;
  settings.insecure = entry->insecure;
  if (entry->proxy) settings.proxy = without_scheme(*entry->proxy);
  return settings;
}

std::string Session::user_of(const pipeline::Target& target) {
  const std::scoped_lock lock(asking_);
  const auto opened = registry_behind(target);
  if (!opened) return {};
  for (const auto& login : (*opened)->explain_login().logins) {
    if (!login.user.empty()) return login.user;
  }
  return {};
}

bool Session::allow_local_checks() const { return clusters_ && clusters_->allow_local_checks; }

}  // namespace sluice::app
