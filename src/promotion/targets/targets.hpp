#pragma once
// Targets: what stands behind each target, and what its tags stand for, whether a registry or an API is asked.

#include "base/result.hpp"
#include "copy/survey.hpp"
#include "memory/memory.hpp"
#include "memory/registry_memory.hpp"
#include "oci/digest.hpp"
#include "pipeline/pipeline.hpp"
#include "promotion/targets/places.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::promotion {

/// One target, opened.
struct TargetAccess {
  pipeline::Target target;  ///< with its place
  ClusterSide side{};       ///< null: a plain registry
  bool streams = false;  ///< the API has image streams; without them (plain Kubernetes) tags are the registry's matter
};

/// Thread: job; one at a time. Borrows `places` for its life. Asks each cluster once what it is, and each
/// project that is opened once which one it is.
class Targets {
 public:
  Targets(Places& places, std::stop_token stop) : places_(places), stop_(std::move(stop)) {}

  /// Errors: those of Places::cluster_of and of the API.
  Result<TargetAccess> open(const pipeline::Target& target);

  /// Target::place of a target with an API whose project was opened; empty for all others, and where nobody may read
  /// it. Asks nobody.
  std::string known_place(const pipeline::Target& target) const;

  /// What `tag` stands for, image by image. Errors: those of the registry or API.
  Result<std::vector<std::optional<oci::Digest>>> digests(const pipeline::Target& target,
                                                          const std::vector<std::string>& images,
                                                          const std::string& tag);
  /// All tags, image by image, without pins of our own and without tags of attachments.
  Result<std::vector<std::vector<std::string>>> tags(const pipeline::Target& target,
                                                     const std::vector<std::string>& images);
  /// The streams of a target, image by image; empty where there is none. Precondition: open(target)->streams.
  Result<std::vector<std::optional<kube::ImageStream>>> streams(const TargetAccess& access,
                                                                const std::vector<std::string>& images);

  /// The same, asked once: for planning and for looking. Many images are read with one list.
  Result<std::vector<std::optional<kube::ImageStream>>> seen(const TargetAccess& access,
                                                             const std::vector<std::string>& images);
  /// What is asked of a target before anything else.
  struct Ahead {
    pipeline::Target target;
    std::string tag{};    ///< what it stands for; empty: not asked
    bool memory = false;  ///< what its repositories remember
  };
  /// Asks the plain registries among them all of it at once, but for what was asked and not given out yet. digests()
  /// and remembered() give each answer out once. Errors: cancelled; what else was in the way is given out with the
  /// answers.
  Status ask_ahead(const std::vector<Ahead>& questions, const std::vector<std::string>& images);
  /// The memory of a plain registry; the same for each asking. Errors: those of Places::place_of.
  Result<std::shared_ptr<memory::RegistryMemory>> registry_memory(const pipeline::Target& target);
  /// All that were asked for, by id of the target.
  const std::map<std::string, std::shared_ptr<memory::RegistryMemory>>& registry_memories() const {
    return registries_;
  }
  /// What the repositories of a plain registry remember, image by image. Errors: those of the registry.
  Result<std::vector<memory::RepositoryMemory>> remembered(const pipeline::Target& target,
                                                           const std::vector<std::string>& images);

  /// Which attachments of images what stands behind a target can hold. Precondition: it was opened. Asks nobody.
  copy::AttachmentsHeld attachments_held(const TargetAccess& access) const;

  /// Forgets what was seen: the world may have changed.
  void forget() {
    seen_.clear();
    digests_ahead_.clear();
    memories_ahead_.clear();
  }

  /// What does not change while a command runs: the API groups of each cluster that was opened, by server.
  using Groups = std::map<std::string, std::set<std::string>>;
  const Groups& groups() const { return groups_; }
  /// What another object of this class has learned: it is not asked again.
  void adopt(const Groups& groups) { groups_.insert(groups.begin(), groups.end()); }

  /// Whom the API takes us for; empty where it does not say. Asked once for each cluster.
  std::string user_at(const TargetAccess& access);

  /// host[:port] that the cluster of `target` pulls an image of `source` from. Inside one cluster that is the
  /// registry's own name there: service accounts have pull secrets for no other. Errors: those of the API; config.
  Result<std::string> registry_for_import(const pipeline::Target& source, const pipeline::Target& target,
                                          const std::string& image);

  /// The bound on one step that asks an API: enough for its retries.
  net::ExchangeContext context() const { return {Deadline::after(std::chrono::minutes(3)), stop_}; }
  Places& places() { return places_; }
  const std::stop_token& stop() const { return stop_; }

 private:
  using Digests = std::vector<std::optional<oci::Digest>>;
  using Memories = std::vector<memory::RepositoryMemory>;
  Result<Digests> ask_digests(places::Place& place, const pipeline::Target& target,
                              const std::vector<std::string>& images, const std::string& tag,
                              const std::stop_token& stop);
  Result<bool> has_streams(const TargetAccess& access);
  Result<std::string> place_of(const TargetAccess& access);

  Places& places_;
  std::stop_token stop_;
  std::map<std::string, std::string> users_;  // by server
  // By server and project, then by name.
  std::map<std::string, std::map<std::string, std::optional<kube::ImageStream>, std::less<>>> seen_;
  std::map<std::string, Result<Digests>> digests_ahead_;                       // by id and tag
  std::map<std::string, std::shared_ptr<memory::RegistryMemory>> registries_;  // by id
  std::map<std::string, Result<Memories>> memories_ahead_;                     // by id
  Groups groups_;
  std::map<std::string, std::string> known_places_;  // by id
};

/// A target of the same cluster and API: image streams of one are reached from the other without moving bytes.
bool same_cluster(const pipeline::Target& a, const pipeline::Target& b);

}  // namespace sluice::promotion
