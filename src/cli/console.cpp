#include "cli/console.hpp"

#include "base/text.hpp"

#include <array>
#include <cerrno>
#include <iostream>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace sluice::cli {

Console::Console(const Environment& environment)
    : in_is_terminal_(::isatty(STDIN_FILENO) == 1),
      out_is_terminal_(::isatty(STDOUT_FILENO) == 1),
      err_is_terminal_(::isatty(STDERR_FILENO) == 1),
      dumb_(environment.get("TERM").value_or("") == "dumb"),
      colour_(!environment.get("NO_COLOR") && !dumb_) {}

void Console::out(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Console::err(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

std::string Console::read_line(const std::stop_token& stop) {
  // Ctrl-C is taken by the signal thread, so a blocking read would not notice it.
  const int wakeup = ::eventfd(0, EFD_CLOEXEC);
  {
    const std::stop_callback on_stop(stop, [&] { ::eventfd_write(wakeup, 1); });
    std::array<pollfd, 2> waits{{{STDIN_FILENO, POLLIN, 0}, {wakeup, POLLIN, 0}}};
    while (::poll(waits.data(), waits.size(), -1) < 0 && errno == EINTR) {
    }
  }
  ::close(wakeup);  // nobody writes to it any more
  std::string line;
  // A terminal gives whole lines.
  if (!stop.stop_requested()) std::getline(std::cin, line);
  return line;
}

bool Console::confirm(const std::string& question, const std::stop_token& stop) {
  if (!can_ask()) return false;
  err(question + " [y/N] ");
  const auto answer = text::lower(text::trim(read_line(stop)));
  if (answer.empty()) err("\n");
  return answer == "y" || answer == "yes";
}

std::string Console::hidden_prompt(const std::string& question, const std::stop_token& stop) {
  if (!can_ask()) return {};
  termios before{};
  ::tcgetattr(STDIN_FILENO, &before);
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  err(question);  // now: who answers at once is not shown either
  auto answer = read_line(stop);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  err("\n");
  return answer;
}

unsigned Console::width() const {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string Console::paint(const char* code, std::string_view text, bool for_out) const {
  const bool wanted = colour_ && (for_out ? out_is_terminal_ : err_is_terminal_);
  if (!wanted) return std::string(text);
  return "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
}

}  // namespace sluice::cli
