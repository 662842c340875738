#include "migration/notebook.hpp"

#include <algorithm>
#include <utility>

namespace sluice::migration {

namespace {

constexpr std::size_t kMaxMoves = 5000;
constexpr std::size_t kMaxRemarks = 100;  // of one kind: nobody reads more

}  // namespace

void Notebook::move(Move move) {
  seen_ = true;
  if (move.from == move.to) return;
  if (moves_.size() >= kMaxMoves) {
    cut_ = true;
    return;
  }
  if (known_.insert({move.from, move.to}).second) moves_.push_back(std::move(move));
}

void Notebook::add(std::vector<Remark>& to, Remark remark) {
  if (to.size() >= kMaxRemarks) {
    cut_ = true;
    return;
  }
  // A loop says the same again each time.
  if (std::find(to.begin(), to.end(), remark) == to.end()) to.push_back(std::move(remark));
}

void Notebook::not_understood(int line, std::string sentence) { add(remarks_, {line, std::move(sentence)}); }

void Notebook::left_out(int line, std::string sentence) { add(left_out_, {line, std::move(sentence)}); }

void Notebook::login(int line, std::string sentence, std::string fix) {
  const bool known =
      std::any_of(logins_.begin(), logins_.end(), [&](const Remark& remark) { return remark.sentence == sentence; });
  if (!known) add(logins_, {line, std::move(sentence), std::move(fix)});
}

}  // namespace sluice::migration
