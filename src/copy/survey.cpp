#include "copy/survey.hpp"

#include "base/task_pool.hpp"
#include "base/text.hpp"
#include "copy/attachment_search.hpp"
#include "copy/attachments.hpp"
#include "copy/decide.hpp"
#include "copy/source_reader.hpp"
#include "places/registry_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <tuple>

namespace sluice::copy {

namespace {

// Inside one repository all that belongs to an image is there already.
bool may_have_attachments_to_bring(const SurveyedItem& item) {
  const bool same =
      item.origin.place->name() == item.item.dest->name() && item.origin.repository == item.item.dest_repository;
  return item.item.attachments != Attachments::ignore && !same;
}

// What does not go along anyway must not be in the way.
bool must_know(const Item& item) {
  return item.attachments == Attachments::carry && item.attachments_held != AttachmentsHeld::none;
}

std::set<oci::Digest> digests_of(const SurveyedItem& item) {
  std::set<oci::Digest> out;
  for (const auto& manifest : item.manifests) out.insert(manifest->digest);
  return out;
}

bool lacks_children(const SurveyedItem& item) {
  const auto there = digests_of(item);
  return std::any_of(item.manifests.begin(), item.manifests.end(), [&](const auto& manifest) {
    return std::any_of(manifest->children.begin(), manifest->children.end(),
                       [&](const oci::Descriptor& child) { return !there.contains(child.digest); });
  });
}

class Surveyor {
 public:
  Surveyor(std::vector<Item> items, Events& events, std::stop_token stop) : events_(events), pool_(std::move(stop)) {
    reader_.emplace(pool_);
    search_.emplace(pool_, *reader_);
    for (auto& item : items) survey_.items.push_back({.item = std::move(item)});
  }

  Result<Survey> run(bool will_write) {
    announce(will_write);
    look_at_sources();
    look_at_tags();
    SLUICE_CHECK(pool_.finish());
    for (auto& item : survey_.items) settle(item);
    SLUICE_CHECK(check_platforms());
    for (auto& item : survey_.items) look_for_lost_platforms(item);
    look_for_attachments();
    ask_for_blobs();
    SLUICE_CHECK(pool_.finish());
    SLUICE_CHECK(add_attachments());
    decide(survey_, [&](const places::Place& dest, const std::string& repository, const oci::Digest& digest) {
      return present_.with([&](const auto& set) { return set.contains({dest.name(), repository, digest}); });
    });
    for (const auto& item : survey_.items) {
      if (item.attached) continue;
      events_.emit({.kind = EventKind::road,
                    .image = item.item.label,
                    .target = item.item.dest->name() + "/" + item.item.dest_repository,
                    .digest = item.root().digest.text(),
                    .bytes = item.bytes.moved,
                    .detail = std::string(to_string(item.road)) + ": " + item.why});
    }
    events_.emit({.kind = EventKind::total, .bytes = survey_.bytes_to_move()});
    return std::move(survey_);
  }

 private:
  // Tells every host what will be needed there, so that one token covers it.
  void announce(bool will_write) {
    std::map<places::Place*, std::vector<places::Access>> needs;
    for (const auto& surveyed : survey_.items) {
      for (const auto& origin : surveyed.item.origins) needs[origin.place].push_back({origin.repository, false});
      needs[surveyed.item.dest].push_back({surveyed.item.dest_repository, will_write});
    }
    for (auto& [place, accesses] : needs) place->expect(accesses);
  }

  void look_at_sources() {
    for (const auto& surveyed : survey_.items) {
      const auto& item = surveyed.item;
      source_of_.push_back(reader_->add(item.origins, item.name,
                                        {.platforms = item.platforms, .include_foreign = item.include_foreign}));
      const auto& origin = item.origins.front();
      const bool own = origin.place->name() == item.dest->name() && origin.repository == item.dest_repository;
      if (item.attachments != Attachments::ignore && !own) search_->look_ahead(origin);
    }
  }

  // Beside the questions about blobs: an image without attachments waits for nothing more.
  void look_for_attachments() {
    for (std::size_t i = 0; i < survey_.items.size(); ++i) {
      const auto& item = survey_.items[i];
      if (!may_have_attachments_to_bring(item)) continue;
      search_->search(source_of_[i], must_know(item.item));
    }
  }

  // What a tag stands for now. What it weighs is not kept: only its platforms may be missed later.
  void note_before(SurveyedItem& surveyed, std::size_t tag, places::StoredManifest found) {
    const auto algorithm =
        surveyed.item.name.as_digest() ? surveyed.item.name.as_digest()->algorithm() : HashAlgorithm::sha256;
    surveyed.before[tag] = found.digest(algorithm);
    const auto read = oci::parse_manifest(std::move(found.bytes), found.media_type);
    if (!read || !read->is_index()) return;
    const auto platforms = oci::platforms_of(*read);
    before_platforms_.with([&](auto& all) { all[&surveyed].insert(platforms.begin(), platforms.end()); });
  }

