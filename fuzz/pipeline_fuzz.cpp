// Any text as a pipeline: one that keeps the promises of pipeline.hpp, or a config error with a position.

#include "fuzz/require.hpp"
#include "pipeline/clusters.hpp"
#include "pipeline/pipeline.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace {

sluice::pipeline::Clusters known_clusters() {
  auto clusters = sluice::pipeline::parse_clusters(
      "clusters: {nonprod: {registry: a.example.com}, prod: {registry: 'b.example.com:5000'},"
      " ocp: {api: 'https://api.example.com'}}",
      "clusters.yaml");
  require(clusters.ok(), "the clusters of this target parse");
  clusters->contexts = {"a/b:6443/c", "kind"};
  return std::move(*clusters);
}

void check(const sluice::pipeline::Pipeline& pipeline) {
  require(!pipeline.app.empty(), "an app has a name");
  require(!pipeline.images.empty() && pipeline.images.size() <= 1000, "1 to 1000 images");
  require(std::set<std::string>(pipeline.images.begin(), pipeline.images.end()).size() == pipeline.images.size(),
          "images are unique");
  require(!pipeline.source.tag.empty(), "the source has a tag");
  require(pipeline.environments.size() >= 2, "at least two environments");
  std::size_t order = 0;
  for (const auto& environment : pipeline.environments) {
    const auto found = pipeline.environment(environment.name);
    require(found.ok() && *found == &environment, "names are unique");
    require(pipeline.order_of(environment) == order++, "the order is that of the file");
    require(!environment.targets.empty(), "every environment has a target");
    const auto& verify = environment.verify;
    require(verify.rollout_time.count() >= 10 && verify.rollout_time.count() <= 86400, "a rollout has a day at most");
    require(verify.watch.count() >= 0 && verify.watch.count() <= 86400, "a watch lasts a day at most");
    require(verify.http.empty() || verify.http.find('@') == std::string::npos, "no credentials in a check");
    std::set<std::string> ids;
    for (const auto& target : environment.targets) {
      require((target.has_api || !target.registry.empty()) && !target.project.empty(), "a target is complete");
      require(ids.insert(target.has_api ? target.cluster + " " + target.project : target.id()).second,
              "targets are unique");
      require(!target.has_api || target.project.find('/') == std::string::npos, "a project of a cluster is one word");
      require(target.has_api || target.deploy == sluice::pipeline::Deploy::trigger, "nothing to patch in a registry");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto kClusters = known_clusters();
  const auto pipeline =
      sluice::pipeline::parse_pipeline({reinterpret_cast<const char*>(data), size}, "sluice.yaml", kClusters);
  if (pipeline.ok()) {
    check(*pipeline);
  } else {
    require(pipeline.error().kind() == sluice::ErrorKind::config, "what is refused is a config error");
    require(pipeline.error().position().has_value(), "an error has a position");
    require(pipeline.error().sentence().size() < 2000, "a message does not echo endless text");
  }
  return 0;
}
