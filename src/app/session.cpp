#include "app/session.hpp"

#include "places/certs_d.hpp"
#include "version.hpp"

#include <algorithm>

namespace sluice::app {

namespace {

net::LoopOptions loop_options(const SessionOptions& options) {
  net::LoopOptions loop;
  loop.stall = options.timeout;
  // What is said to be sent may still sit in buffers, and object stores copy a blob on commit: patience, not for ever.
  loop.commit = options.timeout * 10;
  loop.connect_timeout = std::min<std::chrono::milliseconds>(options.timeout, std::chrono::seconds(10));
  loop.user_agent = std::string("sluice/") + kVersion;
  return loop;
}

}  // namespace

Session::Session(SessionOptions options, Environment environment, std::stop_token stop,
                 records::AfterCommit after_commit)
    : options_(std::move(options)),
      environment_(std::move(environment)),
      stop_(std::move(stop)),
      after_commit_(std::move(after_commit)),
      loop_(loop_options(options_)) {}

Session::~Session() = default;

auth::CredentialSources Session::credential_sources() const {
  auth::CredentialSources sources;
  sources.authfile = options_.authfile;
  sources.environment = environment_;
  return sources;
}

Result<const pipeline::Clusters*> Session::clusters() {
  if (!clusters_) {
    SLUICE_TRY(clusters_, pipeline::load_clusters(options_.clusters, environment_));
  }
  return static_cast<const pipeline::Clusters*>(&*clusters_);
}

Result<pipeline::Pipeline> Session::load_pipeline(const std::filesystem::path& file) {
  SLUICE_TRY(const auto* known, clusters());
  return pipeline::load_pipeline(file, *known);
}

Result<records::Store*> Session::store(bool read_only) {
  if (!store_) {
    SLUICE_TRY(const auto path, records::records_path(options_.state, environment_));
    std::error_code code;
    if (read_only && !std::filesystem::exists(path, code)) {
      if (!nothing_) nothing_ = records::empty_store();
      return nothing_.get();
    }
    SLUICE_TRY(store_, records::open_sqlite(path, after_commit_));
  }
  return store_.get();
}

Result<places::RegistryOptions> Session::registry_options(const std::string& host, const pipeline::Cluster* cluster,
                                                          const SideOptions& side) {
  places::RegistryOptions registry;
  registry.host = host;
  registry.timeout = options_.timeout;
  registry.retry_times = options_.retry_times;
  registry.insecure = (cluster != nullptr && cluster->insecure) || side.tls_verify == false;
  if (side.tls_verify == true) registry.insecure = false;

  if (side.cert_dir) {
    SLUICE_CHECK(places::add_certificates(registry.endpoint, *side.cert_dir));
  } else {
    SLUICE_CHECK(places::add_host_certificates(registry.endpoint, host, environment_));
  }
  std::optional<auth::Credentials> fixed;
  if (cluster != nullptr) {
    const auto path = [&](const std::optional<pipeline::ValueReference>& reference) {
      return pipeline::reference_path(*reference, *clusters_).string();
    };
    if (cluster->ca) registry.endpoint.ca_files.push_back(path(cluster->ca));
    if (cluster->client_cert && cluster->client_key) {
      registry.endpoint.client_cert_file = path(cluster->client_cert);
      registry.endpoint.client_key_file = path(cluster->client_key);
    }
    if (cluster->proxy) registry.endpoint.proxy = *cluster->proxy == "none" ? "" : *cluster->proxy;
    if (cluster->password) {
      SLUICE_TRY(auto password, pipeline::resolve_reference(*cluster->password, *clusters_, environment_));
      fixed.emplace();
      fixed->username = cluster->username.value_or("");
      fixed->password = std::move(password);
      fixed->source = clusters_->file.string() + " (" + cluster->name + ")";
    }
  }
  if (side.creds) {
    SLUICE_TRY(fixed, auth::parse_credentials(*side.creds, &side == &options_.source ? "--src-creds" : "--dest-creds",
                                              environment_));
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
  }
  return registry;
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
    if (cluster.registry == host && !cluster.has_api) return &cluster;
  }
  return static_cast<const pipeline::Cluster*>(nullptr);
}

Result<places::Registry*> Session::registry(const std::string& host, Side side) {
  SLUICE_TRY(const auto* entry, entry_of("", host));
  return open(host, entry, side == Side::source ? options_.source : options_.destination);
}

Result<places::Registry*> Session::registry_with(const std::string& host, const std::string& username,
                                                 const Secret& password) {
  SLUICE_TRY(const auto* entry, entry_of("", host));
  SLUICE_TRY(auto options, registry_options(host, entry, options_.source));
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

Result<places::Place*> Session::place_of(const pipeline::Target& target) {
  SLUICE_TRY(const auto* entry, entry_of(target.cluster, target.registry));
  SLUICE_TRY(auto* opened, open(target.registry, entry, SideOptions{}));
  return static_cast<places::Place*>(opened);
}

}  // namespace sluice::app
