// promote --shadow: what the old way left, beside what a promotion would bring. Nothing is written.

#include "promotion/shadow.hpp"

#include "cli/commands/commands.hpp"
#include "cli/view/promotion.hpp"
#include "promotion/plan/release_choice.hpp"

#include <fmt/format.h>

namespace sluice::cli {

namespace {

using promotion::ShadowTarget;

void target_text(std::string& out, const ShadowTarget& target, const Console& console) {
  out += "\n  " + console.bold(target.target.label()) + "\n";
  for (const auto& image : target.images) {
    const auto& moving = image.tags.back();
    out += image.sentence.empty()
               ? fmt::format("    {}:{}  {}: {}\n", image.name, moving.tag, console.green("same"), image.ours.brief())
               : fmt::format("    {}:{}  {}: {}\n", image.name, moving.tag, console.yellow("differs"), image.sentence);
    for (const auto& tag : image.tags) {
      if (&tag == &moving) continue;
      const auto stands = tag.there ? "stands for " + tag.there->brief() : std::string("is not there");
      out += tag.same ? fmt::format("    {}:{}  {}\n", image.name, tag.tag, console.green("same"))
                      : fmt::format("    {}:{}  {}: it {}, and Sluice would make it stand for {}\n", image.name,
                                    tag.tag, console.yellow("differs"), stands, image.ours.brief());
    }
  }
  for (const auto& one : target.workloads) {
    out += fmt::format("    {} {}  {}{}\n", one.kind, one.name, one.same ? "" : console.yellow("differs") + ": ",
                       one.sentence);
  }
}

std::string shadow_text(const promotion::Plan& plan, const std::vector<ShadowTarget>& targets, const Console& console) {
  auto out = fmt::format("{} -> {}: nothing was written\n",
                         console.bold(promotion::name_of(plan.app, plan.release.value_or(0), plan.release_id)),
                         console.bold(plan.environment));
  std::size_t differences = 0;
  for (const auto& target : targets) {
    differences += target.differences();
    target_text(out, target, console);
  }
  out += "\n";
  for (const auto& finding : plan.findings) out += finding_line(finding, console, true);
  for (const auto& target : plan.targets) {
    for (const auto& finding : target.findings) {
      if (finding.severity != Severity::info) out += finding_line(finding, console, true);
    }
  }
  out += differences == 0 ? "  what stands there is what Sluice would bring\n"
                          : fmt::format("  {} {}\n", differences, differences == 1 ? "difference" : "differences");
  return out;
}

}  // namespace

Exit execute_shadow(const promotion::Request& request, Context& context) {
  SLUICE_TRY(auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_CHECK(promotion::take_target(request.target, request.environment, pipeline));
  SLUICE_CHECK(promotion::take_road(request, pipeline));
  SLUICE_TRY(auto* store, context.session.store(true));
  promotion::Planner planner(pipeline, context.session, *store, context.events, context.stop);
  SLUICE_TRY(const auto planned, planner.plan(request, false));
  SLUICE_TRY(const auto targets, promotion::look_at_shadow(context.session, planned, context.stop));
  context.view.clear();
  if (context.json()) {
    context.print_explained(promotion::to_json(planned.plan, targets));
  } else {
    context.console.out(shadow_text(planned.plan, targets, context.console));
  }
  return planned.plan.blocked() ? exit_code(ErrorKind::blocked) : 0;
}

}  // namespace sluice::cli
