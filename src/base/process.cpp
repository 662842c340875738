#include "base/process.hpp"

#include "base/deadline.hpp"
#include "base/guarded.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <set>
#include <spawn.h>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace sluice {

namespace {

// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

Error system_problem(const std::string& program, const char* step, int code) {
  return Error(ErrorKind::internal, "cannot run '" + program + "': " + step + ": " + std::strerror(code));
}

// Wakes a poll() from another thread.
class Wakeup {
 public:
  Wakeup() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  bool ok() const { return fd_.is_open(); }
  int fd() const { return fd_.get(); }
  void signal() const {
    const std::uint64_t one = 1;
    // Cannot fail: the counter of an eventfd has room for one more, and it is open.
    [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
  }

 private:
  Descriptor fd_;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
};

// Both ends are close-on-exec and numbered 3 or more, so that dup2 in the child cannot overwrite one of them when
// our own standard streams are closed.
std::optional<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
  for (auto* end : {&pipe.read, &pipe.write}) {
    if (end->get() > STDERR_FILENO) continue;
    Descriptor higher(::fcntl(end->get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!higher.is_open()) return std::nullopt;
    *end = std::move(higher);
  }
  return pipe;
}

struct Pipes {
  Pipe in;
  Pipe out;
  Pipe err;
};

Result<Pipes> make_pipes(const std::string& program) {
  auto in = make_pipe();
  auto out = make_pipe();
  auto err = make_pipe();
  if (!in || !out || !err) return system_problem(program, "pipe", errno);
  for (const int ours : {in->write.get(), out->read.get(), err->read.get()}) {
    if (::fcntl(ours, F_SETFL, O_NONBLOCK) != 0) return system_problem(program, "fcntl", errno);
  }
  return Pipes{std::move(*in), std::move(*out), std::move(*err)};
}

// Turns SIGPIPE of this thread into a plain EPIPE while it lives; the process's handler is left alone.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    sigset_t pending;
    sigemptyset(&only_);
    sigaddset(&only_, SIGPIPE);
    ::sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &only_, &before_);
  }
  ~SigpipeGuard() {
    if (!was_pending_) {
      const timespec now{};
      while (::sigtimedwait(&only_, nullptr, &now) < 0 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

 private:
  sigset_t only_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

// A started child, in a process group of its own. Ends and reaps it when it goes out of scope.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (!reaped_) {
      kill();
      static_cast<void>(reap());
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Signals `ended` when the child ends. The zombie stays until reap(), so that the number cannot be reused before.
  // A thread and not a pidfd: kernels before 5.3 are still in use where Sluice runs.
  bool watch(const Wakeup& ended) {
    try {
      watcher_ = std::jthread([pid = pid_, &ended] {
        siginfo_t info{};
        while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
        }
        ended.signal();
      });
    } catch (const std::system_error&) {
      return false;
    }
    return true;
  }

  void kill() const {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);  // in case it left its group
  }

  // The exit code; empty when somebody else took it (SIGCHLD ignored).
  std::optional<int> reap() {
    if (watcher_.joinable()) watcher_.join();
    reaped_ = true;
    int status = 0;
    pid_t got = 0;
    do {
      got = ::waitpid(pid_, &status, 0);
    } while (got < 0 && errno == EINTR);
    if (got != pid_) return std::nullopt;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_;
  bool reaped_ = false;
  std::jthread watcher_;
};

Error spawn_problem(const std::string& program, int code) {
  if (code == ENOENT) {
    return Error(ErrorKind::not_found, "cannot run '" + program + "': no such program")
        .with_hint("install it, or put its folder into PATH");
  }
  if (code == EACCES || code == ENOEXEC) {
    return Error(ErrorKind::not_found, "cannot run '" + program + "': it is not executable")
        .with_hint("a script needs a first line with #! and the executable bit");
  }
  return system_problem(program, "start", code);
}

// posix_spawn takes char* for historical reasons and does not write through it.
std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (const auto& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

using Names = std::set<std::string, std::less<>>;

Guarded<Names>& kept_names() {
  static Guarded<Names> names;
  return names;
}

// Our environment with `variables` in it, as NAME=VALUE.
std::vector<std::string> child_environment(const ProcessVariables& variables) {
  std::vector<std::string> out;
  const auto kept = kept_names().with([](const Names& names) { return names; });
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto name = text.substr(0, text.find('='));
    const bool replaced =
        std::any_of(variables.begin(), variables.end(), [&](const auto& variable) { return variable.first == name; });
    if (!replaced && !kept.contains(name)) out.emplace_back(text);
  }
  for (const auto& [name, value] : variables) out.push_back(name + "=" + value);
  return out;
}

Result<pid_t> spawn(const std::vector<std::string>& argv, const ProcessVariables& variables, const Pipes& pipes) {
  const auto words = pointers(argv);
  const auto environment = child_environment(variables);
  const auto entries = pointers(environment);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, pipes.in.read.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, pipes.out.write.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, pipes.err.write.get(), STDERR_FILENO);
  // Libraries open descriptors of their own, not all of them close-on-exec (libcurl's wake-up pair).
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);

  // The child starts with no signal blocked and SIGPIPE as usual, whatever this thread and main() chose.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int code = ::posix_spawnp(&pid, words.front(), &actions, &attributes, words.data(), entries.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return spawn_problem(argv.front(), code);
  return pid;
}

enum class Ending : std::uint8_t { exited, timed_out, cancelled, too_much, broken };

