#include "base/process.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <set>
#include <signal.h>
#include <sstream>
#include <stdlib.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPlenty = std::size_t{8} * 1024 * 1024;
// How long a test that is right never needs.
constexpr auto kLong = 60s;

Result<ProcessResult> run(const std::vector<std::string>& argv, std::string_view input = "") {
  return run_process(argv, input, kLong, kPlenty, {});
}
Result<ProcessResult> shell(const std::string& script, std::string_view input = "") {
  return run({"/bin/sh", "-c", script}, input);
}

// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-process-XXXXXX").string();
    path_ = ::mkdtemp(name.data()) != nullptr ? name : std::string();
  }
  ~Folder() {
    std::error_code code;
    if (!path_.empty()) std::filesystem::remove_all(path_, code);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

TEST(Process, CollectsBothOutputsAndTheExitCode) {
  const auto done = shell("echo out; echo err >&2; exit 3");
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  EXPECT_EQ(done->exit_code, 3);
  EXPECT_EQ(done->output, "out\n");
  EXPECT_EQ(done->error_output, "err\n");
}

TEST(Process, LooksTheProgramUpInPath) {
  const auto done = run({"sh", "-c", "echo found"});
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  EXPECT_EQ(done->output, "found\n");
}

TEST(Process, PassesArgumentsWithoutAShell) {
  const auto done = run({"printf", "%s|", "a b", "$HOME", "*", "; exit 7", ""});
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  EXPECT_EQ(done->output, "a b|$HOME|*|; exit 7||");
  EXPECT_EQ(done->exit_code, 0);
}

TEST(Process, AddsVariablesToOurEnvironmentAndReplacesThem) {
  const ProcessVariables variables{{"SLUICE_TEST_NEW", "a b"}, {"PATH", "/usr/bin:/bin:/replaced"}};
  const auto done = run_process({"sh", "-c", "printf '%s|%s|%s' \"$SLUICE_TEST_NEW\" \"$PATH\" \"${HOME+home}\""}, "",
                                kLong, kPlenty, {}, variables);
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  const std::string home = ::getenv("HOME") != nullptr ? "home" : "";
  EXPECT_EQ(done->output, "a b|/usr/bin:/bin:/replaced|" + home);
  EXPECT_EQ(::getenv("SLUICE_TEST_NEW"), nullptr) << "ours stays as it is";
}

TEST(Process, CarriesMoreInputAndOutputThanAPipeHolds) {
  const std::string text(std::size_t{3} * 1024 * 1024 + 1, 'x');
  const auto done = run({"cat"}, text);
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  EXPECT_TRUE(done->output == text) << done->output.size() << " bytes came back of " << text.size();
}

TEST(Process, ClosesTheInputSoThatReadersEnd) {
  const auto done = run({"cat"});
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  EXPECT_EQ(done->output, "");
}

TEST(Process, SurvivesAChildThatDoesNotReadItsInput) {
  const auto done = shell("exec 0<&-; echo done", std::string(std::size_t{1024} * 1024, 'x'));
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  EXPECT_EQ(done->output, "done\n");
  EXPECT_EQ(done->exit_code, 0);
}

TEST(Process, LeavesTheSignalMaskOfTheCallerAlone) {
  sigset_t before;
  sigset_t after;
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &before), 0);
  ASSERT_TRUE(shell("exec 0<&-", std::string(std::size_t{1024} * 1024, 'x')).ok());
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &after), 0);
  EXPECT_EQ(sigismember(&before, SIGPIPE), sigismember(&after, SIGPIPE));
  sigset_t pending;
  ASSERT_EQ(::sigpending(&pending), 0);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

TEST(Process, ReportsASignalAs128PlusItsNumber) {
  const auto done = shell("kill -TERM $$");
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  EXPECT_EQ(done->exit_code, 128 + SIGTERM);
}

TEST(Process, StartsTheChildWithTheUsualSigpipe) {
  struct sigaction ignore{};
  struct sigaction before{};
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(::sigaction(SIGPIPE, &ignore, &before), 0);
  const auto done = shell("kill -PIPE $$; echo alive");
  ASSERT_EQ(::sigaction(SIGPIPE, &before, nullptr), 0);
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  EXPECT_EQ(done->exit_code, 128 + SIGPIPE);
}

