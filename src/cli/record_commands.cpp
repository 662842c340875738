// status, history, hold, unhold, release create, releases: what the records and the environments say.

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/times.hpp"
#include "promotion/planner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace sluice::cli {

namespace {

using promotion::Holding;

Json release_json(const records::Release& release) {
  Json images = Json::array();
  for (const auto& image : release.images) {
    images.push(Json::object().set("name", image.name).set("digest", image.digest.text()).set("tag", image.tag));
  }
  return Json::object()
      .set("app", release.app)
      .set("release", release.number)
      .set("images", std::move(images))
      .set("adopted", release.adopted)
      .set("origin", release.origin)
      .set("created", utc(release.created_at));
}

std::string images_text(const records::Release& release) {
  std::vector<std::string> parts;
  for (const auto& image : release.images) {
    if (parts.size() == 4 && release.images.size() > 5) {
      parts.push_back(fmt::format("and {} more", release.images.size() - 4));
      break;
    }
    parts.push_back(fmt::format("{}:{}@{}", image.name, image.tag, image.digest.brief()));
  }
  return text::join(parts, "  ");
}

/// One row of status.
struct EnvironmentStatus {
  std::string name;
  Holding holding;
  std::optional<records::Promotion> last;  ///< that succeeded, by our records
  std::optional<records::Promotion> open;
  std::string hold;  ///< why; empty: it is not held
  std::vector<promotion::RunningHere> running;
  std::int64_t marked_release = 0;  ///< what the cluster says was promoted last; 0: nothing
  std::string marked_promotion;
  std::vector<std::int64_t> kept;  ///< releases that the cluster keeps for going back to

