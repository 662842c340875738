#pragma once
// RegistryApi: the integrated registry as an HTTP handler: distribution's API v2 with OpenShift's rights, its 401s, its
// token endpoint and its extensions. It keeps blobs; streams and images are the business of its RegistryBackend.
// Source: distribution-spec; distribution API v2; OpenShift's image registry 3.11 and 4.x.

#include "net/http.hpp"
#include "net/server/http_server.hpp"
#include "sandbox/images/registry_backend.hpp"
#include "sandbox/registry/blob_store.hpp"
#include "sandbox/registry/notifications.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

namespace sluice::sandbox {

struct RegistryParts;
class ObjectStorage;

struct RegistryGround {
  RegistryBackend& backend;
  BlobStore& blobs;
  Notifications& notifications;
  net::Exchanger& exchanger;  ///< for images that are elsewhere
  RegistryRelease release = RegistryRelease::v3_11;
  std::stop_token stop{};
};

/// Thread: any. What it stands on must outlive it.
class RegistryApi final : public net::RequestHandler {
 public:
  explicit RegistryApi(const RegistryGround& ground);
  ~RegistryApi() override;

  std::shared_ptr<net::BodyReceiver> receive(const net::ServerRequest& head) override;
  net::ServerReply handle(net::ServerRequest& request, net::BodyReceiver* receiver) override;

  /// What listens on the port that blobs may be redirected to.
  net::RequestHandler& object_storage();
  /// Answers blob requests with 307 to this URL ("http://127.0.0.1:5001", where object_storage() listens); empty: with
  /// the blob.
  void redirect_blobs(std::string url);
  std::uint64_t requests() const { return requests_.load(); }
  /// How many of them were answered with 401.
  std::uint64_t unauthorized() const { return unauthorized_.load(); }

 private:
  net::ServerReply serve(net::ServerRequest& request, net::BodyReceiver* receiver);

  std::unique_ptr<RegistryParts> parts_;
  std::unique_ptr<ObjectStorage> storage_;
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> unauthorized_{0};
};

}  // namespace sluice::sandbox
