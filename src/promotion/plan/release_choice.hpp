#pragma once
// Which release a text on the command line means: a number, an id, a digest or a tag. Pure.

#include "base/result.hpp"
#include "memory/target_memory.hpp"
#include "records/records.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::promotion {

struct ReleaseSelector {
  enum class Kind : std::uint8_t { number, id, digest, tag };
  Kind kind = Kind::tag;
  std::int64_t number = 0;
  std::string text{};  ///< id (12 to 64 digits), digest or tag
};

/// "42" and "shop 42" are numbers, 12 and more hexadecimal digits an id, "sha256:..." a digest, all else a tag.
/// Errors: usage (it can be none of them).
Result<ReleaseSelector> parse_selector(std::string_view app, std::string_view text);

/// A release, and who says that it is one.
struct KnownRelease {
  records::Release release;
  std::string says;  ///< "shop-prod", "the records of this machine"
};

/// The one that is meant. Errors: not_found; usage, when it may be several contents, which are shown.
Result<records::Release> pick_release(std::string_view app, const ReleaseSelector& selector,
                                      const std::vector<KnownRelease>& known);

/// "shop 42", without a number "shop (9f3c1b2a40d7)".
std::string name_of(std::string_view app, std::int64_t number, std::string_view id);
/// "shop 42 (9f3c1b2a40d7)".
std::string full_name_of(std::string_view app, std::int64_t number, std::string_view id);
/// "web@sha256:0fb2f319822d, api@..." with short digests.
std::string content_text(const records::Release& release);

/// A release that stood at a place, as records know releases. Empty: one of its digests is none.
std::optional<records::Release> release_from(const memory::StoodRelease& stood, const std::string& app,
                                             const std::string& environment);

}  // namespace sluice::promotion