  void look_at_tags() {
    for (auto& surveyed : survey_.items) {
      surveyed.before.resize(surveyed.item.tags.size());
      for (std::size_t t = 0; t < surveyed.item.tags.size(); ++t) {
        pool_.add({.hosts = {surveyed.item.dest}, .run = [this, &surveyed, t](const std::stop_token& stop) -> Status {
                     const auto& item = surveyed.item;
                     auto before =
                         item.dest->find_manifest(item.dest_repository, places::ManifestName::tag(item.tags[t]), stop);
                     if (!before && !places::means_missing(before.error())) return std::move(before).error();
                     if (before && *before) note_before(surveyed, t, std::move(**before));
                     return {};
                   }});
      }
      // Known by digest: a release that was here before needs no more than its tags.
      if (!surveyed.item.name.as_digest()) continue;
      pool_.add({.hosts = {surveyed.item.dest}, .run = [&surveyed](const std::stop_token& stop) -> Status {
                   const auto& item = surveyed.item;
                   const auto found = item.dest->digest_of(item.dest_repository, item.name, stop);
                   if (!found && !places::means_missing(found.error())) return found.error();
                   surveyed.content_there = found && found->has_value();
                   return {};
                 }});
    }
  }

  // Children before parents, then compares with what the tags stand for.
  void settle(SurveyedItem& surveyed) {
    const auto index = static_cast<std::size_t>(&surveyed - survey_.items.data());
    reader_->with(source_of_[index], [&](const SourceImage& image) {
      surveyed.origin = image.found;
      surveyed.manifests = image.ordered();
      surveyed.sparse = lacks_children(surveyed);
    });
    const auto& digest = surveyed.root().digest;
    const bool tagged = !surveyed.before.empty();
    surveyed.all_equal = tagged || surveyed.content_there;
    for (const auto& before : surveyed.before) {
      surveyed.all_equal = surveyed.all_equal && before == digest;
      surveyed.content_there = surveyed.content_there || before == digest;
    }
  }

  // Indexes below the image's own were looked into, and may all have been empty-handed.
  Status check_platforms() const {
    for (const auto& item : survey_.items) {
      if (item.item.platforms.empty() || item.root().children.empty() || item.manifests.size() > 1) continue;
      return Error(ErrorKind::not_found, "no index in " + item.root().digest.text() + " has an image for " +
                                             text::printable(text::join(item.item.platforms, " or ")));
    }
    return {};
  }

  // An image alone says its platform in its config, which is read only here: an index gives way to it rarely.
  void look_for_lost_platforms(SurveyedItem& surveyed) {
    auto lost = before_platforms_.with([&](auto& all) { return std::exchange(all[&surveyed], {}); });
    if (lost.empty() || surveyed.all_equal) return;
    if (surveyed.root().is_index()) {
      note_lost(surveyed, std::move(lost), platforms_of(surveyed));
      return;
    }
    pool_.add({.hosts = {surveyed.origin.place},
               .run = [&surveyed, lost = std::move(lost)](const std::stop_token& stop) mutable -> Status {
                 const auto& config = surveyed.root().config;
                 if (!config) return {};
                 const auto bytes = surveyed.origin.place->small_blob(surveyed.origin.repository, *config,
                                                                      oci::kMaxManifestBytes, stop);
                 const auto read = bytes ? oci::parse_image_config(*bytes) : bytes.error();
                 // Whose platform is not known is not said to lose any; whatever is wrong with its config shows later.
                 if (read && !read->platform.os.empty()) note_lost(surveyed, std::move(lost), {read->platform.text()});
                 return {};
               }});
  }

  static void note_lost(SurveyedItem& surveyed, std::set<std::string> lost, const std::vector<std::string>& has) {
    for (const auto& platform : has) lost.erase(platform);
    surveyed.lost_platforms.assign(lost.begin(), lost.end());
  }

  void ask_for_blobs() {
    for (auto& question : questions(survey_.items)) {
      pool_.add({.hosts = {question.dest}, .run = [this, question](const std::stop_token& stop) -> Status {
                   SLUICE_TRY(const bool there, question.dest->has_blob(question.repository, question.blob, stop));
                   if (there)
                     present_.with([&](auto& set) {
                       set.emplace(question.dest->name(), question.repository, question.blob.digest);
                     });
                   return {};
                 }});
    }
  }

  // What was found goes along as items of its own, behind those that were asked for. The destination is looked at for
  // them after that; blobs of theirs are not asked for, since most are small.
  Status add_attachments() {
    const auto asked_for = survey_.items.size();
    std::set<std::tuple<std::string, std::string, std::string>> taken;  // host, repository, tag or digest
    for (std::size_t i = 0; i < asked_for; ++i) {
      if (!may_have_attachments_to_bring(survey_.items[i])) continue;
      survey_.items[i].attachments_known = search_->complete(source_of_[i]);
      for (auto& found : search_->found(source_of_[i])) add_attachment(i, std::move(found), taken);
    }
    if (survey_.items.size() == asked_for) return {};
    ArrivalLook(survey_, pool_).ask();
    return pool_.finish();
  }

