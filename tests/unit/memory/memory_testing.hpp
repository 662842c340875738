#pragma once
// Short names for what memories are made of.

#include "memory/changes.hpp"
#include "memory/memory.hpp"

#include <string>
#include <utility>
#include <vector>

namespace sluice::memory::testing {

inline std::string digest(char digit) { return "sha256:" + std::string(64, digit); }
inline std::string id(char digit) { return std::string(64, digit); }

/// A release of one image: its id, its digest and its promotion bear one letter.
inline KeptRelease kept(std::int64_t number, char letter, Stood stood = Stood::verified) {
  KeptRelease out{.release = id(letter), .number = number, .digest = digest(letter)};
  out.tag = "latest";
  out.stood = stood;
  out.promotion = std::string("p") + letter;
  out.at = 100 + number;
  return out;
}

/// A promotion that brings the release of a letter, over what stands.
struct Play {
  std::int64_t number = 0;
  char letter = 'a';
  std::string before{};  ///< digest
  std::string kind = "promote";
  std::string promotion{};
  /// Empty: the letter's own.
  std::string digest_here{};
};

inline Beginning beginning(const Play& play) {
  Beginning out{.app = "shop", .environment = "prod", .fence = 0, .open = {}};
  out.open.promotion = play.promotion.empty() ? std::string("p") + play.letter : play.promotion;
  out.open.kind = play.kind;
  out.open.release = id(play.letter);
  out.open.number = play.number;
  out.open.label = "latest";
  out.open.began = 100 + play.number;
  out.open.head = "web";
  out.open.digest = play.digest_here.empty() ? digest(play.letter) : play.digest_here;
  out.open.after = out.open.digest;
  out.open.tags = {{"latest", play.before}};
  return out;
}

inline void play(TagMemory& memory, const Play& what, const std::string& state, std::optional<Stood> stood,
                 const std::string& failure = {}) {
  const auto begun = beginning(what);
  begin(memory, begun);
  Ending ending{.promotion = begun.open.promotion, .state = state, .ended = begun.open.began + 10};
  ending.failure = failure;
  ending.stood = stood;
  end(memory, ending);
}

/// "4 left": number and how it stood, the one that stood last first.
inline std::vector<std::string> shown(const std::vector<KeptRelease>& releases) {
  std::vector<std::string> out;
  for (const auto& one : releases) out.push_back(std::to_string(one.number) + " " + std::string(to_string(one.stood)));
  return out;
}

}  // namespace sluice::memory::testing
