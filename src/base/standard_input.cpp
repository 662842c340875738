#include "base/standard_input.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace sluice {

bool wait_for_standard_input(const std::stop_token& stop) {
  // Signals are taken by a thread of their own, so a blocking read would not notice them.
  const int wakeup = ::eventfd(0, EFD_CLOEXEC);
  {
    const std::stop_callback on_stop(stop, [&] { ::eventfd_write(wakeup, 1); });
    std::array<pollfd, 2> waits{{{STDIN_FILENO, POLLIN, 0}, {wakeup, POLLIN, 0}}};
    while (::poll(waits.data(), waits.size(), -1) < 0 && errno == EINTR) {
    }
  }
  ::close(wakeup);  // nobody writes to it any more
  return !stop.stop_requested();
}

Result<std::optional<std::string>> read_standard_input(StandardInput part, std::size_t max_bytes,
                                                       const std::stop_token& stop) {
  std::string out;
  for (;;) {
    if (!wait_for_standard_input(stop)) return Error(ErrorKind::cancelled, "stopped while reading standard input");
    char c = 0;
    const auto got = ::read(STDIN_FILENO, &c, 1);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) {
      return Error(ErrorKind::storage, std::string("cannot read standard input: ") + std::strerror(errno));
    }
    if (got == 0 || (c == '\n' && part == StandardInput::line)) return std::optional(std::move(out));
    if (out.size() == max_bytes) return std::optional<std::string>();
    out += c;
  }
}

}  // namespace sluice
