#pragma once
// Overview: what each environment of a pipeline shows now, for `status`. What cannot be seen is unknown, with its
// cause; the rest is shown all the same. Nothing is written.

#include "base/result.hpp"
#include "promotion/plan/findings.hpp"
#include "promotion/plan/planner.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::promotion {

struct TargetOverview {
  pipeline::Target target;                      ///< with its place, where that was seen
  std::string user{};                           ///< as whom we look, where the API says it
  std::optional<Error> unknown{};               ///< why it cannot be seen
  std::vector<records::ReleaseImage> images{};  ///< those that are there
  std::vector<RunningHere> running{};
};

/// A release that one can go back to.
struct GoBack {
  std::string id;
  std::int64_t number = 0;
  std::string tag{};
  friend bool operator==(const GoBack&, const GoBack&) = default;
};

struct EnvironmentOverview {
  std::string name;
  std::vector<TargetOverview> targets{};
  Holding holding{};
  std::optional<records::Release> release{};  ///< what it holds, also where no promotion brought it
  EnvironmentMemory memory{};
  std::optional<memory::Hold> hold{};
  std::optional<Unfinished> unfinished{};
  std::optional<memory::StoodRelease> standing{};  ///< that should be there, by the memory
  std::optional<memory::PastPromotion> last{};     ///< that ended last
  std::vector<GoBack> kept{};
  std::size_t newer_images = 0;         ///< of the first environment: images that are in no release, while others are
  std::optional<std::size_t> behind{};  ///< releases that the environment before had since; empty: nobody knows

  /// The first reason why something is unknown. Null: all was seen.
  const Error* unknown() const;
  /// Somebody else than a promotion changed what is there. Never while one runs or was interrupted.
  bool drifted() const;
  /// The last promotion failed, and what it brought stands.
  bool failed() const;
};

/// Every environment, in order. Errors: those of the records; cancelled.
Result<std::vector<EnvironmentOverview>> look_at_all(Planner& planner, records::Store& store,
                                                     const pipeline::Pipeline& pipeline);

}  // namespace sluice::promotion
