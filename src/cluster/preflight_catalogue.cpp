#include "cluster/preflight_catalogue.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace sluice::cluster {

namespace {

constexpr auto kBlocker = Severity::blocker;
constexpr auto kWarning = Severity::warning;
constexpr auto kInfo = Severity::info;
constexpr std::size_t kMaxValueBytes = 400;     // a list of rights, or an error of one line
constexpr std::size_t kMaxCommandBytes = 2000;  // a command that is cut off is worse than none

constexpr std::array kFindings = std::to_array<FindingText>({
    // --- who we are
    {"identity", kInfo, "{cluster} knows {credentials} as {user}; {life}", ""},
    {"not-logged-in", kBlocker, "{cluster} takes us for nobody: {credentials}", "{login}"},
    {"token-expired", kBlocker, "{cluster} does not accept {credentials}: it has ended or was revoked", "{login}"},
    {"token-ends-soon", kWarning, "{credentials} for {cluster} ends in {left}, and the promotion may need {needs}",
     "{login}"},

    // --- server and projects
    {"no-image-api", kBlocker, "{cluster} is no OpenShift: it has no image streams",
     "name its registry instead: {registry: \"HOST[:PORT]\", project: PROJECT}"},
    {"project-missing", kBlocker, "{cluster} has no project {project}{meant}", "oc new-project {project}"},
    {"project-hidden", kBlocker,
     "{cluster} shows {user} no project {project}: it does not exist, or holds no right for us{meant}",
     "oc policy add-role-to-user {role} {user} -n {project}  # where it does not exist: oc new-project {project}"},
    {"project-ending", kBlocker, "the project {project} of {cluster} is being deleted",
     "oc get project {project} --watch  # until it is gone, then: oc new-project {project}"},

    // --- rights
    {"may-not-read-source", kBlocker, "{user} may not {rights}: what the source holds cannot be seen",
     "oc policy add-role-to-user registry-viewer {user} -n {project}"},
    {"may-not-pull", kBlocker, "{user} may not {rights}: the image cannot be read, nor be the source of a tag",
     "oc policy add-role-to-user system:image-puller {user} -n {project}"},
    {"may-not-mount", kWarning, "{user} may not {rights}: the registry cannot be asked to mount blobs, they are sent",
     "oc policy add-role-to-user system:image-puller {user} -n {project}"},
    {"may-not-read-target", kBlocker, "{user} may not {rights}: what the target holds cannot be seen",
     "oc policy add-role-to-user view {user} -n {project}  # or less: deploy/openshift/watch.yaml"},
    {"may-not-create-stream", kBlocker, "{user} may not {rights}, and {project} has no image stream {stream} yet",
     "oc create imagestream {stream} -n {project}"},
    {"may-not-change-stream", kWarning,
     "{user} may not {rights}: release, lease and previous digests cannot be kept in the cluster",
     "oc policy add-role-to-user edit {user} -n {project}  # or less: deploy/openshift/promote.yaml"},
    {"may-not-tag", kBlocker, "{user} may not {rights}: the tag cannot be set",
     "oc policy add-role-to-user edit {user} -n {project}  # or less: deploy/openshift/promote.yaml"},
    {"may-not-push", kBlocker, "{user} may not {rights}: the registry will refuse the push",
     "oc policy add-role-to-user system:image-pusher {user} -n {project}"},
    {"may-not-import", kBlocker, "{user} may not {rights}: the cluster cannot be asked to import",
     "oc policy add-role-to-user edit {user} -n {project}  # or less: deploy/openshift/promote.yaml"},
    {"may-not-follow", kBlocker, "{user} may not {rights}: the rollout cannot be watched, nor proven",
     "oc policy add-role-to-user view {user} -n {project}  # or less: deploy/openshift/watch.yaml"},
    {"may-not-see-causes", kWarning, "{user} may not {rights}: should a rollout fail, its cause may stay unknown",
     "oc policy add-role-to-user view {user} -n {project}  # or less: deploy/openshift/watch.yaml"},
    {"may-not-start-rollouts", kBlocker, "{user} may not {rights}: a rollout that no trigger starts cannot be started",
     "oc policy add-role-to-user edit {user} -n {project}  # or less: deploy/openshift/promote.yaml"},
    {"may-not-change-workloads", kBlocker,
     "{user} may not {rights}: workloads cannot be paused, nor be given triggers or images",
     "oc policy add-role-to-user edit {user} -n {project}  # or less: deploy/openshift/fix.yaml"},
    {"may-not-sign", kWarning, "{user} may not {rights}: signatures of the image stay behind",
     "oc adm policy add-cluster-role-to-user system:image-signer {user}"},
    {"rights-unknown", kWarning, "{cluster} does not say whether {user} may {rights}: {why}", "{list}"},

    // --- streams and tags
    {"source-stream-missing", kBlocker, "{project} has no image stream {stream}", "oc get imagestreams -n {project}"},
    {"source-image-missing", kBlocker, "the image stream {project}/{stream} does not hold {digest} (any more)",
     "sluice release create  # makes a release of what is there now"},
    {"stream-will-be-created", kInfo, "{project} has no image stream {stream} yet; it is created", ""},
    {"tag-already-right", kInfo, "{project}/{stream}:{tag} is {digest} already", ""},
    {"unchanged-from", kInfo,
     "{project}/{stream}:{tag} is meant to be {digest} already, and somebody has pushed {top} since; setting it again "
     "would change nothing, so it is taken out of the spec first (its history stays) and then set",
     ""},
    {"may-not-move-tag", kBlocker,
     "{project}/{stream}:{tag} is meant to be {digest} already, and somebody has pushed {top} since; to set it again "
     "it must be taken out of the spec first, and {user} may not {rights}",
     "oc policy add-role-to-user edit {user} -n {project}  # or less: deploy/openshift/promote.yaml"},

    // --- what the target takes
    {"manifest-type-refused", kBlocker, "{cluster} is {release} and does not take {type}: {since}", "{fix}"},
    {"manifest-type-unsure", kWarning, "{cluster} is {release}, and {type} is only taken by later ones: {since}",
     "oc get clusterversion"},
    {"import-picks-platform", kBlocker,
     "{cluster} is {release}: importing a list, it would keep the image of one platform, which has another digest",
     "podman build --platform linux/amd64 --format docker .  # one platform, as Docker schema 2"},
    {"image-too-large", kBlocker,
     "the image has {size} bytes, and the LimitRange {limit_range} of {project} allows {max} per image",
     "oc patch limitrange {limit_range} -n {project} --type=json -p "
     "'[{\"op\":\"replace\",\"path\":\"{path}\",\"value\":\"{size}\"}]'"},
    {"too-many-images", kBlocker,
     "{project}/{stream} would hold {after} images, and the LimitRange {limit_range} allows {max}",
     "oc patch limitrange {limit_range} -n {project} --type=json -p "
     "'[{\"op\":\"replace\",\"path\":\"{path}\",\"value\":\"{after}\"}]'"},
    {"too-many-tags", kBlocker,
     "{project}/{stream} would have tags of {after} different sources, and the LimitRange {limit_range} allows {max}",
     "oc patch limitrange {limit_range} -n {project} --type=json -p "
     "'[{\"op\":\"replace\",\"path\":\"{path}\",\"value\":\"{after}\"}]'"},
    {"stream-quota-used-up", kBlocker,
     "{project} would have {after} image streams, and the ResourceQuota {quota} allows {max}",
     "oc patch resourcequota {quota} -n {project} --type=merge -p "
     "'{\"spec\":{\"hard\":{\"{resource}\":\"{after}\"}}}'"},
    {"limits-unknown", kInfo, "{user} may not see {what} of {project}: whether the image fits is not known",
     "oc policy add-role-to-user view {user} -n {project}  # or less: deploy/openshift/watch.yaml"},
    {"no-node-for-image", kBlocker, "the image is for {platforms}, and the nodes of {cluster} are {nodes}",
     "podman build --platform {platform} .  # and release that"},
    {"some-nodes-cannot-run", kWarning, "the image is for {platforms}, and some nodes of {cluster} are not: {nodes}",
     "kubectl get nodes -L kubernetes.io/arch  # and give the workload a nodeSelector"},

    // --- who pulls
    {"pods-may-not-pull", kBlocker,
     "the service accounts of {target} may not {rights}: its pods and imports cannot pull from there",
     "oc policy add-role-to-group system:image-puller system:serviceaccounts:{target} -n {project}"},
    {"pull-right-unknown", kInfo,
     "{user} may not ask whether the service accounts of {target} may {rights}; its pods or imports pull from there",
     "oc policy add-role-to-group system:image-puller system:serviceaccounts:{target} -n {project}"},
    {"import-needs-secret", kInfo,
     "{cluster} itself pulls from {registry}; unless anybody may pull there, {project} needs a pull secret for it",
     "oc create secret docker-registry sluice-source --docker-server={registry} --docker-username=sluice "
     "--docker-password=\"$TOKEN\" -n {project}"},

    {"fact-unknown", kWarning, "{what} could not be found out: {why}", ""},
});

// What mends a trigger, by hand or by us.
constexpr std::string_view kMendTrigger = "{fix}  # or let sluice do it: --fix-triggers";

constexpr std::array kUseFindings = std::to_array<FindingText>({
    // --- whether workloads roll when the tag moves
    {"trigger-missing", kBlocker, "{why}: it would go on running what it runs", kMendTrigger},
    {"trigger-manual", kBlocker, "{why}: it would go on running what it runs", kMendTrigger},
    {"trigger-wrong-container", kBlocker, "{workload} would not follow {tag}: {why}", kMendTrigger},
    {"trigger-malformed", kBlocker, "{workload} would not follow {tag}: {why}", kMendTrigger},
    {"trigger-other-project", kBlocker, "{why}: it would go on running what is tagged there", kMendTrigger},
    {"trigger-other-tag", kWarning, "{why}: it is left alone, which is right for a canary", kMendTrigger},
    {"trigger-held", kBlocker, "{why}: until then it takes no image at all", "{fix}"},
    {"workload-paused", kBlocker, "{why}", "{fix}"},
    {"cannot-patch", kBlocker,
     "{workload} cannot be given the image of {tag}: nobody can tell which container is meant",
     "{fix}  # names the container"},
    {"nothing-uses-tag", kWarning, "no workload of {project} uses {tag}: nothing will be proven to run",
     "oc set triggers deployment/NAME --from-image={project}/{tag} -c CONTAINER -n {project}"},
    {"workloads-unread", kWarning, "{what}: whether any of them uses {tag} is not known",
     "oc policy add-role-to-user view USER -n {project}  # or less: deploy/openshift/watch.yaml"},
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

// Fills in `{name}`, in one go: what a value holds is never filled in again.
template <class Show>
std::string filled(std::string_view text, FindingValues values, const Show& show) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find('{');
    out += text.substr(0, open);
    if (open == std::string_view::npos) break;
    text.remove_prefix(open);
    const auto name = text.substr(1, std::min(text.find('}'), text.size()) - 1);
    const auto value = std::find_if(values.begin(), values.end(), [&](const auto& one) { return one.first == name; });
    if (value == values.end()) {
      out.push_back('{');
      text.remove_prefix(1);
      continue;
    }
    out += show(name, value->second);
    text.remove_prefix(name.size() + 2);
  }
  return out;
}

// Whole commands, and a path that stands in quotes already, are no single words of a shell.
bool is_word(std::string_view name) { return name != "login" && name != "fix" && name != "path" && name != "list"; }

}  // namespace

