// What is wrong with a workload beside the trigger on a promoted tag. Pure.
#include "base/text.hpp"
#include "openshift/workloads/subject.hpp"
#include "openshift/workloads/triggers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace sluice::openshift::detail {

bool Setting::sets(const kube::Container& container) const {
  return std::find(containers.begin(), containers.end(), container.name) != containers.end();
}

BoundContainer bound(const kube::Container& container, const StreamTag& tag) {
  return {container.name, container.image, container.init,
          !tag.digest.empty() && digest_in(container.image) != tag.digest};
}

bool follows(const kube::ImageSource& from, const StreamTag& tag) {
  return from.kind == "ImageStreamTag" && from.project == tag.project && from.name == tag.name();
}

namespace {

// Containers with an image of the stream that nothing sets.
void find_left(const Subject& subject, const std::vector<Setting>& settings, WorkloadUse& use) {
  std::vector<std::string> names;
  std::vector<kube::Container> more;
  for (const auto& container : use.containers) names.push_back(container.name);
  for (const auto& container : subject.containers) {
    const bool is_ours = is_of_stream(container.image, use.tag.project, use.tag.stream) ||
                         (subject.project == use.tag.project && container.image.starts_with(use.tag.stream + ":"));
    const bool is_set =
        std::any_of(settings.begin(), settings.end(), [&](const Setting& setting) { return setting.sets(container); });
    // What the use is about is told by its own verdict.
    const bool is_bound = std::any_of(use.containers.begin(), use.containers.end(), [&](const BoundContainer& one) {
      return one.name == container.name && one.init == container.init;
    });
    if (!is_ours || is_set || is_bound) continue;
    use.left.push_back(bound(container, use.tag));
    names.push_back(container.name);
    more.push_back(container);
  }
  if (use.left.empty()) return;
  // `oc set triggers` knows no init containers of annotated workloads: it would name them as containers.
  const kube::ImageSource from{"ImageStreamTag", use.tag.project, use.tag.name()};
  use.follow_left = subject.kind == WorkloadKind::deployment_config
                        ? set_trigger_command(subject.command(), use.tag, names)
                        : annotate_command(subject.command(),
                                           annotation_with(subject.annotation, to_string(subject.kind), from, more));
}

// Two triggers on one container: on two tags they take turns, on one they are one too many.
void find_twice(const Subject& subject, const std::vector<Setting>& settings, WorkloadUse& use) {
  std::vector<std::string> others;
  std::vector<std::string> names;
  bool same = false;
  for (const auto& container : use.containers) {
    std::size_t ours = 0;
    std::vector<std::string> beside;
    names.push_back(container.name);
    for (const auto& setting : settings) {
      if (!setting.sets({container.name, container.image, container.init})) continue;
      if (follows(setting.from, use.tag)) {
        ++ours;
      } else {
        beside.push_back(setting.tag());
      }
    }
    same = same || ours > 1;
    for (auto& name : beside) {
      const bool told = ours == 0 || std::find(others.begin(), others.end(), name) != others.end();
      if (!told) others.push_back(std::move(name));
    }
  }
  if (others.empty() && !same) return;
  use.takes_turns = !others.empty();
  use.twice =
      others.empty()
          ? fmt::format("{} has more than one trigger on {} for the same container", use.shown(), use.tag.name())
          : fmt::format("{} follows {} and {} with the same container: which of them it runs depends on their order",
                        use.shown(), use.tag.name(), text::printable(text::join(others, ", ")));
  auto instead = others;
  instead.push_back(use.tag.shown());
  use.untwice = set_trigger_command(subject.command(), use.tag, names, instead);
  // What the others set beside these containers, they go on setting.
  for (const auto& setting : settings) {
    if (follows(setting.from, use.tag)) continue;
    std::vector<std::string> kept;
    for (const auto& name : setting.containers) {
      if (std::find(names.begin(), names.end(), name) == names.end()) kept.push_back(name);
    }
    if (kept.empty() || kept.size() == setting.containers.size()) continue;
    const auto [stream, tag] = text::cut(setting.from.name, ':');
    use.untwice += " && " + set_trigger_command(subject.command(),
                                                {setting.from.project, std::string(stream), std::string(tag)}, kept);
  }
}

}  // namespace

void look_around(const Subject& subject, const std::vector<Setting>& settings, WorkloadUse& use) {
  if (use.verdict == TriggerVerdict::malformed || use.verdict == TriggerVerdict::wrong_container) return;
  find_left(subject, settings, use);
  find_twice(subject, settings, use);
}

}  // namespace sluice::openshift::detail