TEST(Process, SaysThatThereIsNoSuchProgram) {
  const auto done = run({"sluice-no-such-program", "hunter2"});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind(), ErrorKind::not_found);
  EXPECT_NE(done.error().sentence().find("'sluice-no-such-program'"), std::string::npos) << done.error().sentence();
  EXPECT_EQ(done.error().sentence().find("hunter2"), std::string::npos) << "arguments may be secrets";
}

TEST(Process, SaysThatAFileIsNotExecutable) {
  const Folder folder;
  std::ofstream(folder / "tool") << "plain text\n";
  const auto done = run({(folder / "tool").string()});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind(), ErrorKind::not_found);
  EXPECT_NE(done.error().sentence().find("not executable"), std::string::npos) << done.error().sentence();
}

TEST(Process, DoesNotFallBackToAShellForAFileThatIsNoProgram) {
  const Folder folder;
  std::ofstream(folder / "tool") << "echo a shell ran this\n";
  std::filesystem::permissions(folder / "tool", std::filesystem::perms::owner_all);
  const auto done = run({(folder / "tool").string()});
  ASSERT_FALSE(done.ok()) << done->output;
  EXPECT_EQ(done.error().kind(), ErrorKind::not_found);
}

TEST(Process, RefusesArgumentsThatCannotBePassed) {
  EXPECT_EQ(run({}).error().kind(), ErrorKind::internal);
  EXPECT_EQ(run({""}).error().kind(), ErrorKind::internal);
  EXPECT_EQ(run({"printf", std::string("a\0b", 3)}).error().kind(), ErrorKind::internal);
}

TEST(Process, KillsAChildThatWritesTooMuch) {
  const auto done = run_process({"/bin/sh", "-c", "while :; do echo xxxxxxxxxxxxxxxx; done"}, "", kLong, 100'000, {});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind(), ErrorKind::protocol);
  EXPECT_NE(done.error().sentence().find("100000 bytes"), std::string::npos) << done.error().sentence();
}

TEST(Process, AllowsExactlyTheLimit) {
  const auto done = run_process({"printf", "12345678"}, "", kLong, 8, {});
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  EXPECT_EQ(done->output, "12345678");
}

// A named pipe that a child and a grandchild hold open for writing: its end tells that both are gone.
class LifeLine {
 public:
  LifeLine() {
    EXPECT_EQ(::mkfifo(path().c_str(), 0600), 0);
    fd_ = ::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    EXPECT_GE(fd_, 0);
  }
  ~LifeLine() { ::close(fd_); }
  LifeLine(const LifeLine&) = delete;
  LifeLine& operator=(const LifeLine&) = delete;

  std::string script() const { return "exec 3>'" + path().string() + "'; sleep 1000 & echo ready >&3; wait"; }

  // True when the child wrote its word.
  bool wait_until_ready() { return read_next() == "ready\n"; }
  // True when nobody holds the pipe any more, or nobody ever did.
  bool wait_until_all_are_gone() {
    for (;;) {
      char buffer[64];
      const auto got = ::read(fd_, buffer, sizeof buffer);
      if (got == 0) return true;
      if (got < 0 && (errno != EAGAIN || !wait())) return false;
    }
  }

 private:
  std::filesystem::path path() const { return folder_ / "alive"; }
  bool wait() const {
    pollfd polled{fd_, POLLIN, 0};
    return ::poll(&polled, 1, static_cast<int>(std::chrono::milliseconds(kLong).count())) == 1;
  }
  std::string read_next() {
    char buffer[64];
    if (!wait()) return "(nothing)";
    const auto got = ::read(fd_, buffer, sizeof buffer);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
  }

  Folder folder_;
  int fd_ = -1;
};

TEST(Process, EndsTheWholeGroupAtTheTimeout) {
  LifeLine line;
  const auto done = run_process({"/bin/sh", "-c", line.script()}, "", 1s, kPlenty, {});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind(), ErrorKind::timeout);
  EXPECT_NE(done.error().sentence().find("1000 ms"), std::string::npos) << done.error().sentence();
  EXPECT_TRUE(line.wait_until_all_are_gone());
}

