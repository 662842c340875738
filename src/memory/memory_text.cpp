// The memory as text: one JSON object, read strictly, written bounded.

#include "base/encoding.hpp"
#include "base/json_members.hpp"
#include "base/text.hpp"
#include "memory/memory.hpp"
#include "oci/digest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::memory {

namespace {

constexpr std::int64_t kVersion = 1;
constexpr JsonLimits kLimits{.max_bytes = 4 * kMaxBytes, .max_depth = 16, .max_values = 20'000};
// A later Sluice may keep more than this one, but not any number.
constexpr std::size_t kMostTags = 50;
constexpr std::size_t kMostReleases = 50;
constexpr std::size_t kMostPromotions = 200;
constexpr std::size_t kMostOpenTags = 10;
constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxFailure = 300;
constexpr std::int64_t kMaxFence = std::int64_t{1} << 53;         // what every reader of JSON can count to
constexpr std::int64_t kMaxTime = std::int64_t{253'402'300'799};  // the end of the year 9999
constexpr std::size_t kIdDigits = 64;

/// Members of the memory's own shapes.
class Reader : public JsonMembers {
 public:
  using JsonMembers::JsonMembers;
  std::string name(std::string_view key) { return text(key, kMaxName); }
  std::int64_t time(std::string_view key) { return number(key, kMaxTime); }
  std::int64_t label(std::string_view key) { return number(key, kMaxNumber); }
  std::string digest(std::string_view key) {
    auto value = name(key);
    if (!value.empty() && !oci::Digest::parse(value)) fail(fmt::format("has no digest as its '{}'", key));
    return value;
  }
  std::string release() {
    auto value = name("release");
    const bool id = value.size() == kIdDigits && encoding::is_lower_hex(value);
    if (!value.empty() && !id) fail("has no release as its 'release'");
    return value;
  }
  /// Takes over what is wrong within one of its members.
  void adopt(std::string_view what, const JsonMembers& inner) {
    if (!inner.problem().empty()) fail(fmt::format("has {} that {}", what, inner.problem()));
  }
};

const Json& member(const Json& json, std::string_view key) {
  static const Json null;
  const auto* found = json.find(key);
  return found == nullptr ? null : *found;
}

KeptRelease read_release(const Json& json, Reader& outer) {
  Reader reader(json);
  KeptRelease out{.release = reader.release(),
                  .number = reader.label("number"),
                  .digest = reader.digest("digest"),
                  .arrived_as = reader.digest("arrived_as"),
                  .tag = reader.name("tag"),
                  .pattern_tag = reader.flag("pattern_tag"),
                  .promotion = reader.name("promotion"),
                  .at = reader.time("at")};
  const auto stood = parse_stood(reader.name("stood"));
  if (!stood) reader.fail("does not say how it stood");
  out.stood = stood.value_or(Stood::failed);
  // Versions before 0.2 knew numbers only.
  if ((out.release.empty() && out.number == 0) || out.digest.empty()) reader.fail("lacks its id or digest");
  outer.adopt("a release", reader);
  return out;
}

PastPromotion read_promotion(const Json& json, Reader& outer) {
  Reader reader(json);
  PastPromotion out{.promotion = reader.name("promotion"),
                    .kind = reader.name("kind"),
                    .release = reader.release(),
                    .number = reader.label("number"),
                    .tag = reader.name("tag"),
                    .state = reader.name("state"),
                    .before = reader.digest("before"),
                    .after = reader.digest("after"),
                    .tested = reader.digest("tested"),
                    .began = reader.time("began"),
                    .ended = reader.time("ended"),
                    .who = who_from(member(json, "who")),
                    .failure = text::printable(json.string_at("failure").value_or(""), kMaxFailure)};
  if (out.promotion.empty()) reader.fail("has no id");
  outer.adopt("a promotion", reader);
  return out;
}

std::optional<Hold> read_hold(const Json& json, Reader& outer) {
  if (json.is_null()) return std::nullopt;
  Reader reader(json);
  Hold out{.reason = text::printable(json.string_at("reason").value_or(""), kMaxHoldReason),
           .since = reader.time("since"),
           .who = who_from(member(json, "who"))};
  if (out.reason.empty()) reader.fail("has no reason");
  outer.adopt("a hold", reader);
  return out;
}

std::optional<OpenPromotion> read_open(const Json& json, Reader& outer) {
  if (json.is_null()) return std::nullopt;
  Reader reader(json);
  OpenPromotion out{.promotion = reader.name("promotion"),
                    .kind = reader.name("kind"),
                    .release = reader.release(),
                    .number = reader.label("number"),
                    .label = reader.name("label"),
                    .pattern_tag = reader.flag("pattern_tag"),
                    .began = reader.time("began"),
                    .undoing = reader.flag("undoing"),
                    .who = who_from(member(json, "who")),
                    .holder = reader.name("holder"),
                    .until = reader.time("until"),
                    .head = reader.name("head"),
                    .digest = reader.digest("digest"),
                    .after = reader.digest("after"),
                    .road = reader.name("road"),
                    .plan = member(json, "plan")};
  for (const auto& tag : reader.list("tags", kMostOpenTags)) {
    Reader inner(tag);
    out.tags.push_back({inner.name("tag"), inner.digest("before")});
    if (out.tags.back().tag.empty()) inner.fail("has no name");
    reader.adopt("a tag", inner);
  }
  if (out.promotion.empty() || out.release.empty() || out.after.empty() || out.tags.empty())
    reader.fail("lacks its id, release, digest or tags");
  outer.adopt("an open promotion", reader);
  return out;
}

TagMemory read_tag(const Json& json, Reader& reader) {
  TagMemory out{.app = reader.name("app"),
                .environment = reader.name("environment"),
                .fence = reader.number("fence", kMaxFence),
                .hold = read_hold(member(json, "hold"), reader),
                .open = read_open(member(json, "open"), reader)};
  std::set<std::string> seen;
  for (const auto& one : reader.list("releases", kMostReleases)) {
    out.releases.push_back(read_release(one, reader));
    const auto& last = out.releases.back();
    // Versions before 0.2 gave one number to two contents on two machines.
    const auto name = last.release.empty() ? std::to_string(last.number) + "@" + last.digest : last.release;
    if (!seen.insert(name).second) reader.fail("has a release twice");
  }
  for (const auto& one : reader.list("promotions", kMostPromotions))
    out.promotions.push_back(read_promotion(one, reader));
  return out;
}

Ledger read_ledger(const Json& json, Reader& outer) {
  Reader reader(json);
  Ledger out{.last = reader.label("last"), .dropped = reader.label("dropped"), .claims = {}};
  std::set<std::int64_t> seen;
  for (const auto& one : reader.list("claims", kMostPromotions)) {
    Reader inner(one);
    Claim claim{inner.label("number"), inner.release(), inner.flag("pending")};
    if (claim.number == 0 || claim.release.empty()) inner.fail("lacks its number or release");
    if (!seen.insert(claim.number).second) inner.fail("is there twice");
    out.last = std::max(out.last, claim.number);
    reader.adopt("a number", inner);
    out.claims.push_back(std::move(claim));
  }
  outer.adopt("numbers", reader);
  return out;
}

/// Whatever is wrong ends it.
std::string read_all(const Json& json, RepositoryMemory& out) {
  Reader reader(json);
  if (reader.number("version", kMaxNumber) > kVersion) return "was written by a newer version of sluice";
  out.id = reader.name("id");
  const auto& tags = member(json, "tags");
  if (!tags.is_null() && !tags.is_object()) reader.fail("has an unreadable 'tags'");
  if (tags.members().size() > kMostTags) reader.fail("has too many tags");
  for (const auto& [tag, entry] : tags.members()) {
    if (tag.empty() || tag.size() > kMaxName) reader.fail("has no tag's name");
    Reader inner(entry);
    out.tags.emplace(tag, read_tag(entry, inner));
    reader.adopt("an entry for the tag " + text::printable(tag, 128), inner);
  }
  const auto& numbers = member(json, "numbers");
  if (!numbers.is_null() && !numbers.is_object()) reader.fail("has an unreadable 'numbers'");
  if (numbers.members().size() > kMostTags) reader.fail("has too many lines of numbers");
  for (const auto& [line, ledger] : numbers.members()) {
    if (line.size() > 2 * kMaxName) reader.fail("has a line of numbers without a name");
    out.numbers.emplace(line, read_ledger(ledger, reader));
  }
  return reader.problem();
}

Json text_or_null(const std::string& value) { return value.empty() ? Json() : Json(value); }
Json number_or_null(std::int64_t value) { return value == 0 ? Json() : Json(value); }

Json json_of(const KeptRelease& one) {
  return Json::object()
      .set("release", one.release)
      .set("number", number_or_null(one.number))
      .set("digest", one.digest)
      .set("arrived_as", text_or_null(one.arrived_as))
      .set("tag", one.tag)
      .set("pattern_tag", one.pattern_tag)
      .set("stood", to_string(one.stood))
      .set("promotion", text_or_null(one.promotion))
      .set("at", one.at);
}

Json json_of(const PastPromotion& one) {
  auto out = Json::object()
                 .set("promotion", one.promotion)
                 .set("kind", one.kind)
                 .set("release", text_or_null(one.release))
                 .set("number", number_or_null(one.number))
                 .set("tag", text_or_null(one.tag))
                 .set("state", one.state)
                 .set("before", text_or_null(one.before))
                 .set("after", text_or_null(one.after))
                 .set("began", one.began)
                 .set("ended", one.ended)
                 .set("who", to_json(one.who))
                 .set("failure", one.failure.empty() ? Json() : Json(text::printable(one.failure, kMaxFailure)));
  // Rare, and there are many of them.
  if (!one.tested.empty()) out.set("tested", one.tested);
  return out;
}

Json json_of(const std::optional<Hold>& hold) {
  if (!hold) return {};
  return Json::object()
      .set("reason", text::printable(hold->reason, kMaxHoldReason))
      .set("since", hold->since)
      .set("who", to_json(hold->who));
}

Json json_of(const std::optional<OpenPromotion>& open) {
  if (!open) return {};
  Json tags = Json::array();
  for (const auto& tag : open->tags)
    tags.push(Json::object().set("tag", tag.tag).set("before", text_or_null(tag.before)));
  return Json::object()
      .set("promotion", open->promotion)
      .set("kind", open->kind)
      .set("release", open->release)
      .set("number", number_or_null(open->number))
      .set("label", text_or_null(open->label))
      .set("pattern_tag", open->pattern_tag)
      .set("began", open->began)
      .set("undoing", open->undoing)
      .set("who", to_json(open->who))
      .set("holder", text_or_null(open->holder))
      .set("until", number_or_null(open->until))
      .set("head", open->head)
      .set("digest", text_or_null(open->digest))
      .set("after", open->after)
      .set("tags", std::move(tags))
      .set("road", text_or_null(open->road))
      .set("plan", *open->plan);
}

Json json_of(const TagMemory& tag, std::size_t promotions, Json out) {
  if (!out.is_object()) out = Json::object();
  Json releases = Json::array();
  for (const auto& one : tag.releases) releases.push(json_of(one));
  Json past = Json::array();
  for (const auto& one : tag.promotions) {
    if (past.items().size() == promotions) break;
    past.push(json_of(one));
  }
  out.set("app", tag.app).set("environment", tag.environment).set("fence", tag.fence);
  out.set("hold", json_of(tag.hold)).set("open", json_of(tag.open));
  return out.set("releases", std::move(releases)).set("promotions", std::move(past));
}

Json json_of(const Ledger& ledger) {
  Json claims = Json::array();
  for (const auto& one : ledger.claims)
    claims.push(Json::object().set("number", one.number).set("release", one.release).set("pending", one.pending));
  return Json::object()
      .set("last", ledger.last)
      .set("dropped", number_or_null(ledger.dropped))
      .set("claims", std::move(claims));
}

std::string text_of(const RepositoryMemory& memory, std::size_t promotions) {
  Json out = memory.unknown.is_object() ? memory.unknown : Json::object();
  Json tags = Json::object();
  for (const auto& [tag, entry] : memory.tags)
    tags.set(tag, json_of(entry, promotions, member(member(memory.unknown, "tags"), tag)));
  Json numbers = Json::object();
  for (const auto& [line, ledger] : memory.numbers) numbers.set(line, json_of(ledger));
  out.set("version", kVersion);
  if (!memory.id.empty()) out.set("id", memory.id);
  return out.set("tags", std::move(tags)).set("numbers", std::move(numbers)).dump();
}

// What is open is written whole, and its plan is most of a memory: it is not kept a second time.
void forget_open(Json& json) {
  auto* tags = json.find("tags");
  auto* fields = tags == nullptr ? nullptr : tags->fields();
  if (fields == nullptr) return;
  for (auto& [name, tag] : *fields) {
    if (auto* open = tag.find("open"); open != nullptr) *open = Json();
  }
}

}  // namespace

RepositoryMemory read_memory(std::string_view text) {
  RepositoryMemory out;
  if (text.empty()) return out;
  auto json = parse_json(text, kLimits);
  if (!json) {
    out.problem = "is not the JSON of ours (" + json.error().message() + ")";
    return out;
  }
  auto problem = json->is_object() ? read_all(*json, out) : std::string("is no JSON object");
  if (!problem.empty()) {
    out = {};
    out.problem = std::move(problem);
    return out;
  }
  forget_open(*json);
  out.unknown = std::move(*json);
  return out;
}

namespace {

Error too_much(std::size_t bytes) {
  return Error(ErrorKind::unsupported, fmt::format("what is to be remembered grew to {}, and may have {}",
                                                   text::human_bytes(bytes), text::human_bytes(kMaxBytes)))
      .with_hint("promote fewer images at once, or to fewer tags of one repository");
}

}  // namespace

Result<std::string> write_memory(const RepositoryMemory& memory) {
  auto promotions = kKeptPromotions;
  auto out = text_of(memory, promotions);
  while (out.size() > kMaxBytes && promotions > 0) out = text_of(memory, --promotions);
  if (out.size() <= kMaxBytes) {
    // What nobody could read would stand there as damage, and hide what stood there before.
    auto problem = read_memory(out).problem;
    if (problem.empty()) return out;
    return Error(ErrorKind::unsupported, "what is to be remembered could not be read again: it " + problem);
  }
  return too_much(out.size());
}

Status fits_memory(const SharedJson& plan) {
  const auto bytes = plan->dump().size();
  return bytes <= kMaxBytes ? Status() : Status(too_much(bytes));
}

}  // namespace sluice::memory
