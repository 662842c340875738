#pragma once
// Splitting, trimming and comparing text. ASCII rules only: what travels in headers and references.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::text {

std::vector<std::string> split(std::string_view text, char separator);
/// Splits at the first separator; the second part is empty when there is none.
std::pair<std::string_view, std::string_view> cut(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
bool iequals(std::string_view a, std::string_view b);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// The candidate that a misspelt word most likely meant, or "" when none is near.
/// Near: at most a third of the letters differ, counted as Damerau-Levenshtein steps.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// Length of the valid UTF-8 sequence at the start of `text`, or 0. Precondition: not empty.
std::size_t utf8_length(std::string_view text);

/// The code point of one valid UTF-8 sequence.
unsigned code_point(std::string_view character);

/// True for a character (one valid UTF-8 sequence) that a terminal obeys or that changes the order of what is read:
/// C0 and C1 controls, U+2028 and U+2029, and the controls of Unicode's bidirectional algorithm (UAX #9).
bool is_obeyed(std::string_view character);

/// Makes foreign text safe to show, on one line: secrets that were sent become "***", what is_obeyed() and what is no
/// UTF-8 becomes '?', line breaks and tabs become blanks. Longer than `limit` bytes is cut, after that.
std::string printable(std::string_view text, std::size_t limit = 200);

/// The last gate before stdout and stderr (cli/view/console.hpp). As printable(), but line breaks stay and nothing is
/// cut; and what CI systems take for commands is broken: "##vso[" and its like, and "::" at the start of a line. With
/// `colours` the sequences of kColours pass; what they leave switched on is switched off at the end.
std::string shown(std::string_view text, bool colours);
inline constexpr std::string_view kColours[] = {"\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m"};

/// Where "##name[" starts at `at`: how Azure Pipelines and TeamCity are given commands.
bool starts_log_command(std::string_view text, std::size_t at);

/// 1536 -> "1.5 KiB". Binary units, as registries and `docker` print sizes of layers.
std::string human_bytes(unsigned long long bytes);

/// 0.25 -> "0.25 s", 75 -> "1m15s".
std::string human_seconds(double seconds);

}  // namespace sluice::text
