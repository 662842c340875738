#pragma once
// What an engine says while it pulls or pushes: one JSON value a line, under a 200 that means nothing yet. Pure.
// Source: moby pkg/jsonmessage and api/types/auxprogress; Podman's compatible API sends the same members.

#include "base/json.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

/// One message that tells of progress.
struct Progress {
  std::string layer;   ///< the engine's short id; may be empty
  std::string status;  ///< "Downloading", "Pushed", ...
  std::uint64_t current_bytes = 0;
  std::uint64_t total_bytes = 0;  ///< 0: the engine does not say
};

/// What a whole stream came to.
struct StreamEnd {
  std::string digest;              ///< of what was pushed ("aux") or pulled ("Digest: ..."); empty: nobody said
  std::string in_words{};          ///< of what was pushed, as people read it ("latest: digest: sha256:... size: 527")
  std::vector<std::string> notes;  ///< what was left out: sentences
};

/// Reads a stream piece by piece. Thread: one.
class MessageReader {
 public:
  explicit MessageReader(std::function<void(const Progress&)> told) : told_(std::move(told)) {}

  /// Errors: those that the engine tells inside the stream, by what they say (denied, unauthenticated, not_found,
  /// unreachable, untrusted, storage, else protocol); protocol: no JSON, a line over 1 MiB.
  Status feed(std::string_view bytes);
  /// After the last byte. Errors: as feed, of a last line without an end.
  Result<StreamEnd> finish();

 private:
  Status take(std::string_view line);
  void take_aux(const Json& aux);

  std::function<void(const Progress&)> told_;
  std::string held_;
  StreamEnd end_;
};

/// The error that an engine's sentence is.
Error engine_error(std::string_view sentence);

}  // namespace sluice::engine
