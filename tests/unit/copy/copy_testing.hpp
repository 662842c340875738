#pragma once
// Two registries in memory and the three steps of a copy between them.

#include "copy/carry.hpp"
#include "copy/publish.hpp"
#include "copy/survey.hpp"
#include "support/checks.hpp"
#include "support/fake_images.hpp"
#include "support/fake_place.hpp"

#include <string>
#include <vector>

namespace sluice::copy {

inline Item item_of(support::FakePlace& source, const std::string& repository, places::ManifestName name,
                    support::FakePlace& dest, const std::string& dest_repository, std::vector<std::string> tags) {
  return {.label = dest_repository,
          .origins = {{&source, repository}},
          .name = std::move(name),
          .dest = &dest,
          .dest_repository = dest_repository,
          .tags = std::move(tags)};
}

/// A tag is looked at three times, without pauses.
inline const PublishOptions kAtOnce{.pauses = {std::chrono::milliseconds(0), std::chrono::milliseconds(0)}};

class CopyBench : public ::testing::Test {
 protected:
  support::FakePlace dev{"dev.example.com"};
  support::FakePlace prod{"prod.example.com"};
  support::RecordedEvents events;
  std::stop_source stop;
  // Few tries: each one waits for a back-off.
  CarryOptions options{.retry_times = 1, .stage_roots = true};

  Result<Survey> look(std::vector<Item> items) { return survey(std::move(items), true, events, stop.get_token()); }

  /// Survey, carry, publish, as a promotion does.
  Result<Survey> bring(std::vector<Item> items) {
    SLUICE_TRY(auto found, look(std::move(items)));
    SLUICE_CHECK(carry(found, options, events, stop.get_token()));
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < found.items.size(); ++i) all.push_back(i);
    SLUICE_CHECK(publish(found, all, {}, kAtOnce, events, stop.get_token()));
    return found;
  }

  /// dev/web:latest -> shop/web:latest.
  Item web() { return item_of(dev, "dev/web", places::ManifestName::tag("latest"), prod, "shop/web", {"latest"}); }
};

/// How often a verb was called with this digest, over all repositories.
inline std::size_t count_of(const support::FakePlace& place, support::Verb verb, const oci::Digest& digest) {
  std::size_t count = 0;
  for (const auto& call : place.calls_of(verb)) count += call.name == digest.text() ? 1U : 0U;
  return count;
}

/// Everything below and including an image is at this repository.
inline ::testing::AssertionResult holds(const support::FakePlace& place, const std::string& repository,
                                        const support::FakeImage& image) {
  std::vector<oci::Digest> wanted{image.digest()};
  for (const auto& manifest : image.below) wanted.push_back(manifest.digest);
  for (const auto& [digest, content] : image.blobs) wanted.push_back(digest);
  for (const auto& digest : wanted) {
    if (!place.has(repository, digest))
      return ::testing::AssertionFailure() << place.name() << "/" << repository << " lacks " << digest.text();
  }
  return ::testing::AssertionSuccess();
}

inline std::string amounts(const Amounts& amounts) {
  return "moved " + std::to_string(amounts.moved) + " mounted " + std::to_string(amounts.mounted) + " present " +
         std::to_string(amounts.present);
}

}  // namespace sluice::copy
