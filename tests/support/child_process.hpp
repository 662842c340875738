#pragma once
// ChildProcess: a program that runs beside a test and ends with it. Programs that end by themselves: base/process.hpp.

#include "base/guarded.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace sluice::support {

/// The path of a program in PATH or the usual folders of administrators; empty when it is not installed.
std::optional<std::string> find_program(std::string_view name);

/// Thread: one at a time. The destructor kills the process and reaps it; it dies with us, too.
class ChildProcess {
 public:
  /// Starts argv[0], an absolute path, with `environment` ("NAME=value") and nothing else. Throws std::system_error.
  ChildProcess(const std::vector<std::string>& argv, const std::vector<std::string>& environment);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Waits for the number that follows `mark` in what the program writes ("listening on 127.0.0.1:"); empty when the
  /// program ends without writing it.
  std::optional<unsigned> wait_for_number_after(std::string_view mark);
  /// What it wrote so far to either output, at most 64 KiB.
  std::string output() const;

 private:
  struct Output {
    std::string text;
    bool ended = false;
  };
  void read_all(int fd);

  pid_t pid_ = -1;
  mutable Watched<Output> output_;
  std::thread reader_;
};

}  // namespace sluice::support