std::span<const FindingText> preflight_findings() { return kFindings; }

std::span<const FindingText> use_findings() { return kUseFindings; }

std::span<const FindingText> signature_findings() { return kSignatureFindings; }

std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string out = "'";
  for (const char letter : text) {
    if (letter == '\'') {
      out += "'\\''";
    } else {
      out.push_back(letter);
    }
  }
  return out + "'";
}

Finding make_finding(std::string_view code, std::string subject, FindingValues values) {
  const auto is_it = [&](const FindingText& candidate) { return candidate.code == code; };
  const FindingText* found = nullptr;
  for (const auto table : {preflight_findings(), use_findings(), signature_findings()}) {
    const auto at = std::find_if(table.begin(), table.end(), is_it);
    if (at != table.end()) found = &*at;
  }
  assert(found != nullptr);
  const auto shown = [](std::string_view name, std::string_view value) {
    return text::printable(value, is_word(name) ? kMaxValueBytes : kMaxCommandBytes);
  };
  const auto word = [&](std::string_view name, std::string_view value) {
    return is_word(name) ? shell_word(shown(name, value)) : shown(name, value);
  };
  return {std::string(code), found->severity, std::move(subject), filled(found->sentence, values, shown),
          filled(found->fix, values, word)};
}

}  // namespace sluice::cluster
