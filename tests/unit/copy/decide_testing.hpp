#pragma once
// Surveys by hand: items as survey() would leave them, for the tests of what is decided about them.

#include "copy/decide.hpp"
#include "support/fake_images.hpp"
#include "support/fake_place.hpp"

#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace sluice::copy {

/// One image on its way, in the words of a test.
struct Wish {
  support::FakePlace* source = nullptr;
  std::string source_repository;
  support::FakePlace* dest = nullptr;
  std::string dest_repository;
  support::FakeImage image;
  bool content_there = false;
  bool all_equal = false;
  std::optional<oci::Digest> before{};  ///< what the tag stands for now; with one, the repository exists
};

inline SurveyedItem surveyed(const Wish& wish) {
  SurveyedItem item{.item = {.label = wish.dest_repository,
                             .origins = {{wish.source, wish.source_repository}},
                             .name = places::ManifestName::digest(wish.image.digest()),
                             .dest = wish.dest,
                             .dest_repository = wish.dest_repository,
                             .tags = {"latest"}}};
  item.origin = item.item.origins.front();
  for (const auto& manifest : wish.image.below)
    item.manifests.push_back(std::make_shared<const oci::Manifest>(manifest));
  item.manifests.push_back(std::make_shared<const oci::Manifest>(wish.image.manifest));
  item.before = {wish.before};
  item.content_there = wish.content_there || wish.all_equal;
  item.all_equal = wish.all_equal;
  return item;
}

/// What a place answers to questions: the blobs that are there, as (host, repository, digest).
using Answers = std::set<std::tuple<std::string, std::string, oci::Digest>>;

/// Asks the questions of these wishes, answers them from what the places hold, and decides.
inline Survey decided(const std::vector<Wish>& wishes) {
  Survey survey;
  for (const auto& wish : wishes) survey.items.push_back(surveyed(wish));
  Answers there;
  for (const auto& question : questions(survey.items)) {
    const auto* place = static_cast<const support::FakePlace*>(question.dest);
    if (place->has(question.repository, question.blob.digest))
      there.emplace(place->name(), question.repository, question.blob.digest);
  }
  decide(survey, [&](const places::Place& dest, const std::string& repository, const oci::Digest& digest) {
    return there.contains({dest.name(), repository, digest});
  });
  return survey;
}

/// "stream shop/web layer", "mount shop/api layer from shop/web after 1": one line per move.
inline std::vector<std::string> lines(const Survey& survey,
                                      const std::vector<std::pair<oci::Digest, std::string>>& names) {
  std::vector<std::string> out;
  for (const auto& move : survey.moves) {
    std::string line = move.how == BlobMove::How::stream  ? "stream "
                       : move.how == BlobMove::How::mount ? "mount "
                                                          : "present ";
    line += move.dest_repository + " ";
    std::string blob = move.blob.digest.brief();
    for (const auto& [digest, name] : names) {
      if (digest == move.blob.digest) blob = name;
    }
    line += blob;
    if (!move.mount_from.empty()) line += " from " + move.mount_from;
    if (move.after) line += " after " + std::to_string(*move.after);
    out.push_back(line);
  }
  return out;
}

}  // namespace sluice::copy
