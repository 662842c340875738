#include "copy/attachment_search.hpp"

#include "base/text.hpp"
#include "places/registry_error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::copy {

namespace {

Task call(const Origin& origin, std::function<Status(const std::stop_token&)> run) {
  return {.hosts = {origin.place}, .run = std::move(run)};
}

// Nobody has such content: a question about it tells whether a registry answers it at all.
oci::Digest of_nothing() { return oci::Digest::of(""); }

}  // namespace

void AttachmentSearch::look_ahead(const Origin& origin) {
  if (!origin.place->traits().attachments) return;
  const Where where{origin.place->name(), origin.repository};
  if (repositories_.with([&](auto& all) { return std::exchange(all[where].asked, true); })) return;
  pool_.add(call(origin, [this, origin, where](const std::stop_token& stop) -> Status {
    const auto tags = origin.place->tags(origin.repository, stop);
    // Where the list cannot be had, for whatever reason, each tag is asked for by its name.
    if (!tags) return tags.error().kind() == ErrorKind::cancelled ? Status(tags.error()) : Status();
    std::set<std::string> named;
    std::copy_if(tags->begin(), tags->end(), std::inserter(named, named.end()), oci::is_digest_tag);
    repositories_.with([&](auto& all) { all[where].digest_tags = std::move(named); });
    return {};
  }));
  if (repositories_.with([&](auto& all) { return std::exchange(all[{origin.place->name(), {}}].asked, true); })) return;
  pool_.add(call(origin, [origin](const std::stop_token& stop) -> Status {
    // Once for each host. Its answer is not wanted: the place remembers whether it gives any. Trouble shows when it
    // matters.
    static_cast<void>(origin.place->referrers(origin.repository, of_nothing(), stop));
    return {};
  }));
}

void AttachmentSearch::search(std::size_t image, bool must_know) {
  const auto [origin, digests] = reader_.with(image, [](const SourceImage& one) {
    std::vector<oci::Digest> all;
    for (const auto& [digest, manifest] : one.manifests) all.push_back(digest);
    return std::pair(one.found, std::move(all));
  });
  if (!origin.place->traits().attachments) {
    searches_.with([&](auto& all) { all[image].complete = false; });
    return;
  }
  searches_.with([&](auto& all) { all.try_emplace(image); });
  for (const auto& digest : digests) look_at(image, origin, digest, must_know);
}

// What is attached to one digest; it is asked once.
void AttachmentSearch::look_at(std::size_t image, const Origin& origin, const oci::Digest& subject, bool must_know) {
  if (!searches_.with([&](auto& all) { return all[image].looked_at.insert(subject).second; })) return;
  pool_.add(call(origin, [=, this](const std::stop_token& stop) {
    return settle(image, ask_for_referrers(image, origin, subject, must_know, stop), must_know);
  }));
  for (const auto& [tag, kind] : oci::cosign_tags(subject)) {
    if (!may_stand(origin, tag)) continue;
    const Attachment wanted{.kind = kind, .digest = subject, .subject = subject, .tag = tag};
    pool_.add(call(origin, [=, this](const std::stop_token& stop) {
      return settle(image, ask_for_tag(image, origin, wanted, must_know, stop), must_know);
    }));
  }
}

bool AttachmentSearch::may_stand(const Origin& origin, const std::string& tag) const {
  return repositories_.with([&](const auto& all) {
    const auto known = all.find({origin.place->name(), origin.repository});
    return known == all.end() || !known->second.digest_tags || known->second.digest_tags->contains(tag);
  });
}

// Who does not have to know goes on without it.
Status AttachmentSearch::settle(std::size_t image, Status done, bool must_know) {
  if (done || must_know || done.error().kind() == ErrorKind::cancelled) return done;
  searches_.with([&](auto& all) { all[image].complete = false; });
  return {};
}

Status AttachmentSearch::ask_for_referrers(std::size_t image, const Origin& origin, const oci::Digest& subject,
                                           bool must_know, const std::stop_token& stop) {
  SLUICE_TRY(auto listed, origin.place->referrers(origin.repository, subject, stop));
  if (!listed) {
    SLUICE_TRY(listed, referrers_under_tag(origin, subject, stop));
  }
  for (const auto& one : *listed) {
    Attachment what{.kind = oci::kind_of_type(one.artifact_type), .digest = one.digest, .subject = subject, .tag = {}};
    SLUICE_CHECK(take(image, origin, std::move(what), must_know));
  }
  return {};
}

