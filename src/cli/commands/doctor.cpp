// doctor: everything that could stop a promotion, on this host and for every environment.

#include "promotion/doctor.hpp"

#include "app/host_look.hpp"
#include "cli/commands/commands.hpp"
#include "cli/view/promotion.hpp"
#include "promotion/plan/plan.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace sluice::cli {

namespace {

using promotion::Examined;

constexpr const char* kThisHost = "this host";

Json findings_json(const Examined& examined) {
  Json findings = Json::array();
  for (const auto& finding : examined.findings) findings.push(promotion::to_json(finding));
  return findings;
}

Json document(const std::optional<pipeline::Pipeline>& pipeline, const Examined& host,
              const std::vector<Examined>& examined, bool blocked) {
  Json environments = Json::array();
  for (const auto& one : examined) {
    environments.push(Json::object()
                          .set("environment", one.environment)
                          .set("blocked", one.blocked())
                          .set("findings", findings_json(one)));
  }
  return Json::object()
      .set("schema", "sluice.doctor/1")
      .set("app", pipeline ? Json(pipeline->app) : Json())
      .set("blocked", blocked)
      .set("host", Json::object().set("blocked", host.blocked()).set("findings", findings_json(host)))
      .set("environments", std::move(environments));
}

std::string word_for(const Examined& examined, const Console& console) {
  if (examined.blocked()) return console.red("blocked");
  const bool odd = std::any_of(examined.findings.begin(), examined.findings.end(),
                               [](const Finding& finding) { return finding.severity == Severity::warning; });
  return odd ? console.yellow("ready, with warnings") : console.green("ready");
}

std::string examined_text(const Examined& examined, const Console& console) {
  auto out = console.bold(examined.environment) + ": " + word_for(examined, console) + "\n";
  for (const auto& finding : examined.findings) out += finding_line(finding, console, true);
  return out;
}

// About a host something can be told without a pipeline, too; one that was named, or that is there, counts.
Result<std::optional<pipeline::Pipeline>> pipeline_of(const Doctor& doctor, Context& context) {
  const auto& file = context.common.pipeline;
  std::error_code code;
  const bool may_be_absent = doctor.host_only && doctor.environment.empty() && file == Common().pipeline;
  if (may_be_absent && !std::filesystem::exists(file, code)) return std::optional<pipeline::Pipeline>();
  SLUICE_TRY(auto pipeline, context.session.load_pipeline(file));
  if (doctor.environment.empty()) return std::optional(std::move(pipeline));
  // Before anybody is asked.
  SLUICE_TRY(const auto* environment, pipeline.environment(doctor.environment));
  if (environment == &pipeline.environments.front()) {
    return Error(ErrorKind::usage, environment->name + " is where images are born; nothing can be promoted to it")
        .with_hint("name another environment with --to, or leave it out");
  }
  return std::optional(std::move(pipeline));
}

}  // namespace

Exit execute(const Doctor& doctor, Context& context) {
  SLUICE_TRY(const auto pipeline, pipeline_of(doctor, context));
  Examined host{.environment = kThisHost, .findings = {}};
  SLUICE_TRY(host.findings,
             app::look_at_host(context.session, pipeline ? &*pipeline : nullptr, doctor.environment, context.stop));
  std::vector<Examined> examined;
  if (!doctor.host_only) {
    SLUICE_TRY(auto* store, context.session.store(true));
    promotion::Planner planner(*pipeline, context.session, *store, context.events, context.stop);
    SLUICE_TRY(examined, promotion::examine(planner, *pipeline, doctor.environment));
  }
  context.view.clear();
  const bool blocked = host.blocked() ||
                       std::any_of(examined.begin(), examined.end(), [](const Examined& one) { return one.blocked(); });
  if (context.json()) {
    context.print(document(pipeline, host, examined, blocked));
  } else {
    auto text = examined_text(host, context.console);
    for (const auto& one : examined) text += "\n" + examined_text(one, context.console);
    context.console.out(text);
  }
  return blocked ? exit_code(ErrorKind::blocked) : 0;
}

}  // namespace sluice::cli
