#pragma once
// What the tests of whole copies share: two fake registries, a registry client for each in one transfer loop, images
// with known bytes, and a copy as the command line does it. Every outcome is to be asserted twice: on what was
// reported (Copied) and on what the destination holds (holds(), request log of the fake).

#include "copy/carry.hpp"
#include "copy/publish.hpp"
#include "net/transfer_loop.hpp"
#include "places/registry.hpp"
#include "support/checks.hpp"
#include "support/fake_images.hpp"
#include "support/fake_registry.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::testing {

/// Stores an image with all that belongs to it, as somebody else would. No tag: by digest only.
inline void store(support::FakeRegistry& registry, const std::string& repository, const support::FakeImage& image,
                  const std::string& tag = "") {
  for (const auto& [digest, bytes] : image.blobs) registry.put_blob_as(repository, digest.text(), bytes);
  for (const auto& one : image.below) registry.put_manifest(repository, one.bytes, one.media_type);
  registry.put_manifest(repository, image.manifest.bytes, image.manifest.media_type, tag);
}

/// The same manifests byte by byte, the name stands for the image's digest, and every blob has its right content.
inline ::testing::AssertionResult holds(const support::FakeRegistry& registry, const std::string& repository,
                                        const std::string& name, const support::FakeImage& image) {
  const auto root = registry.manifest_of(repository, name);
  if (!root) return ::testing::AssertionFailure() << repository << " has nothing under " << name;
  if (root->digest != image.digest().text() || root->bytes != image.manifest.bytes) {
    return ::testing::AssertionFailure() << name << " should stand for " << image.digest().text() << " and is "
                                         << root->digest << ": " << root->bytes;
  }
  if (root->media_type != image.manifest.media_type)
    return ::testing::AssertionFailure() << name << " has the type " << root->media_type;
  for (const auto& one : image.below) {
    const auto found = registry.manifest_of(repository, one.digest.text());
    if (!found) return ::testing::AssertionFailure() << repository << " lacks the manifest " << one.digest.text();
    if (found->bytes != one.bytes || found->media_type != one.media_type)
      return ::testing::AssertionFailure() << "the manifest " << one.digest.text() << " was changed";
  }
  for (const auto& [digest, bytes] : image.blobs) {
    const auto found = registry.blob_of(repository, digest.text());
    if (!found) return ::testing::AssertionFailure() << repository << " lacks the blob " << digest.text();
    if (*found != bytes) {
      return ::testing::AssertionFailure() << "the blob " << digest.text() << " has other bytes (" << found->size()
                                           << " of them, expected " << bytes.size() << ")";
    }
  }
  return ::testing::AssertionSuccess();
}

/// An image with layers of these sizes; the same name and sizes give the same image. Sizes above a few MiB are slow
/// under sanitizers.
inline support::FakeImage image_of(std::string_view name, const std::vector<std::size_t>& sizes) {
  std::vector<std::string> layers;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    layers.push_back(support::fake_bytes(std::string(name) + "-" + std::to_string(i), sizes[i]));
  return support::fake_image(name, layers);
}

/// The digest of layer `i` of an image, as text.
inline std::string layer(const support::FakeImage& image, std::size_t i) {
  return image.manifest.layers.at(i).digest.text();
}
inline std::string config(const support::FakeImage& image) { return image.manifest.config.value().digest.text(); }

/// The path of a blob in a log: glob for count() and rules.
inline std::string blob_path(const std::string& digest) { return "*/blobs/" + digest; }

struct CopyOptions {
  unsigned retry_times = 4;
  bool stage_roots = false;  ///< as a promotion does
  bool must_stream = false;
  /// As `copy` does it, but for the pauses between two looks.
  copy::PublishOptions publish{.prove = true, .pauses = {std::chrono::milliseconds(0), std::chrono::milliseconds(0)}};
  std::stop_token stop{};
};

/// What a copy reported.
struct Copied {
  Status status;                       ///< the first error of survey, carry or publish
  std::optional<copy::Survey> survey;  ///< none when the survey failed
  std::shared_ptr<support::RecordedEvents> events = std::make_shared<support::RecordedEvents>();

