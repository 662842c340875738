// sandbox: starts the program sluice-sandbox in the place of this one.

#include "base/environment.hpp"
#include "cli/commands/commands.hpp"
#include "cli/sandbox_words.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <pthread.h>
#include <unistd.h>

namespace sluice::cli {

namespace {

namespace fs = std::filesystem;

bool may_be_started(const fs::path& file) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0;
}

Result<fs::path> find_program() {
  std::error_code error;
  const auto own = fs::read_symlink("/proc/self/exe", error);
  const auto folder = error ? fs::path() : own.parent_path();
  for (const auto& candidate : sandbox_candidates(folder, Environment::process().get("PATH").value_or(""))) {
    if (may_be_started(candidate)) return candidate;
  }
  return Error(ErrorKind::not_found, "there is no program sluice-sandbox beside " +
                                         (own.empty() ? std::string("sluice") : own.string()) +
                                         ", in ../libexec/sluice, or on the PATH")
      .with_hint("it comes with sluice: put both into one folder");
}

// A new program begins with the signals of its own choice.
void give_signals_back() {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_UNBLOCK, &all, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
}

}  // namespace

Exit execute(const SandboxRun& run, Context& context) {
  SLUICE_TRY(const auto program, find_program());
  auto words = sandbox_words(run, context.common);
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  context.view.clear();
  give_signals_back();
  ::execv(program.c_str(), argv.data());
  return Error(ErrorKind::internal, program.string() + " could not be started: " + std::strerror(errno));
}

}  // namespace sluice::cli
