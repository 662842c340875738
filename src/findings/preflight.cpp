// Findings of the preflight of a target with an API: src/openshift/preflight makes them.
#include "findings/catalogue.hpp"

#include <array>

namespace sluice::findings {

namespace {

constexpr auto kBlocker = Severity::blocker;
constexpr auto kWarning = Severity::warning;
constexpr auto kInfo = Severity::info;

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

}  // namespace

std::span<const FindingText> preflight() { return kFindings; }

}  // namespace sluice::findings
