#pragma once
// The decisions of a survey, without any I/O: which road an image takes, and where each blob comes from.

#include "copy/survey.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace sluice::copy {

/// One question for a destination: does this repository have this blob?
struct Question {
  places::Place* dest = nullptr;
  std::string repository;
  oci::Descriptor blob;
};

/// What has to be asked before blobs can be planned. Left out: images that need nothing, blobs that are mounted
/// straight from the source, and, for a repository that looks new, blobs that another repository of the same
/// place is asked about anyway (mounting costs no more than asking).
std::vector<Question> questions(const std::vector<SurveyedItem>& items);

/// Every blob of all manifests of an image, each digest once.
std::vector<oci::Descriptor> blobs_of(const SurveyedItem& item);

/// Tells whether a repository of a place has a blob, as far as it was asked.
using Known = std::function<bool(const places::Place& dest, const std::string& repository, const oci::Digest& digest)>;

/// Fills in moves, roads and amounts. Each digest travels once per destination host; the other repositories there
/// mount it from the first.
void decide(Survey& survey, const Known& known);

/// Takes another road than the one that was decided, because that one led nowhere: `refused` says why.
void take_instead(SurveyedItem& item, Road road, const std::string& why, const std::string& refused);

}  // namespace sluice::copy
