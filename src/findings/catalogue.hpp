#pragma once
// Every finding there is: its code, how grave it is, what it says, and what mends it. docs/findings.md is written from
// these tables, and a test holds it to them; another one holds the source to them. Pure.

#include "base/finding.hpp"

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::findings {

/// A finding with a sentence of its own. `{name}` in a text is filled in when the finding is made.
struct FindingText {
  std::string_view code;
  Severity severity;
  std::string_view sentence;
  std::string_view fix;          ///< may be empty
  std::string_view otherwise{};  ///< when it is graver or less grave than `severity`, for the document
};

/// A finding whose sentence is an answer that somebody gave, or depends on too much for one text: it is described.
struct DescribedFinding {
  std::string_view code;
  std::string_view severity;  ///< "blocker", "warning where an environment has `via: docker`, else info"
  std::string_view means;
  std::string_view fix;  ///< may be empty
};

/// The tables, each in the order of the document.
std::span<const FindingText> preflight();        ///< what the API of a target or source says
std::span<const FindingText> workloads();        ///< who uses the promoted tags
std::span<const FindingText> signatures();       ///< what a policy of the target asks for
std::span<const DescribedFinding> host();        ///< what `doctor` sees of this host
std::span<const DescribedFinding> runs();        ///< of plans, promotions and copies beside these
std::span<const DescribedFinding> first_days();  ///< of `init`

/// Every code, sorted, each once.
std::vector<std::string_view> codes();

using FindingValues = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// The finding of a code. Values are made printable in the sentence, and words of a shell in the fix.
/// Precondition: the code is in one of the tables of FindingText.
Finding make_finding(std::string_view code, std::string subject, FindingValues values);

/// Text as one word of a POSIX shell: as it is, or in single quotes.
std::string shell_word(std::string_view text);

}  // namespace sluice::findings
