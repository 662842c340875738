#pragma once
// RegistryMemory: the memory of a project in a plain registry. Each repository has it as a small artifact
// (artifact.hpp) under the tag "sluice-memory", with the memory's text as one annotation.
//
// A registry has no compare-and-swap: a manifest that is written replaces whatever stands there. So a writer looks
// again a settling time after its write. Every write names itself (a random token) and the writes before it that it
// contains. Whoever sees there what does not contain its own write makes its change once more, on what stands there
// then, after a pause of random length; whoever sees it contained is done. `change` must bear being repeated: what it
// adds is added once.
//
// What can be lost: a change whose writer has looked and gone, when another one that had read what does not contain it
// writes after that look. Of two writers the other has to take longer than the settling time between its reading and
// its writing; of four or more that meet within one settling time a quicker one can do it. A writer that was slow reads
// again before it writes; what remains is a manifest that is that long on its way to the registry, and a registry whose
// reads lag behind its writes by more than that. A lost change is not found; what a promotion noted at its beginning is
// noted again at its end.
//
// A pin is a tag of our own that keeps an image from being collected: "sluice-" and 12 digits of its digest, one tag
// for each. An index over the images would not keep them: docker-registry garbage-collect --delete-untagged takes
// manifests that have no tag of their own, whatever refers to them (so it takes the platforms of every multi-platform
// image, too; who runs it may keep no such images). Pins stay for ever: in the distribution API only a manifest can be
// deleted, and all its tags go with it.

#include "base/guarded.hpp"
#include "memory/artifact.hpp"
#include "memory/numbers.hpp"
#include "memory/place_memory.hpp"
#include "oci/digest.hpp"
#include "oci/manifest.hpp"
#include "places/place.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::memory {

inline constexpr std::string_view kMemoryType = "application/vnd.sluice.memory.v1+json";
inline constexpr std::string_view kMemoryAnnotation = "io.sluice.memory";
inline constexpr std::string_view kWriterAnnotation = "io.sluice.writer";      ///< the token of this write
inline constexpr std::string_view kContainsAnnotation = "io.sluice.contains";  ///< tokens before it, newest first
/// So many writes that came between are told apart from one that never came.
inline constexpr std::size_t kKeptTokens = 32;

struct RegistryMemoryOptions {
  /// Between a write and the look at what came of it. Many times what reading and writing take.
  std::chrono::milliseconds settle{300};
  /// Between further looks, while the registry still shows what stood there before.
  std::vector<std::chrono::milliseconds> pauses;
  RegistryMemoryOptions();
};

/// Thread: any. Borrows the place.
/// Exchanges: a read 1 for each image; a change that changes nothing 1, one that does 3 (6 when it is the repository's
/// first artifact of ours).
/// Errors of all: those of places. Of whatever writes: denied or unsupported with the code kMemoryRefused, when the
/// registry does not take it.
class RegistryMemory final : public PlaceMemory {
 public:
  /// `project`: what stands before each image's name; may be empty.
  RegistryMemory(places::Place& place, std::string project, RegistryMemoryOptions options = {});

  /// A change soon after it begins with what was read.
  Result<std::vector<RepositoryMemory>> read(const std::vector<std::string>& images,
                                             const std::stop_token& stop) override;
  /// A memory that is written for the first time gets its id here; of two first writers the later one's id stays.
  /// Errors besides: integrity (what was written does not show), conflict.
  Status change(const std::string& image, const Change& change, const std::stop_token& stop) override;

  /// Reads what the next change of this repository begins with, for who has something else to wait for meanwhile. The
  /// change reads again when that is too old by then.
  Status look_ahead(const std::string& image, const std::stop_token& stop);
  /// Gives a repository its id where it has none. Exchanges: 1 when it has one, else those of a change.
  Status give_id(const std::string& image, const std::stop_token& stop);

  /// Keeps an image from being collected. Exchanges: 1 when it has its pin already, else 4.
  /// Errors besides: not_found (the image is gone), integrity (the pin does not read back).
  Status pin(const std::string& image, const std::string& digest, const std::stop_token& stop);
  /// The same, with the manifest at hand: it need not be read. Exchanges: 1 or 3.
  Status pin(const std::string& image, const oci::Manifest& manifest, const std::stop_token& stop);
  /// Whether each digest can still be read, side by side, one exchange for each. No blob is asked for.
  Result<std::vector<bool>> there(const std::string& image, const std::vector<std::string>& digests,
                                  const std::stop_token& stop);

 private:
  /// What stands under the tag of the memory.
  struct Standing {
    std::chrono::steady_clock::time_point asked;
    std::optional<oci::Digest> digest{};  ///< empty: nothing
    std::vector<std::string> tokens{};    ///< of this write, and of those that it contains
    RepositoryMemory memory{};
    bool contains(const std::string& token) const;
  };
  std::string repository_of(const std::string& image) const;
  Result<Standing> look(const std::string& repository, const std::stop_token& stop);
  /// The token of the write.
  Result<std::string> write(const std::string& repository, const RepositoryMemory& memory, const Standing& on,
                            const std::stop_token& stop);
  /// What came of a write: something that contains it, or somebody else's.
  Result<Standing> look_after(const std::string& repository, const std::string& token, const Standing& before,
                              const std::stop_token& stop);
  bool is_slow(const Standing& standing) const;
  Result<Standing> first_look(const std::string& repository, const std::stop_token& stop);
  /// Until what was written stands. `named`: nothing but the id of the repository is wanted.
  Status change_until_it_stands(const std::string& repository, const Change& change, bool named,
                                const std::stop_token& stop);
  Result<bool> is_pinned(const std::string& repository, const oci::Digest& digest, const std::stop_token& stop);
  Status put_pin(const std::string& repository, const oci::Manifest& manifest, const std::stop_token& stop);

  places::Place& place_;
  std::string project_;
  RegistryMemoryOptions options_;
  Guarded<std::map<std::string, Standing>> ahead_;  // by repository
  Guarded<SharedJson> plan_;                        // that was read last: most repositories have the same open
};

}  // namespace sluice::memory
