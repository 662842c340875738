#pragma once
// AttachmentSearch: what belongs to an image at its source, found and read: tags of cosign's, referrers that the
// registry lists or that stand under a tag, and all of these again of what was found.

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "base/task_pool.hpp"
#include "copy/source_reader.hpp"
#include "copy/survey.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace sluice::copy {

/// Attachments of one image and of all that is attached to it; a guess with room. Whoever may push to the source makes
/// them.
inline constexpr std::size_t kMaxAttachments = 1000;

/// An attachment that was found, and the image of the reader that it is, if it had to be read.
struct FoundAttachment {
  Attachment what;
  std::size_t image = 0;
};

/// Thread: one owner; its tasks run on the pool. It outlives the pool's work.
/// Errors of its tasks: unsupported (over kMaxAttachments), those of places.
class AttachmentSearch {
 public:
  AttachmentSearch(TaskPool& pool, SourceReader& reader) : pool_(pool), reader_(reader) {}

  /// Asks the place that will most likely have an image for what does not need its digest, so that this overlaps with
  /// the reading of the image: the tags of the repository, and whether the registry lists referrers at all.
  /// What cannot be had here is asked for later, name by name.
  void look_ahead(const Origin& origin);

  /// After the pool has finished: looks for what is attached to an image that was read, to its children, and so on.
  /// `must_know`: what cannot be looked at fails the search; else it is passed over.
  void search(std::size_t image, bool must_know);

  /// After the pool has finished once more: what was found, ordered by what it is about.
  std::vector<FoundAttachment> found(std::size_t image) const;
  /// Whether all that there is to see was seen.
  bool complete(std::size_t image) const;

 private:
  using Where = std::pair<std::string, std::string>;  // host, repository
  struct Repository {
    std::optional<std::set<std::string>> digest_tags;  // empty: the registry does not let them be listed
    bool asked = false;
  };
  struct Search {
    std::vector<FoundAttachment> found;
    std::set<std::string> claimed;  // subject, and the tag or the digest
    std::set<oci::Digest> looked_at;
    bool complete = true;
  };

  void look_at(std::size_t image, const Origin& origin, const oci::Digest& subject, bool must_know);
  Status ask_for_referrers(std::size_t image, const Origin& origin, const oci::Digest& subject, bool must_know,
                           const std::stop_token& stop);
  Result<std::vector<oci::Descriptor>> referrers_under_tag(const Origin& origin, const oci::Digest& subject,
                                                           const std::stop_token& stop);
  Status ask_for_tag(std::size_t image, const Origin& origin, const Attachment& wanted, bool must_know,
                     const std::stop_token& stop);
  Status take(std::size_t image, const Origin& origin, Attachment what, bool must_know,
              std::optional<places::StoredManifest> at_hand = std::nullopt);
  Status settle(std::size_t image, Status done, bool must_know);
  bool may_stand(const Origin& origin, const std::string& tag) const;

  TaskPool& pool_;
  SourceReader& reader_;
  Guarded<std::map<Where, Repository>> repositories_;  // a host without a repository: it was asked whether it lists
  Guarded<std::map<std::size_t, Search>> searches_;
};

/// What belongs to one image, for somebody who only looks. Empty: not everything could be looked at.
/// Errors: those of reading the image; cancelled.
Result<std::optional<std::vector<Attachment>>> attachments_at(const Origin& origin, const places::ManifestName& name,
                                                              const std::stop_token& stop);

}  // namespace sluice::copy
