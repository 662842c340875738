// history, release create, release show, releases: what the places and our records say.

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/view/release.hpp"
#include "cli/view/times.hpp"
#include "promotion/history.hpp"
#include "promotion/overview.hpp"
#include "promotion/plan/planner.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::cli {

namespace {

Json promotion_json(const promotion::HistoryEntry& one, const std::string& app) {
  const auto by = memory::shown(one.past.who);
  return Json::object()
      .set("promotion", one.past.promotion)
      .set("app", app)
      .set("release", one.past.number == 0 ? Json() : Json(one.past.number))
      .set("release_id", one.past.release.empty() ? Json() : Json(one.past.release))
      .set("environment", one.environment)
      .set("target", one.target)
      .set("kind", one.past.kind)
      .set("state", one.past.state)
      .set("plan", one.plan.empty() ? Json() : Json(one.plan))
      .set("by", by.empty() ? Json() : Json(by))
      .set("failure", one.past.failure.empty() ? Json() : Json(one.past.failure))
      .set("created", utc(one.past.began))
      .set("ended", one.past.ended == 0 ? Json() : Json(utc(one.past.ended)));
}

}  // namespace

Exit execute(const History& history, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  if (!history.environment.empty()) SLUICE_CHECK(pipeline.environment(history.environment));
  SLUICE_TRY(auto* store, context.session.store(true));
  promotion::Planner planner(pipeline, context.session, *store, context.events, context.stop);
  SLUICE_TRY(const auto told, promotion::history_of(planner, *store, pipeline, history.environment, history.limit));
  for (const auto& [environment, error] : told.unknown)
    context.console.err(context.console.yellow("warning:", false) + " what " + environment +
                        " remembers is unknown: " + error.sentence() + "\n");
  if (context.json()) {
    Json list = Json::array();
    for (const auto& one : told.entries) list.push(promotion_json(one, pipeline.app));
    Json unknown = Json::array();
    for (const auto& [environment, error] : told.unknown) unknown.push(environment);
    context.print(Json::object()
                      .set("schema", "sluice.history/1")
                      .set("app", pipeline.app)
                      .set("promotions", std::move(list))
                      .set("unknown", std::move(unknown)));
    return 0;
  }
  std::string out;
  for (const auto& one : told.entries) {
    const auto& past = one.past;
    const auto by = memory::shown(past.who);
    out += fmt::format("{}  {}  {} -> {}  {}{}{}{}\n", past.promotion, utc(past.began),
                       promotion::name_of(pipeline.app, past.number, past.release), one.environment,
                       past.kind == "rollback" ? "rollback, " : "", past.state,
                       one.target.empty() ? "" : "  at " + one.target, by.empty() ? "" : "  by " + by);
    if (!past.failure.empty()) out += "    " + text::printable(past.failure, 300) + "\n";
  }
  context.console.out(out);
  if (told.entries.empty()) context.console.err("no promotions of " + pipeline.app + " are remembered\n");
  return 0;
}

namespace {

/// Where a release stands: environments that hold it now, by name.
Json stands_json(const std::vector<promotion::EnvironmentOverview>& rows, const std::string& id) {
  Json out = Json::array();
  for (const auto& row : rows) {
    if (row.release && row.release->id == id) out.push(row.name);
  }
  return out;
}

Exit show_release(const std::string& wanted, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(auto* store, context.session.store(true));
  promotion::Planner planner(pipeline, context.session, *store, context.events, context.stop);
  SLUICE_TRY(const auto rows, promotion::look_at_all(planner, *store, pipeline));
  SLUICE_TRY(const auto selector, promotion::parse_selector(pipeline.app, wanted));
  std::vector<promotion::KnownRelease> known;
  for (const auto& environment : pipeline.environments) {
    SLUICE_TRY(const auto more, planner.known_for(environment));
    known.insert(known.end(), more.begin(), more.end());
  }
  // What an environment holds is known by its content, whoever brought it.
  for (const auto& row : rows) {
    if (row.release) known.push_back({*row.release, row.name});
  }
  SLUICE_TRY(const auto release, promotion::pick_release(pipeline.app, selector, known));
  context.view.clear();
  if (context.json()) {
    Json document = Json::object().set("schema", "sluice.release/1");
    const auto body = release_json(release);
    for (const auto& [name, value] : body.members()) document.set(name, value);
    context.print(document.set("stands", stands_json(rows, release.id)));
    return 0;
  }
  auto out = promotion::full_name_of(release.app, release.number, release.id) + "\n";
  for (const auto& image : release.images)
    out += fmt::format("  {}:{}  {}\n", image.name, image.tag, image.digest.text());
  for (const auto& row : rows) {
    if (row.release && row.release->id == release.id) out += "  stands at " + row.name + "\n";
  }
  context.console.out(out);
  return 0;
}

}  // namespace

Exit execute(const ReleaseOf& of, Context& context) {
  if (!of.show.empty()) return show_release(of.show, context);
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(auto* store, context.session.store());
  promotion::Planner planner(pipeline, context.session, *store, context.events, context.stop);
  SLUICE_TRY(auto release, planner.release_from_source());
  SLUICE_CHECK(planner.number(release));
  SLUICE_TRY(release, planner.keep(std::move(release)));
  context.view.clear();
  if (context.json()) {
    Json document = Json::object().set("schema", "sluice.release/1");
    const auto body = release_json(release);
    for (const auto& [name, value] : body.members()) document.set(name, value);
    context.print(document.set("stands", Json()));
  } else {
    context.console.out(promotion::name_of(release.app, release.number, release.id) + "\n");
    for (const auto& image : release.images)
      context.console.out(fmt::format("  {}:{}  {}\n", image.name, image.tag, image.digest.text()));
  }
  return 0;
}

Exit execute(const Releases& releases, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(auto* store, context.session.store(true));
  promotion::Planner planner(pipeline, context.session, *store, context.events, context.stop);
  SLUICE_TRY(const auto list, promotion::releases_of(planner, *store, pipeline, releases.limit));
  if (context.json()) {
    Json rows = Json::array();
    for (const auto& release : list) rows.push(release_json(release));
    context.print(
        Json::object().set("schema", "sluice.releases/1").set("app", pipeline.app).set("releases", std::move(rows)));
    return 0;
  }
  std::string out;
  for (const auto& release : list) {
    out += fmt::format("{}  {}{}{}\n", promotion::full_name_of(pipeline.app, release.number, release.id),
                       release.created_at == 0 ? std::string() : utc(release.created_at) + "  ", images_text(release),
                       release.adopted ? "  (adopted from " + release.origin + ")" : "");
  }
  context.console.out(out);
  if (list.empty())
    context.console.err("no releases of " + pipeline.app + " are known; make one: sluice release create\n");
  return 0;
}

}  // namespace sluice::cli
