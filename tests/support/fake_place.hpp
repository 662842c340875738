#pragma once
// FakePlace: a whole places::Place in memory. It keeps the promises of a registry (no manifest before its blobs and
// children, no blob that does not hash to its digest), records every call, and makes the faults that a test scripts.

#include "base/guarded.hpp"
#include "places/place.hpp"
#include "support/fake_images.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::support {

enum class Verb : std::uint8_t {
  expect,
  manifest,
  find_manifest,
  put_manifest,
  referrers,
  has_blob,
  mount_blob,
  begin_upload,
  upload_state,
  read_blob,
  write_blob,
  abandon_upload,
  tags,
  small_blob,
};
std::string_view to_string(Verb verb);

/// One call as it arrived.
struct PlaceCall {
  Verb verb = Verb::manifest;
  std::string repository;
  std::string name;  ///< tag or digest; expect: "pull" or "push"; begin_upload, abandon_upload: empty
  std::string from;  ///< mount_blob: the other repository; write_blob, abandon_upload: the session
  /// "put_manifest shop/web latest"
  std::string text() const;
};

/// What goes wrong, and when. Rules are tried in the order in which they were added; the first that fits is used up.
struct FakeFault {
  enum class Effect : std::uint8_t {
    fail,              ///< an error of `kind`
    mount_as_session,  ///< mount_blob answers with an upload session, as registries do that would not mount
    deny_there,        ///< has_blob says no, find_manifest finds nothing
    claim_there,       ///< has_blob says yes
    wrong_bytes,       ///< read_blob gives as many bytes, but others
    short_bytes,       ///< read_blob ends one byte early
    break_off,         ///< read_blob gives half of its bytes or `at`, then an error of `kind`
    cut,               ///< write_blob takes half of its bytes or `at`, then an error of `kind`; the upload keeps them
    cut_and_lose,      ///< the same, and the upload is void
    forget_part,       ///< upload_state says `at` bytes, and so it is
    hold,              ///< waits until release() or stop, then goes on
    forget,            ///< put_manifest and write_blob say yes and store nothing
  };
  Verb verb = Verb::manifest;
  Effect effect = Effect::fail;
  ErrorKind kind = ErrorKind::unreachable;
  unsigned times = 1;
  std::string repository{};  ///< empty: any
  std::string name{};        ///< empty: any
  std::optional<std::uint64_t> at{};
};

/// Thread: any.
class FakePlace final : public places::Place {
 public:
  static constexpr places::Traits kRegistryTraits{
      .mount = true, .ranges = true, .push_by_digest = true, .referrers = false, .attachments = true};

  explicit FakePlace(std::string name, places::Traits traits = kRegistryTraits, Slots slots = {});
  ~FakePlace() override;

  // For tests: what is there at the start, and what goes wrong.
  /// Puts an image with all its blobs and children into a repository, and tags it when `tag` is not empty.
  void hold_image(const std::string& repository, const FakeImage& image, const std::string& tag = {});
  void hold_blob(const std::string& repository, const std::string& content);
  /// As somebody else would do it: without being recorded. The digest must be there; empty removes the tag.
  void set_tag(const std::string& repository, const std::string& tag, const std::optional<oci::Digest>& digest);
  void script(FakeFault fault);
  void clear_faults();
  /// Blocks until `count` calls wait in a `hold`.
  void wait_until_held(unsigned count = 1);
  /// Lets all held calls go on, and drops the rules that hold.
  void release();

  // For tests: what came of it.
  std::vector<PlaceCall> calls() const;
  std::vector<PlaceCall> calls_of(Verb verb) const;
  /// The calls as text; a verb that is not wanted can be left out by asking for those that are.
  std::vector<std::string> call_texts(const std::set<Verb>& wanted) const;
  void forget_calls();
  bool has(const std::string& repository, const oci::Digest& blob_or_manifest) const;
  std::optional<oci::Digest> tag_of(const std::string& repository, const std::string& tag) const;
  /// Sessions that were opened and neither used up nor given back.
  std::size_t open_uploads() const;
  /// Bytes of blobs that left this place, and that came to it.
  std::uint64_t bytes_read() const;
  std::uint64_t bytes_written() const;
  /// Most calls, and most bodies, that were under way at the same time.
  unsigned most_calls() const;
  unsigned most_bodies() const;

