#pragma once
// SourceReader: the manifests of images, read at their sources. Each image is read once, whoever wants it.

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "base/task_pool.hpp"
#include "copy/survey.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace sluice::copy {

/// One image at its origin.
struct SourceImage {
  std::vector<Origin> origins;
  places::ManifestName name;
  Origin found{};  ///< the origin that has it
  std::map<oci::Digest, std::shared_ptr<const oci::Manifest>> manifests{};
  std::optional<oci::Digest> root{};  ///< empty: it is not there (ReadOrder::attached_to)
  std::set<oci::Digest> claimed{};    ///< asked for, or about to be: an index may name one child a thousand times
  std::uint64_t claimed_bytes = 0;

  /// Children before parents, the image itself last. Precondition: it was read whole.
  std::vector<std::shared_ptr<const oci::Manifest>> ordered() const;
};

/// Told of each manifest that was read, by the job thread that read it. May add tasks.
using ManifestRead =
    std::function<void(std::size_t image, const Origin& found, const std::shared_ptr<const oci::Manifest>& manifest)>;

struct ReadOrder {
  /// Of an index only these children are read, and what buildkit has attached to them; empty: all.
  std::vector<std::string> platforms{};
  bool include_foreign = false;  ///< layers with urls count as any other
  /// For people: what it belongs to, when it is an attachment. One that is listed and not there is no error.
  std::string attached_to{};
  ManifestRead read{};
};

/// Thread: one owner; `add` also from tasks of the pool. It outlives the pool's work.
/// Errors of its tasks: not_found (no origin has it), unsupported (over kMaxManifests or kMaxManifestBytesOfImage),
/// those of places.
class SourceReader {
 public:
  explicit SourceReader(TaskPool& pool) : pool_(pool) {}

  /// Has an image read; the same index for the same question. `order.read` is told of what is read for this question,
  /// and of nothing when it was asked before.
  std::size_t add(const std::vector<Origin>& origins, const places::ManifestName& name, ReadOrder order = {});

  /// The same with the image's own manifest at hand. Errors: those of reading it; unsupported.
  Result<std::size_t> add_found(const Origin& origin, places::StoredManifest found, ReadOrder order);

  /// Looks at what was read. Precondition: the pool has finished, or the image is known to be read.
  template <class F>
  decltype(auto) with(std::size_t image, F&& f) {
    return at(image).with(std::forward<F>(f));
  }

 private:
  using Question =
      std::tuple<std::string, std::vector<std::pair<std::string, std::string>>, std::vector<std::string>, bool>;
  struct Images {
    std::map<Question, std::size_t> seen;
    std::vector<std::unique_ptr<Guarded<SourceImage>>> all;
  };

  Guarded<SourceImage>& at(std::size_t image);
  using Order = std::shared_ptr<const ReadOrder>;
  /// The index of a question, and whether nobody has asked it before.
  std::pair<std::size_t, bool> enter(const std::vector<Origin>& origins, const places::ManifestName& name,
                                     const ReadOrder& order);
  Status take_root(std::size_t image, const Origin& origin, oci::Manifest manifest, const Order& order);
  void read_root(std::size_t image, std::size_t which, Order order);
  Status keep(std::size_t image, const Origin& origin, oci::Manifest manifest, int depth, const Order& order);

  TaskPool& pool_;
  Guarded<Images> images_;
  std::atomic<std::uint64_t> attached_bytes_{0};  ///< of manifests of attachments, all together
};

}  // namespace sluice::copy
