// Planner: which release is meant, and what an environment holds.

#include "base/text.hpp"
#include "memory/numbers.hpp"
#include "promotion/plan/planner.hpp"
#include "promotion/plan/source_findings.hpp"
#include "promotion/targets/arrivals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::promotion {

namespace {

constexpr std::size_t kMostReleases = 1000;
constexpr const char* kOurRecords = "the records of this machine";

// A hold may stand in what cannot be read, and so may the release that is meant.
Status readable(const pipeline::Environment& environment, const EnvironmentMemory& memory) {
  const auto problem = memory.problem();
  if (problem.empty()) return {};
  return Error(ErrorKind::blocked, problem + "; a hold may stand there")
      .with_hint(fmt::format("look who wrote it; then write it anew with sluice unhold {0}, or sluice hold {0}",
                             environment.name));
}

// What a promotion that is under way, or was interrupted, brings there: its id proves the content. What else the place
// says of it, as its number, is looked up like that of any other release.
std::optional<records::Release> release_under_way(const EnvironmentMemory& memory, const std::string& id,
                                                  const std::vector<records::ReleaseImage>& images,
                                                  const std::string& app, const std::string& environment) {
  const auto open = memory.open();
  if (!open || open->release != id) return std::nullopt;
  records::Release out;
  out.id = id;
  out.app = app;
  out.images = images;
  out.pattern_tag = open->pattern_tag;
  out.adopted = true;
  out.origin = environment;
  return out;
}

// Whether images, as releases have them, are those of a release that stood there.
bool is_there(const memory::StoodRelease& stood, const std::vector<records::ReleaseImage>& images) {
  return stood.images.size() == images.size() &&
         std::all_of(stood.images.begin(), stood.images.end(), [&](const memory::StoodImage& one) {
           return std::any_of(images.begin(), images.end(), [&](const records::ReleaseImage& image) {
             return image.name == one.name && image.digest.text() == one.digest;
           });
         });
}

}  // namespace

Status take_target(const std::string& name, const std::string& environment, pipeline::Pipeline& pipeline) {
  if (name.empty()) return {};
  SLUICE_CHECK(pipeline.environment(environment));
  auto& targets = std::find_if(pipeline.environments.begin(), pipeline.environments.end(), [&](const auto& one) {
                    return one.name == environment;
                  })->targets;
  SLUICE_TRY(const auto meant, target_meant(name, environment, targets));
  const auto kept = targets[meant];
  targets = {kept};
  return {};
}

Result<std::size_t> target_meant(const std::string& name, const std::string& environment,
                                 const std::vector<pipeline::Target>& targets) {
  std::vector<std::string> labels;
  std::vector<std::size_t> fitting;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    labels.push_back(targets[t].label());
    if (labels.back() == name) return t;
    if (labels.back().find(name) != std::string::npos) fitting.push_back(t);
  }
  if (fitting.size() == 1) return fitting.front();
  return Error(ErrorKind::usage, fmt::format("'{}' fits {} targets of {}", text::printable(name, 80),
                                             fitting.empty() ? "none of the" : "several", environment))
      .with_hint("its targets: " + text::join(labels, ", "));
}

// A stream may know why its tag holds none. Asked only then.
Result<std::string> Planner::why_no_image(const pipeline::Target& target, const std::string& image,
                                          const std::string& tag) {
  SLUICE_TRY(const auto access, targets_.open(target));
  if (!access.streams) return std::string();
  SLUICE_TRY(const auto streams, targets_.seen(access, {image}));
  return streams.front() ? import_trouble(*streams.front(), tag) : std::string();
}

// The streams at the place of birth were read for the release.
Status Planner::look_at_source(const records::Release& release, Plan& plan) {
  const auto& birth = pipeline_.environments.front().targets.front();
  SLUICE_TRY(const auto access, targets_.open(birth));
  if (!access.streams) return {};
  for (const auto& image : release.images) {
    const auto streams = targets_.seen(access, {image.name});
    // Who may not read them is told by the preflight.
    if (!streams || !streams->front()) continue;
    const auto& tag = image.tag.empty() ? pipeline_.source.tag : image.tag;
    for (auto& finding : source_tag_findings(birth.label(), *streams->front(), tag))
      plan.findings.push_back(std::move(finding));
  }
  return {};
}

