#include "archive/saved_place.hpp"

#include "base/guarded.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <thread>

namespace sluice::archive {

namespace {

constexpr std::size_t kChunk = std::size_t{64} * 1024;

// Gives the bytes of a blob to a pipe. A thread of its own reads them: disks block, and the loop may not.
class PartRead final : public places::BlobRead {
 public:
  using ReadPart = std::function<Status(std::uint64_t offset, std::span<std::byte> room)>;

  PartRead(ReadPart read, places::BlobPipe& pipe, const std::stop_token& stop)
      : read_(std::move(read)), pipe_(pipe), on_outer_(stop, [this] { own_stop_.request_stop(); }) {
    pipe_.on_room([state = state_] { state->update([](State& s) { s.room = true; }); });
    thread_ = std::jthread([this] {
      auto done = run(own_stop_.get_token());
      if (!done) pipe_.source_failed(done.error());
      state_->update([&](State& s) { s.ended = std::move(done); });
    });
  }
  ~PartRead() override {
    own_stop_.request_stop();
    thread_.join();
    pipe_.on_room({});
  }

  Status started() override { return {}; }
  Status finish() override {
    return state_->when([](const State& s) { return s.ended.has_value(); }, {},
                        [](const State& s) { return *s.ended; });
  }

 private:
  struct State {
    bool room = false;
    std::optional<Status> ended{};
  };

  Status run(const std::stop_token& stop) {
    std::array<std::byte, kChunk> room{};
    auto at = pipe_.position();
    while (at < pipe_.blob().size_bytes) {
      const auto count = std::min<std::uint64_t>(room.size(), pipe_.blob().size_bytes - at);
      const auto part = std::span(room).first(static_cast<std::size_t>(count));
      SLUICE_CHECK(read_(at, part));
      SLUICE_CHECK(give(part, stop));
      at += count;
    }
    return pipe_.end();
  }

  Status give(std::span<const std::byte> part, const std::stop_token& stop) {
    for (;;) {
      state_->update([](State& s) { s.room = false; });
      const auto flow = pipe_.take(part);
      if (flow == net::Flow::moved) return {};
      if (flow == net::Flow::broken) return pipe_.failure().value_or(Error(ErrorKind::cancelled, "stopped"));
      state_->when([](const State& s) { return s.room; }, stop, [](const State&) {});
      if (stop.stop_requested()) return Error(ErrorKind::cancelled, "stopped");
    }
  }

