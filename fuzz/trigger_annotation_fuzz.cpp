// Any text as a trigger annotation: triggers for containers that are there, or problems with a code and a sentence.

#include "fuzz/require.hpp"
#include "openshift/workloads/triggers.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const std::vector<kube::Container> kContainers{{"setup", "", true}, {"web", "", false}, {"side", "", false}};
  for (const auto* kind : {"Deployment", "CronJob"}) {
    const auto reading = openshift::read_triggers(text, kind, kContainers, "prod");
    bool fatal = false;
    for (const auto& problem : reading.problems) {
      require(!problem.code.empty() && !problem.sentence.empty(), "a problem is told");
      require(problem.sentence.size() < 2000, "a sentence is bounded");
      fatal = fatal || problem.fatal;
    }
    require(!fatal || reading.triggers.empty(), "nothing works beside what is fatal");
    require(!reading.triggers.empty() || !reading.problems.empty(), "an annotation works or has a problem");
    for (const auto& trigger : reading.triggers) {
      const auto is_it = [&](const kube::Container& container) {
        return container.name == trigger.container && container.init == trigger.init;
      };
      require(std::any_of(kContainers.begin(), kContainers.end(), is_it), "a trigger names a container that is there");
      require(trigger.from.kind == "ImageStreamTag" && !trigger.from.project.empty(), "a trigger follows a tag");
      require(trigger.from.name.find(':') != std::string::npos, "a tag has a name");
    }
  }
  return 0;
}