// All images of one target under one tag, at once.
Result<std::vector<records::ReleaseImage>> Planner::resolve(const pipeline::Target& target, const std::string& tag) {
  SLUICE_TRY(const auto digests, targets_.digests(target, pipeline_.images, tag));
  std::vector<records::ReleaseImage> images;
  for (std::size_t i = 0; i < digests.size(); ++i) {
    const auto where = target.label() + "/" + pipeline_.images[i] + ":" + tag;
    if (!digests[i]) {
      SLUICE_TRY(const auto why, why_no_image(target, pipeline_.images[i], tag));
      return Error(ErrorKind::not_found, "there is no image " + where + (why.empty() ? "" : ": " + why))
          .with_hint("push it first, or check `source.tag` and `images` in " + pipeline_.file.string());
    }
    images.push_back({.name = pipeline_.images[i], .digest = *digests[i], .tag = tag});
  }
  return images;
}

// The tag under which images are found at their birth: the source's own, or the newest that its pattern matches.
Result<std::string> Planner::source_tag() {
  const auto& target = pipeline_.environments.front().targets.front();
  if (!pipeline_.source.is_pattern()) return pipeline_.source.tag;
  SLUICE_TRY(const auto tags, targets_.tags(target, pipeline_.images));
  return newest_common_tag(pipeline_.source.tag, pipeline_.images, tags).context(target.label());
}

Result<records::Release> Planner::release_from_source() {
  const auto& birth = pipeline_.environments.front();
  const auto& target = birth.targets.front();
  SLUICE_TRY(const auto tag, source_tag());
  SLUICE_TRY(auto images, resolve(target, tag));
  records::Release release;
  release.id = records::release_id(images);
  release.app = pipeline_.app;
  release.images = std::move(images);
  release.pattern_tag = pipeline_.source.is_pattern();
  release.origin = birth.name;
  SLUICE_CHECK(label(release, birth));
  return release;
}

Result<records::Release> Planner::keep(records::Release release) {
  if (release.number != 0 && release.line.empty()) release.line = numbering().line;
  auto kept = store_.keep_release(release);
  // Our records may have another content under this number, from before numbers were claimed: its label stays there.
  if (!kept && kept.error().kind() == ErrorKind::conflict) {
    const auto number = std::exchange(release.number, 0);
    kept = store_.keep_release(release);
    if (kept) kept->number = number;
  }
  return kept;
}

Numbering Planner::numbering() {
  const auto& birth = pipeline_.environments.front().targets.front();
  const auto access = targets_.open(birth);
  const auto& known = access ? access->target : birth;
  Numbering out;
  out.image = pipeline_.images.front();
  out.line = pipeline_.app + "@" + known.identity() + "/" + out.image;
  out.ledgers = access && access->streams;
  if (!pipeline_.memory.at_place) return out;
  out.places.push_back(birth);
  for (const auto& [name, memory] : memories_) {
    for (const auto& stood : memory.releases) out.at_least = std::max(out.at_least, stood.number);
  }
  const auto& first = pipeline_.environments[1].targets.front();
  if (first.id() != birth.id()) out.places.push_back(first);
  return out;
}

Status Planner::number(records::Release& release) {
  if (release.number != 0) return {};
  SLUICE_TRY(release.number, claim_number(targets_.places(), numbering(), release.id, targets_.stop()));
  return {};
}

// The environment's own word first, then our records, then what was read of the environments before it.
Status Planner::label(records::Release& release, const pipeline::Environment& environment) {
  if (release.number != 0) return {};
  const auto from = [&](const EnvironmentMemory& memory) {
    for (const auto& stood : memory.releases) {
      if (stood.id == release.id && stood.number != 0) release.number = stood.number;
    }
    for (const auto& target : memory.targets) {
      for (const auto& [line, ledger] : target.numbers) {
        if (release.number != 0 || !line.starts_with(pipeline_.app + "@")) continue;
        release.number = memory::number_of(ledger, release.id).value_or(0);
      }
    }
  };
  if (const auto own = memories_.find(environment.name); own != memories_.end()) from(own->second);
  if (release.number != 0) return {};
  SLUICE_TRY(const auto known, store_.release(pipeline_.app, release.id));
  if (known && !known->line.empty()) release.number = known->number;
  for (auto order = pipeline_.environments.size(); order-- > 0 && release.number == 0;) {
    const auto found = memories_.find(pipeline_.environments[order].name);
    if (found != memories_.end()) from(found->second);
  }
  if (release.number == 0 && known) release.number = known->number;
  // A number that means something else at the environment itself is no name for this.
  const auto own = memories_.find(environment.name);
  const bool taken = own != memories_.end() &&
                     std::any_of(own->second.releases.begin(), own->second.releases.end(), [&](const auto& stood) {
                       return stood.number == release.number && stood.id != release.id;
                     });
  if (taken) release.number = 0;
  return {};
}

