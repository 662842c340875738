#include "cli/run.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace {

// Passwords and tokens are in our memory: a crash must not leave them in a file, and no other process of the same user
// may read them (prctl(2): PR_SET_DUMPABLE also shuts out ptrace). Children are not shut off by it, as exec sets it
// anew; they inherit the limit.
void keep_memory_private() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory_private();
  return sluice::cli::run(argc, argv);
}
