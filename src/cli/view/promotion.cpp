#include "cli/view/promotion.hpp"

#include "base/text.hpp"
#include "cli/view/attachment.hpp"
#include "promotion/plan/release_choice.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::cli {

namespace {

constexpr std::size_t kMostImages = 20;     // a release of hundreds of images is summed up
constexpr std::size_t kMaxSentence = 4000;  // a bound, not a length that a sentence has

std::string brief(const std::optional<oci::Digest>& digest) { return digest ? digest->brief() : "nothing"; }

std::string release_name(const promotion::Plan& plan) {
  return promotion::name_of(plan.app, plan.release.value_or(0), plan.release_id);
}

std::string tags_of(const promotion::PlannedImage& image) {
  std::vector<std::string> names;
  for (const auto& tag : image.tags) names.push_back(tag.tag);
  return text::join(names, ", ");
}

std::string amounts_text(const copy::Amounts& bytes) {
  std::vector<std::string> parts;
  if (bytes.moved > 0) parts.push_back(text::human_bytes(bytes.moved) + " to move");
  if (bytes.mounted > 0) parts.push_back(text::human_bytes(bytes.mounted) + " mounted");
  if (bytes.present > 0) parts.push_back(text::human_bytes(bytes.present) + " present");
  return parts.empty() ? "nothing to move" : text::join(parts, ", ");
}

std::string_view words_for(openshift::UseAction action) {
  switch (action) {
    case openshift::UseAction::rolls:
      return "rolls when the tag moves";
    case openshift::UseAction::start:
      return "runs something else: a rollout is started";
    case openshift::UseAction::patch:
      return "gets the image by digest";
    case openshift::UseAction::blocked:
      return "WILL NOT ROLL";
    case openshift::UseAction::build:
      return "a build starts";
    case openshift::UseAction::none:
      break;
  }
  return "stays as it is";
}

void workloads_text(std::string& out, const promotion::PlannedTarget& target, const Console& console, bool for_out) {
  if (!target.workloads) return;
  std::size_t shown = 0;
  for (const auto& workload : *target.workloads) {
    if (shown++ == kMostImages && target.workloads->size() > kMostImages + 1) {
      out += fmt::format("    ... and {} more workloads\n", target.workloads->size() - kMostImages);
      break;
    }
    const bool blocked = workload.action == openshift::UseAction::blocked;
    const std::string words(words_for(workload.action));
    out += fmt::format("    {} {}  {}{}{}\n", workload.kind, text::printable(workload.name),
                       blocked ? console.red(words, for_out) : words, workload.pause ? ", once for all its images" : "",
                       blocked && !workload.why.empty() ? ": " + text::printable(workload.why, kMaxSentence) : "");
  }
}

bool has_api(const promotion::Plan& plan) {
  return std::any_of(plan.targets.begin(), plan.targets.end(),
                     [](const auto& target) { return target.target.has_api; });
}

std::string cluster_text(const promotion::PlannedTarget& target) {
  return target.target.server + (target.user.empty() ? "" : " as " + target.user);
}

// What the administrators wrote about a side, as far as it is not the usual.
std::string settings_text(const promotion::SideSettings& settings) {
  std::vector<std::string> parts;
  if (settings.registry) parts.push_back("registry " + *settings.registry);
  if (settings.insecure) parts.emplace_back("insecure: its certificate is not checked");
  if (settings.proxy)
    parts.push_back(*settings.proxy == "none" ? "through no proxy" : "through proxy " + *settings.proxy);
  return text::join(parts, ", ");
}

// 600 s -> "10m", 5400 s -> "1h30m": as pipelines have it.
std::string as_written(std::chrono::seconds time) {
  const auto whole = time.count();
  std::string out;
  if (whole >= 3600) out += fmt::format("{}h", whole / 3600);
  if (whole / 60 % 60 > 0) out += fmt::format("{}m", whole / 60 % 60);
  if (whole % 60 > 0 || out.empty()) out += fmt::format("{}s", whole % 60);
  return out;
}

void verify_text(std::string& out, const promotion::Plan& plan) {
  std::vector<std::string> parts;
  // Without an API nobody can see more.
  if (!has_api(plan)) {
    parts.emplace_back("reading the tags back");
  } else {
    parts.push_back(plan.verify.rollout ? "rollout within " + as_written(plan.verify.rollout_time)
                                        : "reading the tags back (no rollout is followed)");
    if (plan.verify.rollout && plan.verify.grace != pipeline::Verify().grace) {
      parts.push_back(plan.verify.grace ? "given up after " + as_written(*plan.verify.grace) + " of what cannot heal"
                                        : "never given up before that");
    }
    if (plan.verify.watch.count() > 0) parts.push_back("watched for " + as_written(plan.verify.watch));
    if (!plan.verify.http.empty()) parts.push_back("GET " + plan.verify.http);
  }
  out += "  verified by: " + text::join(parts, ", ") + "\n";
  out += fmt::format("  on failure: {}\n", plan.rollback_on_failure ? "put back what was there" : "stop");
}

void sources_text(std::string& out, const promotion::Plan& plan) {
  for (const auto& source : plan.sources) {
    const auto settings = settings_text(source.settings);
    if (!settings.empty()) out += fmt::format("  from {}: {}\n", source.target.label(), settings);
  }
}

void target_text(std::string& out, const promotion::PlannedTarget& target, const Console& console, bool for_out) {
  out += "\n  " + console.bold(target.target.label(), for_out) +
         (target.target.has_api ? "  in " + cluster_text(target) : std::string()) + "\n";
  if (const auto settings = settings_text(target.settings); !settings.empty()) out += "    " + settings + "\n";
  std::size_t shown = 0;
  for (const auto& image : target.images) {
    if (shown++ == kMostImages && target.images.size() > kMostImages + 1) {
      out += fmt::format("    ... and {} more images\n", target.images.size() - kMostImages);
      break;
    }
    if (!image.changes()) {
      out += fmt::format("    {}  {}  {} already\n", image.name, image.after.brief(), tags_of(image));
      if (image.brings_attachments()) out += "      attached: " + planned_attachments_text(image.attachments) + "\n";
      continue;
    }
    out += fmt::format("    {}  {} -> {}  as {}\n", image.name, brief(image.before()),
                       console.green(image.after.brief(), for_out), tags_of(image));
    if (image.tested)
      out += fmt::format("      tested as {}: an engine made another image of it\n", image.tested->brief());
    if (const auto attached = planned_attachments_text(image.attachments); !attached.empty())
      out += "      attached: " + attached + "\n";
    out += console.dim(fmt::format("      road {}: {}{}\n", to_string(image.road), image.why,
                                   image.by_api ? std::string() : "; " + amounts_text(image.bytes)),
                       for_out);
  }
  workloads_text(out, target, console, for_out);
}

bool by_cluster_alone(const promotion::Plan& plan) {
  return std::all_of(plan.targets.begin(), plan.targets.end(), [](const auto& target) {
    return std::all_of(target.images.begin(), target.images.end(), [](const auto& image) { return image.by_api; });
  });
}

void rollouts_text(std::string& out, const promotion::TargetOutcome& target, const Console& console) {
  for (const auto& rollout : target.rollouts) {
    const bool good = openshift::is_good(rollout.end);
    out += fmt::format("    {}  {}\n", good ? console.green("ok") : console.red("no"),
                       text::printable(rollout.sentence, kMaxSentence));
  }
  if (!target.note.empty()) out += "    " + target.note + "\n";
}

Json platforms_json(const promotion::PlannedImage& image) {
  if (!image.platforms) return {};
  Json out = Json::array();
  for (const auto& platform : *image.platforms) out.push(platform);
  return out;
}

Json rollouts_json(const promotion::TargetOutcome& target) {
  Json out = Json::array();
  for (const auto& rollout : target.rollouts) {
    Json digests = Json::array();
    for (const auto& digest : rollout.digests) digests.push(digest);
    out.push(Json::object()
                 .set("kind", std::string(to_string(rollout.kind)))
                 .set("name", rollout.name)
                 .set("end", std::string(to_string(rollout.end)))
                 .set("sentence", rollout.sentence)
                 .set("cause", rollout.cause ? Json(std::string(to_string(rollout.cause->kind))) : Json())
                 .set("rollout", rollout.rollout.empty() ? Json() : Json(rollout.rollout))
                 .set("pods", rollout.pods)
                 .set("digests", std::move(digests)));
  }
  return out;
}

}  // namespace

