#include "cli/run.hpp"

#include "cli/commands/commands.hpp"
#include "cli/options.hpp"
#include "cli/view/event_log.hpp"
#include "cli/view/promotion.hpp"
#include "cli/view/run_metrics.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/plan/refused_look.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <malloc.h>
#include <memory>
#include <optional>
#include <pthread.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace sluice::cli {

namespace {

constexpr int kInterrupted = 130;

/// Waits for SIGINT and SIGTERM: the first one asks to stop, the second one ends the process.
class SignalThread {
 public:
  SignalThread() {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&signals_, signal);
    ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);  // inherited by every thread that starts later
    std::signal(SIGPIPE, SIG_IGN);
    thread_ = std::thread([this] { wait(); });
  }
  ~SignalThread() {
    ::pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
  }
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;
  std::stop_token token() const { return stop_.get_token(); }

 private:
  void wait() {
    for (;;) {
      int signal = 0;
      ::sigwait(&signals_, &signal);
      if (signal == SIGUSR1) return;
      if (stop_.stop_requested()) ::_exit(kInterrupted);
      stop_.request_stop();
    }
  }
  sigset_t signals_{};
  std::stop_source stop_;
  std::thread thread_;
};

Json error_document(const Error& error, Json explanations) {
  Json position;
  if (const auto& at = error.position()) {
    position = Json::object().set("file", at->file).set("line", at->line).set("column", at->column);
  }
  Json findings = Json::array();
  if (const auto* behind = promotion::findings_behind(error)) {
    for (const auto& finding : *behind) findings.push(promotion::to_json(finding));
  }
  return Json::object()
      .set("schema", "sluice.error/1")
      .set("error", Json::object()
                        .set("kind", to_string(error.kind()))
                        .set("message", error.sentence())
                        .set("hint", error.hint().empty() ? Json() : Json(error.hint()))
                        .set("http_status", error.http_status() ? Json(*error.http_status()) : Json())
                        .set("registry_code", error.registry_code().empty() ? Json() : Json(error.registry_code()))
                        .set("position", std::move(position)))
      .set("findings", std::move(findings))
      .set("exit", exit_code(error.kind()))
      .set("explanations", std::move(explanations));
}

// Whether a command line that could not be understood asked for JSON all the same.
bool wants_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "-ojson" || word == "-o=json" || word == "--output=json") return true;
    if ((word == "-o" || word == "--output") && i + 1 < argc && std::string_view(argv[i + 1]) == "json") return true;
  }
  return false;
}

int report(const Error& error, Console& console, const Common& common, Json explanations = {}) {
  if (const auto* behind = promotion::findings_behind(error)) {
    for (const auto& finding : *behind) console.err(finding_line(finding, console, false));
  }
  console.err(console.red("sluice:", false) + " " + error.sentence() + "\n");
  if (common.verbosity > 0) {
    console.err("  kind: " + std::string(to_string(error.kind())) + "\n");
    if (error.http_status()) console.err("  HTTP status: " + std::to_string(*error.http_status()) + "\n");
    if (!error.registry_code().empty()) console.err("  registry code: " + error.registry_code() + "\n");
    for (const auto& what : error.contexts()) console.err("  while: " + what + "\n");
  }
  if (common.format == Format::json) console.out_json(error_document(error, std::move(explanations)));
  return exit_code(error.kind());
}

/// The files that a run was asked to write beside its result. They are opened before anything is done.
struct Reports {
  std::unique_ptr<EventLog> events;
  std::optional<MetricsFile> metrics;
};

Result<Reports> open_reports(const Common& common) {
  Reports out;
  if (common.metrics) {
    SLUICE_TRY(out.metrics, MetricsFile::open(*common.metrics));
  }
  if (common.events) {
    SLUICE_TRY(out.events, EventLog::open(*common.events));
  }
  return out;
}

// Told, and no more: the exit code says what became of the images.
void tell_failure(const Status& written, Console& console) {
  if (!written) console.err(written.error().sentence() + "\n");
}

/// The exit code of what a command came to; an error is told.
int exit_of(const Exit& done, const Context& context) {
  if (done) return *done;
  auto explanations = explanations_json(context.explanations());
  if (context.stop.stop_requested() && done.error().kind() == ErrorKind::cancelled) {
    return report(Error(ErrorKind::cancelled, "interrupted"), context.console, context.common, std::move(explanations));
  }
  return report(done.error(), context.console, context.common, std::move(explanations));
}

double unix_seconds() {
  using std::chrono::milliseconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<milliseconds>(now).count()) / 1000;
}

int run_command(const Invocation& invocation, Console& console, const Environment& environment, const Hooks& hooks) {
  const auto began = std::chrono::steady_clock::now();
  const SignalThread signals;
  const auto& common = invocation.common;
  ProgressView view(console, common.progress);
  EventFan events;
  events.add(view);
  auto reports = open_reports(common);
  if (!reports) return report(reports.error(), console, common);
  if (reports->events) events.add(*reports->events);
  app::Session session(common.session, environment, signals.token(), hooks.after_commit);
  session.tell_waits([&events](const net::Wait& wait) {
    events.emit({.kind = copy::EventKind::wait, .target = wait.host, .detail = net::to_sentence(wait)});
  });
  RunReport run;
  Context context{console, common, session, view, events, run, signals.token()};
  const auto* sandbox = std::get_if<SandboxRun>(&invocation.command);
  const auto done =
      sandbox != nullptr && hooks.serve_sandbox
          ? hooks.serve_sandbox(*sandbox, context)
          : std::visit([&](const auto& command) { return execute(command, context); }, invocation.command);
  view.clear();
  session.keep_profiles();
  if (reports->events) tell_failure(reports->events->complete(), console);
  console.err(explanations_text(context.explanations()));
  const int code = exit_of(done, context);
  if (reports->metrics) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    tell_failure(
        reports->metrics->write(run, {invocation.name, code, took.count(), session.requests(), unix_seconds()}),
        console);
  }
  return code;
}

}  // namespace

namespace {

// Job threads are sequential code without deep recursion: their stacks need no 8 MiB of address space each, which is
// all that some limits leave (ulimit -v of 300 MB).
void small_stacks() {
  constexpr std::size_t kStackBytes = std::size_t{1} * 1024 * 1024;
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return;
  if (::pthread_attr_setstacksize(&attributes, kStackBytes) == 0) ::pthread_setattr_default_np(&attributes);
  ::pthread_attr_destroy(&attributes);
}

}  // namespace

int run(int argc, char** argv, const Hooks& hooks) {
  // Job threads are many and short of memory to keep: two arenas are enough, one per thread would cost megabytes.
  ::mallopt(M_ARENA_MAX, 2);
  small_stacks();
  const auto environment = Environment::process();
  Console console(environment);
  auto parsed = parse(argc, argv);
  if (!parsed) {
    Common common;
    if (wants_json(argc, argv)) common.format = Format::json;
    return report(parsed.error(), console, common);
  }
  if (!parsed->invocation) {
    console.out(parsed->text);
    return 0;
  }
  return run_command(*parsed->invocation, console, environment, hooks);
}

}  // namespace sluice::cli
