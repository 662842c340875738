// Any text as the memory of a place, and as the tag of a claim: whoever may push to a registry may write both.

#include "fuzz/require.hpp"
#include "memory/memory.hpp"
#include "memory/numbers.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using namespace sluice;

namespace {

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

void check_tag(const memory::TagMemory& tag) {
  require(tag.fence >= 0 && tag.fence <= (std::int64_t{1} << 53), "a fence can be counted to");
  for (const auto& one : tag.releases) {
    require(!one.here().empty() && one.number >= 0 && one.number <= memory::kMaxNumber, "a release is whole");
    require(one.release.empty() || one.release.size() == 64, "a release has an id or none");
  }
  for (const auto& one : tag.promotions)
    require(!one.promotion.empty() && is_printable(one.failure) && is_printable(memory::shown(one.who)),
            "a promotion can be shown");
  if (tag.hold) require(!tag.hold->reason.empty() && is_printable(tag.hold->reason), "a hold can be shown");
  if (tag.open) require(!tag.open->tags.empty() && !tag.open->after.empty(), "an open promotion can be taken up");
}

void check_memory(std::string_view text) {
  const auto memory = memory::read_memory(text);
  if (!memory.problem.empty()) {
    require(memory.tags.empty() && memory.numbers.empty() && memory.id.empty() && memory.unknown.is_null(),
            "beside a problem nothing counts");
    require(memory.problem.size() < 2000 && is_printable(memory.problem), "a problem can be shown");
    return;
  }
  for (const auto& [name, tag] : memory.tags) check_tag(tag);
  const auto written = memory::write_memory(memory);
  if (!written.ok()) {
    require(written.error().kind() == ErrorKind::unsupported, "only what is too large is not written");
    return;
  }
  require(written->size() <= memory::kMaxBytes, "what is written is bounded");
  const auto again = memory::read_memory(*written);
  require(again.problem.empty(), "what was written is read");
  require(again.tags.size() == memory.tags.size() && again.numbers == memory.numbers && again.id == memory.id,
          "nothing but old promotions is left out");
  const auto twice = memory::write_memory(again);
  require(twice.ok() && *twice == *written, "what is read is written the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_memory(text);
  if (const auto claim = memory::parse_claim_tag(text)) {
    require(memory::claim_tag(claim->number, claim->id12) == text, "a claim has one spelling");
    require(memory::is_own_tag(text), "a claim is a tag of ours");
  }
  return 0;
}
