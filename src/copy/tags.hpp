#pragma once
// What a tag stands for at a place, asked with patience: large registries answer reads from replicas that lag behind.
// Sequential; see pool.hpp for who runs it.

#include "base/result.hpp"
#include "oci/digest.hpp"
#include "places/place.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::copy {

/// The pauses between the looks at a name that was written: about 10 s in all.
const std::vector<std::chrono::milliseconds>& read_back_pauses();

struct ReadBack {
  std::vector<std::chrono::milliseconds> pauses = read_back_pauses();
  /// Told before each pause what the name stands for just then.
  std::function<void(const std::optional<oci::Digest>& now)> lagging{};
};

/// What a name stands for in the end: `expected` as soon as it does, else what the last look gave.
/// Errors: those of places; cancelled.
Result<std::optional<oci::Digest>> read_back(places::Place& place, const std::string& repository,
                                             const places::ManifestName& name, const oci::Digest& expected,
                                             const ReadBack& how, const std::stop_token& stop);

/// Whether a place said no to a write: then nothing was written. Every other error leaves that open.
bool is_refusal(const Error& error);

/// Lets a tag stand for `before` again, which is in the repository. Errors: integrity (it does not read back), those of
/// places.
Status put_back(places::Place& place, const std::string& repository, const std::string& tag, const oci::Digest& before,
                const ReadBack& how, const std::stop_token& stop);

}  // namespace sluice::copy
