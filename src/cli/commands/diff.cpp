// diff: what two environments hold, image by image.

#include "cli/commands/commands.hpp"
#include "promotion/overview.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace sluice::cli {

namespace {

using promotion::EnvironmentOverview;

const EnvironmentOverview* row_of(const std::vector<EnvironmentOverview>& rows, const std::string& name) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

// Of the first target: where they differ, the environment is mixed, and status says so.
std::string digest_of(const EnvironmentOverview& row, const std::string& image) {
  for (const auto& target : row.targets) {
    for (const auto& one : target.images) {
      if (one.name == image) return one.digest.text();
    }
  }
  return {};
}

std::string brief(const std::string& digest) {
  return digest.empty() ? "nothing" : digest.substr(digest.find(':') + 1, 12);
}

std::string release_text(const EnvironmentOverview& row, const std::string& app) {
  return row.release ? promotion::name_of(app, row.release->number, row.release->id) : std::string("nothing");
}

Json side_json(const EnvironmentOverview& row) {
  return Json::object()
      .set("environment", row.name)
      .set("release", row.release && row.release->number != 0 ? Json(row.release->number) : Json())
      .set("release_id", row.release ? Json(row.release->id) : Json());
}

}  // namespace

Exit execute(const Diff& diff, Context& context) {
  SLUICE_TRY(const auto pipeline, context.session.load_pipeline(context.common.pipeline));
  for (const auto& name : {diff.from, diff.to}) SLUICE_CHECK(pipeline.environment(name));
  SLUICE_TRY(auto* store, context.session.store(true));
  promotion::Planner planner(pipeline, context.session, *store, context.events, context.stop);
  SLUICE_TRY(const auto rows, promotion::look_at_all(planner, *store, pipeline));
  const auto& from = *row_of(rows, diff.from);
  const auto& to = *row_of(rows, diff.to);
  // Half a comparison is none.
  for (const auto* row : {&from, &to}) {
    if (row->unknown() != nullptr) return Error(*row->unknown()).context("looking at " + row->name);
  }
  context.view.clear();
  Json images = Json::array();
  std::string out = fmt::format("{}: {}\n{}: {}\n", from.name, release_text(from, pipeline.app), to.name,
                                release_text(to, pipeline.app));
  std::size_t same = 0;
  for (const auto& image : pipeline.images) {
    const auto here = digest_of(from, image);
    const auto there = digest_of(to, image);
    images.push(Json::object()
                    .set("name", image)
                    .set("from", here.empty() ? Json() : Json(here))
                    .set("to", there.empty() ? Json() : Json(there))
                    .set("same", here == there));
    if (here == there) {
      ++same;
      continue;
    }
    out += fmt::format("  {}  {} | {}\n", image, brief(here), brief(there));
  }
  if (same > 0) out += fmt::format("  {} of {} images are the same\n", same, pipeline.images.size());
  if (context.json()) {
    context.print(Json::object()
                      .set("schema", "sluice.diff/1")
                      .set("app", pipeline.app)
                      .set("from", side_json(from))
                      .set("to", side_json(to))
                      .set("same", same == pipeline.images.size())
                      .set("images", std::move(images)));
  } else {
    context.console.out(out);
  }
  return 0;
}

}  // namespace sluice::cli
