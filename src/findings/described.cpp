// Findings that are described rather than worded: those of this host, of runs, and of `sluice init`.
#include "findings/catalogue.hpp"

#include <array>

namespace sluice::findings {

namespace {

constexpr std::array kHostFindings = std::to_array<DescribedFinding>({
    {"engine", "info", "the container engine answers: where, version, API, storage driver", ""},
    {"engine-socket", "info",
     "to whom the socket belongs, and whether we are in its group; members of that group can become root", ""},
    {"engine-unusable", "blocker where an environment has `via: docker`, else info",
     "no socket, not ours to open, nobody behind it, an address that cannot be used",
     "what the finding says: `usermod` with group and user, and a new login; or start it"},
    {"engine-disk", "warning under 1 GiB where an environment has `via: docker`, else info",
     "how much room there is where the engine keeps images", "`docker image prune`"},
    {"engine-disk-full", "as `engine-unusable`", "less than 16 MiB are free there", "`docker image prune`"},
    {"engine-insecure", "info; warning when a registry of a pipeline with `via: docker` is among them",
     "whose certificates the engine does not check", "take it out of the engine's `insecure-registries`"},
    {"registry-login", "info",
     "as whom the registry takes us, and which rights were proven; a right to pull is not where there is nothing to "
     "pull yet, since some registries say the same to who may not",
     ""},
    {"registry-not-logged-in", "blocker", "it wants a login, or refuses the one we have", "`sluice login HOST`"},
    {"registry-may-not-pull", "blocker", "the login is good, and the right is missing",
     "ask for it, or log in as somebody who has it"},
    {"registry-may-not-push", "blocker", "the login is good, and the right is missing",
     "ask for it, or log in as somebody who has it"},
    {"registry-not-trusted", "blocker",
     "nobody vouches for its certificate; it has expired or is not valid yet; or it is for other names",
     "what the finding says: its CA into `certs.d` or `ca:`, the certificate renewed, the clock set"},
    {"registry-unreachable", "blocker", "no connection, no answer in time, or it asks us to come back later",
     "what the finding says"},
    {"proxy-unreachable", "blocker", "the proxy that leads there is not to be reached",
     "start it, or correct the variable that is named"},
    {"registry-unusable", "blocker", "it cannot be opened as it is written down, or what answers is no registry",
     "what the finding says"},
    {"registry-insecure", "info", "`insecure: true` in the clusters file: its certificate is not checked", ""},
    {"clock", "info", "its clock and ours agree", ""},
    {"clock-skew", "warning", "they differ by more than a minute: tokens and certificates begin and end by the clock",
     "`timedatectl set-ntp true`"},
    {"proxies", "info", "which variables are set, which registries are reached through a proxy, and which around it",
     ""},
    {"certificates", "info", "folders of `certs.d` that hold certificates", ""},
    {"sha-instructions", "info", "whether the processor has instructions for SHA-256", ""},
});

constexpr std::array kRunFindings = std::to_array<DescribedFinding>({
    {"registry-not-exposed", "blocker", "the integrated registry is known inside the cluster only",
     "expose it: the command for the release is in the finding"},
    {"registry-absent", "blocker", "there is no integrated registry, or no image stream that we may see names it",
     "`registry: HOST[:PORT]` in the clusters file"},
    {"environment-held", "blocker", "the environment is on hold", "`sluice unhold ENV`"},
    {"promotion-unfinished", "blocker; warning of a `rollback`, which goes over it",
     "an earlier promotion, of any machine, was interrupted", "`sluice resume ID`, or `sluice undo ID`"},
    {"memory-unreadable", "blocker", "what a place remembers cannot be read, and a hold may stand there",
     "look who wrote it, then `sluice unhold ENV`, or `sluice hold ENV`"},
    {"memory-refused", "warning",
     "the place takes no memory: what is promoted is kept in the records of this machine only",
     "give the right to push new tags, or `memory: local`"},
    {"memory-local", "info",
     "`memory: local` in the pipeline: other machines do not see what is promoted, and are not seen", ""},
    {"state-not-kept", "warning", "how the promotion ended could not be written at the place; what was promoted runs",
     "`sluice resume ID`"},
    {"image-left-alone", "warning", "a release that was adopted from a place has no such image; it stays as it is", ""},
    {"promotion-running", "blocker",
     "a promotion, of any machine, is at work on the environment right now; said by `plan` and `doctor`, while "
     "`promote` and `rollback` end with exit code 7",
     "`sluice promote --to ENV --wait`, or `sluice resume ID --take-over`, or `sluice undo ID --take-over`"},
    {"platforms-lost", "warning",
     "the tag stands for an index today, and what replaces it has fewer platforms; said by `plan` and `copy`",
     "build the image for the same platforms, or go on"},
    {"engine-digest", "info",
     "said by `copy` from `docker-daemon:`: an engine keeps no manifest of a registry, and the copy made one; the "
     "image id is kept",
     "nothing; name the image by this digest from now on"},
    {"one-platform", "info", "said by `copy` to `docker-daemon:`: of an index the engine has its own platform alone",
     "nothing"},
    {"name-moved", "info",
     "said by `copy` to `docker-daemon:`: another image had the name before, and stays in the engine without it",
     "`docker rmi` it, when nobody needs it"},
    {"attachments-left", "warning; info with `--no-attachments`",
     "signatures, SBOMs or other attachments stay at the source: the target cannot hold them, others have signed "
     "there, or it was asked for ([attachments.md](attachments.md))",
     ""},
    {"attachments-unknown", "warning",
     "the cluster brings the image, or has it already, and what is attached to it where it comes from was not looked "
     "for",
     "`sluice copy SOURCE DESTINATION` brings it, where it is missing"},
    {"index-sparse", "info", "said by `copy --platform`: the index names more platforms than stand at the destination",
     "copy all platforms, when they are needed there"},
    {"index-rewritten", "warning",
     "said by `copy --platform`: the registry takes no index with missing images, so the destination has one of those "
     "that were asked for, with another digest",
     "copy all platforms to keep the digest"},
    {"index-empty", "warning", "the index that is to be promoted lists no image",
     "see whether its build has come to its end"},
    {"engine-changes-digest", "blocker; with `--allow-digest-change` a warning",
     "the engine would push another image than the one that was tested, or has done so (then no tag moved, or it was "
     "accepted): [engine.md](engine.md)",
     "promote without the engine: leave `via` out"},
    {"signatures-not-carried", "warning",
     "said by a run: signatures that OpenShift keeps with the image at its source did not all arrive with the image of "
     "the other cluster; what was promoted runs",
     "create them there, each as an ImageSignature; the right: `oc adm policy add-cluster-role-to-user "
     "system:image-signer USER`"},
    {"pin-taken", "blocker", "a version tag stands for another image at the target, and is never moved",
     "give the release a tag of its own"},
    {"undo-unknown", "warning", "a tag could not be put back, or is no longer ours to put back",
     "`sluice undo ID`, or `sluice status`"},
    {"undo-failed", "warning", "a tag could not be put back, or is no longer ours to put back",
     "`sluice undo ID`, or `sluice status`"},
    {"undo-not-ours", "warning", "a tag could not be put back, or is no longer ours to put back",
     "`sluice undo ID`, or `sluice status`"},
    {"undo-back-already", "info", "somebody else had put back what was there before; the promotion counts as undone",
     "nothing"},
    {"undo-nothing-moved", "info", "the promotion was interrupted before any tag moved", "nothing"},
    {"undo-nothing-before", "warning",
     "there was no tag before, and a registry cannot remove one without risk to its siblings",
     "leave it, or delete it in the registry"},
    // --- plans of targets with an API
    {"import-failed", "warning",
     "the last import of the source tag failed, so that it stands for an older image; the sentence has the cluster's "
     "reason",
     "`oc import-image STREAM:TAG -n PROJECT`, when its cause is gone"},
    {"schedule-ends", "warning",
     "the target's tag is imported by schedule; the cluster takes that for images of outside registries alone, so that "
     "it "
     "ends with the promotion, and an undo does not begin it anew",
     "`oc tag --scheduled --source=docker FROM STREAM:TAG -n PROJECT` begins it anew"},
    {"tag-is-reference", "warning of the source tag; info of the target's",
     "the tag has `reference: true`: it names an image outside of the cluster, and the cluster does not look after it",
     ""},
    {"rolls-once", "info",
     "a workload uses several of the images; it is paused while their tags move, so that it rolls once", ""},
    {"road-impossible", "blocker",
     "the image cannot take the road that was asked for, or none leads there; the sentence says why",
     "what the finding says"},
    {"http-check-refused", "blocker",
     "the address of `verify.http` will not be asked: it is this machine, its own network, or no https address",
     "an address of the application that is reached from outside"},
    // --- an environment that cannot be planned for, as doctor tells it
    {"not-allowed", "blocker", "a right is missing that no other finding names", "what the finding says"},
    {"nothing-to-promote", "blocker", "the image, release or project that is to be promoted is not there",
     "what the finding says"},
    {"unreachable", "blocker", "a server could not be reached, or not in time", "what the finding says"},
    {"not-trusted", "blocker", "the certificate of a server is not trusted", "what the finding says"},
    {"configuration", "blocker", "something in the pipeline file, the clusters file or a kubeconfig is wrong",
     "what the finding says"},
    {"not-promotable", "blocker", "a rule forbids the promotion; the sentence says which", "what the finding says"},
    {"cannot-plan", "blocker", "anything else that keeps a plan from being made", "what the finding says"},
    // --- going back
    {"undo-not-running", "warning", "the tags were put back, and the workloads do not run what they ran before",
     "`sluice undo ID`"},
    {"undo-not-seen", "warning",
     "the tags were put back, and whether the workloads run what they ran before could not be seen",
     "`sluice undo ID`"},
});

constexpr std::array kFirstDayFindings = std::to_array<DescribedFinding>({
    // --- a pipeline out of what clusters show
    {"guessed-order", "info", "in which order the projects were put", "correct it in the file"},
    {"guessed-app", "info", "which app was meant", "`--app`"},
    {"guessed-images", "info", "which images belong to it", "`--image`"},
    {"guessed-source", "info", "which tag is the source", "correct it in the file"},
    {"project-left-out", "info", "a project without a place in the order", "`--from`, `--to`"},
    {"project-unread", "warning", "a project, or what is in it, may not be read with these rights",
     "the role view there"},
    {"follows-source", "warning", "a workload follows the first project's tag itself, and rolls without a promotion",
     "the command in the finding"},
    {"several-tags", "warning", "workloads follow several tags, of which only one is moved",
     "correct `tag:` in the file"},
    {"image-unused", "warning", "no workload that can be seen follows an image's tag", ""},
    {"image-not-there", "warning", "the image that was named is not there yet", ""},
    {"source-tag-missing", "warning", "the tag that was named is not there yet", ""},
    {"starts-build", "info", "a build starts when the tag moves", ""},
    // --- a pipeline out of a script
    {"not-understood", "warning", "a line of the script was not understood", "read it, and complete the file"},
    {"left-out", "info", "a line of the script has no part in a promotion", ""},
    {"needs-login", "info", "a login that the script does; no password was looked at", "`sluice login HOST`"},
});

}  // namespace

std::span<const DescribedFinding> host() { return kHostFindings; }

std::span<const DescribedFinding> runs() { return kRunFindings; }

std::span<const DescribedFinding> first_days() { return kFirstDayFindings; }

}  // namespace sluice::findings
