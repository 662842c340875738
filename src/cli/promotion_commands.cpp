// plan, promote, rollback, resume, undo.

#include "cli/commands.hpp"
#include "cli/promotion_view.hpp"
#include "promotion/planner.hpp"
#include "promotion/runner.hpp"

#include <fmt/format.h>

#include <set>
#include <string>

namespace sluice::cli {

namespace {

promotion::Runner runner(Context& context, records::Store& store) {
  return {context.session,
          store,
          context.events,
          {.carry = {.retry_times = context.common.session.retry_times,
                     .stage_roots = true,
                     .journal = context.session.journal()}},
          context.stop};
}

/// The exit code of an outcome: its state's, and for a plain failure that of its cause.
int exit_of(const promotion::Outcome& outcome) {
  using records::PromotionState;
  const auto state = outcome.promotion.state;
  // A state that is no end was left standing by records that could not be written: the cause decides there as well.
  if (outcome.error && (state == PromotionState::failed || !records::is_end(state)))
    return exit_code(outcome.error->kind());
  const int code = records::exit_code(state);
  return code == 0 && outcome.error ? exit_code(outcome.error->kind()) : code;
}

int conclude(const promotion::Outcome& outcome, const std::string& command, Context& context) {
  context.view.clear();
  // An undo brings no content: what its survey counts did not travel.
  report_plan(outcome.plan, command != "undo", context.report);
  context.report.release = outcome.promotion.release;
  context.report.state = std::string(to_string(outcome.promotion.state));
  if (context.json()) {
    context.print_explained(outcome_json(outcome, command));
  } else {
    context.console.out(outcome_text(outcome, context.console));
  }
  if (outcome.error)
    context.console.err(context.console.red("sluice:", false) + " " + outcome.error->sentence() + "\n");
  for (const auto& finding : outcome.findings) context.console.err(finding_line(finding, context.console, false));
  // What a container wrote may be anything: it is for eyes, and stays out of files.
  if (context.console.can_redraw()) context.console.err(log_lines(outcome));
  if (outcome.promotion.state == records::PromotionState::partial) {
    context.console.err(fmt::format(
        "finish it with: sluice resume {0}   or put everything back with: sluice undo {0}\n", outcome.promotion.id));
  }
  if (outcome.promotion.state == records::PromotionState::cancelled)
    context.console.err(fmt::format("go on with: sluice resume {}\n", outcome.promotion.id));
  return exit_of(outcome);
}

/// What the user said beside the request.
struct Consent {
  std::string plan{};  ///< only this one
  bool yes = false;
  bool fix_triggers = false;
};

/// Writes triggers that are missing or broken, and plans again when there were any.
Status mend_triggers(promotion::Planner& planner, const promotion::Request& request, promotion::Planned& planned,
                     Context& context) {
  SLUICE_TRY(const auto mended, planner.fix_triggers(planned.plan));
  context.view.clear();
  for (const auto& line : mended) context.console.err(line + "\n");
  if (mended.empty()) return {};
  SLUICE_TRY(planned, planner.plan(request, true));
  return {};
}

/// Plans, shows, asks, and does it.
Result<promotion::Outcome> carry_out(const promotion::Request& request, const Consent& consent, Context& context) {
  const auto& wanted_plan = consent.plan;
  const bool yes = consent.yes;
  context.report.environment = request.environment;
  SLUICE_TRY(auto pipeline, context.session.load_pipeline(context.common.pipeline));
  context.report.app = pipeline.app;
  SLUICE_CHECK(promotion::take_road(request, pipeline));
  SLUICE_TRY(auto* store, context.session.store());
  promotion::Planner planner(pipeline, context.session, *store, context.events, context.stop);
  SLUICE_TRY(auto planned, planner.plan(request, true));
  report_plan(planned.plan, false, context.report);
  // A trigger is a change to production like any other: somebody has to want it now.
  if (consent.fix_triggers && planned.plan.blocked()) {
    context.view.clear();
    const bool agreed =
        yes || (context.console.can_ask() &&
                context.console.confirm("Write the triggers that are missing or broken?", context.stop));
    if (agreed) SLUICE_CHECK(mend_triggers(planner, request, planned, context));
  }
  context.view.clear();
  const auto hash = planned.plan.hash();
  if (!wanted_plan.empty() && wanted_plan != hash) {
    return Error(ErrorKind::blocked, "the plan changed: it is " + hash + " now")
        .with_hint("look at it again: sluice plan --to " + request.environment);
  }
  if (!context.json()) context.console.err(plan_text(planned.plan, context.console, false));
  if (planned.plan.blocked()) {
    return Error(ErrorKind::blocked, "the promotion to " + request.environment + " is blocked")
        .with_hint("see the findings: sluice plan --to " + request.environment);
  }
  if (!yes && wanted_plan.empty()) {
    if (!context.console.can_ask()) {
      const bool by_plan = request.kind == records::PromotionKind::promote;
      return Error(ErrorKind::blocked, "nobody is there to say yes")
          .with_hint(by_plan ? "add --yes, or --plan " + hash : std::string("add --yes"));
    }
    if (!context.console.confirm("Go ahead?", context.stop)) {
      if (context.stop.stop_requested()) return Error(ErrorKind::cancelled, "stopped at the question");
      return Error(ErrorKind::blocked, "you said no; nothing was written");
    }
  }
  SLUICE_TRY(planned.release, planner.keep(std::move(planned.release)));
  return runner(context, *store).run(std::move(planned));
}

Result<std::optional<pipeline::Via>> road_of(const std::string& text) {
  if (text.empty()) return std::optional<pipeline::Via>();
  const auto via = pipeline::parse_via(text);
  if (via) return via;
  return Error(ErrorKind::usage, "there is no road '" + text + "'").with_hint("use tag, mount, stream or import");
}

Status hold_on_clusters(const std::string& name, const std::string& reason, records::Store& store, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(const auto* environment, pipeline.environment(name));
  promotion::Planner planner(pipeline, context.session, store, context.events, context.stop);
  const auto marked = planner.mark_hold(*environment, reason);
  if (!marked && marked.error().kind() != ErrorKind::denied) return marked.error();
  return {};
}

/// The last promotion of the app that was interrupted or is partial, and that nothing came after in its environment.
Result<std::string> unfinished(records::Store& store, const std::string& app) {
  using records::PromotionState;
  SLUICE_TRY(const auto promotions, store.promotions(app, "", 100));
  std::set<std::string> seen;
  for (const auto& promotion : promotions) {
    if (!seen.insert(promotion.environment).second) continue;
    if (!records::is_end(promotion.state) || promotion.state == PromotionState::partial ||
        promotion.state == PromotionState::cancelled)
      return promotion.id;
  }
  return Error(ErrorKind::not_found, "no promotion of " + app + " is unfinished").with_hint("see: sluice history");
}

}  // namespace

Exit execute(const PlanFor& plan, Context& context) {
  SLUICE_TRY(auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(const auto via, road_of(plan.via));
  const promotion::Request request{.environment = plan.environment, .release = plan.release, .via = via};
  SLUICE_CHECK(promotion::take_road(request, pipeline));
  SLUICE_TRY(auto* store, context.session.store(true));
  promotion::Planner planner(pipeline, context.session, *store, context.events, context.stop);
  SLUICE_TRY(const auto planned, planner.plan(request, false));
  report_plan(planned.plan, false, context.report);
  context.view.clear();
  if (context.json()) {
    context.print_explained(promotion::to_json(planned.plan));
  } else {
    context.console.out(plan_text(planned.plan, context.console, true));
  }
  return planned.plan.blocked() ? exit_code(ErrorKind::blocked) : 0;
}

Exit execute(const Promote& promote, Context& context) {
  SLUICE_TRY(const auto via, road_of(promote.via));
  SLUICE_TRY(const auto outcome,
             carry_out({.environment = promote.environment, .release = promote.release, .via = via},
                       {.plan = promote.plan, .yes = promote.yes, .fix_triggers = promote.fix_triggers}, context));
  return conclude(outcome, "promote", context);
}

Exit execute(const Rollback& rollback, Context& context) {
  const promotion::Request request{
      .environment = rollback.environment, .release = rollback.release, .kind = records::PromotionKind::rollback};
  SLUICE_TRY(const auto outcome, carry_out(request, {.yes = rollback.yes}, context));
  if (outcome.promotion.state == records::PromotionState::succeeded) {
    SLUICE_TRY(auto* store, context.session.store());
    const auto reason = fmt::format("rolled back to {} {} by {}", outcome.promotion.app, outcome.promotion.release,
                                    outcome.promotion.id);
    SLUICE_CHECK(store->set_hold(
        {.app = outcome.promotion.app, .environment = rollback.environment, .reason = reason, .since = 0}));
    SLUICE_CHECK(hold_on_clusters(rollback.environment, reason, *store, context));
    context.console.err(rollback.environment + " is on hold now; let it go with: sluice unhold " +
                        rollback.environment + "\n");
  }
  return conclude(outcome, "rollback", context);
}

Exit execute(const Resume& resume, Context& context) {
  SLUICE_TRY(auto* store, context.session.store());
  auto id = resume.promotion;
  if (id.empty()) {
    SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
    SLUICE_TRY(id, unfinished(*store, pipeline.app));
  }
  SLUICE_TRY(const auto outcome, runner(context, *store).resume(id));
  return conclude(outcome, "resume", context);
}

Exit execute(const Undo& undo, Context& context) {
  SLUICE_TRY(auto* store, context.session.store());
  SLUICE_TRY(const auto outcome, runner(context, *store).undo(undo.promotion));
  const int code = conclude(outcome, "undo", context);
  // For undo, put back is what was wanted.
  return outcome.promotion.state == records::PromotionState::rolled_back ? 0 : code;
}

}  // namespace sluice::cli
