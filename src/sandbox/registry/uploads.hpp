#pragma once
// Upload sessions of the registry: begin (or mount), chunks, status, finish, cancel. Bytes go to the blob store as they
// arrive. Only for the registry_*.cpp files.
// Source: distribution-spec, "Pushing blobs"; distribution, registry/handlers/blobupload.go.

#include "sandbox/registry/parts.hpp"
#include "sandbox/registry/reply.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>

namespace sluice::sandbox {

/// POST .../blobs/uploads/
net::ServerReply begin_upload(RegistryParts& parts, const RegistryCall& call);
/// GET or HEAD of a session.
net::ServerReply upload_status(RegistryParts& parts, const RegistryCall& call);
/// DELETE of a session.
net::ServerReply cancel_upload(RegistryParts& parts, const RegistryCall& call);

/// The body of a PATCH or PUT to a session. Rights and session are looked at before the first byte is taken.
/// Thread: take() on the server's, reply() on a handler's, one after the other.
class UploadReceiver final : public net::BodyReceiver {
 public:
  UploadReceiver(RegistryParts& parts, const net::ServerRequest& head, const RegistryPath& path);
  ~UploadReceiver() override;
  UploadReceiver(const UploadReceiver&) = delete;
  UploadReceiver& operator=(const UploadReceiver&) = delete;

  bool take(std::span<const std::byte> bytes) override;
  net::ServerReply reply(const net::ServerRequest& request);

 private:
  void open(const net::ServerRequest& head, const RegistryCall& call);
  net::ServerReply chunk_done(const RegistryCall& call);
  net::ServerReply finish(const RegistryCall& call);

  RegistryParts& parts_;
  RegistryPath path_;
  Admission admission_;
  std::optional<net::ServerReply> refusal_;
  UploadPtr upload_;  ///< claimed
  std::optional<oci::Digest> digest_;
  std::optional<std::uint64_t> declared_bytes_;
  std::uint64_t received_bytes_ = 0;
};

/// Takes a body that nobody wants, but not for ever: a short one leaves the connection usable.
class DiscardReceiver final : public net::BodyReceiver {
 public:
  bool take(std::span<const std::byte> bytes) override;

 private:
  std::size_t taken_ = 0;
};

}  // namespace sluice::sandbox
