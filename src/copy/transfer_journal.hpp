#pragma once
// What a process that is killed leaves to the next one about its uploads: per blob the session at the destination and
// the checkpoints of the pipe, in a folder of the user's.

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "places/blob_pipe.hpp"
#include "places/place.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice::copy {

/// Smaller blobs are moved again: that is sooner done than written down.
inline constexpr std::uint64_t kJournalBytes = std::uint64_t{8} * 1024 * 1024;

/// One upload as it was when it was last written down. The session's location is a capability: never logged.
struct JournalEntry {
  places::UploadSession session;
  std::vector<places::PipeCheckpoint> checkpoints;  ///< oldest first
};

/// The page of one blob at one repository. While it lives no other process goes on with that upload.
/// Writing is done on a thread of its own, which ends with the object: who moves bytes does not wait for a disk.
/// Thread: any.
class JournalPage {
 public:
  struct Key {
    std::string host;
    std::string repository;
    oci::Descriptor blob;
  };
  JournalPage(std::filesystem::path file, int lock, Key key, std::optional<JournalEntry> found);
  /// Writes what is not written yet.
  ~JournalPage();
  JournalPage(const JournalPage&) = delete;
  JournalPage& operator=(const JournalPage&) = delete;

  /// What an earlier process left.
  const std::optional<JournalEntry>& found() const { return found_; }
  /// This is the session now. One at another host than the destination is not kept.
  void keep(const places::UploadSession& session);
  /// Replaces all checkpoints: those of a transfer that began anew.
  void replace(std::vector<places::PipeCheckpoint> checkpoints);
  void add(const places::PipeCheckpoint& checkpoint);
  /// Nothing is left to go on from: the file is removed.
  void forget();
  /// True when a later process could go on.
  bool holds() const;
  /// The first thing that went wrong with the file.
  std::optional<Error> trouble() const;

 private:
  struct State {
    JournalEntry entry{};
    bool has_session = false;
    bool dirty = false;
    bool closing = false;
    std::optional<Error> trouble{};
  };
  void write_changes();
  Status write(const State& state) const;

  std::filesystem::path file_;
  int lock_;
  Key key_;
  std::optional<JournalEntry> found_;
  Watched<State> state_;
  std::jthread writer_;
};

/// A folder of pages. Thread: any.
class TransferJournal {
 public:
  static constexpr std::size_t kMostEntries = 1000;
  static constexpr std::chrono::hours kOldest{24 * 7};

  /// `folder` is made, with mode 0700, when the first page is opened.
  explicit TransferJournal(std::filesystem::path folder);

  /// Empty when another process moves this blob to the same place just now. Errors: storage, denied.
  Result<std::unique_ptr<JournalPage>> open(const std::string& host, const std::string& repository,
                                            const oci::Descriptor& blob);

 private:
  Status prepare();

  std::filesystem::path folder_;
  Guarded<bool> prepared_{false};
};

}  // namespace sluice::copy
