// Whatever is remembered reads back as it was, and no text at all breaks the reader.

#include "base/text.hpp"
#include "memory/memory.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::memory {
namespace {

using rc::gen::elementOf;

std::string word() {
  static const std::vector<std::string> kPieces = {"a", "b", "-", ".", "0", " ", "Z", "ä", "\"", "\\", "{", "€"};
  const auto pieces =
      *rc::gen::resize(12, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(elementOf(kPieces))));
  return text::join(pieces, "");
}
std::string maybe_word() { return *rc::gen::arbitrary<bool>() ? word() : std::string(); }
std::string hex(std::size_t digits) {
  return *rc::gen::container<std::string>(digits, elementOf(std::string("0123456789abcdef")));
}
std::string digest() { return "sha256:" + hex(64); }
std::string maybe_digest() { return *rc::gen::arbitrary<bool>() ? digest() : std::string(); }
std::int64_t up_to(std::int64_t most) { return *rc::gen::inRange<std::int64_t>(0, most); }
std::int64_t label() { return *rc::gen::arbitrary<bool>() ? up_to(kMaxNumber + 1) : 0; }
std::int64_t time_of() { return up_to(253'402'300'800); }
bool coin() { return *rc::gen::arbitrary<bool>(); }
std::size_t count(std::size_t most) { return *rc::gen::inRange<std::size_t>(0, most + 1); }

Who who() { return {maybe_word(), maybe_word(), maybe_word(), maybe_word()}; }

KeptRelease release() {
  return {.release = hex(64),
          .number = label(),
          .digest = digest(),
          .arrived_as = maybe_digest(),
          .tag = maybe_word(),
          .pattern_tag = coin(),
          .stood = *elementOf(std::vector{Stood::verified, Stood::adopted, Stood::failed, Stood::undone, Stood::left}),
          .promotion = maybe_word(),
          .at = time_of()};
}

PastPromotion promotion() {
  return {.promotion = word(),
          .kind = maybe_word(),
          .release = coin() ? hex(64) : "",
          .number = label(),
          .tag = maybe_word(),
          .state = maybe_word(),
          .before = maybe_digest(),
          .after = maybe_digest(),
          .began = time_of(),
          .ended = time_of(),
          .who = who(),
          .failure = maybe_word()};
}

OpenPromotion open() {
  OpenPromotion out{.promotion = word(),
                    .kind = maybe_word(),
                    .release = hex(64),
                    .number = label(),
                    .label = maybe_word(),
                    .pattern_tag = coin(),
                    .began = time_of(),
                    .who = who(),
                    .head = maybe_word(),
                    .digest = maybe_digest(),
                    .after = digest(),
                    .road = maybe_word()};
  for (std::size_t i = count(3) + 1; i > 0; --i) out.tags.push_back({word(), maybe_digest()});
  if (coin())
    out.plan = Json::object().set("app", word()).set("images", Json(Json::Array{Json(1), Json(true), Json()}));
  return out;
}

TagMemory tag() {
  TagMemory out{.app = maybe_word(), .environment = maybe_word(), .fence = up_to((std::int64_t{1} << 53) + 1)};
  if (coin()) out.hold = Hold{.reason = word(), .since = time_of(), .who = who()};
  if (coin()) out.open = open();
  for (std::size_t i = count(kKeptReleases); i > 0; --i) out.releases.push_back(release());
  for (std::size_t i = count(5); i > 0; --i) out.promotions.push_back(promotion());
  return out;
}

Ledger ledger() {
  Ledger out;
  std::int64_t number = up_to(1000) + static_cast<std::int64_t>(kKeptPromotions);
  out.last = number;
  for (std::size_t i = count(kKeptPromotions); i > 0; --i) out.claims.push_back({number--, hex(64)});
  return out;
}

RepositoryMemory memory() {
  RepositoryMemory out;
  if (coin()) out.id = hex(32);
  for (std::size_t i = count(3); i > 0; --i) out.tags[word()] = tag();
  for (std::size_t i = count(2); i > 0; --i) out.numbers[word()] = ledger();
  return out;
}

RC_GTEST_PROP(MemoryTextProperty, ReadsBackWhatWasWritten, ()) {
  auto before = memory();
  const auto text = write_memory(before);
  if (!text) RC_DISCARD("too long");
  auto after = read_memory(*text);
  RC_ASSERT(after.problem == "");
  after.unknown = {};
  RC_ASSERT(after == before);
}

RC_GTEST_PROP(MemoryTextProperty, WritesTheSameTextAgainWhenNothingChanged, ()) {
  const auto text = write_memory(memory());
  if (!text) RC_DISCARD("too long");
  const auto again = write_memory(read_memory(*text));
  RC_ASSERT(again.ok());
  RC_ASSERT(*again == *text);
}

RC_GTEST_PROP(MemoryTextProperty, OneDamagedByteGivesAProblemOrAWholeMemory, ()) {
  const auto text = write_memory(memory());
  if (!text) RC_DISCARD("too long");
  auto damaged = *text;
  damaged[*rc::gen::inRange<std::size_t>(0, damaged.size())] = *rc::gen::arbitrary<char>();
  const auto after = read_memory(damaged);
  if (!after.problem.empty()) {
    RC_ASSERT(after.tags.empty() && after.numbers.empty() && after.id.empty() && after.unknown.is_null());
  } else {
    const auto again = write_memory(after);
    RC_ASSERT(!again || read_memory(*again).problem.empty());
  }
}

}  // namespace
}  // namespace sluice::memory