  std::optional<std::int64_t> promoted() const {
    if (marked_release != 0) return marked_release;
    return last ? std::optional(last->release) : std::nullopt;
  }
  std::string promoted_by() const { return marked_release != 0 ? marked_promotion : last ? last->id : std::string(); }
  /// The last promotion brought something else than what its tags stand for, or than what runs.
  bool drifted() const { return other_release() || runs_other(); }
  bool other_release() const {
    if (!promoted()) return false;
    return holding.kind != Holding::Kind::release || holding.release->number != *promoted();
  }
  bool runs_other() const {
    return std::any_of(running.begin(), running.end(), [](const auto& one) { return !one.right && !one.rolling; });
  }
};

Result<EnvironmentStatus> status_of(const pipeline::Pipeline& pipeline, const pipeline::Environment& environment,
                                    promotion::Planner& planner, records::Store& store) {
  EnvironmentStatus row;
  row.name = environment.name;
  const auto* memory = planner.memory_of(environment);
  SLUICE_TRY(row.holding, planner.observe(environment).context("looking at " + environment.name));
  SLUICE_TRY(const auto promotions, store.promotions(pipeline.app, environment.name, 100));
  for (const auto& promotion : promotions) {
    if (promotion.state == records::PromotionState::succeeded && !row.last) row.last = promotion;
    const bool unfinished = !records::is_end(promotion.state) || promotion.state == records::PromotionState::partial;
    if (unfinished && !row.open && &promotion == &promotions.front()) row.open = promotion;
  }
  SLUICE_TRY(const auto hold, store.hold(pipeline.app, environment.name));
  if (hold) row.hold = hold->reason;
  if (memory != nullptr) {
    if (row.hold.empty()) row.hold = memory->hold;
    row.marked_release = memory->release;
    row.marked_promotion = memory->promotion;
    for (const auto& release : memory->releases) row.kept.push_back(release.number);
  }
  SLUICE_TRY(row.running, planner.running(environment));
  return row;
}

std::string running_text(const EnvironmentStatus& row, const Console& console) {
  std::string out;
  for (const auto& one : row.running) {
    std::vector<std::string> digests;
    for (const auto& digest : one.digests) digests.push_back(digest.substr(digest.find(':') + 1, 12));
    out += fmt::format("      {} {}: {} of {} pods ready{}", one.kind, one.name, one.ready, one.wanted,
                       digests.empty() ? "" : ", " + text::join(digests, " and "));
    if (one.rolling) out += ", rolling out";
    if (!one.right && !one.rolling) out += console.yellow("  DRIFT: its tag stands for another image");
    out += "\n";
  }
  if (row.kept.size() > 1) {
    std::vector<std::string> numbers;
    for (const auto number : row.kept) numbers.push_back(std::to_string(number));
    out += console.dim("      kept here: " + text::join(numbers, ", ") + "  (sluice rollback --to " + row.name +
                       " --release N)") +
           "\n";
  }
  return out;
}

std::string holds_text(const EnvironmentStatus& row, const std::string& app) {
  switch (row.holding.kind) {
    case Holding::Kind::nothing:
      return "nothing";
    case Holding::Kind::release:
      return fmt::format("{} {}", app, row.holding.release->number);
    case Holding::Kind::unknown:
      return "images of no known release";
    case Holding::Kind::mixed:
      return "mixed: " + row.holding.why;
  }
  return "";
}

std::string_view holds_word(Holding::Kind kind) {
  switch (kind) {
    case Holding::Kind::nothing:
      return "nothing";
    case Holding::Kind::release:
      return "release";
    case Holding::Kind::unknown:
      return "unknown";
    case Holding::Kind::mixed:
      return "mixed";
  }
  return "";
}

Json running_json(const EnvironmentStatus& row) {
  Json out = Json::array();
  for (const auto& one : row.running) {
    Json digests = Json::array();
    for (const auto& digest : one.digests) digests.push(digest);
    out.push(Json::object()
                 .set("target", one.target)
                 .set("kind", one.kind)
                 .set("name", one.name)
                 .set("pods", one.wanted)
                 .set("ready", one.ready)
                 .set("digests", std::move(digests))
                 .set("rolling", one.rolling)
                 .set("right", one.right));
  }
  return out;
}

Json status_json(const EnvironmentStatus& row) {
  Json kept = Json::array();
  for (const auto number : row.kept) kept.push(number);
  Json images = Json::array();
  for (const auto& image : row.holding.images)
    images.push(Json::object().set("name", image.name).set("digest", image.digest.text()).set("tag", image.tag));
  return Json::object()
      .set("environment", row.name)
      .set("holds", holds_word(row.holding.kind))
      .set("release", row.holding.release ? Json(row.holding.release->number) : Json())
      .set("images", std::move(images))
      .set("drift", row.promoted() ? Json(row.drifted()) : Json())
      .set("last_promotion", row.promoted_by().empty() ? Json() : Json(row.promoted_by()))
      .set("unfinished", row.open ? Json(row.open->id) : Json())
      .set("hold", row.hold.empty() ? Json() : Json(row.hold))
      .set("running", running_json(row))
      .set("kept", std::move(kept));
}

Json promotion_json(const records::Promotion& promotion) {
  return Json::object()
      .set("promotion", promotion.id)
      .set("app", promotion.app)
      .set("release", promotion.release)
      .set("environment", promotion.environment)
      .set("kind", to_string(promotion.kind))
      .set("state", to_string(promotion.state))
      .set("plan", promotion.plan_hash)
      .set("failure", promotion.failure.empty() ? Json() : Json(promotion.failure))
      .set("created", utc(promotion.created_at))
      .set("ended", promotion.ended_at == 0 ? Json() : Json(utc(promotion.ended_at)));
}

// Others with records of their own see a hold on the image streams. True when one was there. What could not be told is
// a warning: the hold stands in our records.
bool tell_clusters(const pipeline::Pipeline& pipeline, const pipeline::Environment& environment,
                   const std::string& reason, records::Store& store, Context& context) {
  promotion::Planner planner(pipeline, context.session, store, context.events, context.stop);
  const auto* memory = planner.memory_of(environment);
  const bool was_held = memory != nullptr && !memory->hold.empty();
  if (reason.empty() && !was_held) return false;
  const auto marked = planner.mark_hold(environment, reason);
  if (!marked) {
    context.console.err(context.console.yellow("warning:", false) +
                        " the clusters were not told: " + marked.error().sentence() + "\n");
  }
  return was_held;
}

}  // namespace

Exit execute(const StatusOf&, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(auto* store, context.session.store(true));
  promotion::Planner planner(pipeline, context.session, *store, context.events, context.stop);
  std::vector<EnvironmentStatus> rows;
  for (const auto& environment : pipeline.environments) {
    SLUICE_TRY(auto row, status_of(pipeline, environment, planner, *store));
    rows.push_back(std::move(row));
  }
  if (context.json()) {
    Json list = Json::array();
    for (const auto& row : rows) list.push(status_json(row));
    context.print(
        Json::object().set("schema", "sluice.status/1").set("app", pipeline.app).set("environments", std::move(list)));
    return 0;
  }
  const auto& c = context.console;
  std::size_t wide = 0;
  for (const auto& row : rows) wide = std::max(wide, row.name.size());
  std::string out = c.bold(pipeline.app) + "\n";
  const std::int64_t now = std::time(nullptr);
  for (const auto& row : rows) {
    out += fmt::format("  {:<{}}  {}", row.name, wide, holds_text(row, pipeline.app));
    if (row.last && row.last->id == row.promoted_by()) {
      out += c.dim(fmt::format("  promoted {} ({})", ago(row.last->ended_at, now), row.last->id));
    } else if (row.promoted()) {
      out += c.dim("  promoted by " + row.promoted_by());
    }
    if (row.other_release())
      out += c.yellow(fmt::format("  DRIFT: {} {} was promoted last", pipeline.app, *row.promoted()));
    if (!row.hold.empty()) out += c.yellow("  HOLD: " + text::printable(row.hold));
    if (row.open)
      out += c.red(fmt::format("  {} is {}: sluice resume {}", row.open->id, to_string(row.open->state), row.open->id));
    out += "\n" + running_text(row, c);
  }
  context.console.out(out);
  return 0;
}

