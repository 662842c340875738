// plan, promote, rollback, resume, undo.

#include "cli/view/promotion.hpp"

#include "base/lease_held.hpp"
#include "cli/commands/commands.hpp"
#include "promotion/history.hpp"
#include "promotion/leases/taken_over.hpp"
#include "promotion/plan/findings.hpp"
#include "promotion/plan/planner.hpp"
#include "promotion/plan/refused_look.hpp"
#include "promotion/run/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace sluice::cli {

namespace {

/// What the user wants when somebody else is at work. Time runs from here.
promotion::LeaseWish lease_wish(const Context& context) {
  promotion::LeaseWish wish;
  const auto& environment = context.session.environment();
  wish.who = environment.get("USER").value_or(environment.get("LOGNAME").value_or(""));
  wish.take_over = context.common.take_over;
  if (context.common.wait) wish.wait_until = Deadline::after(*context.common.wait);
  return wish;
}

/// Does `attempt`, and once more from the start after it waited for somebody else: the world has changed by then.
Result<promotion::Outcome> in_turn(const std::function<Result<promotion::Outcome>()>& attempt) {
  while (true) {
    auto outcome = attempt();
    const auto* held = outcome ? nullptr : lease_held(outcome.error());
    if (held == nullptr || !held->free_again) return outcome;
  }
}

promotion::Runner runner(Context& context, records::Store& store, const promotion::LeaseWish& leases) {
  return {context.session,
          store,
          context.events,
          {.carry = {.retry_times = context.common.session.retry_times,
                     .stage_roots = true,
                     .journal = context.session.journal()},
           .who = context.session.who(),
           .leases = leases},
          context.stop};
}

/// The code of one finding of what was promoted runs, but not everywhere where somebody might think so; "" for none
/// that nobody accepted.
std::string stays_behind(const promotion::Outcome& outcome) {
  for (const auto& finding : outcome.findings) {
    if (promotion::keeps_other_image(finding) && !finding.accepted) return finding.code;
  }
  return {};
}

/// Of what came to the end that was wanted.
int good_exit(const promotion::Outcome& outcome) {
  return stays_behind(outcome).empty() ? 0 : exit_code(ErrorKind::blocked);
}

/// The exit code of an outcome: its state's, and for a plain failure that of its cause.
int exit_of(const promotion::Outcome& outcome) {
  using records::PromotionState;
  const auto state = outcome.promotion.state;
  // A state that is no end was left standing by records that could not be written: the cause decides there as well.
  if (outcome.error && (state == PromotionState::failed || !records::is_end(state)))
    return exit_code(outcome.error->kind());
  const int code = records::exit_code(state);
  if (code == 0 && !outcome.error) return good_exit(outcome);
  return code == 0 && outcome.error ? exit_code(outcome.error->kind()) : code;
}

int conclude(const promotion::Outcome& outcome, const std::string& command, Context& context) {
  context.view.clear();
  // An undo brings no content: what its survey counts did not travel.
  report_plan(outcome.plan, command != "undo", context.report);
  context.report.release = outcome.promotion.number == 0 ? std::nullopt : std::optional(outcome.promotion.number);
  context.report.state = std::string(to_string(outcome.promotion.state));
  if (context.json()) {
    context.print_explained(outcome_json(outcome, command));
  } else {
    context.console.out(outcome_text(outcome, context.console));
  }
  if (outcome.error)
    context.console.err(context.console.red("sluice:", false) + " " + outcome.error->sentence() + "\n");
  for (const auto& finding : outcome.findings) context.console.err(finding_line(finding, context.console, false));
  if (const auto code = stays_behind(outcome); !code.empty() && !outcome.error) {
    context.console.err(
        fmt::format("the exit code is {}, as something runs another image; where that is meant: --accept {}, "
                    "or `accept:` in the pipeline file\n",
                    exit_code(ErrorKind::blocked), code));
  }
  // What a container wrote may be anything: it is for whoever started this, and stays out of records and documents.
  const bool for_people = !context.json() || context.console.can_redraw();
  context.console.err(log_lines(outcome, context.common.logs.value_or(for_people)));
  if (outcome.promotion.state == records::PromotionState::partial) {
    context.console.err(fmt::format(
        "finish it with: sluice resume {0}   or put everything back with: sluice undo {0}\n", outcome.promotion.id));
  }
  if (outcome.promotion.state == records::PromotionState::cancelled)
    context.console.err(fmt::format("go on with: sluice resume {}{}\n", outcome.promotion.id,
                                    outcome.places_told ? "" : "   on this machine: no place had heard of it yet"));
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
  // Before anything is tried: half of the triggers would be worse than none.
  SLUICE_TRY(auto lacking, planner.may_fix_triggers(planned.plan));
  if (!lacking.empty()) {
    auto& findings = planned.plan.findings;
    findings.insert(findings.begin(), std::make_move_iterator(lacking.begin()), std::make_move_iterator(lacking.end()));
    return {};
  }
  SLUICE_TRY(const auto mended, planner.fix_triggers(planned.plan));
  context.view.clear();
  for (const auto& line : mended) context.console.err(line + "\n");
  if (mended.empty()) return {};
  planner.forget();
  SLUICE_TRY(planned, planner.plan(request, true));
  return {};
}

/// Whoever is at work there is seen before anything is planned: what they have not finished would be a blocker.
Status nobody_works(promotion::Planner& planner, const promotion::Request& request, const promotion::LeaseWish& leases,
                    Context& context) {
  if (leases.take_over) return {};
  const auto look = [&] { return planner.nobody_works_at(request); };
  const auto say = [&](std::string line) {
    context.events.emit({.kind = copy::EventKind::note, .target = request.environment, .detail = std::move(line)});
  };
  return promotion::take_in_turn(leases, request.environment, look, say, context.stop);
}

/// Why nothing is done. The findings go with it where the page of the plan is not shown.
Error blocked(const promotion::Plan& plan, Context& context) {
  auto out = Error(ErrorKind::blocked, "the promotion to " + plan.environment + " is blocked")
                 .with_hint("see the findings: sluice plan --to " + plan.environment);
  if (!context.json()) return out;
  return std::move(out).with_detail(std::make_shared<promotion::FindingsBehind>(all_findings(plan)));
}

/// Plans, shows, asks, and does it.
Result<promotion::Outcome> carry_out_once(const promotion::Request& request, const Consent& consent,
                                          const promotion::LeaseWish& leases, Context& context) {
  const auto& wanted_plan = consent.plan;
  const bool yes = consent.yes;
  context.report.environment = request.environment;
  SLUICE_TRY(auto pipeline, context.session.load_pipeline(context.common.pipeline));
  context.report.app = pipeline.app;
  SLUICE_CHECK(promotion::take_target(request.target, request.environment, pipeline));
  SLUICE_CHECK(promotion::take_road(request, pipeline));
  SLUICE_TRY(auto* store, context.session.store());
  promotion::Planner planner(pipeline, context.session, *store, context.events, context.stop);
  SLUICE_CHECK(nobody_works(planner, request, leases, context));
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
  if (planned.plan.blocked()) return blocked(planned.plan, context);
  if (!yes && wanted_plan.empty()) {
    if (!context.console.can_ask()) {
      const bool by_plan = request.kind == records::PromotionKind::promote;
      return Error(ErrorKind::blocked, "nobody is there to say yes")
          .with_hint(by_plan ? "add --yes, or --plan " + hash : std::string("add --yes"));
    }
    const auto where = where_text(planned.plan);
    if (!context.console.confirm(where.empty() ? "Go ahead?" : "Go ahead " + where + "?", context.stop)) {
      if (context.stop.stop_requested()) return Error(ErrorKind::cancelled, "stopped at the question");
      return Error(ErrorKind::blocked, "you said no; nothing was written");
    }
  }
  SLUICE_TRY(planned.release, planner.keep(std::move(planned.release)));
  return runner(context, *store, leases).run(std::move(planned));
}

Result<promotion::Outcome> carry_out(promotion::Request request, const Consent& consent, Context& context) {
  const auto leases = lease_wish(context);
  request.take_over = leases.take_over;
  return in_turn([&] { return carry_out_once(request, consent, leases, context); });
}

Result<std::optional<pipeline::Via>> road_of(const std::string& text) {
  if (text.empty()) return std::optional<pipeline::Via>();
  const auto via = pipeline::parse_via(text);
  if (via) return via;
  return Error(ErrorKind::usage, "there is no road '" + text + "'").with_hint("use tag, mount, stream or import");
}

Result<findings::Accepted> accepted(const std::vector<std::string>& codes) {
  for (const auto& code : codes) SLUICE_CHECK(findings::check_acceptance(code).context("--accept"));
  return findings::Accepted(codes.begin(), codes.end());
}

/// The last promotion that was interrupted or is partial, of all places of the pipeline.
Result<std::string> unfinished(promotion::Planner& planner, records::Store& store, const pipeline::Pipeline& pipeline) {
  using records::PromotionState;
  for (const auto& environment : pipeline.environments) {
    if (&environment == &pipeline.environments.front()) continue;
    SLUICE_TRY(const auto* memory, planner.memory_of(environment));
    SLUICE_TRY(const auto open, promotion::unfinished_at(store, pipeline, environment, *memory));
    if (open) return open->promotion.promotion;
    // One that was stopped before anything moved ended there, and can be taken up again.
    SLUICE_TRY(const auto told, promotion::history_of(planner, store, pipeline, environment.name, 1));
    if (!told.entries.empty() && told.entries.front().past.state == to_string(PromotionState::cancelled))
      return told.entries.front().past.promotion;
  }
  return Error(ErrorKind::not_found, "no promotion of " + pipeline.app + " is unfinished")
      .with_hint("see: sluice history");
}

/// The promotion that `resume` and `undo` act on; taken over from its places when another machine began it.
/// `back`: it is to be put back. `target`: only this one is asked, wherever it fits one; empty: all.
Result<std::string> promotion_meant(std::string id, const std::string& target, bool back, records::Store& store,
                                    Context& context) {
  if (!id.empty()) {
    SLUICE_TRY(const auto ours, store.promotion(id));
    if (ours) return id;
  }
  auto loaded = context.session.load_pipeline(context.common.pipeline);
  if (!loaded && !id.empty())
    return std::move(loaded).error().context(
        fmt::format("promotion {} is not in the records of this machine, and its places are not known", id));
  SLUICE_TRY(auto pipeline, std::move(loaded));
  // Environments where it fits none are asked whole: the promotion decides which one is meant.
  for (std::size_t order = 1; order < pipeline.environments.size(); ++order)
    static_cast<void>(promotion::take_target(target, pipeline.environments[order].name, pipeline));
  promotion::Planner planner(pipeline, context.session, store, context.events, context.stop);
  if (id.empty()) {
    SLUICE_TRY(id, unfinished(planner, store, pipeline));
    SLUICE_TRY(const auto ours, store.promotion(id));
    if (ours) return id;
  }
  SLUICE_CHECK(promotion::take_from_places(planner, store, pipeline, id, back));
  return id;
}

}  // namespace

