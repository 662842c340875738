#pragma once
// Attachments at a destination: which are there, which have to be written, and the proof that all of them arrived.

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "base/task_pool.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"
#include "copy/tags.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

namespace sluice::copy {

/// What a place lists as attached to a digest: its own list, or the one under a tag. `by_place`: its own.
struct ReferrerList {
  std::set<oci::Digest> digests;
  bool by_place = false;
};
/// Errors: those of places.
Result<ReferrerList> referrers_at(places::Place& place, const std::string& repository, const oci::Digest& subject,
                                  const std::stop_token& stop);

/// Looks which attachments of a survey are at their destinations, and notes those that have arrived already. Two images
/// may share one: it is then written once.
/// Thread: one owner; its tasks run on the pool. It outlives the pool's work.
class ArrivalLook {
 public:
  ArrivalLook(Survey& survey, TaskPool& pool) : survey_(survey), pool_(pool) {}
  /// Adds the questions for all attachments. Errors of the tasks: those of places.
  void ask();

 private:
  Survey& survey_;
  TaskPool& pool_;
};

/// What a tag of cosign's is to get at the destination: the source's manifest, or, where others have signed there, what
/// stands there with the source's layers behind it. Empty: what stands there has them all.
/// Errors: those of places; unsupported (what stands there is no image).
Result<std::optional<oci::Manifest>> look_at_tag(const SurveyedItem& item, const std::stop_token& stop);
/// Lets the tag have it, whatever stands there by now. Errors: those of look_at_tag() and of places.
Status write_tag(const SurveyedItem& item, const std::stop_token& stop);

/// Manifests that name a subject and that the place did not say it lists: clients have to write a list of their own
/// then. Thread: any.
class Unlisted {
 public:
  /// Source: distribution-spec 1.1, "Pushing Manifests with Subject".
  void add(places::Place& place, const std::string& repository, const oci::Manifest& manifest);
  bool empty() const {
    return entries_.with([](const auto& all) { return all.empty(); });
  }
  /// Adds one task for each subject to a pool. Errors of the tasks: those of list_under_tag().
  void list(TaskPool& pool, Events& events);

 private:
  struct Entry {
    places::Place* place = nullptr;
    std::string repository;
    oci::Digest subject;
    std::map<oci::Digest, oci::Manifest> referrers;
  };
  Guarded<std::map<std::tuple<std::string, std::string, oci::Digest>, Entry>> entries_;
};

/// Lets the tag of a subject's list name `referrers` as well, and loses nothing that others write there: it reads,
/// adds, writes, reads back, and begins again where an entry is missing. It deletes nothing. Errors: those of places;
/// busy (others kept overwriting it), unsupported (what stands there is no list).
Status list_under_tag(places::Place& place, const std::string& repository, const oci::Digest& subject,
                      const std::vector<oci::Manifest>& referrers, Events& events, const std::stop_token& stop);

struct SettleOptions {
  /// Between looks, until an attachment counts as not arrived.
  std::vector<std::chrono::milliseconds> pauses = read_back_pauses();
};

/// After the content was carried: sees to it that each attachment can be found at its destination, and counts. Writes
/// again what others have overwritten. Errors: integrity, when fewer arrived than there are; those of places.
Status settle_attachments(Survey& survey, Unlisted& unlisted, const SettleOptions& options, Events& events,
                          const std::stop_token& stop);

/// Looks once more at what was brought along with these images (indexes into the survey), beside other work. No
/// registry lets a tag be written on condition: another writer who had read a list before ours was there may have
/// written it since. Errors of the tasks: those of settle_attachments().
void look_again(Survey& survey, const std::vector<std::size_t>& images, const SettleOptions& options, Events& events,
                TaskPool& pool);

}  // namespace sluice::copy
