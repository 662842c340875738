#pragma once
// Limits on images and image streams: LimitRanges (types openshift.io/Image and openshift.io/ImageStream) and the
// ResourceQuota resource openshift.io/imagestreams. The sums are pure; the rest reads the store.
// Source: OpenShift, "Limit ranges" and "Resource quotas per project".

#include "base/json.hpp"
#include "sandbox/core/refusal.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

struct World;

/// "100", "1Gi", "2M", "1500m" -> whole units, rounded up. Empty when it is no quantity.
std::optional<std::int64_t> quantity(std::string_view text);
/// As Kubernetes prints a number of bytes: the largest of Ki, Mi, Gi, ... that divides it.
std::string binary_quantity(std::int64_t value);

/// What a stream uses of its limits.
struct StreamUsage {
  std::int64_t images = 0;  ///< distinct digests in the history
  std::int64_t tags = 0;    ///< distinct sources of spec tags
};
StreamUsage usage_of(const Json& stream);

/// Everything in which a stream exceeds the limits; `ranges` are LimitRange objects.
std::vector<std::string> exceeded(const StreamUsage& usage, const std::vector<const Json*>& ranges);
/// Why an image of `size` bytes is too large; empty when it is not.
std::optional<std::string> too_large(std::int64_t size, const std::vector<const Json*>& ranges);

/// Why the stream may not be stored ("ImageStream.image.openshift.io "web" is forbidden: ..."); empty: it may.
std::optional<std::string> stream_limit(const World& world, std::string_view ns, const Json& stream);
/// The refusal of an image that is too large, in the name of `plural`/`name`.
Verdict check_image_size(const World& world, std::string_view ns, std::string_view plural, std::string_view name,
                         std::int64_t size);

/// True when a quota of the project counts image streams.
bool streams_are_counted(const World& world, std::string_view ns);
/// Refuses one more stream, in the name of `plural`/`name`, when a quota is used up.
Verdict check_stream_quota(const World& world, std::string_view ns, std::string_view plural, std::string_view name);
/// Counts a stream that was made. A deleted one stays counted until the next resync, as on a real cluster.
void count_stream(World& world, std::string_view ns);
/// What the quota controller does every few minutes: counts everything anew, in all projects.
void resync_quota(World& world);
/// The same for one ResourceQuota.
void resync_quota(World& world, std::string_view ns, std::string_view name);

}  // namespace sluice::sandbox