  ReadPart read_;
  places::BlobPipe& pipe_;
  // Shared with the pipe's wake, which may be on its way while this ends.
  std::shared_ptr<Watched<State>> state_ = std::make_shared<Watched<State>>();
  std::stop_source own_stop_;
  std::stop_callback<std::function<void()>> on_outer_;
  std::jthread thread_;
};

}  // namespace

Error SavedPlace::only_read() const { return {ErrorKind::unsupported, name_ + " is only read from"}; }

const SavedLayer* SavedPlace::layer(const oci::Digest& digest) const {
  const auto found = std::find_if(image_.layers.begin(), image_.layers.end(),
                                  [&](const SavedLayer& one) { return one.blob.digest == digest; });
  return found == image_.layers.end() ? nullptr : &*found;
}

void SavedPlace::expect(const std::vector<places::Access>& /*accesses*/) {}

Result<oci::Manifest> SavedPlace::manifest(const std::string& /*repository*/, const places::ManifestName& name,
                                           const std::stop_token& /*stop*/) {
  if (name.as_digest() && *name.as_digest() != image_.manifest.digest)
    return Error(ErrorKind::not_found, name_ + " has no manifest " + name.text());
  return image_.manifest;
}

Result<std::optional<places::StoredManifest>> SavedPlace::find_manifest(const std::string& /*repository*/,
                                                                        const places::ManifestName& name,
                                                                        const std::stop_token& /*stop*/) {
  if (name.as_digest() && *name.as_digest() != image_.manifest.digest) return std::optional<places::StoredManifest>();
  return std::optional(places::StoredManifest{image_.manifest.media_type, image_.manifest.bytes});
}

std::unique_ptr<places::BlobRead> SavedPlace::read_blob(const std::string& /*repository*/, const oci::Descriptor& blob,
                                                        places::BlobPipe& pipe, const std::stop_token& stop) {
  const auto* found = layer(blob.digest);
  const bool config = image_.manifest.config && blob.digest == image_.manifest.config->digest;
  return std::make_unique<PartRead>(
      [this, found, config](std::uint64_t offset, std::span<std::byte> room) -> Status {
        if (found != nullptr) return spool_.read(found->where.offset + offset, room);
        // The pipe asks for no more than the descriptor says, and that is what the manifest says of the config.
        if (!config || offset + room.size() > image_.config.size())
          return Error(ErrorKind::not_found, name_ + " does not have this blob");
        std::copy_n(reinterpret_cast<const std::byte*>(image_.config.data()) + offset, room.size(), room.begin());
        return {};
      },
      pipe, stop);
}

Result<std::string> SavedPlace::small_blob(const std::string& /*repository*/, const oci::Descriptor& blob,
                                           std::size_t max_bytes, const std::stop_token& /*stop*/) {
  if (blob.size_bytes > max_bytes) return Error(ErrorKind::unsupported, "a blob of more bytes than are wanted");
  if (image_.manifest.config && blob.digest == image_.manifest.config->digest) return image_.config;
  const auto* found = layer(blob.digest);
  if (found == nullptr) return Error(ErrorKind::not_found, name_ + " does not have the blob " + blob.digest.text());
  std::string out(static_cast<std::size_t>(found->where.size_bytes), '\0');
  SLUICE_CHECK(spool_.read(found->where.offset, std::as_writable_bytes(std::span(out))));
  return out;
}

Result<bool> SavedPlace::has_blob(const std::string& /*repository*/, const oci::Descriptor& blob,
                                  const std::stop_token& /*stop*/) {
  return layer(blob.digest) != nullptr || (image_.manifest.config && blob.digest == image_.manifest.config->digest);
}

Result<std::optional<std::vector<oci::Descriptor>>> SavedPlace::referrers(const std::string& /*repository*/,
                                                                          const oci::Digest& /*digest*/,
                                                                          const std::stop_token& /*stop*/) {
  return std::optional<std::vector<oci::Descriptor>>();
}

Result<std::vector<std::string>> SavedPlace::tags(const std::string& /*repository*/, const std::stop_token& /*stop*/) {
  return Error(ErrorKind::unsupported, name_ + " lists no tags here");
}

Result<places::Taken> SavedPlace::put_manifest(const std::string& /*repository*/, const places::ManifestName& /*name*/,
                                               const oci::Manifest& /*manifest*/, const std::stop_token& /*stop*/) {
  return only_read();
}
Result<places::MountAnswer> SavedPlace::mount_blob(const std::string& /*repository*/, const oci::Descriptor& /*blob*/,
                                                   const std::string& /*from*/, const std::stop_token& /*stop*/) {
  return only_read();
}
Result<places::UploadSession> SavedPlace::begin_upload(const std::string& /*repository*/, HashAlgorithm /*algorithm*/,
                                                       const std::stop_token& /*stop*/) {
  return only_read();
}
Result<places::UploadSession> SavedPlace::upload_state(const places::UploadSession& /*session*/,
                                                       const std::stop_token& /*stop*/) {
  return only_read();
}
Status SavedPlace::write_blob(const places::UploadSession& /*session*/, const oci::Descriptor& /*blob*/,
                              places::BlobPipe& /*pipe*/, const places::SessionMoved& /*moved*/,
                              const std::stop_token& /*stop*/) {
  return only_read();
}
void SavedPlace::abandon_upload(const places::UploadSession& /*session*/) {}

}  // namespace sluice::archive
