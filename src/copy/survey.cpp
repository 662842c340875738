#include "copy/survey.hpp"

#include "base/text.hpp"
#include "copy/crew.hpp"
#include "copy/decide.hpp"
#include "places/registry_error.hpp"

#include <map>
#include <memory>
#include <set>
#include <tuple>

namespace sluice::copy {

namespace {

constexpr int kMaxNesting = 4;  // an index of indexes is rare, deeper is an attack

// One image at its origin, shared by all items that want it.
struct SourceNode {
  SourceNode(std::vector<Origin> where, places::ManifestName what) : origins(std::move(where)), name(std::move(what)) {}

  std::vector<Origin> origins;
  places::ManifestName name;
  Origin found;
  std::map<oci::Digest, std::shared_ptr<const oci::Manifest>> manifests;
  std::set<oci::Digest> claimed;  // asked for, or about to be: an index may name one child a thousand times
  std::uint64_t claimed_bytes = 0;
  std::optional<oci::Digest> root;
};

class Surveyor {
 public:
  Surveyor(std::vector<Item> items, std::stop_token stop) : crew_(std::move(stop)) {
    for (auto& item : items) survey_.items.push_back({.item = std::move(item)});
  }

  Result<Survey> run(bool will_write, Events& events) {
    announce(will_write);
    look_at_sources();
    look_at_tags();
    SLUICE_CHECK(crew_.finish());
    for (auto& item : survey_.items) settle(item);
    for (auto& item : survey_.items) look_for_lost_platforms(item);
    SLUICE_CHECK(ask_for_blobs());
    decide(survey_, [&](const places::Place& dest, const std::string& repository, const oci::Digest& digest) {
      return present_.with([&](const auto& set) { return set.contains({dest.name(), repository, digest}); });
    });
    for (const auto& item : survey_.items) {
      events.emit({.kind = EventKind::road,
                   .image = item.item.label,
                   .target = item.item.dest->name() + "/" + item.item.dest_repository,
                   .digest = item.root().digest.text(),
                   .bytes = item.bytes.moved,
                   .detail = std::string(to_string(item.road)) + ": " + item.why});
    }
    events.emit({.kind = EventKind::total,
                 .image = {},
                 .target = {},
                 .digest = {},
                 .bytes = survey_.bytes_to_move(),
                 .detail = {}});
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
    std::map<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>, std::size_t> seen;
    for (const auto& surveyed : survey_.items) {
      std::vector<std::pair<std::string, std::string>> origins;
      for (const auto& origin : surveyed.item.origins) origins.emplace_back(origin.place->name(), origin.repository);
      const auto [entry, fresh] =
          seen.emplace(std::pair(surveyed.item.name.text(), std::move(origins)), sources_.size());
      source_of_.push_back(entry->second);
      if (!fresh) continue;
      sources_.push_back(std::make_unique<Guarded<SourceNode>>(SourceNode(surveyed.item.origins, surveyed.item.name)));
      read_root(*sources_.back(), 0);
    }
  }

  // Reads the image's own manifest from the first origin that has it.
  void read_root(Guarded<SourceNode>& node, std::size_t which) {
    const auto [origin, name, count] =
        node.with([&](const SourceNode& n) { return std::tuple(n.origins[which], n.name, n.origins.size()); });
    crew_.add({.hosts = {origin.place},
               .moves_bytes = false,
               .rank = Rank::call(),
               .run = [=, this, &node](const std::stop_token& stop) -> Status {
                 auto manifest = origin.place->manifest(origin.repository, name, stop);
                 if (!manifest && manifest.error().kind() == ErrorKind::not_found && which + 1 < count) {
                   read_root(node, which + 1);
                   return {};
                 }
                 if (!manifest) return std::move(manifest).error();
                 node.with([&](SourceNode& n) {
                   n.found = origin;
                   n.root = manifest->digest;
                   n.claimed.insert(manifest->digest);
                   n.claimed_bytes = manifest->bytes.size();
                 });
                 return keep(node, origin, std::move(*manifest), 0);
               }});
  }

  // Stores a manifest and goes on with the children it names.
  Status keep(Guarded<SourceNode>& node, const Origin& origin, oci::Manifest manifest, int depth) {
    if (!manifest.children.empty() && depth >= kMaxNesting) {
      return Error(ErrorKind::unsupported,
                   "the index " + manifest.digest.text() + " is nested deeper than " + std::to_string(kMaxNesting));
    }
    const auto kept = std::make_shared<const oci::Manifest>(std::move(manifest));
    SLUICE_TRY(const auto claims, node.with([&](SourceNode& n) {
      n.manifests.emplace(kept->digest, kept);
      return claim(n, kept->children);
    }));
    for (const auto& child : claims) {
      crew_.add({.hosts = {origin.place},
                 .moves_bytes = false,
                 .rank = Rank::call(),
                 .run = [=, this, &node](const std::stop_token& stop) -> Status {
                   SLUICE_TRY(auto part, read_child(origin, child, stop));
                   return keep(node, origin, std::move(part), depth + 1);
                 }});
    }
    return {};
  }

