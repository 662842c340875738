#pragma once
// One function per command: does it, prints its result, returns its exit code.

#include "app/session.hpp"
#include "cli/options.hpp"
#include "cli/view/console.hpp"
#include "cli/view/explanations.hpp"
#include "cli/view/progress.hpp"
#include "cli/view/run_report.hpp"
#include "copy/events.hpp"
#include "promotion/plan/planner.hpp"

#include <stop_token>

namespace sluice::cli {

/// What every command works with. Borrowed for the run.
struct Context {
  Console& console;
  const Common& common;
  app::Session& session;
  ProgressView& view;
  promotion::PromotionEvents& events;
  RunReport& report;
  std::stop_token stop;

  bool json() const { return common.format == Format::json; }
  /// Prints a result document: one line of JSON.
  void print(const Json& document) const { console.out_json(document); }
  /// As far as somebody asked for them, and as things stand now.
  Explanations explanations() const {
    Explanations out;
    if (common.explain_auth) out.logins = session.explain_logins();
    if (common.explain_road) out.roads = report.images;
    return out;
  }
  /// Prints the result document of a command that takes --explain-auth.
  void print_explained(Json document) const {
    document.set("explanations", explanations_json(explanations()));
    print(document);
  }
};

/// The exit code, or an Error whose kind has one.
using Exit = Result<int>;

Exit execute(const Copy& copy, Context& context);
Exit execute(const Inspect& inspect, Context& context);
Exit execute(const DigestOf& digest, Context& context);
Exit execute(const Tags& tags, Context& context);
Exit execute(const ReleaseOf& release, Context& context);
Exit execute(const Diff& diff, Context& context);
Exit execute(const Releases& releases, Context& context);
Exit execute(const PlanFor& plan, Context& context);
Exit execute(const Promote& promote, Context& context);
/// promote --shadow.
Exit execute_shadow(const promotion::Request& request, Context& context);
Exit execute(const Rollback& rollback, Context& context);
Exit execute(const Resume& resume, Context& context);
Exit execute(const Undo& undo, Context& context);
Exit execute(const StatusOf& status, Context& context);
Exit execute(const History& history, Context& context);
Exit execute(const HoldOn& hold, Context& context);
Exit execute(const Unhold& unhold, Context& context);
Exit execute(const Login& login, Context& context);
Exit execute(const Logout& logout, Context& context);
Exit execute(const Init& init, Context& context);
Exit execute(const Doctor& doctor, Context& context);
Exit execute(const SandboxRun& run, Context& context);

}  // namespace sluice::cli