  // Place.
  const std::string& name() const override { return name_; }
  places::Traits traits() const override { return traits_; }
  Slots slots() const override { return slots_; }
  void expect(const std::vector<places::Access>& accesses) override;
  Result<oci::Manifest> manifest(const std::string& repository, const places::ManifestName& name,
                                 const std::stop_token& stop) override;
  Result<std::optional<places::StoredManifest>> find_manifest(const std::string& repository,
                                                              const places::ManifestName& name,
                                                              const std::stop_token& stop) override;
  Result<places::Taken> put_manifest(const std::string& repository, const places::ManifestName& name,
                                     const oci::Manifest& manifest, const std::stop_token& stop) override;
  Result<std::optional<std::vector<oci::Descriptor>>> referrers(const std::string& repository,
                                                                const oci::Digest& digest,
                                                                const std::stop_token& stop) override;
  Result<bool> has_blob(const std::string& repository, const oci::Descriptor& blob,
                        const std::stop_token& stop) override;
  Result<places::MountAnswer> mount_blob(const std::string& repository, const oci::Descriptor& blob,
                                         const std::string& from, const std::stop_token& stop) override;
  Result<places::UploadSession> begin_upload(const std::string& repository, HashAlgorithm algorithm,
                                             const std::stop_token& stop) override;
  Result<places::UploadSession> upload_state(const places::UploadSession& session,
                                             const std::stop_token& stop) override;
  std::unique_ptr<places::BlobRead> read_blob(const std::string& repository, const oci::Descriptor& blob,
                                              places::BlobPipe& pipe, const std::stop_token& stop) override;
  Status write_blob(const places::UploadSession& session, const oci::Descriptor& blob, places::BlobPipe& pipe,
                    const places::SessionMoved& moved, const std::stop_token& stop) override;
  void abandon_upload(const places::UploadSession& session) override;
  Result<std::vector<std::string>> tags(const std::string& repository, const std::stop_token& stop) override;
  Result<std::string> small_blob(const std::string& repository, const oci::Descriptor& blob, std::size_t max_bytes,
                                 const std::stop_token& stop) override;
  std::uint64_t requests() const override;

 private:
  struct Repository {
    std::map<oci::Digest, std::string> blobs;
    std::map<oci::Digest, oci::Manifest> manifests;
    std::vector<std::pair<std::string, oci::Digest>> tags;  // in the order in which they came
  };
  struct State {
    std::map<std::string, Repository> repositories;
    std::vector<FakeFault> faults;
    std::vector<PlaceCall> calls;
    std::map<std::string, std::string> uploads;  // by location: the bytes that came
    std::uint64_t bytes_read = 0;
    std::uint64_t bytes_written = 0;
    std::uint64_t opened = 0;
    unsigned held = 0;
    std::uint64_t releases = 0;
    unsigned busy_calls = 0;
    unsigned busy_bodies = 0;
    unsigned most_calls = 0;
    unsigned most_bodies = 0;
  };
  class Busy;

  /// Records the call and gives the fault that it meets, after a hold has ended. Errors: what a fault says; cancelled.
  Result<std::optional<FakeFault>> enter(PlaceCall call, const std::stop_token& stop);
  static std::optional<FakeFault> take_fault(State& state, const PlaceCall& call);
  static const Repository* find(const State& state, const std::string& repository);
  static std::optional<oci::Digest> resolve(const Repository& repository, const places::ManifestName& name);
  static void point(Repository& repository, const std::string& tag, const std::optional<oci::Digest>& digest);
  std::string open_session(State& state);
  Error error(ErrorKind kind, const std::string& what) const;
  /// Takes what `pipe` gives into an open upload, up to `wanted` bytes, and keeps it there also when the pipe breaks.
  Status take_bytes(const std::string& location, places::BlobPipe& pipe, std::uint64_t wanted,
                    const std::stop_token& stop);
  Status commit(const places::UploadSession& session, const oci::Descriptor& blob);

  std::string name_;
  places::Traits traits_;
  Slots slots_;
  Watched<State> state_;
};

}  // namespace sluice::support
