#include "copy/tags.hpp"

#include "base/pause.hpp"

namespace sluice::copy {

const std::vector<std::chrono::milliseconds>& read_back_pauses() {
  using std::chrono::milliseconds;
  // Replicas are a moment behind as a rule; a cache in front of a registry may be some seconds.
  static const std::vector<milliseconds> kPauses = {milliseconds(100),  milliseconds(200),  milliseconds(400),
                                                    milliseconds(800),  milliseconds(1600), milliseconds(2000),
                                                    milliseconds(2500), milliseconds(2500)};
  return kPauses;
}

Result<std::optional<oci::Digest>> read_back(places::Place& place, const std::string& repository,
                                             const places::ManifestName& name, const oci::Digest& expected,
                                             const ReadBack& how, const std::stop_token& stop) {
  for (const auto& pause : how.pauses) {
    SLUICE_TRY(auto now, place.digest_of(repository, name, stop, expected.algorithm()));
    if (now == expected) return now;
    if (how.lagging) how.lagging(now);
    if (!pause_for(pause, stop)) return Error(ErrorKind::cancelled, "stopped while " + name.text() + " was read back");
  }
  return place.digest_of(repository, name, stop, expected.algorithm());
}

bool is_refusal(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::denied:
    case ErrorKind::unauthenticated:
    case ErrorKind::unsupported:
    case ErrorKind::conflict:
    case ErrorKind::not_found:
      return true;
    default:
      return error.http_status().value_or(0) / 100 == 4;
  }
}

Status put_back(places::Place& place, const std::string& repository, const std::string& tag, const oci::Digest& before,
                const ReadBack& how, const std::stop_token& stop) {
  const auto name = places::ManifestName::tag(tag);
  SLUICE_TRY(const auto old, place.manifest(repository, places::ManifestName::digest(before), stop));
  SLUICE_CHECK(place.put_manifest(repository, name, old, stop));
  SLUICE_TRY(const auto now, read_back(place, repository, name, before, how, stop));
  if (now == before) return {};
  return Error(ErrorKind::integrity, place.name() + "/" + repository + ":" + tag + " was put back to " + before.text() +
                                         " and reads back as " + (now ? now->text() : "nothing"));
}

}  // namespace sluice::copy
