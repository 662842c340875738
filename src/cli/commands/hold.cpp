// hold, unhold: an environment stays as it is.

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "promotion/holds.hpp"
#include "promotion/targets/targets.hpp"

#include <fmt/format.h>

#include <ctime>

namespace sluice::cli {

namespace {

/// Names the places that could not be told. The exit code: 7 when there are any, 6 when we may not.
int tell_missed(const promotion::HoldChange& change, Context& context) {
  int code = 0;
  for (const auto& [target, error] : change.missed) {
    context.console.err(context.console.yellow("warning:", false) + " " + target +
                        " was not told: " + error.sentence() + "\n");
    if (code != 7) code = error.kind() == ErrorKind::denied || error.kind() == ErrorKind::unauthenticated ? 6 : 7;
  }
  return code;
}

std::string before_text(const std::optional<memory::Hold>& before) {
  if (!before) return {};
  const auto by = memory::shown(before->who);
  return text::printable(before->reason) + (by.empty() ? "" : ", by " + by);
}

Json document(const std::string& app, const std::string& environment, const Json& hold,
              const promotion::HoldChange& change) {
  Json missed = Json::array();
  for (const auto& [target, error] : change.missed) missed.push(target);
  return Json::object()
      .set("schema", "sluice.hold/1")
      .set("app", app)
      .set("environment", environment)
      .set("hold", hold)
      .set("before", change.before ? Json(change.before->reason) : Json())
      .set("missed", std::move(missed));
}

}  // namespace

Exit execute(const HoldOn& hold, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(const auto* environment, pipeline.environment(hold.environment));
  SLUICE_TRY(auto* store, context.session.store());
  const auto reason = hold.reason.empty() ? std::string("held by hand") : hold.reason;
  promotion::Targets targets(context.session, context.stop);
  const memory::Hold wanted{reason, std::time(nullptr), context.session.who()};
  SLUICE_TRY(const auto change, promotion::change_hold(targets, *store, pipeline, *environment, wanted));
  if (context.json()) {
    context.print(document(pipeline.app, environment->name, reason, change));
  } else {
    context.console.out(environment->name + " is on hold: " + reason + "\n");
    if (change.before && change.before->reason != reason)
      context.console.err("it was on hold before: " + before_text(change.before) + "\n");
  }
  return tell_missed(change, context);
}

Exit execute(const Unhold& unhold, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(const auto* environment, pipeline.environment(unhold.environment));
  SLUICE_TRY(auto* store, context.session.store());
  promotion::Targets targets(context.session, context.stop);
  SLUICE_TRY(const auto change, promotion::change_hold(targets, *store, pipeline, *environment, std::nullopt));
  if (context.json()) {
    context.print(document(pipeline.app, environment->name, Json(), change));
  } else {
    context.console.out(environment->name +
                        (change.before ? " is no longer on hold (it was: " + before_text(change.before) + ")\n"
                                       : std::string(" was not on hold\n")));
  }
  return tell_missed(change, context);
}

}  // namespace sluice::cli
