#include "migration/assemble.hpp"

#include "base/text.hpp"
#include "migration/cluster_names.hpp"
#include "migration/naming.hpp"
#include "migration/route.hpp"
#include "oci/reference.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace sluice::migration {

namespace {

bool is_pattern(const std::string& tag) { return tag.find('*') != std::string::npos; }

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// Stations that are one environment: the same images come to the same project in several places.
using Groups = std::vector<std::vector<std::size_t>>;

class Assembler {
 public:
  Assembler(Notebook& notebook, const ScriptWish& wish, const pipeline::Clusters& clusters)
      : notebook_(notebook), wish_(wish), clusters_(clusters), route_(find_route(notebook)) {}

  Result<Assembled> run() {
    if (route_.stations.size() < 2 || route_.stretches.empty()) return std::move(out_);
    SLUICE_CHECK(choose_app());
    out_.pipeline.images = route_.images;
    SLUICE_CHECK(choose_source());
    const ClusterNames names(notebook_, wish_, clusters_, route_);
    for (const auto& sentence : names.guesses()) guess("guessed-cluster", sentence);
    add_environments(names);
    check_order();
    check_images();
    return std::move(out_);
  }

 private:
  void guess(std::string code, std::string sentence) {
    out_.guesses.push_back({std::move(code), Severity::info, out_.pipeline.app, std::move(sentence)});
  }

  Status choose_app() {
    out_.pipeline.app = wish_.app.empty() ? app_name(route_) : wish_.app;
    if (wish_.app.empty())
      guess("guessed-app", "the app was named " + out_.pipeline.app + " after its projects or images");
    return {};
  }

  // The tags that images have where they are born, the most usual first.
  std::vector<std::pair<std::string, int>> source_tags() const {
    std::vector<std::pair<std::string, int>> out;
    for (const auto& stretch : route_.stretches) {
      if (stretch.from != 0) continue;
      for (const auto& tag : stretch.from_tags) {
        const auto found = std::find_if(out.begin(), out.end(), [&](const auto& one) { return one.first == tag; });
        if (found == out.end()) {
          out.emplace_back(tag, stretch.line);
        }
      }
    }
    return out;
  }

  Status choose_source() {
    const auto tags = source_tags();
    if (!wish_.tag.empty()) {
      out_.pipeline.source.tag = wish_.tag;
      return out_.pipeline.source.is_pattern() ? Status() : oci::check_tag(wish_.tag);
    }
    if (tags.empty()) return {};
    out_.pipeline.source.tag = tags.front().first;
    if (is_pattern(tags.front().first)) {
      const auto& tag = tags.front().first;
      guess("guessed-source",
            "images are found by tags that match " + tag + ", since the script gets the tag from outside" +
                (tag == "*" ? "; say with --tag what tags of releases look like, for example v*" : ""));
    }
    for (std::size_t i = 1; i < tags.size(); ++i) {
      notebook_.not_understood(tags[i].second, "images are taken under the tag " + tags[i].first +
                                                   ", too; a pipeline finds " +
                                                   "its images under one tag or pattern, here " + tags.front().first);
    }
    return {};
  }

  std::vector<std::size_t> sources_of(std::size_t station) const {
    std::vector<std::size_t> out;
    for (const auto& stretch : route_.stretches) {
      if (stretch.to == station) out.push_back(stretch.from);
    }
    return out;
  }

  std::vector<std::string> tags_at(std::size_t station) const {
    std::vector<std::string> out;
    for (const auto& stretch : route_.stretches) {
      if (stretch.to != station) continue;
      for (const auto& tag : stretch.to_tags) {
        if (!contains(out, tag)) out.push_back(tag);
      }
    }
    return out;
  }

  Groups groups() const {
    Groups out;
    for (std::size_t i = 0; i < route_.stations.size(); ++i) {
      const auto& station = route_.stations[i];
      const bool joins = out.size() > 1 && [&] {
        const auto last = out.back().front();
        const auto& before = route_.stations[last];
        return before.spot.project == station.spot.project && before.spot != station.spot &&
               sources_of(last) == sources_of(i) && tags_at(last) == tags_at(i);
      }();
      if (joins) {
        out.back().push_back(i);
      } else {
        out.push_back({i});
      }
    }
    return out;
  }

