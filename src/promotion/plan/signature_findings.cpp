#include "promotion/plan/signature_findings.hpp"

#include "findings/catalogue.hpp"
#include "openshift/registry/discovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::promotion {

const std::string_view kInternalRegistry = "image-registry.openshift-image-registry.svc:5000";

namespace {

constexpr std::string_view kPolicyGroup = "config.openshift.io";

bool is_left(const SignatureOutlook& outlook) {
  return outlook.at_source_known && outlook.signatures_at_source > 0 && outlook.left_behind;
}
bool is_unsigned(const SignatureOutlook& outlook) {
  return outlook.at_source_known && outlook.signatures_at_source == 0;
}

std::string how_to_sign(openshift::RootOfTrust root, const std::string& source) {
  const auto what = findings::shell_word(source);
  switch (root) {
    case openshift::RootOfTrust::public_key:
      return fmt::format("cosign sign --key KEY {}", what);
    case openshift::RootOfTrust::pki:
      return fmt::format("cosign sign --key KEY --certificate CERTIFICATE --certificate-chain CHAIN {}", what);
    case openshift::RootOfTrust::fulcio:
    case openshift::RootOfTrust::unknown:
      break;
  }
  return fmt::format("cosign sign {}", what);
}

Finding left_behind(const openshift::PolicyMatch& match, const std::string& reference, const PulledImage& image,
                    const SignatureOutlook& outlook) {
  const auto count =
      fmt::format("{} signature{}", outlook.signatures_at_source, outlook.signatures_at_source == 1 ? "" : "s");
  return findings::make_finding(
      "signature-left-behind", image.subject,
      {{"policy", match.policy.shown()},
       {"scope", match.scope},
       {"image", reference},
       {"count", count},
       {"why", outlook.why_left.empty() ? "this plan does not bring it" : outlook.why_left},
       {"fix", outlook.remedy.empty() ? "promote with the attachments: leave --no-attachments out" : outlook.remedy}});
}

Finding is_not_signed(const openshift::PolicyMatch& match, const std::string& reference, const PulledImage& image) {
  return findings::make_finding("image-unsigned", image.subject,
                                {{"policy", match.policy.shown()},
                                 {"scope", match.scope},
                                 {"image", reference},
                                 {"fix", how_to_sign(match.policy.root, image.source)}});
}

}  // namespace

std::vector<std::string> pulled_as(const PlannedTarget& planned, const PlannedImage& image,
                                   const std::optional<kube::ImageStream>& stream) {
  std::vector<std::string> hosts{std::string(kInternalRegistry)};
  const auto add_host = [&](std::string host) {
    if (!host.empty() && std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(std::move(host));
  };
  if (stream) {
    add_host(openshift::registry_of(stream->repository()));
    add_host(openshift::registry_of(stream->public_repository()));
  }
  add_host(planned.settings.registry.value_or(""));
  add_host(planned.target.registry);
  std::vector<std::string> projects{planned.target.project};
  if (image.by_api && image.road == copy::Road::tag && image.source.project != planned.target.project) {
    projects.push_back(image.source.project);
  }
  std::vector<std::string> out;
  for (const auto& project : projects) {
    for (const auto& host : hosts) {
      out.push_back(fmt::format("{}/{}/{}@{}", host, project, image.name, image.after.text()));
    }
  }
  return out;
}

std::vector<Finding> judge_signatures(const std::vector<openshift::ImagePolicy>& policies, const PulledImage& image,
                                      const SignatureOutlook& outlook) {
  std::vector<Finding> out;
  if (!is_left(outlook) && !is_unsigned(outlook)) return out;
  std::set<std::pair<std::string, std::string>> said;
  for (const auto& reference : image.references) {
    const auto match = openshift::policy_for(policies, image.project, reference);
    if (!match || !said.emplace(match->policy.project, match->policy.name).second) continue;
    out.push_back(is_left(outlook) ? left_behind(*match, reference, image, outlook)
                                   : is_not_signed(*match, reference, image));
  }
  return out;
}

Status look_at_policies(Targets& targets, PlannedTarget& planned, const std::vector<SignatureOutlook>& outlooks) {
  const auto matters = [](const SignatureOutlook& one) { return is_left(one) || is_unsigned(one); };
  if (std::none_of(outlooks.begin(), outlooks.end(), matters)) return {};
  SLUICE_TRY(const auto access, targets.open(planned.target));
  if (!access.streams) return {};
  const auto groups = targets.groups().find(access.target.server);
  if (groups == targets.groups().end() || !groups->second.contains(std::string(kPolicyGroup))) return {};
  SLUICE_TRY(const auto known,
             openshift::read_image_policies(*access.side.client, planned.target.project, targets.context()));
  if (known.policies.empty()) return {};
  std::vector<std::string> names;
  for (const auto& image : planned.images) names.push_back(image.name);
  // The plan has seen them: this costs no exchange. Where they may not be seen, their names are not known.
  const auto streams = targets.seen(access, names);
  if (!streams && streams.error().kind() != ErrorKind::denied) return streams.error();
  for (std::size_t i = 0; i < planned.images.size() && i < outlooks.size(); ++i) {
    const auto& image = planned.images[i];
    const auto& from = image.by_api || image.origins.empty() ? image.source : image.origins.front();
    const auto host = from.registry.empty() ? "REGISTRY" : from.registry;
    auto found = judge_signatures(
        known.policies,
        {.subject = planned.target.label() + "/" + image.name,
         .project = planned.target.project,
         .source = fmt::format("{}/{}@{}", host, repository_of(from, image.name), image.of_release().text()),
         .references = pulled_as(planned, image, streams ? (*streams)[i] : std::nullopt)},
        outlooks[i]);
    for (auto& finding : found) planned.findings.push_back(std::move(finding));
  }
  return {};
}

}  // namespace sluice::promotion
