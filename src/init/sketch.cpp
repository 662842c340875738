// sketch_pipeline() of sketch.hpp: images, tags and notes, from what projects have.

#include "init/sketch.hpp"

#include "base/text.hpp"
#include "init/sketch_uses.hpp"
#include "oci/reference.hpp"
#include "oci/semver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace sluice::init {

namespace {

using detail::ImageUse;
using kube::ImageStream;

constexpr std::string_view kMovingTag =
    "live";                            // what a release found by a pattern moves, unless `tag:` says otherwise
constexpr std::size_t kMaxNames = 10;  // in one sentence
constexpr std::size_t kMaxAppBytes = 63;

Finding info(std::string code, std::string subject, std::string sentence, std::string fix = "") {
  return {std::move(code), Severity::info, std::move(subject), std::move(sentence), std::move(fix)};
}
Finding warning(std::string code, std::string subject, std::string sentence, std::string fix = "") {
  return {std::move(code), Severity::warning, std::move(subject), std::move(sentence), std::move(fix)};
}

std::string several(std::vector<std::string> names) {
  const bool cut = names.size() > kMaxNames;
  if (cut) names.resize(kMaxNames);
  return text::printable(text::join(names, ", "), 500) + (cut ? ", ..." : "");
}

// Everything that one sketch works with.
struct Desk {
  const Chain& chain;
  const std::vector<SeenProject>& seen;
  const SketchWish& wish;
  std::vector<std::vector<ImageUse>> uses;  // of each step's workloads
  std::vector<Finding> notes;

