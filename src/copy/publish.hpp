#pragma once
// Publish: writes the tags when all content is there, all at once, and reads every one of them back.

#include "base/result.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"
#include "copy/tags.hpp"

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::copy {

/// Told after a tag was written, before it is read back. Called from several threads, one call per tag.
/// An error ends the publishing.
using Switched = std::function<Status(const SurveyedItem& item, const std::string& tag)>;

struct PublishOptions {
  /// Told of each tag that may stand for the new image from now on: it was written, or nobody knows whether it was. Not
  /// when the place refused to. Called from several threads. May be empty.
  std::function<void(const SurveyedItem& item, const std::string& tag)> may_stand{};
  unsigned retry_times = 4;  ///< of a blob that has to be brought once more
  /// Proves beside the writing that content which nobody asked for blob by blob can be read (prove.hpp). When it
  /// cannot, the tags are put back. Off for who has proven it before.
  bool prove = false;
  std::vector<std::chrono::milliseconds> pauses = read_back_pauses();  ///< until a tag is judged
};

/// Writes the tags of `items` (indexes into the survey), all at once, and reads every one of them back; a read that
/// lags behind is repeated before it is judged. A place that misses content which it said it had gets it; then the
/// amounts of the survey change once more. Errors: integrity when what is read back is not what was written, or when
/// content cannot be read; the sentence says what was put back. conflict, and those of places.
Status publish(Survey& survey, const std::vector<std::size_t>& items, const Switched& switched,
               const PublishOptions& options, Events& events, std::stop_token stop);

}  // namespace sluice::copy
