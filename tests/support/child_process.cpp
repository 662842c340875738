#include "support/child_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace sluice::support {

namespace {

constexpr std::size_t kKeptBytes = std::size_t{64} * 1024;

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// The digits after `mark`, once something that is no digit follows them.
std::optional<unsigned> number_after(std::string_view text, std::string_view mark) {
  for (auto at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + 1)) {
    const auto rest = text.substr(at + mark.size());
    unsigned value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error == std::errc() && end != rest.data() + rest.size()) return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/bin:/usr/sbin:/usr/local/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto file = (std::filesystem::path(folder) / name).string();
    if (!folder.empty() && ::access(file.c_str(), X_OK) == 0) return file;
  }
  return std::nullopt;
}

ChildProcess::ChildProcess(const std::vector<std::string>& argv, const std::vector<std::string>& environment) {
  auto arguments = pointers(argv);
  auto variables = pointers(environment);
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  pid_ = ::fork();
  if (pid_ == 0) {
    // Only calls that are safe after fork in a program with threads.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(pipe[1], STDOUT_FILENO);
    ::dup2(pipe[1], STDERR_FILENO);
    ::execve(arguments[0], arguments.data(), variables.data());
    ::_exit(127);
  }
  ::close(pipe[1]);
  if (pid_ < 0) {
    ::close(pipe[0]);
    throw std::system_error(errno, std::generic_category(), "fork");
  }
  reader_ = std::thread([this, fd = pipe[0]] { read_all(fd); });
}

ChildProcess::~ChildProcess() {
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  reader_.join();
}

void ChildProcess::read_all(int fd) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    output_.update([&](Output& out) {
      const auto room = kKeptBytes - out.text.size();
      out.text.append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
    });
  }
  ::close(fd);
  output_.update([](Output& out) { out.ended = true; });
}

std::optional<unsigned> ChildProcess::wait_for_number_after(std::string_view mark) {
  return output_.when([&](const Output& out) { return out.ended || number_after(out.text, mark); }, {},
                      [&](const Output& out) { return number_after(out.text, mark); });
}

std::string ChildProcess::output() const {
  return output_.with([](const Output& out) { return out.text; });
}

}  // namespace sluice::support