  const std::string& first() const { return chain.steps.front().project; }
  const std::vector<ImageStream>& streams() const { return seen.front().streams; }
  const ImageStream* stream(const std::string& name) const {
    for (const auto& candidate : streams()) {
      if (candidate.name() == name) return &candidate;
    }
    return nullptr;
  }
};

bool has_stream(const SeenProject& project, const std::string& name) {
  return std::any_of(project.streams.begin(), project.streams.end(),
                     [&](const ImageStream& stream) { return stream.name() == name; });
}

// Whether workloads of a later step want the image: by a trigger, by their template, or by an annotation that nobody
// can read and that names it.
bool is_wanted(const Desk& desk, std::size_t step, const std::string& image) {
  const auto& project = desk.chain.steps[step].project;
  for (const auto& use : desk.uses[step]) {
    if (use.stream == image && (use.project == project || use.project == desk.first())) return true;
  }
  const auto judged = openshift::judge_workloads(desk.seen[step].workloads, {{project, image, "latest"}});
  return std::any_of(judged.begin(), judged.end(), [](const openshift::WorkloadUse& use) {
    return use.verdict == openshift::TriggerVerdict::malformed ||
           use.verdict == openshift::TriggerVerdict::wrong_container;
  });
}

bool goes_on(const Desk& desk, const std::string& image) {
  for (std::size_t step = 1; step < desk.seen.size(); ++step) {
    if (has_stream(desk.seen[step], image) || is_wanted(desk, step, image)) return true;
  }
  return false;
}

// Born here: a tag of it was pushed, and not imported or taken from elsewhere.
bool is_pushed(const ImageStream& stream) {
  for (const auto& history : stream.tags()) {
    const auto spec = stream.tag_spec(history.tag);
    if (history.top() != nullptr && (!spec || !spec->from)) return true;
  }
  return false;
}

bool has_image(const ImageStream& stream) {
  const auto tags = stream.tags();
  return std::any_of(tags.begin(), tags.end(), [](const auto& history) { return history.top() != nullptr; });
}

Status take_named_images(Desk& desk, std::vector<std::string>& images) {
  std::vector<std::string> there;
  for (const auto& stream : desk.streams()) there.push_back(stream.name());
  for (const auto& image : desk.wish.images) {
    if (const auto checked = oci::check_repository_path(image); !checked) {
      return Error(checked.error()).context("--image " + text::printable(image, 80));
    }
    if (std::find(images.begin(), images.end(), image) != images.end()) continue;
    images.push_back(image);
    if (desk.stream(image) != nullptr) continue;
    const auto meant = text::nearest(image, there);
    desk.notes.push_back(warning("image-not-there", image,
                                 fmt::format("{} has no image stream {}{}", desk.first(), image,
                                             meant.empty() ? "" : "; did you mean '" + meant + "'?"),
                                 "push an image to it, or correct 'images'"));
  }
  return {};
}

Result<std::vector<std::string>> choose_images(Desk& desk) {
  std::vector<std::string> images;
  if (!desk.wish.images.empty()) {
    SLUICE_CHECK(take_named_images(desk, images));
    return images;
  }
  std::vector<std::string> left;
  for (const auto& stream : desk.streams()) {
    if (goes_on(desk, stream.name())) {
      images.push_back(stream.name());
    } else if (is_pushed(stream)) {
      left.push_back(stream.name());
    }
  }
  if (!images.empty()) {
    if (!left.empty()) {
      desk.notes.push_back(
          info("guessed-images", desk.first(),
               fmt::format("images that nothing in a later project uses are left out: {}", several(left)),
               "add them to 'images'"));
    }
    return images;
  }
  images = std::move(left);
  if (images.empty()) {
    for (const auto& stream : desk.streams()) {
      if (has_image(stream)) images.push_back(stream.name());
    }
  }
  if (images.empty()) {
    return Error(ErrorKind::not_found, "there is no image in the project " + text::printable(desk.first(), 80))
        .with_hint("build or push one first, or name it with --image NAME");
  }
  desk.notes.push_back(
      info("guessed-images", desk.first(),
           fmt::format("nothing in a later project uses an image of {}: all of its images are taken", desk.first()),
           "correct 'images'"));
  return images;
}

// Tags that hold an image and are no pins of ours.
std::set<std::string> tags_of(const ImageStream& stream) {
  std::set<std::string> out;
  for (const auto& history : stream.tags()) {
    if (history.top() != nullptr && !history.tag.starts_with("sluice-")) out.insert(history.tag);
  }
  return out;
}

// Tags that all of the images have. Those without a stream have no say.
std::set<std::string> common_tags(const Desk& desk, const std::vector<std::string>& images) {
  std::optional<std::set<std::string>> common;
  for (const auto& image : images) {
    const auto* stream = desk.stream(image);
    if (stream == nullptr) continue;
    auto tags = tags_of(*stream);
    if (common) std::erase_if(tags, [&](const std::string& tag) { return !common->contains(tag); });
    common = std::move(tags);
  }
  return common.value_or(std::set<std::string>{});
}

// The tag that most triggers of a step follow, of the images in the step's own project; "" when none does. Templates
// count where there is no trigger at all.
struct Followed {
  std::string tag;
  std::vector<std::string> others;
};
Followed followed_tag(const Desk& desk, std::size_t step, const std::vector<std::string>& images) {
  for (const bool triggers : {true, false}) {
    std::map<std::string, int> count;
    for (const auto& use : desk.uses[step]) {
      const bool ours = use.project == desk.chain.steps[step].project &&
                        std::find(images.begin(), images.end(), use.stream) != images.end();
      if (ours && use.trigger == triggers && !use.tag.empty()) ++count[use.tag];
    }
    if (count.empty()) continue;
    const auto best =
        std::max_element(count.begin(), count.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    Followed out{best->first, {}};
    for (const auto& [tag, times] : count) {
      if (tag != out.tag) out.others.push_back(tag);
    }
    return out;
  }
  return {};
}

bool is_version(const std::string& tag) { return tag.find('.') != std::string::npos && oci::Semver::parse(tag); }

// A glob for the version tags, when they are of one kind; "" otherwise.
std::string version_pattern(const std::set<std::string>& tags) {
  int with_v = 0;
  int without = 0;
  for (const auto& tag : tags) {
    if (is_version(tag)) ++(tag.starts_with('v') ? with_v : without);
  }
  if ((with_v == 0) == (without == 0)) return "";
  return with_v > 0 ? "v*" : "*.*.*";
}

std::string newest_of(const std::set<std::string>& tags, const ImageStream& stream) {
  std::string best;
  std::string best_time;
  for (const auto& tag : tags) {
    const auto top = stream.top(tag);
    if (top && (best.empty() || top->created > best_time)) {
      best = tag;
      best_time = top->created;
    }
  }
  return best;
}

Result<std::string> choose_source_tag(Desk& desk, const std::vector<std::string>& images) {
  const auto common = common_tags(desk, images);
  if (!desk.wish.tag.empty()) {
    const bool pattern = pipeline::Source{desk.wish.tag}.is_pattern();
    if (!pattern) SLUICE_CHECK(oci::check_tag(desk.wish.tag));
    if (!pattern && !common.contains(desk.wish.tag)) {
      desk.notes.push_back(warning("source-tag-missing", desk.wish.tag,
                                   fmt::format("not every image has the tag {} in {}", desk.wish.tag, desk.first())));
    }
    return desk.wish.tag;
  }
  if (const auto followed = followed_tag(desk, 0, images).tag; common.contains(followed)) return followed;
  if (common.contains("latest")) return std::string("latest");
  if (auto pattern = version_pattern(common); !pattern.empty()) {
    desk.notes.push_back(info("guessed-source", desk.first(),
                              fmt::format("images are found by version tags that match {}", pattern),
                              "correct 'source'"));
    return pattern;
  }
  if (common.empty()) {
    desk.notes.push_back(
        warning("source-tag-missing", "latest",
                fmt::format("no tag in {} is common to {}: latest was written down", desk.first(), several(images)),
                "push them under one tag, or correct 'source'"));
    return std::string("latest");
  }
  const auto there = std::find_if(images.begin(), images.end(),
                                  [&](const std::string& image) { return desk.stream(image) != nullptr; });
  auto newest = newest_of(common, *desk.stream(*there));
  if (common.size() > 1) {
    desk.notes.push_back(
        info("guessed-source", desk.first(),
             fmt::format("the newest tag, {}, was taken as the one that images are found under", newest),
             "correct 'source'"));
  }
  return newest;
}

// How the tag of a later step moves its workloads: everything that keeps it from doing so. Gives the workloads that
// follow a tag of the same name in another project.
std::set<std::string> judge_step(Desk& desk, std::size_t step, const std::vector<std::string>& images,
                                 const std::string& tag) {
  const auto& project = desk.chain.steps[step].project;
  std::vector<openshift::StreamTag> tags;
  for (const auto& image : images) tags.push_back({project, image, tag});
  const auto judged = openshift::judge_workloads(desk.seen[step].workloads, tags);
  std::set<std::string> used;
  std::set<std::string> elsewhere;
  for (const auto& use : judged) {
    used.insert(use.tag.stream);
    if (use.verdict == openshift::TriggerVerdict::other_project) elsewhere.insert(use.shown());
    const bool build = use.kind == openshift::WorkloadKind::build_config;
    if (use.verdict == openshift::TriggerVerdict::fires) {
      if (build) {
        desk.notes.push_back(
            info("starts-build", project,
                 fmt::format("{} of {} starts a build when {} moves", use.shown(), project, use.tag.name())));
      }
      continue;
    }
    desk.notes.push_back(warning("trigger-" + std::string(to_string(use.verdict)), project,
                                 fmt::format("in {}: {}", project, use.why), use.fix));
  }
  std::vector<std::string> unused;
  for (const auto& image : images) {
    if (!used.contains(image)) unused.push_back(image);
  }
  const auto& unread = desk.seen[step].workloads.unread;
  for (const auto& kind : unread) {
    if (kind.denied) desk.notes.push_back(warning("workloads-unread", project, kind.sentence));
  }
  if (unused.empty()) return elsewhere;
  desk.notes.push_back(warning("image-unused", project,
                               fmt::format("no workload of {} that can be seen follows the tag {} of {}: a promotion "
                                           "moves the tag, and nothing rolls out",
                                           project, tag, several(unused))));
  return elsewhere;
}

// Workloads that follow the first project itself roll whenever somebody pushes there.
void find_short_cuts(Desk& desk, std::size_t step, const std::vector<std::string>& images,
                     const std::set<std::string>& told) {
  const auto& project = desk.chain.steps[step].project;
  for (const auto& use : desk.uses[step]) {
    const bool ours = std::find(images.begin(), images.end(), use.stream) != images.end();
    if (!use.trigger || !ours || use.project != desk.first() || project == desk.first()) continue;
    if (told.contains(use.workload)) continue;
    desk.notes.push_back(warning("follows-source", project,
                                 fmt::format("{} of {} follows {}/{}:{} itself: it rolls whenever that tag moves, "
                                             "without a promotion",
                                             use.workload, project, use.project, use.stream, use.tag),
                                 "let its trigger follow the tag in " + project));
  }
}

void choose_moving_tag(Desk& desk, std::size_t step, const pipeline::Pipeline& pipeline,
                       pipeline::Environment& environment) {
  const auto usual = pipeline.source.is_pattern() ? std::string(kMovingTag) : pipeline.source.tag;
  const auto followed = followed_tag(desk, step, pipeline.images);
  const auto tag = followed.tag.empty() ? usual : followed.tag;
  if (tag != usual) environment.tag = tag;
  const auto& project = desk.chain.steps[step].project;
  if (!followed.others.empty()) {
    desk.notes.push_back(
        warning("several-tags", project,
                fmt::format("workloads of {} follow more than one tag of these images: {} is moved, {} "
                            "not",
                            project, tag, several(followed.others)),
                "let them follow one tag, or write an app of its own for each"));
  }
  const auto told = judge_step(desk, step, pipeline.images, tag);
  find_short_cuts(desk, step, pipeline.images, told);
}

bool is_app_name(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  return !name.empty() && name.size() <= kMaxAppBytes && name.front() != '-' && name.back() != '-' &&
         name.find_first_not_of(kLetters) == std::string_view::npos;
}

Result<std::string> choose_app(const Desk& desk, const std::vector<std::string>& images) {
  if (!desk.wish.app.empty()) {
    if (is_app_name(desk.wish.app)) return desk.wish.app;
    return Error(ErrorKind::config, "'" + text::printable(desk.wish.app, 80) + "' is no name for an app")
        .with_hint("use lower-case letters, digits and '-' between them, at most 63");
  }
  if (!desk.chain.stem.empty()) return desk.chain.stem;
  // Names of images may have '.', '_' and '/', names of projects have not.
  if (images.size() == 1 && is_app_name(images.front())) return images.front();
  return desk.first();
}

pipeline::Environment environment_of(const SketchStep& step) {
  pipeline::Target target{step.cluster, "", step.project};
  target.has_api = true;
  pipeline::Environment environment;
  environment.name = step.environment;
  environment.targets.push_back(std::move(target));
  return environment;
}

}  // namespace

Result<Sketch> sketch_pipeline(const Chain& chain, const std::vector<SeenProject>& seen, const SketchWish& wish) {
  Desk desk{chain, seen, wish, {}, chain.notes};
  for (std::size_t step = 0; step < seen.size(); ++step) {
    desk.uses.push_back(detail::uses_of(seen[step].workloads, chain.steps[step].project));
  }
  Sketch sketch;
  SLUICE_TRY(sketch.pipeline.images, choose_images(desk));
  SLUICE_TRY(sketch.pipeline.app, choose_app(desk, sketch.pipeline.images));
  SLUICE_TRY(sketch.pipeline.source.tag, choose_source_tag(desk, sketch.pipeline.images));
  for (std::size_t step = 0; step < chain.steps.size(); ++step) {
    auto environment = environment_of(chain.steps[step]);
    if (step > 0) choose_moving_tag(desk, step, sketch.pipeline, environment);
    sketch.pipeline.environments.push_back(std::move(environment));
  }
  sketch.notes = std::move(desk.notes);
  return sketch;
}

}  // namespace sluice::init
