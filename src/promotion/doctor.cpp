#include "promotion/doctor.hpp"

#include "kube/status.hpp"
#include "promotion/plan/refused_look.hpp"

#include <algorithm>

namespace sluice::promotion {

namespace {

std::string_view code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::unauthenticated:
      return "not-logged-in";
    case ErrorKind::denied:
      return "not-allowed";
    case ErrorKind::not_found:
      return "nothing-to-promote";
    case ErrorKind::unreachable:
    case ErrorKind::timeout:
    case ErrorKind::busy:
      return "unreachable";
    case ErrorKind::untrusted:
      return "not-trusted";
    case ErrorKind::config:
      return "configuration";
    case ErrorKind::blocked:
    case ErrorKind::usage:
      return "not-promotable";
    case ErrorKind::conflict:
    case ErrorKind::integrity:
    case ErrorKind::protocol:
    case ErrorKind::cancelled:
    case ErrorKind::unsupported:
    case ErrorKind::storage:
    case ErrorKind::internal:
      break;
  }
  return "cannot-plan";
}

}  // namespace

bool Examined::blocked() const {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.severity == Severity::blocker; });
}

Finding finding_from(const std::string& environment, const Error& error) {
  // An API that answers 401 does not accept what it was shown; without anything to show nobody was asked.
  const bool ended = error.kind() == ErrorKind::unauthenticated && kube::failure_of(error) != nullptr;
  return {.code = ended ? "token-expired" : std::string(code_of(error.kind())),
          .severity = Severity::blocker,
          .subject = environment,
          .sentence = error.message(),
          .fix = error.hint()};
}

Result<std::vector<Examined>> examine(Planner& planner, const pipeline::Pipeline& pipeline, const std::string& only) {
  if (!only.empty()) SLUICE_CHECK(pipeline.environment(only));
  std::vector<Examined> out;
  for (const auto& environment : pipeline.environments) {
    const bool first = &environment == &pipeline.environments.front();
    if (only.empty() ? first : environment.name != only) continue;
    Examined examined{.environment = environment.name, .findings = {}};
    const auto planned = planner.plan({.environment = environment.name}, false);
    if (planned) {
      examined.findings = planned->plan.findings;
      for (const auto& target : planned->plan.targets)
        examined.findings.insert(examined.findings.end(), target.findings.begin(), target.findings.end());
    } else if (first || planned.error().kind() == ErrorKind::cancelled) {
      return planned.error();
    } else if (const auto* behind = findings_behind(planned.error())) {
      examined.findings = *behind;
    } else {
      examined.findings.push_back(finding_from(environment.name, planned.error()));
    }
    std::stable_sort(examined.findings.begin(), examined.findings.end(),
                     [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
    out.push_back(std::move(examined));
  }
  return out;
}

}  // namespace sluice::promotion
