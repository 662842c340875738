#pragma once
// Where a reference leaves the grammar, and why: the scanners below reference.cpp and digest.cpp.
// Only for this room; others read references with Reference::parse and Digest::parse.
// Source: distribution/reference, "Grammar"; RFC 1123 section 2.1 for host names.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::oci::grammar {

/// The first character that is wrong, counted from 0 (the end of the text when something is missing), and why.
struct Fault {
  std::size_t at = 0;
  std::string why;
};

/// Distribution's limit for host, '/' and path together.
inline constexpr std::size_t kMaxNameBytes = 255;

/// host[:port], in either case.
std::optional<Fault> registry_fault(std::string_view text);
/// Path components separated by '/'.
std::optional<Fault> path_fault(std::string_view text);
std::optional<Fault> tag_fault(std::string_view text);
/// sha256 or sha512 with lower-case hex.
std::optional<Fault> digest_fault(std::string_view text);

/// One character of foreign text, for a message: "'x'", or "a character that is not ASCII".
std::string name_of(char c);

}  // namespace sluice::oci::grammar
