#include "cli/view/console.hpp"

#include "base/standard_input.hpp"
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
      dumb_(environment.get("TERM").value_or("") == "dumb"),
      colour_(!environment.get("NO_COLOR") && !dumb_) {}

namespace {

void write(std::string_view text, std::FILE* stream) {
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

}  // namespace

void Console::out(std::string_view text) { write(text::shown(text, colour_ && out_is_terminal_), stdout); }

void Console::out_json(const Json& document) { write(document.dump_shown() + "\n", stdout); }

void Console::err(std::string_view text) { write(text::shown(text, colour_ && err_is_terminal_), stderr); }

void Console::redraw(std::size_t lines, std::string_view text) {
  const auto back = lines > 0 ? "\033[" + std::to_string(lines) + "A\r\033[J" : std::string();
  write(back + text::shown(text, colour_ && err_is_terminal_), stderr);
}

std::string Console::read_line(const std::stop_token& stop) {
  std::string line;
  // A terminal gives whole lines.
  if (wait_for_standard_input(stop)) std::getline(std::cin, line);
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

std::string Console::paint(Colour colour, std::string_view text, bool for_out) const {
  const bool wanted = colour_ && (for_out ? out_is_terminal_ : err_is_terminal_);
  if (!wanted) return std::string(text);
  return std::string(text::kColours[static_cast<std::size_t>(colour)]) + std::string(text) +
         std::string(text::kColours[0]);
}

}  // namespace sluice::cli
