#include "copy/decide.hpp"

#include <set>
#include <tuple>

namespace sluice::copy {

namespace {

bool same_place(const SurveyedItem& item) { return item.origin.place->name() == item.item.dest->name(); }
bool same_repository(const SurveyedItem& item) {
  return same_place(item) && item.origin.repository == item.item.dest_repository;
}
bool moves_nothing(const SurveyedItem& item) { return item.all_equal || item.content_there || same_repository(item); }
bool can_mount(const SurveyedItem& item) {
  return same_place(item) && item.item.dest->traits().mount && !item.item.must_stream && !item.item.by_engine;
}

// Nobody here has to know which of its blobs are there.
bool asks_nothing(const SurveyedItem& item) { return moves_nothing(item) || can_mount(item) || item.item.by_engine; }

bool repository_exists(const SurveyedItem& item) {
  for (const auto& digest : item.before) {
    if (digest) return true;
  }
  return false;
}

using HostBlob = std::pair<std::string, oci::Digest>;

// Whether a road leads there, and why it does or does not.
struct Clause {
  bool leads_there = false;
  std::string why;
};

// Why nothing of this image is at the destination, as far as anybody asked.
std::string not_there(const SurveyedItem& item) {
  for (std::size_t t = 0; t < item.before.size(); ++t) {
    const auto& tag = item.item.tags[t];
    if (!item.before[t]) return "there is no tag " + tag + " at the target yet";
    if (item.before[t] != item.root().digest) return "the tag " + tag + " stands for " + item.before[t]->brief();
  }
  return "the target does not have this digest";
}

Clause by_present(const SurveyedItem& item) {
  if (item.all_equal) return {true, "the tag stands for this digest already"};
  if (item.content_there) return {true, "the target has this digest; only the tag is written"};
  if (same_repository(item)) return {true, "same repository; only the tag is written"};
  return {false, not_there(item)};
}

Clause by_mount(const SurveyedItem& item) {
  if (can_mount(item)) return {true, "same registry; it links the layers itself"};
  if (item.item.by_engine) return {false, "the road docker was asked for"};
  if (item.item.must_stream) return {false, "the road stream was asked for"};
  if (same_place(item)) return {false, "this registry cannot link layers"};
  return {false, "the source is another registry, " + item.origin.place->name()};
}

Clause by_stream(const SurveyedItem& item) {
  if (item.item.by_engine) return {false, "the road docker was asked for"};
  if (item.item.must_stream) return {true, "asked for"};
  return {true, same_place(item) ? "same registry, but it cannot link layers" : "another registry"};
}

std::string not_needed(Road taken) {
  return taken == Road::present ? "nothing has to travel" : "no bytes have to pass through here";
}

}  // namespace

std::vector<oci::Descriptor> blobs_of(const SurveyedItem& item) {
  std::vector<oci::Descriptor> out;
  std::set<oci::Digest> seen;
  for (const auto& manifest : item.manifests) {
    for (auto& blob : manifest->blobs()) {
      if (seen.insert(blob.digest).second) out.push_back(std::move(blob));
    }
  }
  return out;
}

std::vector<Question> questions(const std::vector<SurveyedItem>& items) {
  std::vector<Question> out;
  std::set<std::tuple<std::string, std::string, oci::Digest>> asked;
  std::set<HostBlob> covered;
  const auto ask = [&](const SurveyedItem& item, const oci::Descriptor& blob) {
    const auto& host = item.item.dest->name();
    covered.emplace(host, blob.digest);
    if (asked.emplace(host, item.item.dest_repository, blob.digest).second) {
      out.push_back({item.item.dest, item.item.dest_repository, blob});
    }
  };
  // Repositories that exist are asked about everything; then new ones about what nobody was asked about.
  for (const bool existing : {true, false}) {
    for (const auto& item : items) {
      if (asks_nothing(item) || repository_exists(item) != existing) continue;
      for (const auto& blob : blobs_of(item)) {
        const bool known_elsewhere =
            item.item.dest->traits().mount && covered.contains({item.item.dest->name(), blob.digest});
        if (existing || !known_elsewhere) ask(item, blob);
      }
    }
  }
  return out;
}

namespace {

// Where a digest will be found at a destination host once its move is done.
struct Location {
  std::string repository;
  std::optional<std::size_t> move;
};

class Planner {
 public:
  Planner(Survey& survey, const Known& known) : survey_(survey), known_(known) {}

  void run() {
    // What is there already comes first, so that others can mount from it.
    for (std::size_t i = 0; i < survey_.items.size(); ++i) note_present(i);
    for (std::size_t i = 0; i < survey_.items.size(); ++i) plan_item(i);
  }

