#include "copy/blob_stream.hpp"

#include "base/pause.hpp"
#include "net/retry.hpp"

#include <algorithm>
#include <utility>

namespace sluice::copy {

namespace {

constexpr double kMiddle = 0.5;
constexpr int kTooLarge = 413;

// Distribution-spec 1.1, "Error Codes": the session itself is refused, whatever was sent into it.
bool is_the_session(const Error& error) {
  return error.registry_code() == "BLOB_UPLOAD_INVALID" || error.registry_code() == "BLOB_UPLOAD_UNKNOWN";
}

// Not every registry says so: one that answers like this to a session with a past may have lost it.
bool may_be_the_session(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::not_found:
    case ErrorKind::protocol:
    case ErrorKind::conflict:
    case ErrorKind::unsupported:
      return true;
    default:
      return false;
  }
}

Error at_side(Error error, const char* side) {
  if (error.kind() != ErrorKind::timeout) return error;
  return std::move(error).context(std::string("the ") + side + " stands still");
}

Status at_side(Status status, const char* side) {
  if (status) return status;
  return at_side(std::move(status).error(), side);
}

}  // namespace

BlobStream::BlobStream(const BlobMove& move, std::optional<places::UploadSession> session, const MoveOptions& options,
                       Events& events, const std::stop_token& stop)
    : move_(move),
      options_(options),
      events_(events),
      stop_(stop),
      session_(std::move(session)),
      failed_side_(move.dest) {}

void BlobStream::tell(EventKind kind, std::uint64_t bytes, std::string detail) {
  events_.emit({.kind = kind,
                .target = move_.dest->name(),
                .digest = move_.blob.digest.text(),
                .bytes = bytes,
                .detail = std::move(detail)});
}

Status BlobStream::run() {
  open_page();
  for (;;) {
    auto done = attempt();
    if (done) {
      if (page_) page_->forget();
      break;
    }
    const auto next = stop_.stop_requested() ? Next::give_up : judge(done.error());
    if (next == Next::anew) drop_session();
    if (next == Next::give_up || !pause_before_next(done.error())) {
      give_back();
      if (stop_.stop_requested())
        return Error(ErrorKind::cancelled, "stopped while " + move_.blob.digest.brief() + " was moved");
      return done;
    }
    tell(EventKind::blob_retried, move_.blob.size_bytes, done.error().sentence());
  }
  if (page_ && page_->trouble()) tell(EventKind::note, 0, page_->trouble()->sentence());
  return {};
}

void BlobStream::tell_resumed(std::uint64_t position) {
  tell(EventKind::blob_resumed, position);
  tell(EventKind::blob_progress, position);
}

bool BlobStream::pause_before_next(const Error& why) {
  const auto pause = net::back_off(std::max(fruitless_, 1U) - 1, why.retry_after(), kMiddle);
  tell_pause(failed_side_->name(), why, pause);
  return pause_for(pause, stop_);
}

void BlobStream::tell_pause(const std::string& host, const Error& why, std::chrono::milliseconds pause) {
  if (pause <= net::kToldWait) return;
  const net::Wait wait{host, why.sentence(), pause, std::chrono::system_clock::now() + pause};
  events_.emit(
      {.kind = EventKind::wait, .target = host, .digest = move_.blob.digest.text(), .detail = net::to_sentence(wait)});
}

// Whatever is wrong with the journal, the blob is moved.
void BlobStream::open_page() {
  if (options_.journal == nullptr || move_.blob.size_bytes <= kJournalBytes) return;
  auto page = options_.journal->open(move_.dest->name(), move_.dest_repository, move_.blob);
  if (!page) {
    tell(EventKind::note, 0, page.error().sentence());
    return;
  }
  page_ = std::move(*page);
  if (page_ && page_->found() && !session_) take_found();
}

void BlobStream::take_found() {
  session_ = page_->found()->session;
  checkpoints_ = page_->found()->checkpoints;
  in_doubt_ = taken_over_ = true;
  page_->replace(checkpoints_);
  page_->keep(*session_);
}

Result<bool> BlobStream::ask_state() {
  auto now = move_.dest->upload_state(*session_, stop_);
  if (now && now->offset <= move_.blob.size_bytes) {
    moved(*now);
    in_doubt_ = false;
    if (now->offset >= furthest_ + kProgressBytes || (now->offset > furthest_ && now->offset == move_.blob.size_bytes))
      fruitless_ = 0;
    furthest_ = std::max(furthest_, now->offset);
    return false;
  }
  if (!now && (stop_.stop_requested() || net::worth_retrying(now.error()))) return std::move(now).error();
  // A place that does not know the upload has nothing to take back.
  if (!now && now.error().kind() == ErrorKind::not_found) session_.reset();
  drop_session();
  return move_.dest->has_blob(move_.dest_repository, move_.blob, stop_);
}

void BlobStream::moved(const places::UploadSession& session) {
  session_ = session;
  if (page_) page_->keep(session);
}

// The newest checkpoint that is not past what the place has. Without one the source is read from its beginning, which
// still spares the destination what it has.
places::PipeOptions BlobStream::pipe_options() {
  places::PipeOptions options{.source_returns = source_returns(move_.blob), .joint = options_.joint};
  const auto kept = session_ ? session_->offset : 0;
  std::erase_if(checkpoints_, [&](const auto& checkpoint) { return checkpoint.offset > kept; });
  if (!checkpoints_.empty()) options.from = checkpoints_.back();
  options.send_from = kept;
  if (page_) {
    page_->replace(checkpoints_);
    options.on_checkpoint = [this](const places::PipeCheckpoint& checkpoint) { page_->add(checkpoint); };
  }
  return options;
}

