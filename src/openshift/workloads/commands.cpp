#include "openshift/workloads/commands.hpp"

#include "base/text.hpp"
#include "findings/catalogue.hpp"
#include "openshift/workloads/triggers.hpp"

#include <fmt/format.h>

namespace sluice::openshift {

namespace {

constexpr std::size_t kMaxName = 300;  // longer than any name that a cluster takes

std::string word(std::string_view text) { return findings::shell_word(text::printable(text, kMaxName)); }

// "dc/web -n prod"
std::string object_arguments(const CommandSubject& subject) {
  return fmt::format("{} -n {}", word(fmt::format("{}/{}", short_name(subject.kind), subject.name)),
                     word(subject.project));
}

}  // namespace

std::string remove_trigger_command(const CommandSubject& subject, std::string_view tag) {
  return fmt::format("oc set triggers {} --from-image={} --remove", object_arguments(subject), word(tag));
}

std::string set_trigger_command(const CommandSubject& subject, const StreamTag& tag,
                                const std::vector<std::string>& containers,
                                const std::vector<std::string>& instead_of) {
  std::string out;
  for (const auto& old : instead_of) out += remove_trigger_command(subject, old) + " && ";
  return out + fmt::format("oc set triggers {} --from-image={} -c {}", object_arguments(subject), word(tag.shown()),
                           word(text::join(containers, ",")));
}

std::string automatic_command(const CommandSubject& subject) {
  return fmt::format("oc set triggers {} --auto", object_arguments(subject));
}

std::string annotate_command(const CommandSubject& subject, const StreamTag& tag, std::string_view container) {
  const kube::ImageSource from{"ImageStreamTag", tag.project, tag.name()};
  return annotate_command(subject, trigger_annotation_for(to_string(subject.kind), from, container));
}

std::string annotate_command(const CommandSubject& subject, std::string_view annotation) {
  return fmt::format("oc annotate {} --overwrite {}", object_arguments(subject),
                     findings::shell_word(fmt::format("{}={}", kTriggerAnnotation, annotation)));
}

std::string resume_command(const CommandSubject& subject) { return "oc rollout resume " + object_arguments(subject); }

std::string rolling_update_command(const CommandSubject& subject) {
  return fmt::format("oc patch {} -p '{{\"spec\":{{\"updateStrategy\":{{\"type\":\"RollingUpdate\"}}}}}}'",
                     object_arguments(subject));
}

}  // namespace sluice::openshift
