#pragma once
// The memory of image streams: the annotation sluice/memory, written by resourceVersion so that nobody's write is lost.
// What versions before 0.2 keep in sluice/state is read, and written as well, so that they see the same.

#include "kube/client.hpp"
#include "memory/place_memory.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::memory {

inline constexpr std::string_view kStreamAnnotation = "sluice/memory";

/// What a stream that was read remembers. Pure.
RepositoryMemory memory_of(const kube::ImageStream& stream);
/// Writes it into the annotations of a stream that was read; false when that changes nothing. Pure.
/// Errors: unsupported (too much for one annotation).
Result<bool> put_memory(kube::ImageStream& stream, const RepositoryMemory& memory);

/// Tags of the stream that are pins of ours for images that its memory does not name any more; none while the memory
/// has a problem. Pure. A pin may be all that keeps an image from the cluster's pruner.
std::vector<std::string> outdated_pins(const kube::ImageStream& stream);

class StreamMemory final : public PlaceMemory {
 public:
  StreamMemory(kube::Client& client, std::string project) : client_(client), project_(std::move(project)) {}

  Result<std::vector<RepositoryMemory>> read(const std::vector<std::string>& images,
                                             const std::stop_token& stop) override;
  /// Makes the stream where there is none.
  Status change(const std::string& image, const Change& change, const std::stop_token& stop) override;

 private:
  kube::Client& client_;
  std::string project_;
};

}  // namespace sluice::memory