Exit execute(const PlanFor& plan, Context& context) {
  SLUICE_TRY(const auto via, road_of(plan.via));
  SLUICE_TRY(auto accepts, accepted(plan.accepts));
  SLUICE_TRY(auto pipeline, context.session.load_pipeline(context.common.pipeline));
  const promotion::Request request{.environment = plan.environment,
                                   .release = plan.release,
                                   .via = via,
                                   .digest_may_change = plan.allow_digest_change,
                                   .leaves_attachments = plan.no_attachments,
                                   .accepts = std::move(accepts),
                                   .target = plan.target};
  SLUICE_CHECK(promotion::take_target(request.target, request.environment, pipeline));
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
  SLUICE_TRY(auto accepts, accepted(promote.accepts));
  const promotion::Request request{.environment = promote.environment,
                                   .release = promote.release,
                                   .via = via,
                                   .digest_may_change = promote.allow_digest_change,
                                   .leaves_attachments = promote.no_attachments,
                                   .accepts = std::move(accepts),
                                   .target = promote.target};
  if (promote.shadow) return execute_shadow(request, context);
  SLUICE_TRY(
      const auto outcome,
      carry_out(request, {.plan = promote.plan, .yes = promote.yes, .fix_triggers = promote.fix_triggers}, context));
  return conclude(outcome, "promote", context);
}

