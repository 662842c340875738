// doctor: everything that could stop a promotion, for every environment.

#include "cli/commands.hpp"
#include "cli/promotion_view.hpp"
#include "promotion/doctor.hpp"
#include "promotion/plan.hpp"

#include <algorithm>
#include <utility>

namespace sluice::cli {

namespace {

using promotion::Examined;

Json document(const pipeline::Pipeline& pipeline, const std::vector<Examined>& examined, bool blocked) {
  Json environments = Json::array();
  for (const auto& one : examined) {
    Json findings = Json::array();
    for (const auto& finding : one.findings) findings.push(promotion::to_json(finding));
    environments.push(Json::object()
                          .set("environment", one.environment)
                          .set("blocked", one.blocked())
                          .set("findings", std::move(findings)));
  }
  return Json::object()
      .set("schema", "sluice.doctor/1")
      .set("app", pipeline.app)
      .set("blocked", blocked)
      .set("environments", std::move(environments));
}

std::string word_for(const Examined& examined, const Console& console) {
  if (examined.blocked()) return console.red("blocked");
  const bool odd = std::any_of(examined.findings.begin(), examined.findings.end(),
                               [](const Finding& finding) { return finding.severity == Severity::warning; });
  return odd ? console.yellow("ready, with warnings") : console.green("ready");
}

std::string examined_text(const std::vector<Examined>& examined, const Console& console) {
  std::string out;
  for (const auto& one : examined) {
    if (!out.empty()) out += "\n";
    out += console.bold(one.environment) + ": " + word_for(one, console) + "\n";
    for (const auto& finding : one.findings) out += finding_line(finding, console, true);
  }
  return out;
}

}  // namespace

Exit execute(const Doctor& doctor, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(auto* store, context.session.store(true));
  promotion::Planner planner(pipeline, context.session, *store, context.events, context.stop);
  SLUICE_TRY(const auto examined, promotion::examine(planner, pipeline, doctor.environment));
  context.view.clear();
  const bool blocked = std::any_of(examined.begin(), examined.end(), [](const Examined& one) { return one.blocked(); });
  if (context.json()) {
    context.print(document(pipeline, examined, blocked));
  } else {
    context.console.out(examined_text(examined, context.console));
  }
  return blocked ? exit_code(ErrorKind::blocked) : 0;
}

}  // namespace sluice::cli
