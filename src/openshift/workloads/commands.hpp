#pragma once
// Commands of `oc` that mend triggers, as they are printed beside findings. Every name in them is quoted for a shell.
// Pure. Source: github.com/openshift/oc pkg/cli/set/triggers.go: --from-image changes the trigger on the same tag of
// the same project and else adds one; --remove takes away every trigger on a tag of that name, whatever its project; an
// annotation that cannot be read is refused.

#include "openshift/workloads/workloads.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::openshift {

/// Which object a command is about.
struct CommandSubject {
  WorkloadKind kind = WorkloadKind::deployment;
  std::string_view project;
  std::string_view name;
};

/// Lets the tag set these containers. `instead_of`: tags ("prod/web:lates") whose triggers are taken away first.
std::string set_trigger_command(const CommandSubject& subject, const StreamTag& tag,
                                const std::vector<std::string>& containers,
                                const std::vector<std::string>& instead_of = {});
/// Takes the triggers on one tag away ("prod/web:lates").
std::string remove_trigger_command(const CommandSubject& subject, std::string_view tag);
/// Makes all triggers automatic.
std::string automatic_command(const CommandSubject& subject);
/// Writes the annotation anew, for one container.
std::string annotate_command(const CommandSubject& subject, const StreamTag& tag, std::string_view container);
/// The same with a text.
std::string annotate_command(const CommandSubject& subject, std::string_view annotation);
std::string resume_command(const CommandSubject& subject);
/// Lets the cluster replace the pods of a StatefulSet or DaemonSet.
std::string rolling_update_command(const CommandSubject& subject);

}  // namespace sluice::openshift