  // The children that nobody has asked for yet. What they weigh is known before the first one is read, since no more
  // than that is read of each.
  static Result<std::vector<oci::Descriptor>> claim(SourceNode& node, const std::vector<oci::Descriptor>& children) {
    std::vector<oci::Descriptor> fresh;
    for (const auto& child : children) {
      if (!node.claimed.insert(child.digest).second) continue;
      if (node.claimed.size() > kMaxManifests) {
        return Error(ErrorKind::unsupported, "an image of more than " + std::to_string(kMaxManifests) + " manifests");
      }
      if (child.size_bytes > kMaxManifestBytesOfImage - node.claimed_bytes) {
        return Error(ErrorKind::unsupported, "an image whose manifests have more than " +
                                                 text::human_bytes(kMaxManifestBytesOfImage) + " together");
      }
      node.claimed_bytes += child.size_bytes;
      fresh.push_back(child);
    }
    return fresh;
  }

  // A child that is missing is told by what people know of it.
  static Result<oci::Manifest> read_child(const Origin& origin, const oci::Descriptor& child,
                                          const std::stop_token& stop) {
    auto part = origin.place->manifest(origin.repository, places::ManifestName::child(child), stop);
    if (!part && part.error().kind() == ErrorKind::not_found && child.platform) {
      return std::move(part).error().context("the image for " + text::printable(child.platform->text()));
    }
    return part;
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
        crew_.add({.hosts = {surveyed.item.dest},
                   .moves_bytes = false,
                   .rank = Rank::call(),
                   .run = [this, &surveyed, t](const std::stop_token& stop) -> Status {
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
      crew_.add({.hosts = {surveyed.item.dest},
                 .moves_bytes = false,
                 .rank = Rank::call(),
                 .run = [&surveyed](const std::stop_token& stop) -> Status {
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
    sources_[source_of_[index]]->with([&](const SourceNode& node) {
      surveyed.origin = node.found;
      std::set<oci::Digest> placed;
      const std::function<void(const oci::Digest&)> place = [&](const oci::Digest& digest) {
        if (!placed.insert(digest).second) return;
        const auto& manifest = node.manifests.at(digest);
        for (const auto& child : manifest->children) place(child.digest);
        surveyed.manifests.push_back(manifest);
      };
      place(*node.root);
    });
    const auto& digest = surveyed.root().digest;
    const bool tagged = !surveyed.before.empty();
    surveyed.all_equal = tagged || surveyed.content_there;
    for (const auto& before : surveyed.before) {
      surveyed.all_equal = surveyed.all_equal && before == digest;
      surveyed.content_there = surveyed.content_there || before == digest;
    }
  }

  // An image alone says its platform in its config, which is read only here: an index gives way to it rarely.
  void look_for_lost_platforms(SurveyedItem& surveyed) {
    auto lost = before_platforms_.with([&](auto& all) { return std::exchange(all[&surveyed], {}); });
    if (lost.empty() || surveyed.all_equal) return;
    if (surveyed.root().is_index()) {
      note_lost(surveyed, std::move(lost), oci::platforms_of(surveyed.root()));
      return;
    }
    crew_.add({.hosts = {surveyed.origin.place},
               .moves_bytes = false,
               .rank = Rank::call(),
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

  Status ask_for_blobs() {
    for (auto& question : questions(survey_.items)) {
      crew_.add({.hosts = {question.dest},
                 .moves_bytes = false,
                 .rank = Rank::call(),
                 .run = [this, question](const std::stop_token& stop) -> Status {
                   SLUICE_TRY(const bool there, question.dest->has_blob(question.repository, question.blob, stop));
                   if (there)
                     present_.with([&](auto& set) {
                       set.emplace(question.dest->name(), question.repository, question.blob.digest);
                     });
                   return {};
                 }});
    }
    return crew_.finish();
  }

  Survey survey_;
  std::vector<std::unique_ptr<Guarded<SourceNode>>> sources_;
  std::vector<std::size_t> source_of_;
  Guarded<std::set<std::tuple<std::string, std::string, oci::Digest>>> present_;
  Guarded<std::map<const SurveyedItem*, std::set<std::string>>> before_platforms_;  // of indexes that tags stand for
  Crew crew_;  // last: its threads end before what they use
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

std::uint64_t Survey::bytes_to_move() const {
  std::uint64_t sum = 0;
  for (const auto& item : items) sum += item.bytes.moved;
  return sum;
}

Result<Survey> survey(std::vector<Item> items, bool will_write, Events& events, std::stop_token stop) {
  return Surveyor(std::move(items), std::move(stop)).run(will_write, events);
}

}  // namespace sluice::copy