TEST(Process, EndsTheWholeGroupWhenAskedToStop) {
  LifeLine line;
  std::stop_source stop;
  bool was_ready = false;
  std::jthread stopper([&] {
    was_ready = line.wait_until_ready();
    stop.request_stop();
  });
  const auto done = run_process({"/bin/sh", "-c", line.script()}, "", 2 * kLong, kPlenty, stop.get_token());
  stopper.join();
  EXPECT_TRUE(was_ready);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind(), ErrorKind::cancelled) << done.error().sentence();
  EXPECT_TRUE(line.wait_until_all_are_gone());
}

TEST(Process, DoesNotStartWhenAlreadyAskedToStop) {
  const Folder folder;
  std::stop_source stop;
  stop.request_stop();
  const auto done = run_process({"touch", (folder / "made").string()}, "", kLong, kPlenty, stop.get_token());
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind(), ErrorKind::cancelled);
  EXPECT_FALSE(std::filesystem::exists(folder / "made"));
}

TEST(Process, DoesNotWaitForAGrandchildThatKeepsTheOutputOpen) {
  const Folder folder;
  const auto fifo = folder / "go";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  // The grandchild holds our pipe until somebody writes to the named one, which happens only after the call.
  const auto done = shell("{ read word < '" + fifo.string() + "'; } & echo out");
  std::ofstream(fifo) << "go\n";
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  EXPECT_EQ(done->output, "out\n");
}

TEST(Process, LeavesNoChildBehind) {
  ASSERT_TRUE(shell("exit 0").ok());
  static_cast<void>(run_process({"sleep", "1000"}, "", 0ms, kPlenty, {}));
  errno = 0;
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

// The pipes in a list of what is open.
std::set<std::string> open_pipes(const std::string& list) {
  std::set<std::string> pipes;
  std::istringstream lines(list);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("pipe:")) pipes.insert(line);
  }
  return pipes;
}

TEST(Process, GivesTheChildNoneOfOurPipes) {
  // What this test was started with is handed on and does not count.
  std::string ours;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code code;
    ours += std::filesystem::read_symlink(entry.path(), code).string() + "\n";
  }
  const auto before = open_pipes(ours);
  const auto done = shell("for f in /proc/$$/fd/*; do readlink $f; done");
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  auto theirs = open_pipes(done->output);
  std::erase_if(theirs, [&](const std::string& pipe) { return before.contains(pipe); });
  // Its own input, output and error output; readlink writes to the same pipe as the shell.
  EXPECT_LE(theirs.size(), 3U) << done->output;
}

TEST(Process, GivesTheChildNoDescriptorButItsStreams) {
  // As libcurl's wake-up pair: not close-on-exec.
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  const auto done = shell("for f in /proc/$$/fd/*; do readlink $f; done");
  for (const int fd : pair) ::close(fd);
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  EXPECT_EQ(done->output.find("socket:"), std::string::npos) << done->output;
}

TEST(Process, GivesTheChildNoVariableThatIsKeptFromIt) {
  ASSERT_EQ(::setenv("SLUICE_TEST_KEPT", "secret", 1), 0);
  ASSERT_EQ(::setenv("SLUICE_TEST_GIVEN", "plain", 1), 0);
  keep_from_children("SLUICE_TEST_KEPT");
  const auto done = shell("echo $SLUICE_TEST_KEPT-$SLUICE_TEST_GIVEN");
  ASSERT_TRUE(done.ok()) << done.error().sentence();
  EXPECT_EQ(done->output, "-plain\n");
  const auto told = run_process({"/bin/sh", "-c", "echo $SLUICE_TEST_KEPT"}, "", kLong, 1000, {},
                                {{"SLUICE_TEST_KEPT", "on purpose"}});
  ASSERT_TRUE(told.ok()) << told.error().sentence();
  EXPECT_EQ(told->output, "on purpose\n") << "what is given by name is given";
}

TEST(Process, RunsBesideItselfInSeveralThreads) {
  std::vector<std::string> seen(8);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      threads.emplace_back([&seen, i] {
        const auto done = run({"cat"}, std::string(100'000, static_cast<char>('a' + static_cast<int>(i))));
        if (done.ok()) seen[i] = done->output;
      });
    }
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_TRUE(seen[i] == std::string(100'000, static_cast<char>('a' + static_cast<int>(i)))) << "thread " << i;
  }
}

}  // namespace
}  // namespace sluice
