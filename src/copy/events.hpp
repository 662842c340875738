#pragma once
// Events: what happens while images travel, for progress on a terminal and for --events. schemas/event.schema.json.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::copy {

enum class EventKind : std::uint8_t {
  road,           ///< an image's road was chosen: image, road, detail (why)
  total,          ///< how much there is to move: bytes
  blob_started,   ///< bytes of a blob begin to flow: image, digest, bytes (its size)
  blob_progress,  ///< more bytes of it arrived: digest, bytes (since the last event)
  blob_done,      ///< digest, detail: "moved", "mounted" or "present"
  blob_retried,   ///< digest, detail: the error; its progress starts again from zero
  blob_resumed,   ///< digest, bytes: what need not move again; comes right after blob_retried or blob_started
  manifest,       ///< a manifest was written by digest: image, digest
  tag,            ///< a tag was written and read back: image, digest, detail (the tag)
  attachment,     ///< something attached to an image was found at the destination: image, digest, detail (its kind)
  rollout,        ///< a workload's line while it rolls out: image ("dc/web"), target, detail
  wait,           ///< a host asked for time: target (the host), detail (why, and when it goes on)
  put_back,       ///< a tag stands for what it stood for before: image, target, detail
  note,           ///< something worth a line: detail
};

std::string_view to_string(EventKind kind);

/// What an event belongs to. All empty: a copy that is no promotion.
struct EventScope {
  std::string promotion{};  ///< its id; empty before it has one
  std::string app{};
  std::string environment{};
};

struct Event {
  EventKind kind = EventKind::note;
  std::string image{};   ///< label of the image; may be empty
  std::string target{};  ///< host or target; may be empty
  std::string digest{};  ///< may be empty
  std::uint64_t bytes = 0;
  std::string detail{};
  std::shared_ptr<const EventScope> scope{};  ///< null: a copy that is no promotion
};

/// Thread: any, several at once. Must be quick: blob_progress comes from the thread that moves bytes.
class Events {
 public:
  virtual ~Events() = default;
  virtual void emit(const Event& event) = 0;
};

}  // namespace sluice::copy
