#include "cli/run.hpp"
#include "sandbox_program/serve.hpp"

#include <vector>

// "sluice-sandbox --demo" is "sluice sandbox --demo", served by this program.
int main(int argc, char** argv) {
  char name[] = "sluice-sandbox";
  char command[] = "sandbox";
  std::vector<char*> words{name, command};
  for (int i = 1; i < argc; ++i) words.push_back(argv[i]);
  words.push_back(nullptr);
  return sluice::cli::run(static_cast<int>(words.size()) - 1, words.data(),
                          {.after_commit = {}, .serve_sandbox = sluice::sandbox_program::serve});
}
