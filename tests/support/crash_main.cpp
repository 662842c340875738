// sluice-crash: the shipped program, killed by SIGKILL right after the Nth committed write to the records.
// SLUICE_CRASH_AFTER=N says which one; without it nothing is hooked. Used by tests/e2e/test_resume.py.

#include "cli/run.hpp"

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

/// 0: not set. Ends the process for anything that is no number, so that a test cannot pass by a typing error.
std::int64_t crash_after() {
  const char* text = std::getenv("SLUICE_CRASH_AFTER");
  if (text == nullptr) return 0;
  char* end = nullptr;
  const auto number = std::strtoll(text, &end, 10);
  if (end != text && *end == '\0' && number > 0) return number;
  std::fprintf(stderr, "sluice-crash: SLUICE_CRASH_AFTER wants a number from 1\n");
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  sluice::cli::Hooks hooks;
  if (const auto last = crash_after(); last > 0) {
    hooks.after_commit = [last](std::int64_t writes) {
      if (writes >= last) std::raise(SIGKILL);
    };
  }
  return sluice::cli::run(argc, argv, hooks);
}
