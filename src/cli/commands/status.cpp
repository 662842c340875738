// status: what each environment holds, what happened there, and what keeps it as it is.

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/view/release.hpp"
#include "cli/view/times.hpp"
#include "promotion/overview.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace sluice::cli {

namespace {

using promotion::EnvironmentOverview;
using promotion::Holding;
using promotion::TargetOverview;

constexpr std::size_t kMostImages = 20;  // a release of hundreds of images is summed up

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

bool nothing_seen(const EnvironmentOverview& row) {
  return std::all_of(row.targets.begin(), row.targets.end(), [](const TargetOverview& one) { return one.unknown; });
}

std::string holds_text(const EnvironmentOverview& row, const std::string& app) {
  if (nothing_seen(row)) return "unknown";
  if (row.newer_images > 0 && row.newer_images < row.holding.images.size() && !row.memory.releases.empty()) {
    const auto& last = row.memory.releases.front();
    return fmt::format("{} of {} images newer than {}", row.newer_images, row.holding.images.size(),
                       promotion::name_of(app, last.number, last.id));
  }
  if (row.holding.kind == Holding::Kind::mixed) return "mixed: " + row.holding.why;
  if (!row.release) return "nothing";
  return promotion::full_name_of(app, row.release->number, row.release->id);
}

std::string promoted_text(const EnvironmentOverview& row, std::int64_t now) {
  if (!row.standing || row.standing->promotion.empty()) return {};
  std::string by;
  for (const auto& past : row.memory.promotions()) {
    if (past.promotion == row.standing->promotion && !past.who.empty()) by = ", by " + memory::shown(past.who);
  }
  const auto when = row.standing->at == 0
                        ? std::string("promoted")
                        : fmt::format("promoted {}, {}", ago(row.standing->at, now), utc(row.standing->at));
  return fmt::format("  {} ({}{})", when, row.standing->promotion, by);
}

// What happened to it, each on a line of its own.
std::string marks_text(const EnvironmentOverview& row, const std::string& app, const Console& c, std::int64_t now) {
  std::string out;
  const auto line = [&](std::string text) { out += "      " + std::move(text) + "\n"; };
  if (row.hold) {
    const auto by = memory::shown(row.hold->who);
    line(c.yellow("HOLD: " + text::printable(row.hold->reason)) +
         c.dim(fmt::format("  {}{}{}", by.empty() ? "" : "by " + by + ", ",
                           row.hold->since == 0 ? "" : ago(row.hold->since, now) + "; ",
                           "lift it with: sluice unhold " + row.name)));
  }
  if (row.unfinished) {
    const auto& open = *row.unfinished;
    const auto& id = open.promotion.promotion;
    if (open.runs) {
      line(c.yellow(fmt::format("RUNNING: promotion {}", id)) +
           c.dim(fmt::format("  by {}{}", open.by, open.since == 0 ? "" : ", since " + ago(open.since, now))));
    } else {
      line(c.red(fmt::format("INTERRUPTED: promotion {}{}", id, open.state.empty() ? "" : " while " + open.state)) +
           fmt::format("  sluice resume {0}, or sluice undo {0}", id));
    }
  }
  if (row.failed() && row.last) {
    line(c.red("FAILED: " +
               text::printable(row.last->failure.empty() ? "see: sluice history" : row.last->failure, 300)) +
         fmt::format("  sluice undo {}, or sluice rollback --to {}", row.last->promotion, row.name));
  }
  if (row.drifted()) {
    const bool other = !row.release || row.release->id != row.standing->id;
    if (other)
      line(c.yellow(
          fmt::format("DRIFT: {} was promoted last", promotion::name_of(app, row.standing->number, row.standing->id))));
  }
  if (const auto problem = row.memory.problem(); !problem.empty()) {
    line(c.red("MEMORY: " + text::printable(problem, 300)) +
         fmt::format("  a hold may stand there; write it anew with: sluice unhold {0}, or sluice hold {0}", row.name));
  }
  return out;
}

// While a promotion lies open nothing is drift.
std::string running_text(const promotion::RunningHere& one, bool open, const Console& c) {
  std::vector<std::string> digests;
  for (const auto& digest : one.digests) digests.push_back(digest.substr(digest.find(':') + 1, 12));
  auto out = fmt::format("        {} {}: {} of {} pods ready{}", one.kind, one.name, one.ready, one.wanted,
                         digests.empty() ? "" : ", " + text::join(digests, " and "));
  if (one.rolling) out += ", rolling out";
  if (!one.right && !one.rolling)
    out += open ? ", its tag stands for another image" : c.yellow("  DRIFT: its tag stands for another image");
  return out + "\n";
}

std::string target_text(const TargetOverview& target, bool open, const Console& c) {
  std::string where;
  if (target.target.has_api) {
    where = fmt::format("  in {}{}", target.target.server, target.user.empty() ? "" : " as " + target.user);
  }
  auto out = "      " + c.bold(target.target.label()) + c.dim(where) + "\n";
  if (target.unknown) return out + "        " + c.red("unknown: " + target.unknown->sentence()) + "\n";
  std::size_t shown = 0;
  for (const auto& image : target.images) {
    if (shown++ == kMostImages && target.images.size() > kMostImages + 1) {
      out += fmt::format("        ... and {} more images\n", target.images.size() - kMostImages);
      break;
    }
    out += fmt::format("        {}:{}  {}\n", image.name, image.tag, image.digest.brief());
  }
  for (const auto& one : target.running) out += running_text(one, open, c);
  return out;
}

std::string kept_text(const EnvironmentOverview& row, const Console& c) {
  if (row.kept.size() < 2) return {};
  std::vector<std::string> names;
  for (const auto& one : row.kept) names.push_back(one.number != 0 ? std::to_string(one.number) : one.id.substr(0, 12));
  return c.dim("      kept here: " + text::join(names, ", ") + "  (sluice rollback --to " + row.name +
               " --release N)") +
         "\n";
}

std::string row_text(const EnvironmentOverview& row, const EnvironmentOverview* before, std::size_t wide,
                     const std::string& app, const Console& c, std::int64_t now) {
  auto out = fmt::format("  {:<{}}  {}", row.name, wide, holds_text(row, app));
  if (row.release && row.holding.kind == Holding::Kind::release && !row.release->images.empty() &&
      row.release->pattern_tag)
    out += "  " + row.release->images.front().tag;
  out += c.dim(promoted_text(row, now));
  if (before != nullptr && row.behind.value_or(0) > 0)
    out += c.dim(fmt::format("  {} release{} behind {}", *row.behind, *row.behind == 1 ? "" : "s", before->name));
  out += "\n" + marks_text(row, app, c, now);
  for (const auto& target : row.targets) out += target_text(target, row.unfinished.has_value(), c);
  return out + kept_text(row, c);
}

Json running_json(const EnvironmentOverview& row) {
  Json out = Json::array();
  for (const auto& target : row.targets) {
    for (const auto& one : target.running) {
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
  }
  return out;
}

Json images_json(const std::vector<records::ReleaseImage>& images) {
  Json out = Json::array();
  for (const auto& image : images)
    out.push(Json::object().set("name", image.name).set("digest", image.digest.text()).set("tag", image.tag));
  return out;
}

Json targets_json(const EnvironmentOverview& row) {
  Json out = Json::array();
  for (const auto& target : row.targets) {
    out.push(Json::object()
                 .set("target", target.target.label())
                 .set("api", target.target.has_api ? Json(target.target.server) : Json())
                 .set("registry", target.target.registry.empty() ? Json() : Json(target.target.registry))
                 .set("user", target.user.empty() ? Json() : Json(target.user))
                 .set("images", images_json(target.images))
                 .set("unknown", target.unknown ? Json(target.unknown->sentence()) : Json()));
  }
  return out;
}

Json unfinished_json(const std::optional<promotion::Unfinished>& open) {
  if (!open) return {};
  return Json::object()
      .set("promotion", open->promotion.promotion)
      .set("running", open->runs)
      .set("by", open->by.empty() ? Json() : Json(open->by))
      .set("since", open->since == 0 ? Json() : Json(utc(open->since)));
}

Json hold_json(const std::optional<memory::Hold>& hold) {
  if (!hold) return {};
  const auto by = memory::shown(hold->who);
  return Json::object()
      .set("reason", hold->reason)
      .set("since", hold->since == 0 ? Json() : Json(utc(hold->since)))
      .set("by", by.empty() ? Json() : Json(by));
}

Json row_json(const EnvironmentOverview& row) {
  Json kept = Json::array();
  for (const auto& one : row.kept)
    kept.push(Json::object()
                  .set("release", one.number == 0 ? Json() : Json(one.number))
                  .set("release_id", one.id)
                  .set("tag", one.tag));
  const bool known = row.holding.kind == Holding::Kind::release;
  return Json::object()
      .set("environment", row.name)
      .set("holds", nothing_seen(row) ? Json() : Json(holds_word(row.holding.kind)))
      .set("release", known && row.release->number != 0 ? Json(row.release->number) : Json())
      .set("release_id", row.release ? Json(row.release->id) : Json())
      .set("images", images_json(row.holding.images))
      .set("drift", row.standing ? Json(row.drifted()) : Json())
      .set("last_promotion", row.standing && !row.standing->promotion.empty() ? Json(row.standing->promotion) : Json())
      .set("promoted", row.standing && row.standing->at != 0 ? Json(utc(row.standing->at)) : Json())
      .set("state", row.last ? Json(row.last->state) : Json())
      .set("failure", row.failed() && row.last ? Json(row.last->failure) : Json())
      .set("unfinished", row.unfinished ? Json(row.unfinished->promotion.promotion) : Json())
      .set("at_work", unfinished_json(row.unfinished))
      .set("hold", row.hold ? Json(row.hold->reason) : Json())
      .set("held", hold_json(row.hold))
      .set("behind", row.behind ? Json(static_cast<std::int64_t>(*row.behind)) : Json())
      .set("running", running_json(row))
      .set("targets", targets_json(row))
      .set("memory", row.memory.problem().empty() ? Json() : Json(row.memory.problem()))
      .set("kept", std::move(kept));
}

}  // namespace

Exit execute(const StatusOf&, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  SLUICE_TRY(auto* store, context.session.store(true));
  promotion::Planner planner(pipeline, context.session, *store, context.events, context.stop);
  SLUICE_TRY(const auto rows, promotion::look_at_all(planner, *store, pipeline));
  const Error* unknown = nullptr;
  for (const auto& row : rows) {
    if (unknown == nullptr) unknown = row.unknown();
  }
  const int code = unknown == nullptr ? 0 : exit_code(unknown->kind());
  context.view.clear();
  // Whoever reads the result alone finds the causes in it; the rest of the world reads the last line.
  if (unknown != nullptr)
    context.console.err(context.console.red("sluice:", false) + " not all could be seen: " + unknown->sentence() +
                        "\n");
  if (context.json()) {
    Json list = Json::array();
    for (const auto& row : rows) list.push(row_json(row));
    context.print(
        Json::object().set("schema", "sluice.status/1").set("app", pipeline.app).set("environments", std::move(list)));
    return code;
  }
  std::size_t wide = 0;
  for (const auto& row : rows) wide = std::max(wide, row.name.size());
  std::string out = context.console.bold(pipeline.app) + "\n";
  for (std::size_t i = 0; i < rows.size(); ++i)
    out += row_text(rows[i], i == 0 ? nullptr : &rows[i - 1], wide, pipeline.app, context.console, std::time(nullptr));
  context.console.out(out);
  return code;
}

}  // namespace sluice::cli