Result<const EnvironmentMemory*> Planner::memory_of(const pipeline::Environment& environment) {
  auto found = memories_.find(environment.name);
  if (found == memories_.end()) {
    SLUICE_TRY(auto memory,
               remember(targets_, store_, pipeline_.images, environment, moving_tag(pipeline_, environment)));
    found = memories_.emplace(environment.name, std::move(memory)).first;
  }
  return static_cast<const EnvironmentMemory*>(&found->second);
}

Result<std::vector<KnownRelease>> Planner::known_for(const pipeline::Environment& environment) {
  SLUICE_TRY(const auto* memory, memory_of(environment));
  std::vector<KnownRelease> out;
  for (const auto& stood : memory->releases) {
    if (auto release = release_from(stood, pipeline_.app, environment.name))
      out.push_back({std::move(*release), environment.targets.front().label()});
  }
  SLUICE_TRY(const auto kept, store_.releases(pipeline_.app, kMostReleases));
  for (const auto& release : kept) out.push_back({release, kOurRecords});
  return out;
}

Result<Holding> Planner::judge_held(const pipeline::Environment& environment, const std::string& tag,
                                    const Observed& observed) {
  SLUICE_TRY(const auto* memory, memory_of(environment));
  SLUICE_TRY(const auto kept, store_.releases(pipeline_.app, kMostReleases));
  const auto in_some_release = [&](const records::ReleaseImage& image) {
    return std::any_of(memory->releases.begin(), memory->releases.end(), [&](const memory::StoodRelease& stood) {
      return std::any_of(stood.images.begin(), stood.images.end(), [&](const memory::StoodImage& other) {
        return other.name == image.name && other.digest == image.digest.text();
      });
    });
  };
  const auto known = [&](const std::vector<records::ReleaseImage>& images) -> std::optional<records::Release> {
    for (const auto& stood : memory->releases) {
      if (is_there(stood, images)) return release_from(stood, pipeline_.app, environment.name);
    }
    const auto id = records::release_id(images);
    const auto found = std::find_if(kept.begin(), kept.end(), [&](const auto& release) { return release.id == id; });
    if (found != kept.end()) return *found;
    // An environment further on may have it: a release is what it holds, whoever says so.
    for (const auto& [name, other] : memories_) {
      for (const auto& stood : other.releases) {
        if (stood.id == id) return release_from(stood, pipeline_.app, name);
      }
      if (auto release = release_under_way(other, id, images, pipeline_.app, name)) return release;
    }
    return std::nullopt;
  };
  auto holding = judge(pipeline_, tag, observed, known, in_some_release);
  if (holding.release) SLUICE_CHECK(label(*holding.release, environment));
  return holding;
}

Result<std::string> Planner::tag_shown(const pipeline::Environment& environment) {
  if (&environment == &pipeline_.environments.front()) return source_tag();
  return moving_tag(pipeline_, environment);
}

Result<records::Release> Planner::release_of(const pipeline::Environment& environment,
                                             std::vector<records::ReleaseImage> images) {
  records::Release out;
  out.id = records::release_id(images);
  out.app = pipeline_.app;
  out.images = std::move(images);
  out.adopted = true;
  out.origin = environment.name;
  SLUICE_CHECK(label(out, environment));
  return out;
}

Result<Holding> Planner::observe(const pipeline::Environment& environment) {
  const auto tag_or = tag_shown(environment);
  if (!tag_or && tag_or.error().kind() == ErrorKind::not_found) return Holding{};
  SLUICE_TRY(const auto tag, tag_or);
  SLUICE_TRY(const auto* memory, memory_of(environment));
  Observed observed;
  for (std::size_t t = 0; t < environment.targets.size(); ++t) {
    SLUICE_TRY(auto digests, targets_.digests(environment.targets[t], pipeline_.images, tag));
    for (std::size_t i = 0; i < digests.size(); ++i)
      digests[i] = as_released(memory->targets[t].memory, pipeline_.images[i], digests[i]);
    observed.digests.push_back(std::move(digests));
  }
  return judge_held(environment, tag, observed);
}

