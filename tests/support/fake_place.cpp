#include "support/fake_place.hpp"

#include "places/registry_error.hpp"
#include "support/fake_bytes_moving.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace sluice::support {

std::string_view to_string(Verb verb) {
  switch (verb) {
    case Verb::expect:
      return "expect";
    case Verb::manifest:
      return "manifest";
    case Verb::find_manifest:
      return "find_manifest";
    case Verb::put_manifest:
      return "put_manifest";
    case Verb::has_blob:
      return "has_blob";
    case Verb::mount_blob:
      return "mount_blob";
    case Verb::begin_upload:
      return "begin_upload";
    case Verb::read_blob:
      return "read_blob";
    case Verb::write_blob:
      return "write_blob";
    case Verb::referrers:
      return "referrers";
    case Verb::upload_state:
      return "upload_state";
    case Verb::abandon_upload:
      return "abandon_upload";
    case Verb::tags:
      return "tags";
    case Verb::small_blob:
      return "small_blob";
  }
  return "?";
}

std::string PlaceCall::text() const {
  auto out = std::string(to_string(verb)) + " " + repository;
  if (!name.empty()) out += " " + name;
  if (!from.empty()) out += " from " + from;
  return out;
}

/// Counts a call, and perhaps a body, as under way.
class FakePlace::Busy {
 public:
  Busy(Watched<State>& state, bool body) : state_(state), body_(body) {
    state_.update([&](State& s) {
      s.most_calls = std::max(s.most_calls, ++s.busy_calls);
      if (body_) s.most_bodies = std::max(s.most_bodies, ++s.busy_bodies);
    });
  }
  ~Busy() {
    state_.update([&](State& s) {
      --s.busy_calls;
      if (body_) --s.busy_bodies;
    });
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  Watched<State>& state_;
  bool body_;
};

FakePlace::FakePlace(std::string name, places::Traits traits, Slots slots)
    : name_(std::move(name)), traits_(traits), slots_(slots) {}

FakePlace::~FakePlace() = default;

// ---- for tests

void FakePlace::hold_image(const std::string& repository, const FakeImage& image, const std::string& tag) {
  state_.update([&](State& s) {
    auto& there = s.repositories[repository];
    there.blobs.insert(image.blobs.begin(), image.blobs.end());
    for (const auto& manifest : image.below) there.manifests.emplace(manifest.digest, manifest);
    there.manifests.emplace(image.digest(), image.manifest);
    if (!tag.empty()) point(there, tag, image.digest());
  });
}

void FakePlace::hold_blob(const std::string& repository, const std::string& content) {
  state_.update([&](State& s) { s.repositories[repository].blobs.emplace(oci::Digest::of(content), content); });
}

void FakePlace::set_tag(const std::string& repository, const std::string& tag,
                        const std::optional<oci::Digest>& digest) {
  state_.update([&](State& s) { point(s.repositories[repository], tag, digest); });
}

void FakePlace::script(FakeFault fault) {
  state_.update([&](State& s) { s.faults.push_back(std::move(fault)); });
}

void FakePlace::clear_faults() {
  state_.update([](State& s) { s.faults.clear(); });
}

void FakePlace::wait_until_held(unsigned count) {
  state_.when([&](const State& s) { return s.held >= count; }, {}, [](const State&) {});
}

void FakePlace::release() {
  state_.update([](State& s) {
    ++s.releases;
    std::erase_if(s.faults, [](const FakeFault& fault) { return fault.effect == FakeFault::Effect::hold; });
  });
}

std::vector<PlaceCall> FakePlace::calls() const {
  return state_.with([](const State& s) { return s.calls; });
}

std::vector<PlaceCall> FakePlace::calls_of(Verb verb) const {
  auto out = calls();
  std::erase_if(out, [&](const PlaceCall& call) { return call.verb != verb; });
  return out;
}

std::vector<std::string> FakePlace::call_texts(const std::set<Verb>& wanted) const {
  std::vector<std::string> out;
  for (const auto& call : calls()) {
    if (wanted.contains(call.verb)) out.push_back(call.text());
  }
  return out;
}

void FakePlace::forget_calls() {
  state_.update([](State& s) { s.calls.clear(); });
}

bool FakePlace::has(const std::string& repository, const oci::Digest& blob_or_manifest) const {
  return state_.with([&](const State& s) {
    const auto* there = find(s, repository);
    return there != nullptr && (there->blobs.contains(blob_or_manifest) || there->manifests.contains(blob_or_manifest));
  });
}

std::optional<oci::Digest> FakePlace::tag_of(const std::string& repository, const std::string& tag) const {
  return state_.with([&](const State& s) -> std::optional<oci::Digest> {
    const auto* there = find(s, repository);
    return there == nullptr ? std::nullopt : resolve(*there, places::ManifestName::tag(tag));
  });
}

std::size_t FakePlace::open_uploads() const {
  return state_.with([](const State& s) { return s.uploads.size(); });
}

std::uint64_t FakePlace::bytes_read() const {
  return state_.with([](const State& s) { return s.bytes_read; });
}

std::uint64_t FakePlace::bytes_written() const {
  return state_.with([](const State& s) { return s.bytes_written; });
}

unsigned FakePlace::most_calls() const {
  return state_.with([](const State& s) { return s.most_calls; });
}

unsigned FakePlace::most_bodies() const {
  return state_.with([](const State& s) { return s.most_bodies; });
}

std::uint64_t FakePlace::requests() const {
  return state_.with([](const State& s) { return std::uint64_t{s.calls.size()}; });
}

// ---- faults

std::optional<FakeFault> FakePlace::take_fault(State& state, const PlaceCall& call) {
  const auto fits = [&](const FakeFault& fault) {
    return fault.verb == call.verb && (fault.repository.empty() || fault.repository == call.repository) &&
           (fault.name.empty() || fault.name == call.name);
  };
  const auto found = std::find_if(state.faults.begin(), state.faults.end(), fits);
  if (found == state.faults.end()) return std::nullopt;
  auto fault = *found;
  if (--found->times == 0) state.faults.erase(found);
  return fault;
}

Result<std::optional<FakeFault>> FakePlace::enter(PlaceCall call, const std::stop_token& stop) {
  const auto what = call.text();
  std::uint64_t released = 0;
  auto fault = state_.update([&](State& s) {
    auto found = take_fault(s, call);
    s.calls.push_back(std::move(call));
    if (found && found->effect == FakeFault::Effect::hold) ++s.held;
    released = s.releases;
    return found;
  });
  if (fault && fault->effect == FakeFault::Effect::hold) {
    state_.when([&](const State& s) { return s.releases != released; }, stop, [](const State&) {});
    state_.update([](State& s) { --s.held; });
    fault.reset();
  }
  if (stop.stop_requested()) return error(ErrorKind::cancelled, what);
  if (fault && fault->effect == FakeFault::Effect::fail) return error(fault->kind, what);
  return fault;
}

Error FakePlace::error(ErrorKind kind, const std::string& what) const {
  return Error(kind, name_ + " answered " + what + " with " + std::string(sluice::to_string(kind)));
}

const FakePlace::Repository* FakePlace::find(const State& state, const std::string& repository) {
  const auto found = state.repositories.find(repository);
  return found == state.repositories.end() ? nullptr : &found->second;
}

std::optional<oci::Digest> FakePlace::resolve(const Repository& repository, const places::ManifestName& name) {
  if (const auto& digest = name.as_digest()) {
    return repository.manifests.contains(*digest) ? digest : std::nullopt;
  }
  for (const auto& [tag, digest] : repository.tags) {
    if (tag == name.text()) return digest;
  }
  return std::nullopt;
}

void FakePlace::point(Repository& repository, const std::string& tag, const std::optional<oci::Digest>& digest) {
  if (digest && !repository.manifests.contains(*digest)) {
    std::fprintf(stderr, "a test tags %s, which is not there\n", digest->text().c_str());
    std::abort();
  }
  const auto found = std::find_if(repository.tags.begin(), repository.tags.end(),
                                  [&](const auto& entry) { return entry.first == tag; });
  if (!digest) {
    if (found != repository.tags.end()) repository.tags.erase(found);
  } else if (found != repository.tags.end()) {
    found->second = *digest;
  } else {
    repository.tags.emplace_back(tag, *digest);
  }
}

std::string FakePlace::open_session(State& state) {
  auto location = "https://" + name_ + "/session-" + std::to_string(++state.opened);
  state.uploads.emplace(location, std::string());
  return location;
}

// ---- Place

void FakePlace::expect(const std::vector<places::Access>& accesses) {
  state_.update([&](State& s) {
    for (const auto& access : accesses)
      s.calls.push_back({Verb::expect, access.repository, access.write ? "push" : "pull", {}});
  });
}

Result<oci::Manifest> FakePlace::manifest(const std::string& repository, const places::ManifestName& name,
                                          const std::stop_token& stop) {
  const Busy busy(state_, false);
  SLUICE_TRY(const auto fault, enter({Verb::manifest, repository, name.text(), {}}, stop));
  return state_.with([&](const State& s) -> Result<oci::Manifest> {
    const auto* there = find(s, repository);
    const auto digest = there == nullptr ? std::nullopt : resolve(*there, name);
    if (!digest) return error(ErrorKind::not_found, "manifest " + repository + " " + name.text());
    return there->manifests.at(*digest);
  });
}

Result<std::optional<places::StoredManifest>> FakePlace::find_manifest(const std::string& repository,
                                                                       const places::ManifestName& name,
                                                                       const std::stop_token& stop) {
  using Found = std::optional<places::StoredManifest>;
  const Busy busy(state_, false);
  SLUICE_TRY(const auto fault, enter({Verb::find_manifest, repository, name.text(), {}}, stop));
  if (fault && fault->effect == FakeFault::Effect::deny_there) return Found();
  return state_.with([&](const State& s) -> Found {
    const auto* there = find(s, repository);
    const auto digest = there == nullptr ? std::nullopt : resolve(*there, name);
    if (!digest) return std::nullopt;
    const auto& manifest = there->manifests.at(*digest);
    return places::StoredManifest{manifest.media_type, manifest.bytes};
  });
}

// As distribution does: a manifest is taken only when all that it names is in the same repository.
Result<places::Taken> FakePlace::put_manifest(const std::string& repository, const places::ManifestName& name,
                                              const oci::Manifest& manifest, const std::stop_token& stop) {
  const Busy busy(state_, false);
  SLUICE_TRY(const auto fault, enter({Verb::put_manifest, repository, name.text(), {}}, stop));
  if (name.as_digest() && !traits_.push_by_digest) return error(ErrorKind::unsupported, "a manifest without a tag");
  if (name.as_digest() && *name.as_digest() != manifest.digest) return error(ErrorKind::integrity, "a manifest");
  return state_.update([&](State& s) -> Result<places::Taken> {
    auto& there = s.repositories[repository];
    auto missing = std::make_shared<places::UnknownContent>();
    for (const auto& blob : manifest.blobs()) {
      if (!there.blobs.contains(blob.digest)) missing->digests.push_back(blob.digest);
    }
    for (const auto& child : manifest.children) {
      if (!there.manifests.contains(child.digest)) missing->digests.push_back(child.digest);
    }
    if (!missing->digests.empty()) {
      return error(ErrorKind::conflict, "MANIFEST_BLOB_UNKNOWN " + missing->digests.front().text())
          .with_detail(std::move(missing));
    }
    if (fault && fault->effect == FakeFault::Effect::forget) return places::Taken{};
    there.manifests.emplace(manifest.digest, manifest);
    if (!name.as_digest()) point(there, name.text(), manifest.digest);
    return places::Taken{traits_.referrers && manifest.subject.has_value()};
  });
}

Result<std::optional<std::vector<oci::Descriptor>>> FakePlace::referrers(const std::string& repository,
                                                                         const oci::Digest& digest,
                                                                         const std::stop_token& stop) {
  using Listed = std::optional<std::vector<oci::Descriptor>>;
  const Busy busy(state_, false);
  SLUICE_TRY(const auto fault, enter({Verb::referrers, repository, digest.text(), {}}, stop));
  if (!traits_.referrers) return Listed();
  return state_.with([&](const State& s) {
    std::vector<oci::Descriptor> out;
    const auto* there = find(s, repository);
    if (there == nullptr) return Listed(std::move(out));
    for (const auto& [own, manifest] : there->manifests) {
      if (manifest.subject && manifest.subject->digest == digest) out.push_back(manifest.descriptor());
    }
    return Listed(std::move(out));
  });
}

Result<bool> FakePlace::has_blob(const std::string& repository, const oci::Descriptor& blob,
                                 const std::stop_token& stop) {
  const Busy busy(state_, false);
  SLUICE_TRY(const auto fault, enter({Verb::has_blob, repository, blob.digest.text(), {}}, stop));
  if (fault && fault->effect == FakeFault::Effect::deny_there) return false;
  if (fault && fault->effect == FakeFault::Effect::claim_there) return true;
  return state_.with([&](const State& s) {
    const auto* there = find(s, repository);
    return there != nullptr && there->blobs.contains(blob.digest);
  });
}

Result<places::MountAnswer> FakePlace::mount_blob(const std::string& repository, const oci::Descriptor& blob,
                                                  const std::string& from, const std::stop_token& stop) {
  const Busy busy(state_, false);
  SLUICE_TRY(const auto fault, enter({Verb::mount_blob, repository, blob.digest.text(), from}, stop));
  return state_.update([&](State& s) -> Result<places::MountAnswer> {
    const auto* source = find(s, from);
    const bool refused = fault && fault->effect == FakeFault::Effect::mount_as_session;
    if (!traits_.mount || refused || source == nullptr || !source->blobs.contains(blob.digest))
      return places::MountAnswer(places::UploadSession{repository, open_session(s), 0});
    s.repositories[repository].blobs.emplace(blob.digest, source->blobs.at(blob.digest));
    return places::MountAnswer(places::Mounted{});
  });
}

Result<places::UploadSession> FakePlace::begin_upload(const std::string& repository, HashAlgorithm /*algorithm*/,
                                                      const std::stop_token& stop) {
  const Busy busy(state_, false);
  SLUICE_TRY(const auto fault, enter({Verb::begin_upload, repository, {}, {}}, stop));
  return state_.update([&](State& s) { return places::UploadSession{repository, open_session(s), 0}; });
}

Result<places::UploadSession> FakePlace::upload_state(const places::UploadSession& session,
                                                      const std::stop_token& stop) {
  const Busy busy(state_, false);
  SLUICE_TRY(const auto fault, enter({Verb::upload_state, session.repository, {}, session.location}, stop));
  return state_.update([&](State& s) -> Result<places::UploadSession> {
    const auto found = s.uploads.find(session.location);
    if (found == s.uploads.end()) return error(ErrorKind::not_found, "upload_state " + session.location);
    if (fault && fault->effect == FakeFault::Effect::forget_part)
      found->second.resize(std::min<std::size_t>(found->second.size(), fault->at.value_or(0)));
    return places::UploadSession{session.repository, session.location, found->second.size()};
  });
}

std::unique_ptr<places::BlobRead> FakePlace::read_blob(const std::string& repository, const oci::Descriptor& blob,
                                                       places::BlobPipe& pipe, const std::stop_token& stop) {
  // The answer is found on the thread of the read: this call must not wait, not even in a hold.
  const std::size_t from = pipe.position();
  const auto answer = [this, repository, blob, from](const std::stop_token& token) -> Result<Delivery> {
    SLUICE_TRY(const auto fault, enter({Verb::read_blob, repository, blob.digest.text(), {}}, token));
    auto content = state_.with([&](const State& s) -> std::optional<std::string> {
      const auto* there = find(s, repository);
      if (there == nullptr || !there->blobs.contains(blob.digest)) return std::nullopt;
      return there->blobs.at(blob.digest);
    });
    if (!content) return error(ErrorKind::not_found, "read_blob " + repository + " " + blob.digest.text());
    Delivery delivery{content->substr(std::min(from, content->size())), std::nullopt,
                      [this](std::size_t bytes) { state_.update([&](State& s) { s.bytes_read += bytes; }); }};
    if (!fault) return delivery;
    if (fault->effect == FakeFault::Effect::wrong_bytes && !delivery.bytes.empty())
      delivery.bytes.back() = static_cast<char>(delivery.bytes.back() ^ 1);
    if (fault->effect == FakeFault::Effect::short_bytes && !delivery.bytes.empty()) delivery.bytes.pop_back();
    if (fault->effect == FakeFault::Effect::break_off) {
      delivery.bytes.resize(fault->at.value_or(delivery.bytes.size() / 2));
      delivery.then = error(fault->kind, "half of blob " + blob.digest.text());
    }
    return delivery;
  };
  const auto busy = std::make_shared<Busy>(state_, true);
  return fake_read(pipe, stop, [answer, busy](const std::stop_token& token) { return answer(token); });
}

Status FakePlace::take_bytes(const std::string& location, places::BlobPipe& pipe, std::uint64_t wanted,
                             const std::stop_token& stop) {
  std::string content;
  auto drained = fake_drain(pipe, wanted, stop, content);
  state_.update([&](State& s) {
    s.bytes_written += content.size();
    if (const auto found = s.uploads.find(location); found != s.uploads.end()) found->second += content;
  });
  return drained;
}

Status FakePlace::commit(const places::UploadSession& session, const oci::Descriptor& blob) {
  return state_.update([&](State& s) -> Status {
    auto content = std::move(s.uploads[session.location]);
    s.uploads.erase(session.location);
    if (content.size() != blob.size_bytes || oci::Digest::of(content, blob.digest.algorithm()) != blob.digest)
      return error(ErrorKind::integrity, "write_blob " + blob.digest.text());
    s.repositories[session.repository].blobs.emplace(blob.digest, std::move(content));
    return {};
  });
}

Status FakePlace::write_blob(const places::UploadSession& session, const oci::Descriptor& blob, places::BlobPipe& pipe,
                             const places::SessionMoved& /*moved*/, const std::stop_token& stop) {
  const Busy busy(state_, true);
  auto fault = enter({Verb::write_blob, session.repository, blob.digest.text(), session.location}, stop);
  const auto kept = state_.with([&](const State& s) -> std::optional<std::uint64_t> {
    const auto found = s.uploads.find(session.location);
    return found == s.uploads.end() ? std::nullopt : std::optional<std::uint64_t>(found->second.size());
  });
  if (!kept) return error(ErrorKind::protocol, "write_blob to an upload that is not open, " + session.location);
  const auto close = [&] { state_.update([&](State& s) { s.uploads.erase(session.location); }); };
  if (!fault) {
    close();
    pipe.fail(fault.error());
    return std::move(fault).error();
  }
  if (*kept != session.offset) return error(ErrorKind::conflict, "write_blob past what it has, " + session.location);
  const auto missing = blob.size_bytes - session.offset;
  const auto effect = *fault ? (*fault)->effect : FakeFault::Effect::fail;
  if (effect == FakeFault::Effect::cut || effect == FakeFault::Effect::cut_and_lose) {
    SLUICE_CHECK(take_bytes(session.location, pipe, (*fault)->at.value_or(missing / 2), stop));
    if (effect == FakeFault::Effect::cut_and_lose) close();
    auto cut = error((*fault)->kind, "write_blob " + blob.digest.text());
    pipe.fail(cut);
    return cut;
  }
  SLUICE_CHECK(take_bytes(session.location, pipe, missing, stop));
  if (effect == FakeFault::Effect::forget) {
    close();
    return {};
  }
  return commit(session, blob);
}

void FakePlace::abandon_upload(const places::UploadSession& session) {
  state_.update([&](State& s) {
    s.calls.push_back({Verb::abandon_upload, session.repository, {}, session.location});
    s.uploads.erase(session.location);
  });
}

Result<std::vector<std::string>> FakePlace::tags(const std::string& repository, const std::stop_token& stop) {
  const Busy busy(state_, false);
  SLUICE_TRY(const auto fault, enter({Verb::tags, repository, {}, {}}, stop));
  return state_.with([&](const State& s) -> Result<std::vector<std::string>> {
    const auto* there = find(s, repository);
    if (there == nullptr) return error(ErrorKind::not_found, "tags " + repository);
    std::vector<std::string> out;
    for (const auto& [tag, digest] : there->tags) out.push_back(tag);
    return out;
  });
}

Result<std::string> FakePlace::small_blob(const std::string& repository, const oci::Descriptor& blob,
                                          std::size_t max_bytes, const std::stop_token& stop) {
  const Busy busy(state_, true);
  SLUICE_TRY(const auto fault, enter({Verb::small_blob, repository, blob.digest.text(), {}}, stop));
  if (blob.size_bytes > max_bytes) return error(ErrorKind::unsupported, "small_blob " + repository);
  return state_.with([&](const State& s) -> Result<std::string> {
    const auto* there = find(s, repository);
    if (there == nullptr || !there->blobs.contains(blob.digest))
      return error(ErrorKind::not_found, "small_blob " + repository + " " + blob.digest.text());
    return there->blobs.at(blob.digest);
  });
}

}  // namespace sluice::support
