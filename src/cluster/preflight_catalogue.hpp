#pragma once
// Every finding of the preflight: code, severity, sentence and fix, in three tables. docs/findings.md is held to them
// by a test. `{name}` in a text is filled in when the finding is made.

#include "base/finding.hpp"

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::cluster {

struct FindingText {
  std::string_view code;
  Severity severity;
  std::string_view sentence;
  std::string_view fix;  ///< may be empty
};

/// Those of judge_preflight(), in the order of the document.
std::span<const FindingText> preflight_findings();
/// Those of judge_uses().
std::span<const FindingText> use_findings();

/// Those about signatures that a policy of the target asks for (promotion/signature_findings.hpp).
std::span<const FindingText> signature_findings();

using FindingValues = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// The finding of a code. Values are made printable in the sentence, and words of a shell in the fix.
/// Precondition: the code is in one of the tables.
Finding make_finding(std::string_view code, std::string subject, FindingValues values);

/// Text as one word of a POSIX shell: as it is, or in single quotes.
std::string shell_word(std::string_view text);

}  // namespace sluice::cluster