Exit execute(const Rollback& rollback, Context& context) {
  SLUICE_TRY(auto accepts, accepted(rollback.accepts));
  const promotion::Request request{.environment = rollback.environment,
                                   .release = rollback.release,
                                   .kind = records::PromotionKind::rollback,
                                   .via = {},
                                   .accepts = std::move(accepts),
                                   .target = rollback.target};
  SLUICE_TRY(const auto outcome, carry_out(request, {.yes = rollback.yes}, context));
  if (outcome.promotion.state == records::PromotionState::succeeded) {
    context.console.err(rollback.environment + " is on hold now; let it go with: sluice unhold " +
                        rollback.environment + "\n");
  }
  return conclude(outcome, "rollback", context);
}

namespace {

/// On a terminal somebody is asked; off it these commands act, as they are named for one promotion.
Status agreed(bool yes, const std::string& question, Context& context) {
  if (yes || !context.console.can_ask()) return {};
  context.view.clear();
  if (context.console.confirm(question, context.stop)) return {};
  if (context.stop.stop_requested()) return Error(ErrorKind::cancelled, "stopped at the question");
  return Error(ErrorKind::blocked, "you said no; nothing was written");
}

/// What was asked for at one target is done, and others are left to do: that is what was wanted.
bool is_done_there(const std::string& target, const promotion::Outcome& outcome) {
  return !target.empty() && !outcome.error && outcome.promotion.state == records::PromotionState::partial;
}

}  // namespace

