#pragma once
// One blob on its way through a pipe, over as many broken wires as it takes: what is known from one attempt to the
// next.

#include "base/result.hpp"
#include "copy/blob_mover.hpp"
#include "copy/blob_relay.hpp"
#include "copy/transfer_journal.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::copy {

/// Thread: one job thread. Borrows all that it is made with.
class BlobStream {
 public:
  /// `session`: an upload that is open already.
  BlobStream(const BlobMove& move, std::optional<places::UploadSession> session, const MoveOptions& options,
             Events& events, const std::stop_token& stop);

  /// Moves the blob. Errors: those of places, when no further attempt is worth it.
  Status run();

 private:
  /// What becomes of a failed attempt.
  enum class Next : std::uint8_t { go_on, anew, give_up };

  Status attempt();
  /// Finds out where the session of an earlier attempt stands; drops it when it is void. True: the place has the blob,
  /// since the attempt came to its end without our hearing of it, or somebody else has brought it.
  Result<bool> ask_state();
  void open_page();
  void take_found();
  places::PipeOptions pipe_options();
  Status send(places::BlobPipe& pipe, BlobRelay& relay);
  Status with_cause(Status status, const places::BlobPipe& pipe) const;
  Next judge(const Error& error);
  void drop_session();
  void give_back();
  void moved(const places::UploadSession& session);
  void tell_resumed(std::uint64_t position);
  bool pause_before_next(const Error& why);
  void tell_pause(const std::string& host, const Error& why, std::chrono::milliseconds pause);
  void tell(EventKind kind, std::uint64_t bytes, std::string detail = {});

  const BlobMove& move_;
  MoveOptions options_;
  Events& events_;
  const std::stop_token& stop_;

  std::optional<places::UploadSession> session_;
  bool in_doubt_ = false;    // bytes were sent into the session: only the place knows how many it has
  bool taken_over_ = false;  // the session has a past: an attempt before this one, or another process
  std::vector<places::PipeCheckpoint> checkpoints_;
  std::unique_ptr<JournalPage> page_;
  std::uint64_t furthest_ = 0;  // bytes that the place has kept, at its best
  unsigned fruitless_ = 0;      // attempts in a row that got no further
  bool tried_integrity_ = false;
  unsigned clean_sessions_ = 0;  // begun because the place had lost or mixed up the one before
  bool source_gave_up_ = false;
  bool may_be_there_ = false;         // the session is gone: perhaps because it came to its end
  const places::Place* failed_side_;  // whose error the last attempt ended with
};

}  // namespace sluice::copy