  void add_environments(const ClusterNames& names) {
    const auto groups = this->groups();
    std::vector<Station> leaders;
    for (const auto& group : groups) leaders.push_back(route_.stations[group.front()]);
    const auto titles = environment_names(leaders);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      pipeline::Environment environment;
      environment.name = titles[i];
      for (const auto station : groups[i]) {
        if (auto target = names.target(route_.stations[station].spot)) {
          environment.targets.push_back(std::move(*target));
        } else {
          notebook_.not_understood(line_to(station),
                                   "nobody can tell which cluster this is; name it with --cluster and "
                                   "--to-cluster");
        }
      }
      if (environment.targets.empty()) continue;
      if (i > 0) choose_tag(groups[i].front(), environment);
      order_.push_back(groups[i]);
      out_.pipeline.environments.push_back(std::move(environment));
    }
  }

  int line_to(std::size_t station) const {
    for (const auto& stretch : route_.stretches) {
      if (stretch.to == station || stretch.from == station) return stretch.line;
    }
    return 1;
  }

  // The tag that moves there. A release that a pattern found brings its own tag with it.
  void choose_tag(std::size_t station, pipeline::Environment& environment) {
    const auto& source = out_.pipeline.source;
    auto tags = tags_at(station);
    const bool of_the_run = std::any_of(tags.begin(), tags.end(), is_pattern);
    std::erase_if(tags, is_pattern);
    std::string chosen;
    if (!source.is_pattern() && contains(tags, source.tag)) {
      chosen = source.tag;
    } else if (!tags.empty()) {
      chosen = tags.front();
    }
    if (!chosen.empty() && chosen != source.tag) environment.tag = chosen;
    for (const auto& tag : tags) {
      if (tag == chosen) continue;
      notebook_.not_understood(line_to(station), "the tag " + tag +
                                                     " is written as well; a pipeline moves one tag for each "
                                                     "environment, here " +
                                                     chosen);
    }
    if (source.is_pattern() && chosen.empty()) {
      guess("guessed-tag", environment.name +
                               " gets each release under its own tag, and the tag live, which workloads "
                               "follow");
    } else if (!source.is_pattern() && of_the_run) {
      guess("guessed-tag", environment.name +
                               " got a tag of its own for each run; Sluice moves one tag there and keeps "
                               "earlier releases by itself");
    }
  }

  // A pipeline hands images from each environment to the next one.
  void check_order() {
    for (std::size_t i = 2; i < order_.size(); ++i) {
      const auto sources = sources_of(order_[i].front());
      const auto& before = order_[i - 1];
      const bool handed = std::any_of(sources.begin(), sources.end(), [&](std::size_t source) {
        return std::find(before.begin(), before.end(), source) != before.end();
      });
      if (handed) continue;
      guess("guessed-order", out_.pipeline.environments[i].name +
                                 " gets its images from another environment in the script; "
                                 "here from the one before it, " +
                                 out_.pipeline.environments[i - 1].name);
    }
  }

  void check_images() {
    for (const auto& stretch : route_.stretches) {
      for (const auto& image : route_.images) {
        if (contains(stretch.images, image) || arrives_otherwise(stretch, image)) continue;
        notebook_.not_understood(stretch.line, "the image " + image +
                                                   " does not go this way; in a pipeline all images go to "
                                                   "all environments");
      }
    }
  }
  bool arrives_otherwise(const Stretch& stretch, const std::string& image) const {
    return std::any_of(route_.stretches.begin(), route_.stretches.end(),
                       [&](const Stretch& other) { return other.to == stretch.to && contains(other.images, image); });
  }

  Notebook& notebook_;
  const ScriptWish& wish_;
  const pipeline::Clusters& clusters_;
  Route route_;
  Groups order_;  // of the environments that were written
  Assembled out_;
};

}  // namespace

Result<Assembled> assemble(Notebook& notebook, const ScriptWish& wish, const pipeline::Clusters& clusters) {
  return Assembler(notebook, wish, clusters).run();
}

}  // namespace sluice::migration