Exit execute(const Resume& resume, Context& context) {
  SLUICE_TRY(auto* store, context.session.store());
  const auto leases = lease_wish(context);
  bool asked = false;
  const auto attempt = [&]() -> Result<promotion::Outcome> {
    SLUICE_TRY(const auto id, promotion_meant(resume.promotion, resume.target, false, *store, context));
    if (!asked) SLUICE_CHECK(agreed(resume.yes, "Go on with promotion " + id + "?", context));
    asked = true;
    return runner(context, *store, leases).resume(id, resume.target);
  };
  SLUICE_TRY(const auto outcome, in_turn(attempt));
  const int code = conclude(outcome, "resume", context);
  return is_done_there(resume.target, outcome) ? good_exit(outcome) : code;
}

Exit execute(const Undo& undo, Context& context) {
  SLUICE_TRY(auto* store, context.session.store());
  const auto leases = lease_wish(context);
  bool asked = false;
  const auto attempt = [&]() -> Result<promotion::Outcome> {
    SLUICE_TRY(const auto id, promotion_meant(undo.promotion, undo.target, true, *store, context));
    if (!asked) SLUICE_CHECK(agreed(undo.yes, "Put back what was there before promotion " + id + "?", context));
    asked = true;
    return runner(context, *store, leases).undo(id, undo.target);
  };
  SLUICE_TRY(const auto outcome, in_turn(attempt));
  const int code = conclude(outcome, "undo", context);
  if (is_done_there(undo.target, outcome)) return good_exit(outcome);
  // For undo, put back is what was wanted; what had moved nothing is out of the way.
  using records::PromotionState;
  const auto state = outcome.promotion.state;
  const bool out_of_the_way = state == PromotionState::rolled_back || state == PromotionState::cancelled;
  return out_of_the_way && !outcome.error ? good_exit(outcome) : code;
}

}  // namespace sluice::cli