 private:
  void note_present(std::size_t index) {
    const auto& item = survey_.items[index];
    for (const auto& blob : blobs_of(item)) {
      if (moves_nothing(item) || known_(*item.item.dest, item.item.dest_repository, blob.digest)) {
        there_.emplace(item.item.dest->name(), item.item.dest_repository, blob.digest);
        places_.try_emplace({item.item.dest->name(), blob.digest}, Location{item.item.dest_repository, std::nullopt});
      }
    }
  }

  void plan_item(std::size_t index) {
    auto& item = survey_.items[index];
    for (const auto& blob : blobs_of(item)) {
      if (moves_nothing(item)) {
        item.bytes.present += blob.size_bytes;
        ++item.blobs.present;
        continue;
      }
      if (item.item.by_engine) {
        item.bytes.moved += blob.size_bytes;
        ++item.blobs.moved;
        continue;
      }
      plan_blob(index, blob);
    }
    choose_road(item);
  }

  void plan_blob(std::size_t index, const oci::Descriptor& blob) {
    auto& item = survey_.items[index];
    const auto key = std::tuple(item.item.dest->name(), item.item.dest_repository, blob.digest);
    if (const auto twin = planned_.find(key); twin != planned_.end()) {
      // Two images of one repository share it: both wait for the one move.
      item.moves.push_back(twin->second);
      ++item.blobs.present;
      item.bytes.present += blob.size_bytes;
      return;
    }
    BlobMove move{.blob = blob,
                  .item = index,
                  .dest = item.item.dest,
                  .dest_repository = item.item.dest_repository,
                  .how = BlobMove::How::stream,
                  .mount_from = {},
                  .after = {},
                  .origin = item.origin};
    const HostBlob at{item.item.dest->name(), blob.digest};
    const auto elsewhere = places_.find(at);
    if (there_.contains(key)) {
      move.how = BlobMove::How::present;
    } else if (can_mount(item)) {
      move.how = BlobMove::How::mount;
      move.mount_from = item.origin.repository;
    } else if (elsewhere != places_.end() && item.item.dest->traits().mount) {
      move.how = BlobMove::How::mount;
      move.mount_from = elsewhere->second.repository;
      move.after = elsewhere->second.move;
    }
    count(item, move);
    places_.try_emplace(at, Location{item.item.dest_repository, survey_.moves.size()});
    planned_.emplace(key, survey_.moves.size());
    item.moves.push_back(survey_.moves.size());
    survey_.moves.push_back(std::move(move));
  }

  static void count(SurveyedItem& item, const BlobMove& move) {
    switch (move.how) {
      case BlobMove::How::present:
        item.bytes.present += move.blob.size_bytes;
        ++item.blobs.present;
        break;
      case BlobMove::How::mount:
        item.bytes.mounted += move.blob.size_bytes;
        ++item.blobs.mounted;
        break;
      case BlobMove::How::stream:
        item.bytes.moved += move.blob.size_bytes;
        ++item.blobs.moved;
        break;
    }
  }

  // Cheapest first; the first one that leads there is taken, and the others say why not.
  static void choose_road(SurveyedItem& item) {
    std::vector<std::pair<Road, Clause>> roads = {
        {Road::present, by_present(item)}, {Road::mount, by_mount(item)}, {Road::stream, by_stream(item)}};
    if (item.item.by_engine) roads.emplace_back(Road::docker, Clause{true, "asked for"});
    bool taken = false;
    for (const auto& [road, clause] : roads) {
      const bool take = !taken && clause.leads_there;
      if (take) {
        item.road = road;
        item.why = clause.why;
      }
      item.considered.push_back({road, take, taken ? not_needed(item.road) : clause.why});
      taken = taken || take;
    }
  }

  Survey& survey_;
  const Known& known_;
  std::map<HostBlob, Location> places_;
  std::set<std::tuple<std::string, std::string, oci::Digest>> there_;  // host, repository, digest
  std::map<std::tuple<std::string, std::string, oci::Digest>, std::size_t> planned_;
};

}  // namespace

void decide(Survey& survey, const Known& known) { Planner(survey, known).run(); }

void take_instead(SurveyedItem& item, Road road, const std::string& why, const std::string& refused) {
  for (auto& considered : item.considered) {
    if (considered.road == item.road) considered = {item.road, false, refused};
    if (considered.road == road) considered = {road, true, why};
  }
  item.road = road;
  item.why = why;
}

}  // namespace sluice::copy
