#pragma once
// SavedPlace: one image out of an archive, as a place to copy from. It has that image whatever is asked for, and takes
// nothing.

#include "archive/saved_image.hpp"
#include "places/place.hpp"

#include <string>
#include <utility>

namespace sluice::archive {

/// Thread: any, as places::Place says.
class SavedPlace final : public places::Place {
 public:
  /// `name`: for people ("docker-daemon").
  SavedPlace(std::string name, SavedImage image, Spool spool)
      : name_(std::move(name)), image_(std::move(image)), spool_(std::move(spool)) {}

  const SavedImage& image() const { return image_; }

  const std::string& name() const override { return name_; }
  places::Traits traits() const override { return {}; }
  Slots slots() const override { return {}; }
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
  std::uint64_t requests() const override { return 0; }

 private:
  Error only_read() const;
  const SavedLayer* layer(const oci::Digest& digest) const;

  std::string name_;
  SavedImage image_;
  Spool spool_;
};

}  // namespace sluice::archive
