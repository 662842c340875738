#pragma once
// Targets: what stands behind each target, and what its tags stand for, whether a registry or an API is asked.

#include "base/result.hpp"
#include "oci/digest.hpp"
#include "pipeline/pipeline.hpp"
#include "promotion/places.hpp"

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::promotion {

/// One target, opened.
struct TargetAccess {
  pipeline::Target target;
  ClusterSide side{};    ///< null: a plain registry
  bool streams = false;  ///< the API has image streams; without them (plain Kubernetes) tags are the registry's matter
};

/// Thread: job; one at a time. Borrows `places` for its life. Asks each cluster once what it is.
class Targets {
 public:
  Targets(Places& places, std::stop_token stop) : places_(places), stop_(std::move(stop)) {}

  /// Errors: those of Places::cluster_of and of the API.
  Result<TargetAccess> open(const pipeline::Target& target);

  /// What `tag` stands for, image by image. Errors: those of the registry or API.
  Result<std::vector<std::optional<oci::Digest>>> digests(const pipeline::Target& target,
                                                          const std::vector<std::string>& images,
                                                          const std::string& tag);
  /// All tags, image by image, without pins of our own.
  Result<std::vector<std::vector<std::string>>> tags(const pipeline::Target& target,
                                                     const std::vector<std::string>& images);
  /// The streams of a target, image by image; empty where there is none. Precondition: open(target)->streams.
  Result<std::vector<std::optional<cluster::ImageStream>>> streams(const TargetAccess& access,
                                                                   const std::vector<std::string>& images);

  /// host[:port] that the cluster of `target` pulls an image of `source` from. Inside one cluster that is the
  /// registry's own name there: service accounts have pull secrets for no other. Errors: those of the API; config.
  Result<std::string> registry_for_import(const pipeline::Target& source, const pipeline::Target& target,
                                          const std::string& image);

  /// The bound on one step that asks an API: enough for its retries.
  net::ExchangeContext context() const { return {Deadline::after(std::chrono::minutes(3)), stop_}; }
  Places& places() { return places_; }
  const std::stop_token& stop() const { return stop_; }

 private:
  Places& places_;
  std::stop_token stop_;
  std::map<std::string, bool> has_streams_;  // by server
};

/// A target of the same cluster and API: image streams of one are reached from the other without moving bytes.
bool same_cluster(const pipeline::Target& a, const pipeline::Target& b);

}  // namespace sluice::promotion
