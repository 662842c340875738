#include "copy/events.hpp"

namespace sluice::copy {

std::string_view to_string(EventKind kind) {
  switch (kind) {
    case EventKind::road:
      return "road";
    case EventKind::total:
      return "total";
    case EventKind::blob_started:
      return "blob-started";
    case EventKind::blob_progress:
      return "blob-progress";
    case EventKind::blob_done:
      return "blob-done";
    case EventKind::blob_retried:
      return "blob-retried";
    case EventKind::blob_resumed:
      return "blob-resumed";
    case EventKind::manifest:
      return "manifest";
    case EventKind::tag:
      return "tag";
    case EventKind::attachment:
      return "attachment";
    case EventKind::rollout:
      return "rollout";
    case EventKind::wait:
      return "wait";
    case EventKind::put_back:
      return "put-back";
    case EventKind::note:
      return "note";
  }
  return "note";
}

}  // namespace sluice::copy