// What stands under the tag of such a list may be anybody's: only an index is one.
Result<std::vector<oci::Descriptor>> AttachmentSearch::referrers_under_tag(const Origin& origin,
                                                                           const oci::Digest& subject,
                                                                           const std::stop_token& stop) {
  std::vector<oci::Descriptor> none;
  const auto tag = oci::referrers_tag(subject);
  if (!may_stand(origin, tag)) return none;
  auto found = origin.place->find_manifest(origin.repository, places::ManifestName::tag(tag), stop);
  if (!found && places::means_missing(found.error())) return none;
  if (!found) return std::move(found).error();
  if (!*found) return none;
  auto list = oci::parse_manifest(std::move((*found)->bytes), (*found)->media_type);
  if (!list || !list->is_index()) return none;
  return std::move(list->children);
}

Status AttachmentSearch::ask_for_tag(std::size_t image, const Origin& origin, const Attachment& wanted, bool must_know,
                                     const std::stop_token& stop) {
  auto now = origin.place->find_manifest(origin.repository, places::ManifestName::tag(wanted.tag), stop);
  if (!now && !places::means_missing(now.error())) return now.error();
  if (!now || !*now) return {};
  Attachment what = wanted;
  what.digest = (*now)->digest();
  return take(image, origin, std::move(what), must_know, std::move(*now));
}

// Reads what was found, each once, and looks for what is attached to that in turn.
Status AttachmentSearch::take(std::size_t image, const Origin& origin, Attachment what, bool must_know,
                              std::optional<places::StoredManifest> at_hand) {
  // One that is listed as attached to something else as well is judged by each of these lists.
  const auto claim = what.subject.text() + " " + (what.tag.empty() ? what.digest.text() : what.tag);
  SLUICE_TRY(const bool fresh, searches_.with([&](auto& all) -> Result<bool> {
    auto& search = all[image];
    if (!search.claimed.insert(claim).second) return false;
    if (search.claimed.size() <= kMaxAttachments) return true;
    return Error(ErrorKind::unsupported, fmt::format("{}/{} has an image with more than {} attachments",
                                                     origin.place->name(), origin.repository, kMaxAttachments))
        .with_hint("copy it without them: --no-attachments");
  }));
  if (!fresh) return {};
  look_at(image, origin, what.digest, must_know);
  // What stays where it is need not be read.
  std::size_t read = 0;
  if (must_know) {
    ReadOrder order{.attached_to = origin.place->name() + "/" + origin.repository + "@" + what.subject.text(),
                    .read = [this, image, root = what.digest](std::size_t /*own*/, const Origin& found,
                                                              const std::shared_ptr<const oci::Manifest>& manifest) {
                      if (manifest->digest != root) look_at(image, found, manifest->digest, true);
                    }};
    if (at_hand) {
      SLUICE_TRY(read, reader_.add_found(origin, std::move(*at_hand), std::move(order)));
    } else {
      read = reader_.add({origin}, places::ManifestName::digest(what.digest), std::move(order));
    }
  }
  searches_.with([&](auto& all) { all[image].found.push_back({std::move(what), read}); });
  return {};
}

std::vector<FoundAttachment> AttachmentSearch::found(std::size_t image) const {
  auto out = searches_.with([&](const auto& all) {
    const auto known = all.find(image);
    return known == all.end() ? std::vector<FoundAttachment>() : known->second.found;
  });
  std::sort(out.begin(), out.end(), [](const FoundAttachment& a, const FoundAttachment& b) {
    return std::tie(a.what.subject, a.what.tag, a.what.digest) < std::tie(b.what.subject, b.what.tag, b.what.digest);
  });
  return out;
}

bool AttachmentSearch::complete(std::size_t image) const {
  return searches_.with([&](const auto& all) {
    const auto known = all.find(image);
    return known != all.end() && known->second.complete;
  });
}

Result<std::optional<std::vector<Attachment>>> attachments_at(const Origin& origin, const places::ManifestName& name,
                                                              const std::stop_token& stop) {
  TaskPool pool(stop);
  SourceReader reader(pool);
  AttachmentSearch search(pool, reader);
  search.look_ahead(origin);
  const auto image = reader.add({origin}, name);
  SLUICE_CHECK(pool.finish());
  search.search(image, false);
  SLUICE_CHECK(pool.finish());
  if (!search.complete(image)) return std::optional<std::vector<Attachment>>();
  std::vector<Attachment> out;
  for (auto& found : search.found(image)) out.push_back(std::move(found.what));
  return std::optional(std::move(out));
}

}  // namespace sluice::copy