Result<records::Release> Planner::held_by_predecessor(const pipeline::Environment& environment) {
  const auto order = pipeline_.order_of(environment);
  const auto& before = pipeline_.environments[order - 1];
  SLUICE_TRY(auto holding, observe(before).context("looking at what " + before.name + " holds"));
  switch (holding.kind) {
    case Holding::Kind::release:
      return *holding.release;
    case Holding::Kind::nothing:
      return Error(ErrorKind::not_found, before.name + " holds nothing that could be promoted to " + environment.name)
          .with_hint("promote to it first: sluice promote --to " + before.name);
    case Holding::Kind::mixed:
      return Error(ErrorKind::blocked, before.name + " holds no single release: " + holding.why)
          .with_hint("promote a release to it, or name the one you mean: --release N");
    case Holding::Kind::unknown:
      break;
  }
  SLUICE_TRY(const auto* memory, memory_of(before));
  if (!memory->releases.empty()) {
    const auto& last = memory->releases.front();
    return Error(ErrorKind::blocked,
                 fmt::format("{} drifted: it holds images that no promotion brought there (the last one brought {})",
                             before.name, name_of(pipeline_.app, last.number, last.id)))
        .with_hint("promote a release to it again, or name the one you mean: --release N");
  }
  return release_of(before, holding.images);
}

// What stood verified before: it is there, or was. Nothing else than the environment itself is asked.
Result<records::Release> Planner::last_good(const pipeline::Environment& environment) {
  SLUICE_TRY(const auto* memory, memory_of(environment));
  SLUICE_TRY(const auto now, observe(environment));
  auto others = memory->releases;
  std::erase_if(others, [&](const auto& stood) { return is_there(stood, now.images); });
  if (const auto* before = memory::release_before(others, now.release ? now.release->id : std::string())) {
    if (auto release = release_from(*before, pipeline_.app, environment.name)) return std::move(*release);
  }
  SLUICE_CHECK(readable(environment, *memory));
  auto error = Error(
      ErrorKind::not_found,
      fmt::format("no earlier release of {} that stood verified at {} is remembered", pipeline_.app, environment.name));
  const auto past = memory->promotions();
  if (past.empty()) return std::move(error).with_hint("see: sluice history");
  return std::move(error).with_hint(
      fmt::format("undo the last promotion: sluice undo {}; or name a release: sluice "
                  "rollback --to {} --release N (see: sluice releases)",
                  past.front().promotion, environment.name));
}

Result<records::Release> Planner::named(const Request& request, const pipeline::Environment& environment) {
  SLUICE_TRY(const auto selector, parse_selector(pipeline_.app, request.release));
  SLUICE_TRY(auto known, known_for(environment));
  if (selector.kind == ReleaseSelector::Kind::number) {
    // A number of ours may be an alias of before numbers were claimed: each content that it stood for counts.
    SLUICE_TRY(const auto numbered, store_.numbered(pipeline_.app, selector.number));
    std::erase_if(known, [](const KnownRelease& one) { return one.says == kOurRecords; });
    for (const auto& release : numbered) known.push_back({release, kOurRecords});
  }
  auto picked = pick_release(pipeline_.app, selector, known);
  if (picked || picked.error().kind() != ErrorKind::not_found) {
    if (picked) SLUICE_CHECK(label(*picked, environment));
    return picked;
  }
  // A digest is its content: of an app of one image it needs nobody's word.
  if (selector.kind == ReleaseSelector::Kind::digest && pipeline_.images.size() == 1) {
    SLUICE_TRY(auto digest, oci::Digest::parse(selector.text));
    records::Release out;
    out.app = pipeline_.app;
    out.images.push_back({pipeline_.images.front(), std::move(digest), moving_tag(pipeline_, environment)});
    out.id = records::release_id(out.images);
    out.origin = environment.name;
    return out;
  }
  SLUICE_TRY(const auto* memory, memory_of(environment));
  SLUICE_CHECK(readable(environment, *memory));
  return picked;
}

Result<records::Release> Planner::choose(const Request& request, const pipeline::Environment& environment) {
  if (!request.release.empty()) return named(request, environment);
  if (request.kind == records::PromotionKind::rollback) return last_good(environment);
  if (pipeline_.order_of(environment) == 1) return release_from_source();
  return held_by_predecessor(environment);
}

Status Planner::refuse_backwards(const Request& request, const pipeline::Environment& environment, const Holding& now,
                                 const records::Release& release) {
  const bool named = !request.release.empty() || request.exactly;
  if (named || request.kind == records::PromotionKind::rollback || !now.release) return {};
  if (release.number == 0 || now.release->number == 0 || release.id == now.release->id) return {};
  if (release.number >= now.release->number) return {};
  return Error(ErrorKind::usage,
               fmt::format("{} holds {} {}, and this would bring the older {} {} there", environment.name,
                           pipeline_.app, now.release->number, pipeline_.app, release.number))
      .with_hint(fmt::format("say so: --release {0}, or sluice rollback --to {1} --release {0}", release.number,
                             environment.name));
}

}  // namespace sluice::promotion
