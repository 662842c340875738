#include "copy/blob_mover.hpp"

#include "copy/blob_stream.hpp"

#include <optional>
#include <utility>

namespace sluice::copy {

namespace {

// Registries refuse mounts with all kinds of answers, 4xx and 5xx. Who does not answer at all, or wants us to wait for
// long, would do so with an upload as well.
bool refuses_mount(const Error& error) {
  if (error.kind() == ErrorKind::cancelled || !error.to_be_retried()) return false;
  return error.http_status() >= 400 || error.kind() == ErrorKind::denied || error.kind() == ErrorKind::not_found ||
         error.kind() == ErrorKind::unsupported || error.kind() == ErrorKind::unauthenticated;
}

}  // namespace

Result<BlobMove::How> move_blob(const BlobMove& move, const MoveOptions& options, Events& events,
                                const std::stop_token& stop) {
  std::optional<places::UploadSession> session;
  if (move.how == BlobMove::How::present) return BlobMove::How::present;
  if (move.how == BlobMove::How::mount) {
    auto answer = move.dest->mount_blob(move.dest_repository, move.blob, move.mount_from, stop);
    if (answer) {
      if (std::holds_alternative<places::Mounted>(*answer)) return BlobMove::How::mount;
      session = std::get<places::UploadSession>(std::move(*answer));
    } else if (!refuses_mount(answer.error())) {
      return std::move(answer).error();
    }
    // A refused mount is not the end: the bytes take the long way, unless an earlier copy has brought them.
    SLUICE_TRY(const bool there, move.dest->has_blob(move.dest_repository, move.blob, stop));
    if (there) {
      if (session) move.dest->abandon_upload(*session);
      return BlobMove::How::present;
    }
  }
  events.emit({.kind = EventKind::blob_started,
               .target = move.dest->name(),
               .digest = move.blob.digest.text(),
               .bytes = move.blob.size_bytes});
  BlobStream stream(move, std::move(session), options, events, stop);
  SLUICE_CHECK(stream.run());
  return BlobMove::How::stream;
}

}  // namespace sluice::copy
