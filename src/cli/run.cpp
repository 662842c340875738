#include "cli/run.hpp"

#include "cli/commands.hpp"
#include "cli/event_log.hpp"
#include "cli/options.hpp"

#include <csignal>
#include <cstdlib>
#include <malloc.h>
#include <thread>
#include <unistd.h>

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

Json error_document(const Error& error) {
  Json position;
  if (const auto& at = error.position()) {
    position = Json::object().set("file", at->file).set("line", at->line).set("column", at->column);
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
      .set("exit", exit_code(error.kind()));
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

int report(const Error& error, Console& console, const Common& common) {
  console.err(console.red("sluice:", false) + " " + error.sentence() + "\n");
  if (common.verbosity > 0) {
    console.err("  kind: " + std::string(to_string(error.kind())) + "\n");
    if (error.http_status()) console.err("  HTTP status: " + std::to_string(*error.http_status()) + "\n");
    if (!error.registry_code().empty()) console.err("  registry code: " + error.registry_code() + "\n");
    for (const auto& what : error.contexts()) console.err("  while: " + what + "\n");
  }
  if (common.format == Format::json) console.out(error_document(error).dump() + "\n");
  return exit_code(error.kind());
}

int run_command(const Invocation& invocation, Console& console, const Environment& environment, const Hooks& hooks) {
  const SignalThread signals;
  ProgressView view(console, invocation.common.progress);
  EventFan events;
  events.add(view);
  std::unique_ptr<EventLog> log;
  if (invocation.common.events) {
    auto opened = EventLog::open(*invocation.common.events);
    if (!opened) return report(opened.error(), console, invocation.common);
    log = std::move(*opened);
    events.add(*log);
  }
  app::Session session(invocation.common.session, environment, signals.token(), hooks.after_commit);
  Context context{console, invocation.common, session, view, events, signals.token()};
  auto done = std::visit([&](const auto& command) { return execute(command, context); }, invocation.command);
  view.clear();
  if (log) {
    // Told, and no more: the exit code says what became of the images.
    if (auto complete = log->complete(); !complete) console.err(complete.error().sentence() + "\n");
  }
  if (done) return *done;
  if (signals.token().stop_requested() && done.error().kind() == ErrorKind::cancelled) {
    return report(Error(ErrorKind::cancelled, "interrupted"), console, invocation.common);
  }
  return report(done.error(), console, invocation.common);
}

}  // namespace

int run(int argc, char** argv, const Hooks& hooks) {
  // Job threads are many and short of memory to keep: two arenas are enough, one per thread would cost megabytes.
  ::mallopt(M_ARENA_MAX, 2);
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
