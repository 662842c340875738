#pragma once
// WWW-Authenticate challenges. Source: RFC 9110 section 11.6.1; distribution "Token Authentication".

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::auth {

struct Challenge {
  std::string scheme;                                           ///< lower case: "basic", "bearer"
  std::vector<std::pair<std::string, std::string>> parameters;  ///< names in lower case
  std::string get(std::string_view name) const;                 ///< "" when absent
};

/// Reads one header value that may hold several challenges. What makes no sense is left out, never guessed:
/// quoted strings with escapes, unquoted tokens, several challenges separated by commas, blanks anywhere.
std::vector<Challenge> parse_challenges(std::string_view header_value);

}  // namespace sluice::auth
