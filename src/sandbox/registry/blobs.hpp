#pragma once
// Blobs on their way out: whole or in part, from here or by a redirect to a port that plays an object storage.
// Source: distribution, registry/storage/blobserver.go; RFC 9110 section 14.

#include "net/server/http_server.hpp"
#include "sandbox/registry/blob_store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::sandbox {

/// The first and the last byte of a part.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
struct RangeWish {
  bool unsatisfiable = false;
  std::optional<ByteRange> part;  ///< empty: the whole
};
/// Reads a Range field. Several parts, and what is no range, mean the whole.
RangeWish parse_range(std::string_view field, std::uint64_t size);

/// 200, 206, 304 or 416 with the bytes of a blob; for HEAD without.
net::ServerReply blob_reply(const net::ServerRequest& request, const BlobPtr& blob, const std::string& digest);

/// The port that blob requests are redirected to when the knob says so. Its URLs are signed, as those of an object
/// storage are, and a request that shows an Authorization header there as well is refused with 400.
/// Thread: any.
class ObjectStorage final : public net::RequestHandler {
 public:
  ObjectStorage(const BlobStore& blobs, std::string secret) : blobs_(blobs), secret_(std::move(secret)) {}

  std::string url(std::string_view base, const std::string& digest) const;
  net::ServerReply handle(net::ServerRequest& request, net::BodyReceiver* receiver) override;

 private:
  const BlobStore& blobs_;
  std::string secret_;
};

}  // namespace sluice::sandbox
