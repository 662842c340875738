#include "memory/registry_numbers.hpp"

#include "base/pause.hpp"
#include "copy/tags.hpp"
#include "memory/artifact.hpp"

#include <algorithm>

namespace sluice::memory {

namespace {

constexpr std::string_view kNumberAnnotation = "io.sluice.number";
constexpr std::string_view kReleaseAnnotation = "io.sluice.release";
constexpr std::string_view kConfirmedAnnotation = "io.sluice.confirmed";
// Artifacts that one reading asks for, newest numbers first. Machines meet now and then; more than this is somebody's
// play, and numbers beyond it mean nothing.
constexpr std::size_t kMostReads = 60;

Result<std::vector<std::string>> list(places::Place& place, const std::string& repository,
                                      const std::stop_token& stop) {
  auto tags = place.tags(repository, stop);
  if (!tags && tags.error().kind() == ErrorKind::not_found) return std::vector<std::string>();
  return tags;
}

Result<std::optional<ClaimArtifact>> read_claim(places::Place& place, const std::string& repository,
                                                const std::string& tag, const std::stop_token& stop) {
  SLUICE_TRY(const auto found, find_artifact(place, repository, tag, kNumberType, stop));
  if (!found || !found->problem.empty()) return std::optional<ClaimArtifact>();
  ClaimArtifact out;
  for (const auto& [key, value] : found->annotations) {
    if (key == kReleaseAnnotation) out.release = value;
    if (key == kConfirmedAnnotation) out.confirmed = value == "true";
  }
  return std::optional(std::move(out));
}

// True when it was taken, false when it was refused.
Result<bool> push_claim(places::Place& place, const std::string& repository, const std::string& release,
                        const PushClaim& claim, const std::stop_token& stop) {
  Annotations notes{{std::string(kNumberAnnotation), std::to_string(claim.number)},
                    {std::string(kReleaseAnnotation), release}};
  if (claim.confirmed) notes.emplace(kConfirmedAnnotation, "true");
  const auto put =
      put_artifact(place, repository, claim_tag(claim.number, release), make_artifact(kNumberType, notes), stop);
  if (put) return true;
  if (is_memory_refused(put.error())) return false;
  return put.error();
}

// Which of several claims is confirmed: none when more than one says so.
Result<std::optional<std::string>> confirmed_of(places::Place& place, const std::string& repository,
                                                std::int64_t number, const std::set<std::string>& ids,
                                                const std::stop_token& stop) {
  std::optional<std::string> out;
  for (const auto& id12 : ids) {
    SLUICE_TRY(const auto claim, read_claim(place, repository, claim_tag(number, id12), stop));
    if (!claim || !claim->confirmed || !claim->release.starts_with(id12)) continue;
    if (out) return std::optional<std::string>();
    out = id12;
  }
  return out;
}

// Whether a list or an artifact was refused: who may not look gives out no numbers.
bool may_not_look(const Error& error) { return error.kind() != ErrorKind::busy && copy::is_refusal(error); }

}  // namespace

Result<Numbers> read_numbers(places::Place& place, const std::string& repository, const std::stop_token& stop) {
  SLUICE_TRY(const auto tags, list(place, repository, stop));
  auto out = Numbers::of(tags);
  std::size_t reads = 0;
  for (auto entry = out.claims.rbegin(); entry != out.claims.rend(); ++entry) {
    const auto& [number, ids] = *entry;
    if (ids.size() == 1 || reads + ids.size() > kMostReads) continue;
    reads += ids.size();
    SLUICE_TRY(auto one, confirmed_of(place, repository, number, ids, stop));
    if (one) out.confirmed.emplace(number, std::move(*one));
  }
  return out;
}

Result<std::optional<std::int64_t>> claim_number(places::Place& place, const std::string& repository,
                                                 const std::string& release, std::int64_t at_least,
                                                 const std::vector<std::chrono::milliseconds>& pauses,
                                                 const std::stop_token& stop) {
  using Number = std::optional<std::int64_t>;
  ClaimSteps steps(release, at_least);
  for (;;) {
    const auto step = steps.next();
    if (const auto* end = std::get_if<Claimed>(&step)) {
      if (end->error) return Error(*end->error).context(place.name() + "/" + repository);
      return end->number;
    }
    if (const auto* push = std::get_if<PushClaim>(&step)) {
      SLUICE_TRY(const bool taken, push_claim(place, repository, release, *push, stop));
      steps.pushed(taken);
    } else if (const auto* one = std::get_if<ReadClaim>(&step)) {
      const auto claim = read_claim(place, repository, claim_tag(one->number, release), stop);
      if (!claim && may_not_look(claim.error())) return Number();
      if (!claim) return claim.error();
      steps.read(*claim);
    } else {
      if (const auto unseen = steps.unseen(); unseen > 0 && !pauses.empty()) {
        if (!pause_for(pauses[std::min<std::size_t>(unseen, pauses.size()) - 1], stop))
          return Error(ErrorKind::cancelled, "stopped while the tags of " + repository + " were read back");
      }
      const auto tags = list(place, repository, stop);
      if (!tags && may_not_look(tags.error())) return Number();
      if (!tags) return tags.error();
      steps.listed(*tags);
    }
  }
}

Result<std::optional<std::int64_t>> claim_number(places::Place& place, const std::string& repository,
                                                 const std::string& release, std::int64_t at_least,
                                                 const std::stop_token& stop) {
  return claim_number(place, repository, release, at_least, copy::read_back_pauses(), stop);
}

}  // namespace sluice::memory