  bool ok() const { return status.ok(); }
  const copy::SurveyedItem& item(std::size_t i = 0) const { return survey.value().items.at(i); }
  /// The details of all blob_done events of a digest: "moved", "mounted", "present".
  std::vector<std::string> done(const std::string& digest) const { return details(copy::EventKind::blob_done, digest); }
  /// The errors for which the transfer of a digest was begun again.
  std::vector<std::string> retried(const std::string& digest) const {
    return details(copy::EventKind::blob_retried, digest);
  }
  /// All events of a kind; of one digest when it is named.
  std::vector<std::string> details(copy::EventKind kind, const std::string& digest = "") const {
    std::vector<std::string> out;
    for (const auto& event : events->of(kind)) {
      if (digest.empty() || event.digest == digest) out.push_back(event.detail);
    }
    return out;
  }
};

/// Two registries on loopback and their clients. After each test nothing may be left in the loop.
/// The knobs of the fakes may be turned at any time; open() builds the clients anew, e.g. after log_in().
class CopyTest : public ::testing::Test {
 protected:
  CopyTest() { open(); }
  void TearDown() override { EXPECT_EQ(loop_.counters().live_transfers, 0U) << "a transfer was left in the loop"; }

  /// Both registries get credentials from now on.
  void log_in(const std::string& username = "robot", const std::string& password = "hunter2") {
    credentials_.emplace();
    credentials_->username = username;
    credentials_->password = Secret(password);
    credentials_->source = "a test";
  }

  /// New clients, which know nothing; `change` may set more options of theirs.
  void open(const std::function<void(places::RegistryOptions&)>& change = {}) {
    from_ = client(source_, change);
    to_ = client(dest_, change);
  }
  std::unique_ptr<places::Registry> client(const support::FakeRegistry& registry,
                                           const std::function<void(places::RegistryOptions&)>& change = {}) {
    places::RegistryOptions options;
    options.host = registry.host();
    options.retry_times = 2;
    options.endpoint.proxy = "";
    options.find_credentials = [this](std::string_view) -> Result<std::optional<auth::Credentials>> {
      return credentials_;
    };
    if (change) change(options);
    return std::make_unique<places::Registry>(loop_, std::move(options));
  }

  /// One image to one repository of the destination, for several of them in one survey: copy(items).
  /// `name`: a tag or a digest. `tag` "": only the digest is to be there in the end.
  copy::Item item(const std::string& from_repository, const std::string& name, const std::string& to_repository,
                  const std::string& tag) const {
    const auto digest = oci::Digest::parse(name);
    copy::Item out{.label = from_repository,
                   .origins = {{from_.get(), from_repository}},
                   .name = digest ? places::ManifestName::digest(*digest) : places::ManifestName::tag(name),
                   .dest = to_.get(),
                   .dest_repository = to_repository,
                   .tags = {}};
    if (!tag.empty()) out.tags.push_back(tag);
    return out;
  }

  /// survey, carry and publish, as `sluice copy` does it.
  Copied copy(std::vector<copy::Item> items, const CopyOptions& options = {}) {
    Copied out;
    for (auto& one : items) one.must_stream = one.must_stream || options.must_stream;
    auto surveyed = copy::survey(std::move(items), true, *out.events, options.stop);
    if (!surveyed) {
      out.status = surveyed.error();
      return out;
    }
    out.survey = std::move(surveyed).value();
    std::vector<std::size_t> to_publish;
    for (std::size_t i = 0; i < out.survey->items.size(); ++i) {
      if (!out.survey->items[i].all_equal) to_publish.push_back(i);
    }
    if (to_publish.empty()) return out;
    const copy::CarryOptions carrying{.retry_times = options.retry_times, .stage_roots = options.stage_roots};
    out.status = copy::carry(*out.survey, carrying, *out.events, options.stop);
    if (out.status) out.status = copy::publish(*out.survey, to_publish, {}, options.publish, *out.events, options.stop);
    return out;
  }
  /// kFrom:`name` to kTo:`tag`.
  Copied copy(const std::string& name = "1", const std::string& tag = "1", const CopyOptions& options = {}) {
    return copy({item(kFrom, name, kTo, tag)}, options);
  }

  static inline const std::string kFrom = "dev/web";
  static inline const std::string kTo = "prod/web";

  std::optional<auth::Credentials> credentials_;
  support::FakeRegistry source_;
  support::FakeRegistry dest_;
  net::TransferLoop loop_;
  std::unique_ptr<places::Registry> from_;
  std::unique_ptr<places::Registry> to_;
};

}  // namespace sluice::testing