// Source and destination at once: the GET is on its way while the upload is opened, so that neither waits idle.
Status BlobStream::attempt() {
  failed_side_ = move_.dest;
  if (std::exchange(may_be_there_, false)) {
    SLUICE_TRY(const bool there, move_.dest->has_blob(move_.dest_repository, move_.blob, stop_));
    if (there) return {};
  }
  if (session_ && in_doubt_) {
    SLUICE_TRY(const bool there, ask_state());
    if (there) return {};
  }
  places::BlobPipe pipe(
      move_.blob, [this](std::uint64_t bytes) { tell(EventKind::blob_progress, bytes); }, pipe_options());
  const auto begun = pipe.position();
  if (begun > 0) tell_resumed(begun);
  const auto resumed = [this](const Error& why, std::uint64_t position, std::chrono::milliseconds pause) {
    tell_pause(move_.origin.place->name(), why, pause);
    tell(EventKind::blob_retried, move_.blob.size_bytes, at_side(why, "source").sentence());
    if (position > 0) tell_resumed(position);
  };
  auto done = Status();
  {
    BlobRelay relay(move_.origin, pipe, {.retry_times = options_.retry_times}, resumed, stop_);
    done = with_cause(send(pipe, relay), pipe);
    source_gave_up_ = relay.gave_up();
  }
  if (!done) {
    for (auto& checkpoint : pipe.checkpoints()) {
      const bool newer = checkpoints_.empty() || checkpoint.offset > checkpoints_.back().offset;
      if (newer) checkpoints_.push_back(std::move(checkpoint));
    }
  }
  return done;
}

Status BlobStream::send(places::BlobPipe& pipe, BlobRelay& relay) {
  if (!session_) {
    auto opened = move_.dest->begin_upload(move_.dest_repository, move_.blob.digest.algorithm(), stop_);
    if (!opened) {
      pipe.fail(opened.error());
      return at_side(std::move(opened).error(), "destination");
    }
    moved(*opened);
  }
  if (auto started = at_side(relay.started(), "source"); !started) {
    failed_side_ = move_.origin.place;
    return started;
  }
  // Where nothing is left to send there is no last byte that could be kept back: the digest is proven before the
  // commit.
  if (session_->offset >= move_.blob.size_bytes) SLUICE_CHECK(at_side(relay.finish(), "source"));
  const auto session = *session_;
  in_doubt_ = true;
  auto written = move_.dest->write_blob(
      session, move_.blob, pipe, [this](const places::UploadSession& now) { moved(now); }, stop_);
  if (!written) {
    if (pipe.failure()) failed_side_ = move_.origin.place;
    // The first reason is kept: a source that broke the pipe has said why, and the destination only noticed.
    pipe.fail(written.error());
    return at_side(std::move(written), "destination");
  }
  return relay.finish();
}

// When one side broke the pipe, the other only noticed: the cause is in the pipe. A short blob may be judged, and its
// transfer given up, before anybody asked whether it has started.
Status BlobStream::with_cause(Status status, const places::BlobPipe& pipe) const {
  auto cause = pipe.failure();
  if (!status && status.error().kind() == ErrorKind::cancelled && cause && !stop_.stop_requested()) {
    return std::move(*cause);
  }
  return status;
}

BlobStream::Next BlobStream::judge(const Error& error) {
  // Wrong bytes may have reached the destination: nothing of this attempt is built upon.
  // The place says so of bytes that were proven on their way: it has mixed them up with those of another upload.
  const bool mixed_up =
      error.registry_code() == "DIGEST_INVALID" && move_.blob.digest.algorithm() == HashAlgorithm::sha256;
  if (mixed_up && clean_sessions_++ < options_.retry_times) return Next::anew;
  if (error.kind() == ErrorKind::integrity) return std::exchange(tried_integrity_, true) ? Next::give_up : Next::anew;
  if (source_gave_up_) return Next::give_up;
  // A smaller limit for one request was learned, and there is a smallest one.
  if (error.kind() == ErrorKind::busy && error.http_status() == kTooLarge) return Next::go_on;
  const bool goes_on = taken_over_ || (session_ && session_->offset > 0);
  if (in_doubt_ && (is_the_session(error) || (goes_on && may_be_the_session(error)))) {
    may_be_there_ = true;
    // Several copies that write to one repository at once take sessions from each other with some registries.
    return clean_sessions_++ < std::max(options_.retry_times, 1U) ? Next::anew : Next::give_up;
  }
  if (!net::worth_retrying(error)) return Next::give_up;
  taken_over_ = taken_over_ || in_doubt_;
  return fruitless_++ < options_.retry_times ? Next::go_on : Next::give_up;
}

void BlobStream::drop_session() {
  if (session_) move_.dest->abandon_upload(*session_);
  session_.reset();
  checkpoints_.clear();
  in_doubt_ = taken_over_ = false;
  if (page_) page_->forget();
}

// After the last attempt. What the journal has is for a later process, unless nothing good can come of it.
void BlobStream::give_back() {
  const bool later = page_ && page_->holds() && in_doubt_ && !tried_integrity_;
  if (!later) drop_session();
}

}  // namespace sluice::copy