Exit execute(const History& history, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  if (!history.environment.empty()) SLUICE_CHECK(pipeline.environment(history.environment));
  SLUICE_TRY(auto* store, context.session.store(true));
  SLUICE_TRY(const auto promotions, store->promotions(pipeline.app, history.environment, history.limit));
  if (context.json()) {
    Json list = Json::array();
    for (const auto& promotion : promotions) list.push(promotion_json(promotion));
    context.print(
        Json::object().set("schema", "sluice.history/1").set("app", pipeline.app).set("promotions", std::move(list)));
    return 0;
  }
  std::string out;
  for (const auto& promotion : promotions) {
    out +=
        fmt::format("{}  {}  {} {} -> {}  {}{}\n", promotion.id, utc(promotion.created_at), promotion.app,
                    promotion.release, promotion.environment,
                    promotion.kind == records::PromotionKind::rollback ? "rollback, " : "", to_string(promotion.state));
    if (!promotion.failure.empty()) out += "    " + text::printable(promotion.failure, 300) + "\n";
  }
  context.console.out(out);
  if (promotions.empty()) context.console.err("no promotions of " + pipeline.app + " are recorded here\n");
  return 0;
}

Exit execute(const HoldOn& hold, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(const auto* environment, pipeline.environment(hold.environment));
  SLUICE_TRY(auto* store, context.session.store());
  const auto reason = hold.reason.empty() ? std::string("held by hand") : hold.reason;
  SLUICE_CHECK(store->set_hold({.app = pipeline.app, .environment = environment->name, .reason = reason, .since = 0}));
  tell_clusters(pipeline, *environment, reason, *store, context);
  if (context.json()) {
    context.print(Json::object()
                      .set("schema", "sluice.hold/1")
                      .set("app", pipeline.app)
                      .set("environment", environment->name)
                      .set("hold", reason));
  } else {
    context.console.out(environment->name + " is on hold: " + reason + "\n");
  }
  return 0;
}

Exit execute(const Unhold& unhold, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(const auto* environment, pipeline.environment(unhold.environment));
  SLUICE_TRY(auto* store, context.session.store());
  SLUICE_TRY(bool was_held, store->clear_hold(pipeline.app, environment->name));
  was_held = tell_clusters(pipeline, *environment, "", *store, context) || was_held;
  if (context.json()) {
    context.print(Json::object()
                      .set("schema", "sluice.hold/1")
                      .set("app", pipeline.app)
                      .set("environment", environment->name)
                      .set("hold", Json()));
  } else {
    context.console.out(environment->name + (was_held ? " is no longer on hold\n" : " was not on hold\n"));
  }
  return 0;
}

Exit execute(const ReleaseCreate&, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(auto* store, context.session.store());
  promotion::Planner planner(pipeline, context.session, *store, context.events, context.stop);
  SLUICE_TRY(const auto release, planner.release_from_source(true));
  context.view.clear();
  if (context.json()) {
    Json document = Json::object().set("schema", "sluice.release/1");
    const auto body = release_json(release);
    for (const auto& [name, value] : body.members()) document.set(name, value);
    context.print(document);
  } else {
    context.console.out(fmt::format("{} {}\n", release.app, release.number));
    for (const auto& image : release.images)
      context.console.out(fmt::format("  {}:{}  {}\n", image.name, image.tag, image.digest.text()));
  }
  return 0;
}

Exit execute(const Releases& releases, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(auto* store, context.session.store(true));
  SLUICE_TRY(const auto list, store->releases(pipeline.app, releases.limit));
  if (context.json()) {
    Json rows = Json::array();
    for (const auto& release : list) rows.push(release_json(release));
    context.print(
        Json::object().set("schema", "sluice.releases/1").set("app", pipeline.app).set("releases", std::move(rows)));
    return 0;
  }
  std::string out;
  for (const auto& release : list) {
    out += fmt::format("{} {}  {}  {}{}\n", release.app, release.number, utc(release.created_at), images_text(release),
                       release.adopted ? "  (adopted from " + release.origin + ")" : "");
  }
  context.console.out(out);
  if (list.empty())
    context.console.err("no releases of " + pipeline.app + " are recorded here; make one: sluice release create\n");
  return 0;
}

}  // namespace sluice::cli
