#include "sandbox/workloads/outcome.hpp"

#include "base/hash.hpp"
#include "base/text.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/images/mapping.hpp"
#include "sandbox/images/pull_spec.hpp"
#include "sandbox/workloads/config.hpp"
#include "sandbox/workloads/counts.hpp"
#include "sandbox/workloads/kinds.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::sandbox {

namespace {

const Json& pod_spec_of(std::string_view resource, const Json& object) {
  return resource == kPods ? at(object, {"spec"}) : at(object, {"spec", "template", "spec"});
}

std::optional<Outcome> outcome_of_digests(const World& world, const Json& pod_spec) {
  if (world.knobs.digest_outcomes.empty()) return std::nullopt;
  std::optional<Outcome> out;
  for (const auto& container : at(pod_spec, {"containers"}).items()) {
    const auto image = text_at(container, {"image"});
    const auto cut = image.find('@');
    if (cut == std::string::npos) continue;
    const auto found = world.knobs.digest_outcomes.find(image.substr(cut + 1));
    if (found == world.knobs.digest_outcomes.end()) continue;
    // One container that fails is enough, whichever place it has.
    if (!out || out->result == Outcome::Result::succeed) out = found->second;
  }
  return out;
}

bool is_own_registry(const World& world, std::string_view host) {
  const auto& names = world.registry;
  return host == names.internal || host == names.listener || (names.external && host == *names.external);
}

/// The digest of a reference into the own registry; empty when the history does not have it.
std::string digest_in_stream(const World& world, const PullSpec& spec) {
  if (spec.digest.empty()) {
    return digest_of_tag(world, spec.ns(), spec.name(), spec.tag.empty() ? "latest" : spec.tag).value_or("");
  }
  return history_has(world, spec.ns(), spec.name(), spec.digest) ? spec.digest : "";
}

std::string runtime_error(const World& world, const PullSpec& spec, std::string_view why) {
  const auto what = spec.digest.empty() ? (spec.tag.empty() ? "latest" : spec.tag) : spec.digest;
  if (world.profile == Profile::v3_11) {
    return fmt::format(
        "rpc error: code = Unknown desc = Error response from daemon: Get {}://{}/v2/{}/manifests/{}: {}",
        world.registry.scheme, spec.registry, spec.path, what, why);
  }
  return fmt::format("rpc error: code = Unknown desc = reading manifest {} in {}: {}", what, spec.repository(), why);
}

std::int64_t quantity(const Json& value) {
  if (const auto number = value.as_integer()) return *number;
  return number_in(value.as_string().value_or(""));
}

std::string exceeded(std::string_view pod, std::string_view quota, std::int64_t used, std::int64_t limit) {
  return fmt::format("pods \"{}\" is forbidden: exceeded quota: {}, requested: pods=1, used: pods={}, limited: pods={}",
                     pod, quota, used, limit);
}

PodFate fate_of(Outcome::Result result) {
  switch (result) {
    case Outcome::Result::fail:
    case Outcome::Result::crash_loop:
      return PodFate::crash;
    case Outcome::Result::init_crash:
      return PodFate::init_crash;
    case Outcome::Result::hang:
      return PodFate::starting;
    case Outcome::Result::fail_after:
    case Outcome::Result::never_ready:
      return PodFate::never_ready;
    case Outcome::Result::unschedulable:
      return PodFate::unschedulable;
    case Outcome::Result::succeed:
    case Outcome::Result::unpullable:
    case Outcome::Result::quota:
      return PodFate::ready;
  }
  return PodFate::ready;
}

}  // namespace

Outcome outcome_of(const World& world, std::string_view resource, const Json& object) {
  if (!world.knobs.outcomes.empty()) {
    // A pod, its controller, and what owns that: three steps at most.
    auto key = key_of(resource, object);
    for (int step = 0; step < 3 && !key.resource.empty(); ++step) {
      const auto found = world.knobs.outcomes.find(key);
      if (found != world.knobs.outcomes.end()) return found->second;
      const auto owner = world.store.get(key);
      if (!owner) break;
      key = controller_key(*owner);
    }
  }
  return outcome_of_digests(world, pod_spec_of(resource, object)).value_or(Outcome{});
}

