// init: a pipeline written by looking at a cluster, or by reading a script that promotes images.

#include "app/cluster_look.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/view/promotion.hpp"
#include "migration/from_script.hpp"
#include "pipeline/write_pipeline.hpp"
#include "promotion/plan/plan.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

namespace sluice::cli {

namespace {

constexpr unsigned kFileMode = 0644;  // there are no secrets in a pipeline

bool is_stdout(const std::filesystem::path& file) { return file == "-"; }

Error is_there(const std::filesystem::path& file) {
  return Error(ErrorKind::usage, "there is a file " + file.string() + " already, and it is not overwritten")
      .with_hint("replace it with --force, write another with -f FILE, or look at it first with -f -");
}

// Never over a file that came in between.
Status write_new(const std::filesystem::path& file, const std::string& text) {
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  File out(std::fopen(file.c_str(), "wx"), &std::fclose);
  if (!out) {
    const int code = errno;
    if (code == EEXIST) return is_there(file);
    return Error(code == EACCES || code == EPERM ? ErrorKind::denied : ErrorKind::storage,
                 "cannot write " + file.string() + ": " + std::strerror(code));
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), out.get()) == text.size();
  if (std::fclose(out.release()) == 0 && written) return {};
  const int code = errno;
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  return Error(ErrorKind::storage, "cannot write " + file.string() + ": " + std::strerror(code));
}

// What is written, from wherever it comes.
struct Draft {
  pipeline::Pipeline pipeline;
  std::vector<Finding> notes;
  std::string text;
};

// What was guessed stands in the file, for who reads it later; what looks wrong belongs to the cluster of today.
std::vector<std::string> comments_of(const init::Sketch& sketch) {
  std::vector<std::string> comments;
  for (const auto& note : sketch.notes) {
    if (note.code.starts_with("guessed-")) comments.push_back(note.sentence);
  }
  if (!comments.empty()) comments.insert(comments.begin(), "Written by sluice init; please check:");
  return comments;
}

Json environment_json(const pipeline::Environment& environment) {
  Json targets = Json::array();
  for (const auto& target : environment.targets) {
    targets.push(Json::object()
                     .set("cluster", target.cluster.empty() ? Json() : Json(target.cluster))
                     .set("registry", target.has_api || target.registry.empty() ? Json() : Json(target.registry))
                     .set("project", target.project));
  }
  return Json::object().set("name", environment.name).set("targets", std::move(targets)).set("tag", environment.tag);
}

Json document(const Draft& draft, const std::filesystem::path& file) {
  Json images = Json::array();
  for (const auto& image : draft.pipeline.images) images.push(image);
  Json environments = Json::array();
  for (const auto& environment : draft.pipeline.environments) environments.push(environment_json(environment));
  Json findings = Json::array();
  for (const auto& note : draft.notes) findings.push(promotion::to_json(note));
  return Json::object()
      .set("schema", "sluice.init/1")
      .set("file", is_stdout(file) ? Json() : Json(file.string()))
      .set("pipeline", draft.text)
      .set("app", draft.pipeline.app)
      .set("images", std::move(images))
      .set("source_tag", draft.pipeline.source.tag)
      .set("environments", std::move(environments))
      .set("findings", std::move(findings));
}

void print_text(const Draft& draft, const std::filesystem::path& file, Context& context) {
  auto& console = context.console;
  console.out(draft.text);
  std::string told;
  for (const auto& note : draft.notes) told += finding_line(note, console, false);
  if (!is_stdout(file)) {
    told += "wrote " + file.string() + "; next: sluice plan --to " + draft.pipeline.environments[1].name;
    if (file != "sluice.yaml") told += " -f " + file.string();
    told += "\n";
  }
  console.err(told);
}

Result<Draft> look_at_clusters(const Init& init, Context& context) {
  SLUICE_TRY(auto sketch, app::look_at_clusters(context.session, {init.app, init.cluster, init.to_cluster, init.from,
                                                                  init.to, init.images, init.tag}));
  auto text = pipeline::write_pipeline(sketch.pipeline, comments_of(sketch));
  return Draft{std::move(sketch.pipeline), std::move(sketch.notes), std::move(text)};
}

Result<Draft> read_script(const Init& init, Context& context) {
  migration::ScriptWish wish{init.app, init.cluster, init.to_cluster, init.tag, {}};
  for (const auto& value : init.values) {
    const auto [name, text] = text::cut(value, '=');
    if (name.empty() || value.find('=') == std::string::npos) {
      // The value may be anything, and is not repeated.
      return Error(ErrorKind::usage, "--set takes NAME=VALUE")
          .with_hint("for example: --set REGISTRY=registry.example.com");
    }
    wish.values[std::string(name)] = text;
  }
  SLUICE_TRY(const auto script, read_file(init.from_script, migration::kMaxScriptFile));
  SLUICE_TRY(const auto* clusters, context.session.clusters_and_contexts());
  const auto name = std::filesystem::path(init.from_script).filename().string();
  SLUICE_TRY(auto made, migration::pipeline_from_script(script, name, wish, *clusters));
  return Draft{std::move(made.pipeline), std::move(made.notes), std::move(made.text)};
}

}  // namespace

Exit execute(const Init& init, Context& context) {
  const auto& file = context.common.pipeline;
  std::error_code ignored;
  // Before anybody is asked for anything.
  if (!is_stdout(file) && !init.force && std::filesystem::exists(file, ignored)) return is_there(file);
  SLUICE_TRY(const auto draft, init.from_script.empty() ? look_at_clusters(init, context) : read_script(init, context));
  if (!is_stdout(file)) {
    SLUICE_CHECK(init.force ? replace_file(file, draft.text, kFileMode) : write_new(file, draft.text));
  }
  if (context.json()) {
    context.print(document(draft, file));
  } else {
    print_text(draft, file, context);
  }
  return 0;
}

}  // namespace sluice::cli