// Moves text into and out of one child until it ends or something stops it.
class Conversation {
 public:
  Conversation(Pipes pipes, std::string_view input, std::size_t max_bytes)
      : in_(std::move(pipes.in.write)),
        out_(std::move(pipes.out.read)),
        err_(std::move(pipes.err.read)),
        input_(input),
        max_bytes_(max_bytes) {
    if (input_.empty()) in_.close();
  }

  Ending run(Deadline deadline, const Wakeup& ended, const Wakeup& stopped) {
    for (;;) {
      // poll() passes over negative numbers: what is closed already.
      std::array<pollfd, 5> polled{{{ended.fd(), POLLIN, 0},
                                    {stopped.fd(), POLLIN, 0},
                                    {in_.get(), POLLOUT, 0},
                                    {out_.get(), POLLIN, 0},
                                    {err_.get(), POLLIN, 0}}};
      if (::poll(polled.data(), polled.size(), wait_ms(deadline)) < 0 && errno != EINTR) return Ending::broken;
      // What the child wrote before it ended is in the pipes by now. A grandchild may keep them open for ever, so
      // the end of the child decides and not the end of the pipe.
      const bool over = polled[0].revents != 0;
      if (!over && polled[1].revents != 0) return Ending::cancelled;
      if (!over && deadline.expired()) return Ending::timed_out;
      if (polled[2].revents != 0) send();
      if (!receive(out_, output) || !receive(err_, error_output)) return Ending::too_much;
      if (over) return Ending::exited;
    }
  }

  std::string output;
  std::string error_output;

 private:
  static int wait_ms(Deadline deadline) {
    if (!deadline.is_bounded()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.at() - Deadline::Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }

  void send() {
    const auto written = ::write(in_.get(), input_.data(), input_.size());
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (written >= 0) input_.remove_prefix(static_cast<std::size_t>(written));
    // A child that reads no further (EPIPE) is not wrong: its exit code tells.
    if (written < 0 || input_.empty()) in_.close();
  }

  // Reads what is there. False when it is more than allowed.
  bool receive(Descriptor& from, std::string& to) const {
    std::array<char, 16384> buffer{};
    while (from.is_open()) {
      const auto got = ::read(from.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return true;
      if (got <= 0) {
        from.close();
        return true;
      }
      to.append(buffer.data(), static_cast<std::size_t>(got));
      if (to.size() > max_bytes_) return false;
    }
    return true;
  }

  Descriptor in_;
  Descriptor out_;
  Descriptor err_;
  std::string_view input_;
  std::size_t max_bytes_;
};

// Arguments may be secrets: only the program is ever named.
Error ending_error(Ending ending, const std::string& program, std::chrono::milliseconds timeout, std::size_t limit) {
  switch (ending) {
    case Ending::timed_out:
      return Error(ErrorKind::timeout,
                   "'" + program + "' did not end within " + std::to_string(timeout.count()) + " ms and was killed")
          .with_hint("run it by hand to see what it waits for");
    case Ending::cancelled:
      return Error(ErrorKind::cancelled, "'" + program + "' was stopped");
    case Ending::too_much:
      return Error(ErrorKind::protocol,
                   "'" + program + "' wrote more than " + std::to_string(limit) + " bytes and was killed");
    case Ending::exited:
    case Ending::broken:
      break;
  }
  return Error(ErrorKind::internal, "lost track of '" + program + "'");
}

Status check_argv(const std::vector<std::string>& argv) {
  if (argv.empty() || argv.front().empty()) return Error(ErrorKind::internal, "no program to run");
  for (const auto& word : argv) {
    if (word.find('\0') != std::string::npos) {
      return Error(ErrorKind::internal,
                   "an argument for '" + std::string(argv.front().c_str()) + "' holds a zero byte");
    }
  }
  return {};
}

}  // namespace

void keep_from_children(std::string_view name) {
  kept_names().with([&](Names& names) { names.emplace(name); });
}

Result<ProcessResult> run_process(const std::vector<std::string>& argv, std::string_view input,
                                  std::chrono::milliseconds timeout, std::size_t max_bytes, std::stop_token stop,
                                  const ProcessVariables& variables) {
  SLUICE_CHECK(check_argv(argv));
  const auto& program = argv.front();
  if (stop.stop_requested()) return ending_error(Ending::cancelled, program, timeout, max_bytes);
  // A year stands for "no limit" and keeps the sum with the clock from running over.
  const auto deadline = timeout < std::chrono::hours(24 * 365) ? Deadline::after(timeout) : Deadline::never();

  const Wakeup ended;
  const Wakeup stopped;
  if (!ended.ok() || !stopped.ok()) return system_problem(program, "eventfd", errno);
  SLUICE_TRY(auto pipes, make_pipes(program));
  const SigpipeGuard no_sigpipe;
  SLUICE_TRY(const pid_t pid, spawn(argv, variables, pipes));
  Child child(pid);
  pipes.in.read.close();
  pipes.out.write.close();
  pipes.err.write.close();
  if (!child.watch(ended)) return system_problem(program, "thread", EAGAIN);
  const std::stop_callback on_stop(stop, [&stopped] { stopped.signal(); });

  Conversation conversation(std::move(pipes), input, max_bytes);
  const auto ending = conversation.run(deadline, ended, stopped);
  if (ending != Ending::exited) return ending_error(ending, program, timeout, max_bytes);
  const auto code = child.reap();
  if (!code) return ending_error(Ending::broken, program, timeout, max_bytes);
  return ProcessResult{*code, std::move(conversation.output), std::move(conversation.error_output)};
}

}  // namespace sluice
