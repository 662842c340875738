#include "cli/console.hpp"

#include "base/text.hpp"

#include <iostream>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace sluice::cli {

Console::Console(const Environment& environment)
    : in_is_terminal_(::isatty(STDIN_FILENO) == 1),
      out_is_terminal_(::isatty(STDOUT_FILENO) == 1),
      err_is_terminal_(::isatty(STDERR_FILENO) == 1),
      colour_(!environment.get("NO_COLOR") && environment.get("TERM").value_or("") != "dumb") {}

void Console::out(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Console::err(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

bool Console::confirm(const std::string& question) {
  if (!can_ask()) return false;
  err(question + " [y/N] ");
  std::string answer;
  if (!std::getline(std::cin, answer)) {
    err("\n");
    return false;
  }
  answer = text::lower(text::trim(answer));
  return answer == "y" || answer == "yes";
}

std::string Console::hidden_prompt(const std::string& question) {
  if (!can_ask()) return {};
  err(question);
  termios before{};
  ::tcgetattr(STDIN_FILENO, &before);
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  std::string answer;
  std::getline(std::cin, answer);
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
