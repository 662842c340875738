#include "migration/from_script.hpp"

#include "base/text.hpp"
#include "migration/assemble.hpp"
#include "migration/groovy_run.hpp"
#include "migration/groovy_tokens.hpp"
#include "migration/shell_run.hpp"
#include "pipeline/write_pipeline.hpp"

#include <utility>

namespace sluice::migration {

namespace {

std::string at_line(const Remark& remark) { return "line " + std::to_string(remark.line) + ": " + remark.sentence; }

void add_notes(const std::vector<Remark>& remarks, const char* code, Severity severity, std::vector<Finding>& notes) {
  for (const auto& remark : remarks) {
    notes.push_back({code, severity, "line " + std::to_string(remark.line), at_line(remark), remark.fix});
  }
}

void add_comments(const std::vector<Remark>& remarks, const char* title, std::string& text) {
  if (remarks.empty()) return;
  text += std::string("# ") + title + "\n";
  for (const auto& remark : remarks) {
    text += "#   " + text::printable(at_line(remark), 500) + (remark.fix.empty() ? "" : ": " + remark.fix) + "\n";
  }
}

Error nothing_found(const Notebook& notebook, const std::string& file) {
  const auto name = text::printable(file, 200);
  if (!notebook.any_seen()) {
    return Error(ErrorKind::usage, "nothing in " + name + " takes an image from one place to another")
        .with_hint(
            "it takes a shell script or a Jenkinsfile with docker pull, tag and push, skopeo copy, oc tag, oc image "
            "mirror or openshiftTag");
  }
  std::string message = "no image in " + name + " goes from one known place to another";
  std::size_t told = 0;
  for (const auto& remark : notebook.remarks()) {
    if (++told > 5) break;
    message += "; " + at_line(remark);
  }
  return Error(ErrorKind::usage, std::move(message))
      .with_hint("give the values of variables that the script does not hold: --set NAME=VALUE");
}

}  // namespace

Notebook read_script(std::string_view script, const std::string& file, const ScriptWish& wish) {
  Notebook notebook;
  Tools tools(notebook);
  Budget budget;
  Variables variables(wish.values);
  const auto text = readable(script);
  const Reading reading{notebook, tools, budget};
  if (looks_like_jenkinsfile(text, file)) {
    run_jenkinsfile(text, variables, reading);
  } else {
    run_shell(text, 1, variables, reading);
  }
  if (budget.steps == 0)
    notebook.not_understood(1, "the script does more than can be followed; only its beginning was read");
  return notebook;
}

Result<FromScript> pipeline_from_script(std::string_view script, const std::string& file, const ScriptWish& wish,
                                        const pipeline::Clusters& clusters) {
  auto notebook = read_script(script, file, wish);
  SLUICE_TRY(auto assembled, assemble(notebook, wish, clusters));
  if (assembled.pipeline.environments.size() < 2) return nothing_found(notebook, file);
  FromScript out;
  out.notes = assembled.guesses;
  std::vector<std::string> comments{"Written by sluice init from " + file + "; please check:"};
  for (const auto& guess : assembled.guesses) comments.push_back(guess.sentence);
  out.text = pipeline::write_pipeline(assembled.pipeline, comments);
  add_comments(notebook.remarks(), "Not understood:", out.text);
  add_comments(notebook.left_out_remarks(), "Left out:", out.text);
  add_comments(notebook.logins(), "Logins that are needed; no password was looked at:", out.text);
  add_notes(notebook.remarks(), "not-understood", Severity::warning, out.notes);
  add_notes(notebook.left_out_remarks(), "left-out", Severity::info, out.notes);
  add_notes(notebook.logins(), "needs-login", Severity::info, out.notes);
  if (notebook.is_cut()) {
    out.notes.push_back(
        {"not-understood", Severity::warning, file, "there is more that was not understood than is told here"});
  }
  auto read_back = pipeline::parse_pipeline(out.text, "sluice.yaml", clusters);
  if (!read_back) {
    return std::move(read_back).error().context("what " + text::printable(file, 200) + " amounts to is no pipeline");
  }
  out.pipeline = std::move(*read_back);
  return out;
}

}  // namespace sluice::migration
