#include "migration/route.hpp"

#include "migration/values.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace sluice::migration {

namespace {

template <class T>
void add_once(std::vector<T>& to, const T& value) {
  if (std::find(to.begin(), to.end(), value) == to.end()) to.push_back(value);
}

// `oc` without a login means the machine's cluster: the only one that the script names, if there is just one.
void name_current_cluster(std::vector<Move>& moves) {
  std::set<std::string> named;
  for (const auto& move : moves) {
    for (const auto* spot : {&move.from.spot, &move.to.spot}) {
      if (spot->on_cluster && !spot->host.empty()) named.insert(spot->host);
    }
  }
  if (named.size() != 1) return;
  for (auto& move : moves) {
    for (auto* spot : {&move.from.spot, &move.to.spot}) {
      if (spot->on_cluster) spot->host = *named.begin();
    }
  }
}

std::vector<Move> usable_moves(Notebook& notebook) {
  std::vector<Move> out;
  for (const auto& move : notebook.moves()) {
    if (move.from.image == move.to.image) {
      out.push_back(move);
    } else {
      notebook.not_understood(move.line, "the image " + move.from.image + " is called " + move.to.image +
                                             " at its destination; in a pipeline an image keeps its name");
    }
  }
  name_current_cluster(out);
  return out;
}

// Projects in which images go from one tag to another. A tag of the run that came from elsewhere and gets a second name
// is no station of its own.
std::set<Spot> shared_spots(const std::vector<Move>& moves) {
  std::set<Picture> arrived;
  for (const auto& move : moves) {
    if (move.from.spot != move.to.spot) arrived.insert(move.to);
  }
  std::set<Spot> out;
  for (const auto& move : moves) {
    if (move.from.spot != move.to.spot) continue;
    if (is_known(move.from.tag) || !arrived.contains(move.from)) out.insert(move.from.spot);
  }
  return out;
}

class Map {
 public:
  explicit Map(const std::vector<Move>& moves) : shared_(shared_spots(moves)) {
    for (const auto& move : moves) add(move);
  }

  const std::vector<Station>& stations() const { return stations_; }
  const std::vector<Stretch>& stretches() const { return stretches_; }

  // Where nothing arrives, and most images begin.
  std::optional<std::size_t> start() const {
    std::optional<std::size_t> best;
    std::size_t most = 0;
    for (const bool strict : {true, false}) {
      for (std::size_t i = 0; i < stations_.size(); ++i) {
        const auto count = leaving(i);
        if (count <= most || (strict && arrives(i))) continue;
        most = count;
        best = i;
      }
      if (best) break;
    }
    return best;
  }

  // From `first` on, each station after those that it gets images from.
  std::vector<std::size_t> order(std::size_t first) const {
    const auto reached = reachable(first);
    std::vector<std::size_t> out{first};
    while (out.size() < reached.size()) {
      std::optional<std::size_t> next;
      std::optional<std::size_t> fallback;  // for a circle
      for (std::size_t i = 0; i < stations_.size() && !next; ++i) {
        if (!reached.contains(i) || std::find(out.begin(), out.end(), i) != out.end()) continue;
        if (!fallback) fallback = i;
        if (all_before(i, reached, out)) next = i;
      }
      out.push_back(next ? *next : *fallback);
    }
    return out;
  }

 private:
  std::size_t station(const Picture& picture) {
    Station wanted{picture.spot, shared_.contains(picture.spot) ? as_pattern(picture.tag) : std::string()};
    const auto found = std::find(stations_.begin(), stations_.end(), wanted);
    if (found != stations_.end()) return static_cast<std::size_t>(found - stations_.begin());
    stations_.push_back(std::move(wanted));
    return stations_.size() - 1;
  }

  void add(const Move& move) {
    const auto from = station(move.from);
    const auto to = station(move.to);
    if (from == to) return add_second_name(move, to);
    auto found = std::find_if(stretches_.begin(), stretches_.end(),
                              [&](const Stretch& one) { return one.from == from && one.to == to; });
    if (found == stretches_.end()) {
      stretches_.push_back({from, to, {}, {}, {}, move.line});
      found = stretches_.end() - 1;
    }
    add_once(found->images, move.from.image);
    add_once(found->from_tags, as_pattern(move.from.tag));
    add_once(found->to_tags, as_pattern(move.to.tag));
  }

  void add_second_name(const Move& move, std::size_t at) {
    for (auto& stretch : stretches_) {
      if (stretch.to == at) add_once(stretch.to_tags, as_pattern(move.to.tag));
    }
  }

  std::size_t leaving(std::size_t at) const {
    std::set<std::string> images;
    for (const auto& one : stretches_) {
      if (one.from == at) images.insert(one.images.begin(), one.images.end());
    }
    return images.size();
  }
  bool arrives(std::size_t at) const {
    return std::any_of(stretches_.begin(), stretches_.end(), [&](const Stretch& one) { return one.to == at; });
  }

  std::set<std::size_t> reachable(std::size_t first) const {
    std::set<std::size_t> out{first};
    for (bool grown = true; grown;) {
      grown = false;
      for (const auto& one : stretches_) {
        if (out.contains(one.from)) grown = out.insert(one.to).second || grown;
      }
    }
    return out;
  }

  bool all_before(std::size_t at, const std::set<std::size_t>& reached, const std::vector<std::size_t>& done) const {
    return std::all_of(stretches_.begin(), stretches_.end(), [&](const Stretch& one) {
      return one.to != at || !reached.contains(one.from) || std::find(done.begin(), done.end(), one.from) != done.end();
    });
  }

  std::set<Spot> shared_;
  std::vector<Station> stations_;
  std::vector<Stretch> stretches_;
};

}  // namespace

Route find_route(Notebook& notebook) {
  const Map map(usable_moves(notebook));
  Route out;
  const auto first = map.start();
  if (!first) return out;
  const auto order = map.order(*first);
  for (const auto at : order) out.stations.push_back(map.stations()[at]);
  const auto place = [&](std::size_t at) {
    return static_cast<std::size_t>(std::find(order.begin(), order.end(), at) - order.begin());
  };
  for (auto stretch : map.stretches()) {
    stretch.from = place(stretch.from);
    stretch.to = place(stretch.to);
    if (stretch.from == order.size() || stretch.to == order.size()) {
      notebook.not_understood(stretch.line,
                              "images begin at another place here than most others; that is a pipeline of its own");
      continue;
    }
    if (stretch.to <= stretch.from) {
      notebook.not_understood(stretch.line, "images go back to a place here that they came from");
      continue;
    }
    for (const auto& image : stretch.images) add_once(out.images, image);
    out.stretches.push_back(std::move(stretch));
  }
  return out;
}

}  // namespace sluice::migration