PulledImage pull_image(const World& world, std::string_view ns, std::string_view service_account,
                       std::string_view image) {
  const auto spec = PullSpec::parse(image);
  const std::string prefix = world.profile == Profile::v3_11 ? "docker-pullable://" : "";
  if (!spec) return {"", fmt::format("couldn't parse image reference \"{}\": invalid reference format", image), true};
  if (!is_own_registry(world, spec->registry)) {
    // Nobody can know the digest of a foreign tag without asking: any one that stays the same will do.
    const auto digest =
        spec->digest.empty() ? "sha256:" + hash_hex(HashAlgorithm::sha256, std::string(image)) : spec->digest;
    return {fmt::format("{}{}@{}", prefix, spec->repository(), digest), ""};
  }
  const Attributes wanted{"get", "image.openshift.io", "imagestreams", "layers", spec->ns(), spec->name()};
  if (!world.may(Caller::service_account(ns, service_account), wanted)) {
    return {"", runtime_error(world, *spec, "unauthorized: authentication required")};
  }
  const auto digest = digest_in_stream(world, *spec);
  if (digest.empty()) return {"", runtime_error(world, *spec, "manifest unknown: manifest unknown")};
  return {fmt::format("{}{}@{}", prefix, spec->repository(), digest), ""};
}

NodeView node_view(const World& world, const Json& pod) {
  NodeView view;
  view.now = world.now_text();
  view.runtime.container_prefix = world.profile == Profile::v3_11 ? "docker://" : "cri-o://";
  const bool deployer = !label(pod, kDeployerFor).empty();
  const auto outcome = deployer ? Outcome{} : outcome_of(world, kPods, pod);
  view.fate = fate_of(outcome.result);
  if (outcome.result == Outcome::Result::fail_after) {
    const auto started = parse_time(text_at(pod, {"status", "startTime"}));
    if (started + outcome.after <= world.now()) view.fate = PodFate::crash;
  }
  const auto account = text_at(pod, {"spec", "serviceAccountName"});
  const auto puller = account.empty() ? "default" : account;
  for (const auto& container : at(pod, {"spec", "initContainers"}).items()) {
    view.init_images.push_back(pull_image(world, namespace_of(pod), puller, text_at(container, {"image"})));
  }
  for (const auto& container : at(pod, {"spec", "containers"}).items()) {
    const auto image = text_at(container, {"image"});
    if (outcome.result == Outcome::Result::unpullable) {
      const auto spec = PullSpec::parse(image);
      view.images.push_back(
          {"", runtime_error(world, spec.value_or(PullSpec{}), "manifest unknown: manifest unknown")});
    } else {
      view.images.push_back(pull_image(world, namespace_of(pod), puller, image));
    }
  }
  return view;
}

std::string pod_refused(const World& world, std::string_view owner_resource, const Json& owner,
                        std::string_view pod_name) {
  if (outcome_of(world, owner_resource, owner).result == Outcome::Result::quota) {
    return exceeded(pod_name, "compute-resources", 4, 4);
  }
  const auto ns = namespace_of(owner);
  for (const auto& quota : world.store.list(kResourceQuotas, ns)) {
    const auto& hard = at(*quota, {"spec", "hard", "pods"});
    if (hard.is_null()) continue;
    std::int64_t used = 0;
    for (const auto& pod : world.store.list(kPods, ns)) used += pod_is_active(*pod) ? 1 : 0;
    if (used + 1 > quantity(hard)) return exceeded(pod_name, name_of(*quota), used, quantity(hard));
  }
  return "";
}

}  // namespace sluice::sandbox
