#pragma once
// FakeRegistry: a whole distribution registry on loopback, in memory, with knobs for
// what registries do differently or wrong. Source: distribution-spec 1.1. Not made of Sluice's registry client.

#include "support/fake_registry_knobs.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::support {

struct FakeManifest {
  std::string digest;
  std::string media_type;
  std::string bytes;
};

/// Digests are texts: "sha256:...". Thread: any; what a test asks is answered at once, knobs count from the next
/// request on. Aborts when it cannot listen: no test can go on. Blobs above 8 MiB are kept in temporary files.
/// Destruction opens the gates of all its rules.
class FakeRegistry {
 public:
  using Knobs = FakeKnobs;
  using Rule = FakeRule;

  explicit FakeRegistry(Knobs knobs = {}, std::uint16_t port = 0);
  ~FakeRegistry();
  FakeRegistry(const FakeRegistry&) = delete;
  FakeRegistry& operator=(const FakeRegistry&) = delete;

  const std::string& host() const;        ///< "127.0.0.1:PORT"
  const std::string& other_host() const;  ///< a second listener: redirected blobs, uploads, links. No credentials here

  void turn(const std::function<void(Knobs&)>& change);
  void add(Rule rule);
  void clear_rules();

  // As somebody else would. No checks.
  std::string put_blob(const std::string& repository, std::string_view bytes);
  /// A blob of any size, different for each seed.
  std::string make_blob(const std::string& repository, std::uint64_t seed, std::uint64_t size_bytes);
  void put_blob_as(const std::string& repository, const std::string& digest, std::string_view bytes);
  std::string put_manifest(const std::string& repository, const std::string& bytes, const std::string& media_type,
                           const std::string& tag = "");
  void tag(const std::string& repository, const std::string& tag, const std::string& digest);
  void remove_blob(const std::string& repository, const std::string& digest);

  bool has_blob(const std::string& repository, const std::string& digest) const;
  std::optional<std::string> blob_of(const std::string& repository, const std::string& digest) const;
  std::vector<std::string> blobs(const std::string& repository) const;
  /// `name`: a tag or a digest.
  std::optional<FakeManifest> manifest_of(const std::string& repository, const std::string& name) const;
  std::vector<std::string> manifests(const std::string& repository) const;
  std::vector<std::string> tags(const std::string& repository) const;
  std::size_t open_uploads() const;
  /// Every token is void from now on.
  void expire_tokens();
  /// Requests with Authorization that came to other_host(): must be 0.
  std::size_t leaks() const;

  std::vector<FakeRequest> log() const;
  /// Requests whose method and path match; '*' matches everything, '/' too.
  std::size_t count(std::string_view method, std::string_view path = "*") const;
  /// Bytes of bodies that came with such requests.
  std::uint64_t bytes_received(std::string_view path = "*") const;
  /// Bytes of blobs that were sent, with their digest's path: "*" + digest.
  std::uint64_t bytes_sent(std::string_view path = "*") const;
  /// "GET /v2/shop/web/manifests/1" for each request, in the order in which they came.
  std::vector<std::string> order() const;
  /// Blocks until so many matching requests have come.
  void wait_for(std::size_t count, const std::string& method, const std::string& path);

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace sluice::support
