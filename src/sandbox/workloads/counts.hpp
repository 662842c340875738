#pragma once
// Arithmetic of rollouts: which pods count, how many may be missing or too many, and conditions lists. Pure.
// Source: Kubernetes' deployment utilities.

#include "base/json.hpp"
#include "sandbox/core/store.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::sandbox {

using TimePoint = std::chrono::system_clock::time_point;

/// The number that a text starts with, as annotations hold counts; 0 when there is none.
std::int64_t number_in(std::string_view text);

/// RFC 3339 in UTC as rfc3339() writes it; the epoch for anything else.
TimePoint parse_time(std::string_view text);

/// Not finished and not being deleted.
bool pod_is_active(const Json& pod);
bool pod_is_ready(const Json& pod);
/// Ready for at least `min_ready`.
bool pod_is_available(const Json& pod, std::chrono::seconds min_ready, TimePoint now);

struct PodCounts {
  std::int64_t active = 0;
  std::int64_t labelled = 0;  ///< carry every label of the template
  std::int64_t ready = 0;
  std::int64_t available = 0;
};
PodCounts count_pods(const std::vector<ObjectRef>& pods, const Json& pod_template, std::chrono::seconds min_ready,
                     TimePoint now);

/// "25%" of `total`, or a number as it is.
std::int64_t scaled(const Json& value, std::int64_t total, bool round_up);

struct Fences {
  std::int64_t surge = 0;
  std::int64_t unavailable = 0;
};
/// What maxSurge and maxUnavailable come to; never both 0.
Fences fences(const Json& max_surge, const Json& max_unavailable, std::int64_t replicas);

/// One entry of status.conditions.
struct Condition {
  std::string type;
  std::string status;
  std::string reason;
  std::string message;
  bool progress_time = true;  ///< has lastUpdateTime beside lastTransitionTime
};
const Json* find_condition(const Json& status, std::string_view type);
std::string condition_status(const Json& status, std::string_view type);
std::string condition_reason(const Json& status, std::string_view type);
/// Sets it, unless status and reason are as before; lastTransitionTime moves only with the status.
void set_condition(Json& status, const Condition& condition, std::string_view now);
/// The same, but an equal condition gets a new lastUpdateTime and message: that is how progress is noted.
void refresh_condition(Json& status, const Condition& condition, std::string_view now);
void drop_condition(Json& status, std::string_view type);

/// The status of an object, empty when there is none or it is of another type.
Json status_copy(const Json& object);
/// The same for changing in place.
Json& status_in(Json& object);

/// Sets a member of a status, or leaves it out when it is 0, as the API does with optional counts.
void set_count(Json& status, std::string_view name, std::int64_t count);

}  // namespace sluice::sandbox
