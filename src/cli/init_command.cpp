// init: a pipeline written by looking at a cluster.

#include "app/cluster_look.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/promotion_view.hpp"
#include "pipeline/write_pipeline.hpp"
#include "promotion/plan.hpp"

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

// What was guessed stands in the file, for who reads it later; what looks wrong belongs to the cluster of today.
std::vector<std::string> comments_of(const promotion::Sketch& sketch) {
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
                     .set("project", target.project));
  }
  return Json::object().set("name", environment.name).set("targets", std::move(targets)).set("tag", environment.tag);
}

Json document(const promotion::Sketch& sketch, const std::filesystem::path& file, const std::string& text) {
  Json images = Json::array();
  for (const auto& image : sketch.pipeline.images) images.push(image);
  Json environments = Json::array();
  for (const auto& environment : sketch.pipeline.environments) environments.push(environment_json(environment));
  Json findings = Json::array();
  for (const auto& note : sketch.notes) findings.push(promotion::to_json(note));
  return Json::object()
      .set("schema", "sluice.init/1")
      .set("file", is_stdout(file) ? Json() : Json(file.string()))
      .set("pipeline", text)
      .set("app", sketch.pipeline.app)
      .set("images", std::move(images))
      .set("source_tag", sketch.pipeline.source.tag)
      .set("environments", std::move(environments))
      .set("findings", std::move(findings));
}

void print_text(const promotion::Sketch& sketch, const std::filesystem::path& file, const std::string& text,
                Context& context) {
  auto& console = context.console;
  console.out(text);
  std::string told;
  for (const auto& note : sketch.notes) told += finding_line(note, console, false);
  if (!is_stdout(file)) {
    told += "wrote " + file.string() + "; next: sluice plan --to " + sketch.pipeline.environments[1].name;
    if (file != "sluice.yaml") told += " -f " + file.string();
    told += "\n";
  }
  console.err(told);
}

}  // namespace

Exit execute(const Init& init, Context& context) {
  const auto& file = context.common.pipeline;
  std::error_code ignored;
  // Before anybody is asked for anything.
  if (!is_stdout(file) && !init.force && std::filesystem::exists(file, ignored)) return is_there(file);
  SLUICE_TRY(const auto sketch, app::look_at_clusters(context.session, {init.app, init.cluster, init.to_cluster,
                                                                        init.from, init.to, init.images, init.tag}));
  const auto text = pipeline::write_pipeline(sketch.pipeline, comments_of(sketch));
  if (!is_stdout(file)) SLUICE_CHECK(init.force ? replace_file(file, text, kFileMode) : write_new(file, text));
  if (context.json()) {
    context.print(document(sketch, file, text));
  } else {
    print_text(sketch, file, text, context);
  }
  return 0;
}

}  // namespace sluice::cli
