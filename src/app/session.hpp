#pragma once
// Session: the only place that picks implementations and wires them. One per run of a command.

#include "app/cluster_access.hpp"
#include "app/host_profiles.hpp"
#include "app/login_party.hpp"
#include "archive/engine_images.hpp"
#include "auth/credentials.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"
#include "copy/transfer_journal.hpp"
#include "engine/client.hpp"
#include "memory/memory.hpp"
#include "net/reply_stream.hpp"
#include "net/transfer_loop.hpp"
#include "oci/reference.hpp"
#include "pipeline/clusters.hpp"
#include "pipeline/pipeline.hpp"
#include "places/registry.hpp"
#include "promotion/targets/places.hpp"
#include "records/store.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice::app {

/// What a user may say about one side of a copy.
struct SideOptions {
  std::optional<bool> tls_verify{};
  std::optional<std::string> creds{};  ///< "user:password", env:, file: or -
  std::optional<std::filesystem::path> cert_dir{};
  friend bool operator==(const SideOptions&, const SideOptions&) = default;
};

struct SessionOptions {
  std::optional<std::filesystem::path> authfile;
  std::optional<std::filesystem::path> clusters;
  std::string state;  ///< --state; empty: the default
  std::chrono::seconds timeout{30};
  std::chrono::seconds max_wait{300};  ///< all pauses of one exchange that a host asks for, together
  std::uint64_t least_rate = 1024;     ///< bytes per second of a blob; 0: none
  unsigned retry_times = 4;
  SideOptions source;
  SideOptions destination;
};

/// Thread: job, but for what promotion::Places declares and the places it hands out: any.
class Session final : public promotion::Places {
 public:
  /// `stop` ends whatever waits. `after_commit` is told of every write to the records (tests end the process in it).
  Session(SessionOptions options, Environment environment, std::stop_token stop,
          records::AfterCommit after_commit = {});
  ~Session() override;

  enum class Side : std::uint8_t { source, destination };
  /// A registry by its host, with what flags, the clusters file and certs.d say about it. The same settings give the
  /// same object, so that both sides of one registry share tokens and connections.
  Result<places::Registry*> registry(const std::string& host, Side side);
  /// A registry spoken to as somebody in particular: what `login` checks before it stores anything.
  /// `ca_file`: trusted besides what is known of the host; may be empty.
  Result<places::Registry*> registry_with(const std::string& host, const std::string& username, const Secret& password,
                                          const std::string& ca_file = {});
  /// The registry of a target, as place_of() gives it. Errors: those of place_of.
  Result<places::Registry*> registry_behind(const pipeline::Target& target);
  Result<places::Place*> place_of(const pipeline::Target& target) override;
  Result<promotion::ClusterSide> cluster_of(const pipeline::Target& target) override;
  Result<std::string> registry_host_of(const pipeline::Target& target) override;
  Result<promotion::SideSettings> settings_of(const pipeline::Target& target) override;
  std::string user_of(const pipeline::Target& target) override;
  Result<promotion::EngineSide> engine() override;
  /// The same engine for `docker-daemon:` places. Images that come out of it wait in $TMPDIR, else in /var/tmp.
  Result<archive::EngineAccess> engine_access();
  Result<engine::RegistryLogin> engine_login(const pipeline::Target& target, const std::string& image) override;
  net::Exchanger* exchanger_for_checks() override { return &loop_; }
  bool allow_local_checks() const override;

  /// An OpenShift cluster: see cluster_access() for what names stand for. Nothing is sent yet.
  Result<OpenCluster*> cluster(const std::string& name);
  /// The integrated registry of a cluster, by what the clusters file says, else found through the API. It gets the
  /// API's token with the first request. `project`: where to look for it first; may be empty.
  Result<places::Registry*> registry_of(const std::string& cluster, const std::string& project = {});
  /// What a login to `name` is for; empty when it must be a registry.
  Result<std::optional<LoginTarget>> login_target(const std::string& name);
  /// The registry that `name` stands for, when it is written with a scheme or a slash and no cluster is known by it;
  /// empty for everything else. Where nothing that is written down decides and `may_ask`, the host is asked what it is,
  /// without credentials.
  Result<std::optional<std::string>> registry_for_login(const std::string& name, const std::string& ca_file,
                                                        bool may_ask);
  /// The kubeconfig files, read once.
  Result<const kube::Kubeconfig*> kubeconfig();
  net::Exchanger& exchanger() { return loop_; }
  /// The bound on a few exchanges: the timeout for each of them.
  net::ExchangeContext exchange_context() const;

