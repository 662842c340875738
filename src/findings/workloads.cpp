// Findings about workloads that use promoted tags (src/openshift/workloads/findings.hpp), and about signatures that a
// policy of the target asks for (src/promotion/plan/signature_findings.hpp).
#include "findings/catalogue.hpp"

#include <array>

namespace sluice::findings {

namespace {

constexpr auto kBlocker = Severity::blocker;
constexpr auto kWarning = Severity::warning;
constexpr auto kInfo = Severity::info;

// What mends a trigger, by hand or by us.
constexpr std::string_view kMendTrigger = "{fix}  # or let sluice do it: --fix-triggers";
constexpr std::string_view kNothingElse = "blocker where nothing else would roll";

constexpr std::array kUseFindings = std::to_array<FindingText>({
    // --- whether workloads roll when the tag moves
    {"trigger-missing", kBlocker, "{why}: it would go on running what it runs", kMendTrigger},
    {"trigger-manual", kBlocker, "{why}: it would go on running what it runs", kMendTrigger},
    {"trigger-wrong-container", kBlocker, "{workload} would not follow {tag}: {why}", kMendTrigger},
    {"trigger-malformed", kBlocker, "{workload} would not follow {tag}: {why}", kMendTrigger},
    {"trigger-other-project", kBlocker, "{why}: it would go on running what is tagged there", kMendTrigger},
    {"trigger-other-tag", kWarning, "{why}: {then}", "{fix}", kNothingElse},
    {"trigger-no-such-tag", kWarning, "{why}: {then}", "{fix}", kNothingElse},
    {"trigger-twice", kWarning, "{why}", "{fix}", "blocker where the two follow different tags"},
    {"trigger-held", kBlocker, "{why}: until then it takes no image at all", "{fix}"},
    {"container-not-followed", kWarning,
     "{workload} has containers that run an image of {stream} and that no trigger sets: {containers}", "{fix}"},
    {"waits-for-delete", kWarning,
     "{workload} has updateStrategy OnDelete: its pods run {tag} when somebody deletes them, and not before", "{fix}"},
    {"workload-paused", kBlocker, "{why}", "{fix}"},
    {"cannot-patch", kBlocker,
     "{workload} cannot be given the image of {tag}: nobody can tell which container is meant",
     "{fix}  # names the container"},
    {"nothing-uses-tag", kWarning, "no workload of {project} uses {tag}: nothing will be proven to run",
     "oc set triggers deployment/NAME --from-image={project}/{tag} -c CONTAINER -n {project}"},
    {"workloads-unread", kWarning, "{what}: whether any of them uses {tag} is not known",
     "oc policy add-role-to-user view {user} -n {project}  # or less: deploy/openshift/watch.yaml"},
    {"runs-other-image", kInfo, "{workload} is meant to run {digest} already, and runs {running}: {then}", "{fix}"},
    {"build-will-start", kInfo, "{workload} builds on {tag}: a build starts when it moves", ""},

    // --- what new pods need
    {"missing-secret", kBlocker, "{workload} needs the Secret {name}, and {project} has none: new pods cannot start",
     "oc create secret generic {name} --from-env-file=FILE -n {project}"},
    {"missing-configmap", kBlocker,
     "{workload} needs the ConfigMap {name}, and {project} has none: new pods cannot start",
     "oc create configmap {name} --from-env-file=FILE -n {project}"},
    {"missing-key", kBlocker,
     "{workload} needs the key {key} of the {kind} {name}, which is not in it: new pods cannot start",
     "oc patch {object} -n {project} -p '{\"{member}\":{\"{key}\":\"VALUE\"}}'"},
    {"missing-service-account", kBlocker,
     "{workload} runs as the ServiceAccount {name}, and {project} has none: new pods are not made",
     "oc create serviceaccount {name} -n {project}"},
    {"needs-unknown", kInfo,
     "{kinds} of {project} may not be read: whether new pods find what their templates name is not known", ""},
});

constexpr std::array kSignatureFindings = std::to_array<FindingText>({
    {"signature-left-behind", kBlocker,
     "{policy} (scope {scope}) lets {image} run with a signature only, and {count} at its source would stay behind: "
     "{why}",
     "{fix}"},
    {"image-unsigned", kWarning,
     "{policy} (scope {scope}) lets {image} run with a signature only, and no signature of it was found", "{fix}"},
});

}  // namespace

std::span<const FindingText> workloads() { return kUseFindings; }

std::span<const FindingText> signatures() { return kSignatureFindings; }

}  // namespace sluice::findings