std::string finding_line(const Finding& finding, const Console& console, bool for_out) {
  auto word = std::string(to_string(finding.severity));
  if (finding.severity == Severity::blocker) word = console.red(word, for_out);
  if (finding.severity == Severity::warning) word = console.yellow(word, for_out);
  if (finding.accepted) word += " (accepted)";
  return fmt::format("  {} {}: {}{}\n", word, finding.code, text::printable(finding.sentence, kMaxSentence),
                     finding.fix.empty() ? "" : "\n    fix: " + text::printable(finding.fix, kMaxSentence));
}

std::string where_text(const promotion::Plan& plan) {
  std::vector<std::string> clusters;
  for (const auto& target : plan.targets) {
    if (!target.target.has_api) continue;
    auto one = cluster_text(target);
    if (std::find(clusters.begin(), clusters.end(), one) == clusters.end()) clusters.push_back(std::move(one));
  }
  return clusters.empty() ? std::string() : "in " + text::join(clusters, ", ");
}

std::string plan_text(const promotion::Plan& plan, const Console& console, bool for_out) {
  auto out =
      fmt::format("{} -> {}{}\n", console.bold(release_name(plan), for_out), console.bold(plan.environment, for_out),
                  plan.kind == records::PromotionKind::rollback ? "  (rollback)" : "");
  for (const auto& target : plan.targets) target_text(out, target, console, for_out);
  const auto bytes = plan.bytes();
  out += "\n";
  sources_text(out, plan);
  verify_text(out, plan);
  for (const auto& finding : plan.findings) out += finding_line(finding, console, for_out);
  for (const auto& target : plan.targets) {
    for (const auto& finding : target.findings) {
      // As whom it goes is the doctor's matter; here only what is wrong about it.
      if (finding.code == "identity" && finding.severity == Severity::info) continue;
      out += finding_line(finding, console, for_out);
    }
  }
  if (!plan.changes()) {
    out += "  nothing to do: every tag is right already\n";
  } else if (by_cluster_alone(plan)) {
    out += "  no bytes move through this machine\n";
  } else {
    out += "  " + amounts_text(bytes) + "\n";
  }
  if (!plan.accepts.empty()) out += "  accepts " + text::join({plan.accepts.begin(), plan.accepts.end()}, ", ") + "\n";
  out += "  plan " + plan.hash() + "\n";
  return out;
}