  /// The clusters file, read once.
  Result<const pipeline::Clusters*> clusters();
  /// The same with the contexts of the kubeconfig, or why it cannot be read.
  Result<const pipeline::Clusters*> clusters_and_contexts();
  /// A pipeline whose targets on clusters know their servers. The kubeconfig is read when a target needs it.
  /// Errors: those of pipeline::load_pipeline and cluster_server().
  Result<pipeline::Pipeline> load_pipeline(const std::filesystem::path& file);

  /// Who runs this, as memories are told.
  memory::Who who() const;

  /// The records. `read_only`: a command that only looks writes nothing there, not even a file.
  Result<records::Store*> store(bool read_only = false);

  /// Who is told of long waits; before the first registry is opened.
  void tell_waits(net::TellWait tell) { tell_wait_ = std::move(tell); }

  /// What killed runs have left of their uploads: $XDG_STATE_HOME/sluice/transfers. Looks at no file.
  copy::TransferJournal* journal() { return &journal_; }

  /// Writes down what was learned about the hosts of registries: $XDG_STATE_HOME/sluice/hosts. Once, at the end.
  void keep_profiles() const;

  /// Who one is at each registry that this run has opened, and why, by host: for --explain-auth. Asks nobody.
  std::vector<auth::LoginExplanation> explain_logins();

  /// HTTP requests sent so far, those to token servers included.
  std::uint64_t requests() const { return loop_.counters().requests; }
  const Environment& environment() const { return environment_; }
  /// For one small exchange.
  std::chrono::seconds timeout() const { return options_.timeout; }
  auth::CredentialSources credential_sources() const;

 private:
  void note_proxy_passwords() const;
  /// The clusters entry by name, else the plain registry with this host, else null.
  Result<const pipeline::Cluster*> entry_of(const std::string& name, const std::string& host);
  Result<places::Registry*> open(const std::string& host, const pipeline::Cluster* cluster, const SideOptions& side);
  Result<places::RegistryOptions> registry_options(const std::string& host, const pipeline::Cluster* cluster,
                                                   const SideOptions& side);
  /// How the administrators' entry changes them, and the credentials that it holds.
  Result<std::optional<auth::Credentials>> apply_entry(const pipeline::Cluster& entry,
                                                       places::RegistryOptions& registry);
  /// The API's token for its own registry.
  void use_api_token(OpenCluster& open, places::RegistryOptions& registry) const;
  Result<bool> answers_as_registry(const RegistryAddress& address, const std::string& ca_file);
  Result<ClusterSources> cluster_sources();
  /// The same for one cluster, whose entry may do without the kubeconfig. `as_whom`: credentials are wanted too.
  Result<ClusterSources> sources_of(const std::string& name, bool as_whom);
  /// Fills in where the clusters of a pipeline are.
  Status find_servers(pipeline::Pipeline& pipeline);
  /// The cluster of a target, if it is still the one that the target was made for.
  Result<OpenCluster*> cluster_behind(const pipeline::Target& target);
  Result<std::string> registry_host(OpenCluster& open, const pipeline::Cluster* entry, const std::string& project);

  SessionOptions options_;
  Environment environment_;
  std::stop_token stop_;
  records::AfterCommit after_commit_;
  net::TellWait tell_wait_;
  copy::TransferJournal journal_;
  HostProfiles profiles_;
  std::optional<pipeline::Clusters> clusters_;
  std::optional<kube::Kubeconfig> kubeconfig_;
  std::unique_ptr<records::Store> store_;
  std::unique_ptr<records::Store> look_only_;                 // for who only looks
  std::map<std::string, std::string> registry_hosts_;         // of clusters by name, as they were found
  std::map<std::string, std::vector<std::string>> projects_;  // of the pipelines that were read, by host of the API
  std::mutex asking_;                                         // held by those who come through promotion::Places
  net::TransferLoop loop_;
  net::LoopStreams streams_{loop_};
  std::unique_ptr<engine::Client> engine_;                               // null until it is asked for
  std::map<std::string, std::unique_ptr<OpenCluster>> open_clusters_;    // after the loop: they end before it
  std::map<std::string, std::unique_ptr<places::Registry>> registries_;  // and these before the clusters that they ask
};

}  // namespace sluice::app
