#pragma once
// Console: what goes to stdout (results) and to stderr (everything else), with colour only on a terminal.
// It is the last gate: whatever a text holds, secrets that were sent are taken out of it here, and what a terminal or a
// CI system would obey is made harmless (text::shown). Only the colours below pass, and only where colour is wanted;
// foreign text with one of them in it could colour its own line and do no more.

#include "base/environment.hpp"
#include "base/json.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <stop_token>
#include <string>
#include <string_view>

namespace sluice::cli {

class Console {
 public:
  explicit Console(const Environment& environment);

  /// Results. Nothing else ever goes to stdout.
  void out(std::string_view text);
  /// A result as one line of JSON (Json::dump_shown).
  void out_json(const Json& document);
  /// Everything else. Clears a progress display first, if there is one (see ProgressView).
  void err(std::string_view text);
  /// Goes up over the last `lines` lines of stderr's terminal, clears what stood there, and writes `text`.
  void redraw(std::size_t lines, std::string_view text);
  /// Asks on the terminal; false off a terminal, at end of input, and for anything but y or yes.
  bool confirm(const std::string& question, const std::stop_token& stop);
  /// Reads a line from the terminal without showing it. Empty off a terminal.
  std::string hidden_prompt(const std::string& question, const std::stop_token& stop);

  bool err_is_terminal() const { return err_is_terminal_; }
  /// Stderr is a terminal that can go back and draw over what it shows (TERM=dumb cannot).
  bool can_redraw() const { return err_is_terminal_ && !dumb_; }
  bool can_ask() const { return in_is_terminal_ && err_is_terminal_; }
  /// Width of stderr's terminal; 80 when it has none.
  unsigned width() const;

  /// Colours for text on stdout or stderr; the text itself where colour is not wanted.
  std::string bold(std::string_view text, bool for_out = true) const { return paint(Colour::bold, text, for_out); }
  std::string green(std::string_view text, bool for_out = true) const { return paint(Colour::green, text, for_out); }
  std::string yellow(std::string_view text, bool for_out = true) const { return paint(Colour::yellow, text, for_out); }
  std::string red(std::string_view text, bool for_out = true) const { return paint(Colour::red, text, for_out); }
  std::string dim(std::string_view text, bool for_out = true) const { return paint(Colour::dim, text, for_out); }

 private:
  /// One line typed on the terminal; empty at end of input and when `stop` came first.
  static std::string read_line(const std::stop_token& stop);
  /// Places in text::kColours.
  enum class Colour : std::uint8_t { bold = 1, dim, red, green, yellow };
  std::string paint(Colour colour, std::string_view text, bool for_out) const;
  bool in_is_terminal_;
  bool out_is_terminal_;
  bool err_is_terminal_;
  bool dumb_;
  bool colour_;
};

}  // namespace sluice::cli
