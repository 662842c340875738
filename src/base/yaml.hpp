#pragma once
// yaml::Node: a small tree of our own for the files that people write, every node with its line and column, and typed
// readers that say what is wrong and where. Read strictly: no duplicate keys, no anchors, no tags, one document.
// The parser below is yaml-cpp's event interface; its headers stay in yaml.cpp. Not for foreign manifests.

#include "base/error.hpp"
#include "base/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::yaml {

/// One value. Scalars keep the text that was written: what it means is up to the reader that asks.
struct Node {
  enum class Kind : std::uint8_t {
    null,  ///< nothing, "~" or "null"
    scalar,
    sequence,
    map,
  };
  struct Member;

  Kind kind = Kind::null;
  int line = 0;    ///< from 1
  int column = 0;  ///< from 1, in bytes
  std::shared_ptr<const std::string> file;
  std::string text;             ///< of a scalar
  bool plain = false;           ///< a scalar without quotes, and no block
  std::vector<Node> items;      ///< of a sequence
  std::vector<Member> members;  ///< of a map, in the order of the file, keys unique

  FilePosition position() const;
  /// The value of a map's member, or null when it is absent or this is no map. Borrowed.
  const Node* find(std::string_view key) const;
};

struct Node::Member {
  Node key;  ///< always a scalar
  Node value;
};

struct Limits {
  std::size_t max_bytes = std::size_t{1024} * 1024;
  std::size_t max_depth = 64;       ///< nothing we read nests deeper than six
  std::size_t max_nodes = 100'000;  ///< keys count
};

/// Reads one YAML document. `file` is what positions name. An empty document is a null node.
/// Errors: config, with the position.
Result<Node> parse(std::string_view text, std::string_view file, Limits limits = {});

/// A config error at a node.
Error error_at(const Node& node, std::string message);

/// " 'key'" for an error about a key that nobody knows; empty for one that does not look like a key, as the file may be
/// somebody's secrets: over 40 bytes, or with other characters than letters, digits, '_', '-' and '.'.
std::string shown_key(const Node& key);

// Typed readers. `what` names the value in messages ("'tag'"). Errors: config, with the position. None of them
// repeats a string's text: it may be a secret in the wrong place.

/// Any scalar, as it is written: `1.10` stays "1.10". Empty text is refused.
Result<std::string> as_string(const Node& node, std::string_view what);
/// Decimal digits without quotes.
Result<std::int64_t> as_integer(const Node& node, std::string_view what);
/// `true` or `false`, without quotes; the other spellings of YAML 1.1 are explained.
Result<bool> as_boolean(const Node& node, std::string_view what);
/// A whole number and a unit: 30s, 10m, 2h, 3d. Range: up to ten years.
Result<std::chrono::seconds> as_duration(const Node& node, std::string_view what);
/// A list of scalars; may be empty.
Result<std::vector<std::string>> as_strings(const Node& node, std::string_view what);

/// The keys that one kind of map may have.
struct Keys {
  std::vector<std::string> known;
  std::vector<std::string> planned;  ///< part of the design and not built yet: refused as such, never ignored
};

/// A map whose keys were checked. Borrows the node.
class MapReader {
 public:
  /// `what` names the map in messages: "the pipeline", "environment 'dev'".
  /// Errors: config (no map, an unknown key with a suggestion and the list, a planned key).
  static Result<MapReader> open(const Node& node, std::string what, const Keys& keys);

  /// Null when the key is absent.
  const Node* find(std::string_view key) const { return node_->find(key); }
  Result<const Node*> require(std::string_view key) const;
  Result<std::string> required_string(std::string_view key) const;
  Result<std::optional<std::string>> optional_string(std::string_view key) const;
  const std::string& what() const { return what_; }
  const Node& node() const { return *node_; }

 private:
  MapReader(const Node& node, std::string what) : node_(&node), what_(std::move(what)) {}

  const Node* node_;
  std::string what_;
};

}  // namespace sluice::yaml
