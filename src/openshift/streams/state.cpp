#include "openshift/streams/state.hpp"

#include "base/text.hpp"
#include "oci/digest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::openshift {

namespace {

// The API server refuses objects with more than 256 KiB of annotations; others want their room, too.
// Source: apimachinery api/validation/objectmeta.go, TotalAnnotationSizeLimitB.
constexpr std::size_t kMaxStateBytes = std::size_t{128} * 1024;
constexpr JsonLimits kLimits{.max_bytes = kMaxStateBytes, .max_depth = 8, .max_values = 20'000};
// Beyond what a tag may be called, a Kubernetes name or an app's: nobody of ours wrote it.
constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxHold = 1000;
// Room for characters that were made printable or whole on the way out.
constexpr std::size_t kMaxHoldRead = 4 * kMaxHold;
// A later Sluice may keep more than this one, but not any number.
constexpr std::size_t kMaxReleasesRead = 50;
constexpr std::size_t kPinDigits = 12;
constexpr std::string_view kPinStart = "sluice-";

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

/// Reads members strictly: an absent one is empty, one of another type or size is a problem.
class MemberReader {
 public:
  explicit MemberReader(const Json& object) : object_(object) {
    if (!object.is_object()) fail("is no object");
  }

  std::string text(std::string_view key, std::size_t most = kMaxName) {
    const auto* member = object_.find(key);
    if (member == nullptr) return {};
    const auto value = member->as_string();
    if (!value || value->size() > most || has_control(*value)) {
      fail(fmt::format("has an unreadable '{}'", key));
      return {};
    }
    return *value;
  }
  std::string digest(std::string_view key) {
    auto value = text(key);
    if (!value.empty() && !oci::Digest::parse(value)) fail(fmt::format("has no digest as its '{}'", key));
    return value;
  }
  std::int64_t number(std::string_view key) {
    const auto* member = object_.find(key);
    if (member == nullptr) return 0;
    const auto value = member->as_integer();
    if (!value || *value < 0) fail(fmt::format("has an unreadable '{}'", key));
    return value.value_or(0);
  }
  bool flag(std::string_view key) {
    const auto* member = object_.find(key);
    if (member == nullptr) return false;
    const auto value = member->as_bool();
    if (!value) fail(fmt::format("has an unreadable '{}'", key));
    return value.value_or(false);
  }
  void fail(std::string why) {
    if (problem_.empty()) problem_ = std::move(why);
  }
  const std::string& problem() const { return problem_; }

 private:
  const Json& object_;
  std::string problem_;
};

KeptRelease read_release(const Json& json, MemberReader& outer) {
  MemberReader reader(json);
  KeptRelease out{reader.number("number"),    reader.digest("digest"),  reader.text("tag"),
                  reader.flag("pattern-tag"), reader.text("promotion"), reader.number("at")};
  if (out.number == 0 || out.digest.empty()) reader.fail("lacks its number or digest");
  if (!reader.problem().empty()) outer.fail("has a release that " + reader.problem());
  return out;
}

/// One tag's entry, and what is wrong with it ("" when nothing is).
std::pair<TagState, std::string> read_entry(const Json& json) {
  MemberReader reader(json);
  TagState out{
      reader.text("app"),      reader.text("environment"), reader.number("release"),          reader.text("promotion"),
      reader.digest("digest"), reader.digest("previous"),  reader.text("hold", kMaxHoldRead), {}};
  const auto* releases = json.find("releases");
  if (releases == nullptr) return {std::move(out), reader.problem()};
  if (!releases->is_array() || releases->items().size() > kMaxReleasesRead) {
    reader.fail("has an unreadable list of releases");
    return {std::move(out), reader.problem()};
  }
  std::set<std::int64_t> numbers;
  for (const auto& item : releases->items()) {
    out.releases.push_back(read_release(item, reader));
    if (!numbers.insert(out.releases.back().number).second) reader.fail("has a release twice");
  }
  return {std::move(out), reader.problem()};
}

/// The annotation as an object; null when there is none, or none that can be read.
Json parse_annotation(const std::string& annotation, std::string& problem) {
  if (annotation.empty()) return {};
  auto json = parse_json(annotation, kLimits);
  if (!json) {
    problem = "is not the JSON of ours (" + json.error().message() + ")";
  } else if (!json->is_object()) {
    problem = "is no JSON object";
  } else {
    return std::move(*json);
  }
  return {};
}

Json release_json(const KeptRelease& release, Json out) {
  out.set("number", release.number).set("digest", release.digest).set("tag", release.tag);
  return out.set("pattern-tag", release.pattern_tag).set("promotion", release.promotion).set("at", release.at);
}

/// The state on top of what stood there: members that nobody here knows stay.
Json entry_json(const TagState& state, Json out) {
  if (!out.is_object()) out = Json::object();
  const auto* before = out.find("releases");
  auto releases = Json::array();
  for (const auto& release : state.releases) {
    auto base = Json::object();
    for (const auto& known : before != nullptr ? before->items() : Json::Array()) {
      if (known.is_object() && known.integer_at("number") == release.number) base = known;
    }
    releases.push(release_json(release, std::move(base)));
  }
  out.set("app", state.app).set("environment", state.environment).set("release", state.release);
  out.set("promotion", state.promotion).set("digest", state.digest).set("previous", state.previous);
  return out.set("hold", text::printable(state.hold, kMaxHold)).set("releases", std::move(releases));
}

/// Entries of tags that the stream does not have any more.
void forget_lost_tags(Json& all, const kube::ImageStream& stream, std::string_view except) {
  std::vector<std::string> lost;
  for (const auto& [tag, entry] : all.members()) {
    if (tag != except && !stream.tag(tag) && !stream.tag_spec(tag)) lost.push_back(tag);
  }
  for (const auto& tag : lost) all.remove(tag);
}

}  // namespace

StreamState read_state(const kube::ImageStream& stream) {
  StreamState out;
  std::string problem;
  const auto all = parse_annotation(stream.annotation(kStateAnnotation), problem);
  for (const auto& [tag, entry] : all.members()) {
    auto [state, wrong] = read_entry(entry);
    if (wrong.empty() && (tag.empty() || tag.size() > kMaxName || has_control(tag))) wrong = "has no tag's name";
    if (wrong.empty()) {
      out.tags.emplace(tag, std::move(state));
    } else if (problem.empty()) {
      problem = fmt::format("says of the tag {} what {}", text::printable(tag, 128), wrong);
    }
  }
  if (!problem.empty()) {
    out.problem = fmt::format("the annotation {} of the image stream {} {}", kStateAnnotation,
                              text::printable(stream.shown()), problem);
  }
  return out;
}

Result<bool> change_state(kube::ImageStream& stream, std::string_view tag,
                          const std::function<void(TagState&)>& change) {
  std::string problem;
  auto all = parse_annotation(stream.annotation(kStateAnnotation), problem);
  if (!all.is_object()) all = Json::object();
  const auto* before = all.find(tag);
  auto [state, unreadable] = before != nullptr ? read_entry(*before) : std::pair<TagState, std::string>();
  if (!unreadable.empty()) state = {};
  change(state);
  auto entry = entry_json(state, before != nullptr && unreadable.empty() ? *before : Json::object());
  if (const auto [same, wrong] = read_entry(entry); !wrong.empty()) {
    return Error(ErrorKind::internal, fmt::format("what is to be noted of the tag {} {}", text::printable(tag), wrong));
  }
  if (before != nullptr && *before == entry) return false;
  all.set(tag, std::move(entry));
  auto written = all.dump();
  if (written.size() > kMaxStateBytes) {
    forget_lost_tags(all, stream, tag);
    written = all.dump();
  }
  if (written.size() > kMaxStateBytes) {
    return Error(ErrorKind::unsupported,
                 fmt::format("the annotation {} of {} would grow to {}, and may have {}", kStateAnnotation,
                             stream.shown(), text::human_bytes(written.size()), text::human_bytes(kMaxStateBytes)))
        .with_hint("promote to fewer tags of this image stream");
  }
  stream.annotate(kStateAnnotation, std::move(written));
  return true;
}

std::string pin_tag(std::string_view digest) {
  return std::string(kPinStart) + std::string(text::cut(digest, ':').second.substr(0, kPinDigits));
}

}  // namespace sluice::openshift
