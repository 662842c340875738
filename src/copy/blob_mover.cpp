#include "copy/blob_mover.hpp"

#include "base/pause.hpp"
#include "places/blob_pipe.hpp"
#include "places/retry.hpp"

#include <optional>
#include <utility>

namespace sluice::copy {

namespace {

// Source and destination at once: the GET is on its way while the upload is opened, so that neither waits idle.
Status stream_once(const BlobMove& move, std::optional<places::UploadSession> session, Events& events,
                   const std::stop_token& stop) {
  const auto digest = move.blob.digest.text();
  places::BlobPipe pipe(move.blob, [&](std::uint64_t bytes) {
    events.emit({.kind = EventKind::blob_progress,
                 .image = {},
                 .target = move.dest->name(),
                 .digest = digest,
                 .bytes = bytes,
                 .detail = {}});
  });
  const auto read = move.origin.place->read_blob(move.origin.repository, move.blob, pipe, stop);
  if (!session) {
    auto opened = move.dest->begin_upload(move.dest_repository, stop);
    if (!opened) return std::move(opened).error();
    session = std::move(*opened);
  }
  auto started = read->started();
  // An empty blob has no last byte that could be kept back: its digest is proven before the upload.
  if (started && move.blob.size_bytes == 0) started = read->finish();
  // When one side broke the pipe, the other only noticed: the cause is in the pipe. A short blob may be judged, and
  // its transfer given up, before anybody asked whether it has started.
  const auto with_cause = [&](Status status) -> Status {
    auto cause = pipe.failure();
    if (!status && status.error().kind() == ErrorKind::cancelled && cause && !stop.stop_requested())
      return std::move(*cause);
    return status;
  };
  if (!started) {
    move.dest->abandon_upload(*session);
    return with_cause(std::move(started));
  }
  SLUICE_CHECK(with_cause(move.dest->write_blob(*session, move.blob, pipe, stop)));
  return with_cause(read->finish());
}

Status stream(const BlobMove& move, std::optional<places::UploadSession> session, unsigned retry_times, Events& events,
              const std::stop_token& stop) {
  bool tried_integrity = false;
  for (unsigned attempt = 0;; ++attempt) {
    auto done = stream_once(move, std::exchange(session, std::nullopt), events, stop);
    if (done) return done;
    const auto kind = done.error().kind();
    const bool once_more = kind == ErrorKind::integrity && !std::exchange(tried_integrity, true);
    if (stop.stop_requested() || attempt >= retry_times || !(once_more || places::worth_retrying(kind))) return done;
    events.emit({.kind = EventKind::blob_retried,
                 .image = {},
                 .target = move.dest->name(),
                 .digest = move.blob.digest.text(),
                 .bytes = move.blob.size_bytes,
                 .detail = done.error().sentence()});
    if (!pause_for(places::back_off(attempt, done.error().retry_after(), 0.5), stop)) return done;
  }
}

}  // namespace

Result<BlobMove::How> move_blob(const BlobMove& move, unsigned retry_times, Events& events,
                                const std::stop_token& stop) {
  std::optional<places::UploadSession> session;
  if (move.how == BlobMove::How::present) return BlobMove::How::present;
  if (move.how == BlobMove::How::mount) {
    auto answer = move.dest->mount_blob(move.dest_repository, move.blob, move.mount_from, stop);
    if (answer) {
      if (std::holds_alternative<places::Mounted>(*answer)) return BlobMove::How::mount;
      session = std::get<places::UploadSession>(std::move(*answer));
    } else if (answer.error().kind() != ErrorKind::denied && answer.error().kind() != ErrorKind::not_found &&
               answer.error().kind() != ErrorKind::unsupported && answer.error().kind() != ErrorKind::unauthenticated) {
      return std::move(answer).error();
    }
    // A refused mount is not the end: the bytes take the long way.
  }
  events.emit({.kind = EventKind::blob_started,
               .image = {},
               .target = move.dest->name(),
               .digest = move.blob.digest.text(),
               .bytes = move.blob.size_bytes,
               .detail = {}});
  SLUICE_CHECK(stream(move, std::move(session), retry_times, events, stop));
  return BlobMove::How::stream;
}

}  // namespace sluice::copy