std::string outcome_text(const promotion::Outcome& outcome, const Console& console) {
  using records::PromotionState;
  const auto state = outcome.promotion.state;
  const auto word = std::string(to_string(state));
  const auto where = where_text(outcome.plan);
  auto out = fmt::format("{} -> {}: {}  ({}){}\n", console.bold(release_name(outcome.plan)),
                         console.bold(outcome.plan.environment),
                         state == PromotionState::succeeded     ? console.green(word)
                         : state == PromotionState::rolled_back ? console.yellow(word)
                                                                : console.red(word),
                         outcome.promotion.id, where.empty() ? "" : "  " + where);
  for (std::size_t t = 0; t < outcome.plan.targets.size(); ++t) {
    const auto& target = outcome.plan.targets[t];
    const auto reached = t < outcome.targets.size() ? outcome.targets[t].state : PromotionState::planned;
    out += fmt::format("  {}  {}\n", console.bold(target.target.label()), to_string(reached));
    std::size_t shown = 0;
    for (const auto& image : target.images) {
      if (shown++ == kMostImages && target.images.size() > kMostImages + 1) {
        out += fmt::format("    ... and {} more images\n", target.images.size() - kMostImages);
        break;
      }
      if (reached == PromotionState::rolled_back) {
        out += fmt::format("    {}  {} did not stay; back to {}\n", image.name, image.after.brief(),
                           image.before() ? image.before()->text() : "nothing");
        continue;
      }
      if (image.by_api) {
        out += fmt::format("    {}  {}  by {}\n", image.name, image.after.text(), to_string(image.road));
        continue;
      }
      out += fmt::format("    {}  {}  by {}: {} moved, {} mounted, {} present\n", image.name, image.after.text(),
                         to_string(image.road), text::human_bytes(image.bytes.moved),
                         text::human_bytes(image.bytes.mounted), text::human_bytes(image.bytes.present));
      if (image.tested)
        out += fmt::format("      tested as {}: an engine made another image of it\n", image.tested->text());
    }
    if (t < outcome.targets.size()) rollouts_text(out, outcome.targets[t], console);
  }
  for (const auto& back : outcome.put_back) {
    out +=
        fmt::format("  put back: {}/{}:{} {}\n", back.target, back.image, back.tag,
                    back.digest ? "stands for " + back.digest->text() + " again" : std::string("is gone, as before"));
  }
  if (state == PromotionState::succeeded && !has_api(outcome.plan)) {
    out +=
        "  every tag was read back and stands for the digest above; no rollout was observed (the targets have no "
        "API)\n";
  }
  return out;
}