  void add_attachment(std::size_t to, FoundAttachment found,
                      std::set<std::tuple<std::string, std::string, std::string>>& taken) {
    const auto& image = survey_.items[to];
    const bool held = image.item.attachments_held == AttachmentsHeld::all ||
                      (image.item.attachments_held == AttachmentsHeld::cosign_tags && !found.what.tag.empty());
    if (image.item.attachments == Attachments::leave || !held) {
      survey_.items[to].left_there.push_back(std::move(found.what));
      return;
    }
    SurveyedItem added{.item = {.label = image.item.label,
                                .origins = {image.origin},
                                .name = places::ManifestName::digest(found.what.digest),
                                .dest = image.item.dest,
                                .dest_repository = image.item.dest_repository,
                                .tags = {},
                                .stage_tag = found.what.tag,
                                .must_stream = image.item.must_stream}};
    reader_->with(found.image, [&](const SourceImage& one) {
      added.origin = one.found;
      if (one.root) added.manifests = one.ordered();
    });
    if (auto odd = why_odd(added, found.what); !odd.empty()) {
      events_.emit({.kind = EventKind::note,
                    .image = image.item.label,
                    .target = image.origin.place->name(),
                    .digest = found.what.digest.text(),
                    .detail = std::move(odd)});
      return;
    }
    if (found.what.tag.empty()) found.what.kind = oci::kind_of(added.root());
    const auto& key = found.what.tag.empty() ? found.what.digest.text() : found.what.tag;
    if (!taken.emplace(image.item.dest->name(), image.item.dest_repository, key).second) return;
    added.attached = Attached{.to = to, .what = std::move(found.what)};
    survey_.items.push_back(std::move(added));
  }

  // Why something that is listed does not count; empty: it does.
  static std::string why_odd(const SurveyedItem& added, const Attachment& what) {
    const auto where = added.item.origins.front().place->name() + "/" + added.item.origins.front().repository;
    if (added.manifests.empty()) {
      return fmt::format("{} lists {} as attached to {}, but does not have it", where, what.digest.text(),
                         what.subject.text());
    }
    const auto& subject = added.root().subject;
    if (!what.tag.empty() || (subject && subject->digest == what.subject)) return {};
    return fmt::format("{} lists {} as attached to {}, but it says itself that it is not", where, what.digest.text(),
                       what.subject.text());
  }

  Survey survey_;
  Events& events_;
  std::vector<std::size_t> source_of_;
  std::optional<SourceReader> reader_;  // always there; made after the pool, and gone after it
  std::optional<AttachmentSearch> search_;
  Guarded<std::set<std::tuple<std::string, std::string, oci::Digest>>> present_;
  Guarded<std::map<const SurveyedItem*, std::set<std::string>>> before_platforms_;  // of indexes that tags stand for
  TaskPool pool_;  // last: its threads end before what they use
};

}  // namespace

std::vector<Finding> findings_of(const SurveyedItem& item, const std::string& subject) {
  std::vector<Finding> out;
  if (!item.lost_platforms.empty()) {
    const bool one = item.lost_platforms.size() == 1;
    out.push_back({.code = "platforms-lost",
                   .severity = Severity::warning,
                   .subject = subject,
                   .sentence = subject + " offers " + text::printable(text::join(item.lost_platforms, ", ")) +
                               " today, and the image that replaces it does not have " + (one ? "it" : "them"),
                   .fix = "build the image for the same platforms, or go on when nobody needs them any more"});
  }
  if (item.root().is_index() && item.root().children.empty()) {
    out.push_back({.code = "index-empty",
                   .severity = Severity::warning,
                   .subject = subject,
                   .sentence = "the index " + item.root().digest.text() + " lists no image at all: nobody can run it",
                   .fix = "see whether the build that makes it has come to its end"});
  }
  return out;
}

Amounts& Amounts::operator+=(const Amounts& other) {
  moved += other.moved;
  mounted += other.mounted;
  present += other.present;
  return *this;
}

std::vector<std::string> platforms_of(const SurveyedItem& item) {
  auto index = item.root();
  const auto there = digests_of(item);
  std::erase_if(index.children, [&](const oci::Descriptor& child) { return !there.contains(child.digest); });
  return oci::platforms_of(index);
}

Status leave_out_missing(SurveyedItem& item) {
  SLUICE_TRY(auto rewritten, oci::index_of(item.root(), digests_of(item)));
  item.manifests.back() = std::make_shared<const oci::Manifest>(std::move(rewritten));
  item.sparse = false;
  return {};
}

std::optional<std::vector<AttachmentState>> Survey::attachments_of(std::size_t item) const {
  if (!items[item].attachments_known) return std::nullopt;
  std::vector<AttachmentState> out;
  for (const auto& one : items) {
    if (one.attached && one.attached->to == item) out.push_back({one.attached->what, true, one.attached->arrived});
  }
  for (const auto& left : items[item].left_there) out.push_back({left, false, false});
  return out;
}

std::uint64_t Survey::bytes_to_move() const {
  std::uint64_t sum = 0;
  for (const auto& item : items) sum += item.bytes.moved;
  return sum;
}

Result<Survey> survey(std::vector<Item> items, bool will_write, Events& events, std::stop_token stop) {
  return Surveyor(std::move(items), events, std::move(stop)).run(will_write);
}

}  // namespace sluice::copy
