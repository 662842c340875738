#pragma once
// One image through an engine, the classic way: pull, tag, push, remove. Nothing that this brought stays there, and
// nothing that was there before goes.

#include "base/result.hpp"
#include "engine/client.hpp"
#include "engine/ledger.hpp"

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::engine {

enum class Step : std::uint8_t { pull, tag, push, remove };
std::string_view to_string(Step step);

struct Order {
  std::string from;                    ///< "host/project/name"
  std::string digest;                  ///< what to pull there
  std::string to;                      ///< "host/project/name"
  std::vector<std::string> tags;       ///< what to push there: the first that is no other image's in the engine
  std::uint64_t bytes = 0;             ///< of its layers, compressed
  std::vector<std::string> configs{};  ///< digests of its configs, which engines take for an image's id
  RegistryLogin source{};
  RegistryLogin target{};
};

/// What came of it.
struct Arrived {
  std::string digest;              ///< that the target's registry has now
  std::string tag;                 ///< and under which tag
  std::vector<std::string> notes;  ///< what was left out, what could not be removed: sentences
};

/// Told of each step when it begins, and of what the engine says in it.
using ToldStep = std::function<void(Step step, const Progress& progress)>;

/// Thread: one; blocks. Borrows the client for its life.
class Carrier {
 public:
  Carrier(Client& client, Ledger ledger) : client_(client), ledger_(std::move(ledger)) {}

  /// Removes what killed runs have left. Best effort: sentences for what is still there.
  std::vector<std::string> clear();

  /// Errors: storage (no room where the engine keeps images), conflict (the engine has other images under all names
  /// that could be pushed), those of Client, each with the step. What was brought is removed after an error, too, and
  /// when `stop` asks to end.
  Result<Arrived> carry(const Order& order, const ToldStep& told, const std::stop_token& stop);

 private:
  Status check_room(const Order& order, const net::ExchangeContext& context);
  struct Name {
    std::string tag;
    bool there = false;  ///< the engine has the image under it already
  };
  Result<Name> name_for(const Order& order, const std::string& image_id, const std::stop_token& stop);
  Result<Arrived> bring(const Order& order, const ToldStep& told, const std::stop_token& stop);
  void tidy(std::vector<std::string>& notes, std::size_t keep, bool may_follow);

  Client& client_;
  Ledger ledger_;
};

/// Bytes that the engine's disk must have free for an image: as it is sent, and unpacked beside that. Pure; a least
/// amount, since nobody knows what it unpacks to.
std::uint64_t room_for(std::uint64_t compressed_bytes);

}  // namespace sluice::engine