std::string log_lines(const promotion::Outcome& outcome, bool with_lines) {
  std::string out;
  for (const auto& target : outcome.targets) {
    for (const auto& rollout : target.rollouts) {
      if (!rollout.log) continue;
      if (!with_lines || rollout.log->lines.empty()) {
        out += fmt::format("  see what the container wrote with: {}\n", rollout.log->command());
        continue;
      }
      out += fmt::format("  the last lines of {} (container {}):\n", rollout.log->pod, rollout.log->container);
      for (const auto& line : rollout.log->lines) out += "  | " + line + "\n";
    }
  }
  return out;
}

Json outcome_json(const promotion::Outcome& outcome, const std::string& command) {
  Json targets = Json::array();
  for (std::size_t t = 0; t < outcome.plan.targets.size(); ++t) {
    const auto& target = outcome.plan.targets[t];
    Json images = Json::array();
    for (const auto& image : target.images) {
      images.push(Json::object()
                      .set("name", image.name)
                      .set("before", image.before() ? Json(image.before()->text()) : Json())
                      .set("after", image.after.text())
                      .set("road", to_string(image.road))
                      .set("platforms", platforms_json(image))
                      .set("attachments", promotion::attachments_json(image.attachments))
                      .set("digest_changed", image.tested.has_value())
                      .set("tested", image.of_release().text())
                      .set("blobs", image.by_api ? Json() : promotion::to_json(image.blobs))
                      .set("bytes", promotion::to_json(image.bytes))
                      .set("retries", image.by_api ? Json() : Json(image.retries)));
    }
    const auto reached = t < outcome.targets.size() ? outcome.targets[t].state : records::PromotionState::planned;
    targets.push(Json::object()
                     .set("target", target.target.id())
                     .set("state", to_string(reached))
                     .set("images", std::move(images))
                     .set("rollout", target.target.has_api && t < outcome.targets.size()
                                         ? rollouts_json(outcome.targets[t])
                                         : Json()));
  }
  Json findings = Json::array();
  for (const auto& finding : outcome.findings) findings.push(promotion::to_json(finding));
  Json put_back = Json::array();
  for (const auto& back : outcome.put_back) {
    put_back.push(Json::object()
                      .set("target", back.target)
                      .set("image", back.image)
                      .set("tag", back.tag)
                      .set("digest", back.digest ? Json(back.digest->text()) : Json()));
  }
  return Json::object()
      .set("schema", "sluice." + command + "/1")
      .set("promotion", outcome.promotion.id)
      .set("app", outcome.promotion.app)
      .set("release", outcome.promotion.number == 0 ? Json() : Json(outcome.promotion.number))
      .set("release_id", outcome.promotion.release)
      .set("environment", outcome.promotion.environment)
      .set("kind", to_string(outcome.promotion.kind))
      .set("state", to_string(outcome.promotion.state))
      .set("plan", outcome.promotion.plan_hash)
      .set("targets", std::move(targets))
      .set("accepts", promotion::accepts_json(outcome.plan.accepts))
      .set("findings", std::move(findings))
      .set("put_back", std::move(put_back))
      .set("failure", outcome.promotion.failure.empty() ? Json() : Json(outcome.promotion.failure))
      .set("receipt", Json());
}

}  // namespace sluice::cli
