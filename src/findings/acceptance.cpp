#include "findings/acceptance.hpp"

#include "base/text.hpp"
#include "findings/catalogue.hpp"

#include <algorithm>
#include <array>

namespace sluice::findings {

namespace {

constexpr std::array<std::string_view, 28> kAcceptable = {
    // Workloads that stay as they are.
    "trigger-missing", "trigger-manual", "trigger-wrong-container", "trigger-malformed", "trigger-other-project",
    "trigger-other-tag", "trigger-no-such-tag", "trigger-twice", "trigger-held", "workload-paused", "cannot-patch",
    "runs-other-image", "container-not-followed", "waits-for-delete", "nothing-uses-tag", "workloads-unread",
    // Pods that may not start.
    "missing-secret", "missing-configmap", "missing-key", "missing-service-account", "needs-unknown",
    "no-node-for-image", "some-nodes-cannot-run", "pods-may-not-pull",
    // Images and what belongs to them.
    "image-unsigned", "attachments-left", "attachments-unknown", "platforms-lost"};

}  // namespace

std::span<const std::string_view> acceptable() { return kAcceptable; }

bool may_accept(std::string_view code) {
  return std::find(kAcceptable.begin(), kAcceptable.end(), code) != kAcceptable.end();
}

Status check_acceptance(std::string_view code) {
  if (may_accept(code)) return {};
  const auto known = codes();
  const auto shown = text::printable(code, 80);
  if (std::find(known.begin(), known.end(), code) != known.end()) {
    return Error(ErrorKind::usage, "the finding '" + shown + "' cannot be accepted")
        .with_hint("mend it; those that can be accepted: docs/findings.md");
  }
  const auto meant = text::nearest(code, {kAcceptable.begin(), kAcceptable.end()});
  return Error(ErrorKind::usage, "there is no finding '" + shown + "'")
      .with_hint(meant.empty() ? "the codes stand in front of the findings of sluice plan"
                               : "did you mean " + meant + "?");
}

void accept(Finding& finding, const Accepted& accepted) {
  if (!accepted.contains(finding.code) || !may_accept(finding.code)) return;
  finding.accepted = true;
  if (finding.severity == Severity::blocker) finding.severity = Severity::warning;
}

void accept(std::vector<Finding>& findings, const Accepted& accepted) {
  for (auto& finding : findings) accept(finding, accepted);
}

}  // namespace sluice::findings
