#pragma once
// Survey: what is where, before anything is written. Reads manifests at the source, asks the destination what it
// has, and decides for every image and every blob how it will travel. plan prints it; carry() follows it.

#include "base/finding.hpp"
#include "base/result.hpp"
#include "copy/events.hpp"
#include "copy/road.hpp"
#include "oci/attachment.hpp"
#include "oci/manifest.hpp"
#include "places/place.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::copy {

/// Where an image may be read from. Borrowed place.
struct Origin {
  places::Place* place = nullptr;
  std::string repository;
};

/// What becomes of that which belongs to an image: signatures, attestations, SBOMs and other artifacts.
enum class Attachments : std::uint8_t {
  ignore,  ///< nobody looks for them
  leave,   ///< they are looked for and stay where they are; what cannot be looked at is passed over
  carry,   ///< they go along, all of them, or the copy fails
};

/// Which attachments the destination can hold at all, known before it is asked.
enum class AttachmentsHeld : std::uint8_t {
  all,
  cosign_tags,  ///< those under tags of cosign's, which are images to a registry; no artifact that names a subject
  none,
};

/// One image to bring to one repository.
struct Item {
  std::string label;              ///< for people: "web"
  std::vector<Origin> origins;    ///< asked in order until one has it
  places::ManifestName name;      ///< what to read there
  places::Place* dest = nullptr;  ///< borrowed
  std::string dest_repository;
  std::vector<std::string> tags;  ///< to be written; empty: only the digest
  /// The image's own manifest is staged under this tag instead of under its digest: for registries that take none by
  /// digest alone, and to keep it from their pruner. Empty: by digest, where the place can.
  std::string stage_tag{};
  /// "linux/arm64": of an index only these travel, and the index names the others without having them. Empty: all.
  std::vector<std::string> platforms{};
  bool include_foreign = false;  ///< layers that are kept as references travel as well
  bool must_stream = false;      ///< no mounting from the source, even inside one registry
  bool by_engine = false;        ///< Road::docker: somebody else brings the content, unless it is there
  Attachments attachments = Attachments::ignore;
  AttachmentsHeld attachments_held = AttachmentsHeld::all;
};

/// Something that belongs to an image, or to something that belongs to it: signatures of SBOMs, and so on.
struct Attachment {
  oci::AttachmentKind kind = oci::AttachmentKind::artifact;
  oci::Digest digest;
  oci::Digest subject;  ///< what it is about: the image, one of its children, or another attachment
  std::string tag;      ///< cosign's, under which it stands; empty: the registry lists it as a referrer
};

/// An attachment, and what becomes of it.
struct AttachmentState {
  Attachment what;
  bool goes_along = false;   ///< else it stays at the source
  bool arrived = false;      ///< it was seen at the destination
  bool other_there = false;  ///< it stays, since others have something of their own under its tag at the destination
};

/// Of an item that goes along with another one as its attachment.
struct Attached {
  std::size_t to = 0;  ///< the image that was asked for: an index into Survey::items
  Attachment what;
  bool arrived = false;  ///< it was seen at the destination
};

/// Layers and configs; manifests are not counted.
struct Amounts {
  std::uint64_t moved = 0;
  std::uint64_t mounted = 0;
  std::uint64_t present = 0;
  std::uint64_t total() const { return moved + mounted + present; }
  Amounts& operator+=(const Amounts& other);
};

/// What happens to one blob at one destination repository.
struct BlobMove {
  enum class How : std::uint8_t { present, mount, stream };
  oci::Descriptor blob;
  std::size_t item = 0;  ///< the item it is counted for
  places::Place* dest = nullptr;
  std::string dest_repository;
  How how = How::stream;             ///< as planned; after carry() as it was really done
  std::string mount_from;            ///< mount: a repository of the destination's place
  std::optional<std::size_t> after;  ///< mount: the move that brings it to `mount_from` first
  Origin origin;                     ///< where the bytes are, also when a mount is refused
};

struct SurveyedItem {
  Item item;
  Origin origin{};  ///< the one that had it
  /// Children before parents; the last one is the image itself. Shared by all items that bring the same image.
  std::vector<std::shared_ptr<const oci::Manifest>> manifests{};
  std::vector<std::optional<oci::Digest>> before{};  ///< what each tag stands for now, in the order of item.tags
  /// "linux/arm64", of the index that a tag stands for now and that the image does not have; sorted, each one once.
  std::vector<std::string> lost_platforms{};
  bool sparse = false;         ///< the image is an index of which some children do not travel (Item::platforms)
  bool content_there = false;  ///< the destination knows this digest already
  bool all_equal = false;      ///< nothing at all has to be written
  Road road = Road::stream;
  std::string why{};                         ///< one clause: why this road
  std::vector<ConsideredRoad> considered{};  ///< cheapest first, each one once
  std::vector<std::size_t> moves{};          ///< indexes into Survey::moves
  Amounts bytes{};
  Amounts blobs{};
  std::uint64_t retries = 0;  ///< how often the transfer of one of its blobs was begun again
  std::optional<Attached> attached{};
  bool attachments_known = false;  ///< they were looked for, and what was found is all that there is
  std::vector<Attachment>
      left_there{};  ///< attachments that do not go along: by wish, or the destination cannot hold them

  const oci::Manifest& root() const { return *manifests.back(); }
};

struct Survey {
  std::vector<SurveyedItem> items;  ///< those that were asked for, in their order; behind them their attachments
  std::vector<BlobMove> moves;
  std::uint64_t bytes_to_move() const;
  /// What is attached to an image, and what becomes of it; first what goes along. Empty: nobody looked, or not
  /// everything could be looked at.
  std::optional<std::vector<AttachmentState>> attachments_of(std::size_t item) const;
};

/// What somebody should look at before the image is written to `subject` (for people): platforms-lost, when an index
/// gives way to fewer platforms; index-empty, when nothing stands in the one that is to be written.
std::vector<Finding> findings_of(const SurveyedItem& item, const std::string& subject);

/// What an image may weigh that nobody has looked into yet: manifests come from whoever may push to the source.
inline constexpr std::size_t kMaxManifests = 2000;
inline constexpr std::uint64_t kMaxManifestBytesOfImage = std::uint64_t{64} * 1024 * 1024;

/// The platforms of an index that travel, in its order. Empty: it is none.
std::vector<std::string> platforms_of(const SurveyedItem& item);

/// Where a destination takes no index with missing children: the index of those that travel, which has another digest,
/// instead of the image's own. Precondition: item.sparse. Errors: protocol (its JSON cannot be rewritten).
Status leave_out_missing(SurveyedItem& item);

/// Looks, and writes nothing. `will_write` asks for the right to push at once, so that one token serves to the end.
/// Each manifest is asked for once, and its bytes are held once.
/// Errors: not_found (no origin has it, or the index has none of the platforms), unsupported (over kMaxManifests or
/// kMaxManifestBytesOfImage), and those of places.
Result<Survey> survey(std::vector<Item> items, bool will_write, Events& events, std::stop_token stop);

}  // namespace sluice::copy
