#pragma once
// Splitting, trimming and comparing text. ASCII rules only: what travels in headers and references.

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

/// Makes foreign text safe for a terminal: control characters become '?', longer than `limit` bytes is cut.
std::string printable(std::string_view text, std::size_t limit = 200);

/// 1536 -> "1.5 KiB". Binary units, as registries and `docker` print sizes of layers.
std::string human_bytes(unsigned long long bytes);

/// 0.25 -> "0.25 s", 75 -> "1m15s".
std::string human_seconds(double seconds);

}  // namespace sluice::text
