#include "sandbox/registry/schema1.hpp"

#include "base/encoding.hpp"
#include "base/hash.hpp"
#include "base/json.hpp"
#include "sandbox/core/tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::sandbox {

namespace {

// The gzipped tar archive without files that every registry of this kind serves for layers that change nothing.
constexpr std::array<char, 32> kEmptyLayer{'\x1f', '\x8b', '\x08', '\x00', '\x00', '\x09', '\x6e', '\x88',
                                           '\x00', '\xff', '\x62', '\x18', '\x05', '\xa3', '\x60', '\x14',
                                           '\x8c', '\x58', '\x00', '\x08', '\x00', '\x00', '\xff', '\xff',
                                           '\x2e', '\xaf', '\xb5', '\xef', '\x00', '\x04', '\x00', '\x00'};

std::string sha256(std::string_view text) { return hash_hex(HashAlgorithm::sha256, text); }
std::string hex_of(std::string_view digest) { return std::string(digest.substr(digest.find(':') + 1)); }
std::string in_quotes(std::string_view text) { return Json(text).dump(); }

Error malformed(std::string_view why) {
  return {ErrorKind::protocol, fmt::format("not a manifest of schema 1: {}", why)};
}

// What a layer below the top says of itself.
std::string compatibility(const Json& history, const std::string& id, const std::string& parent) {
  auto entry = Json::object();
  entry.set("id", id);
  if (!parent.empty()) entry.set("parent", parent);
  if (const auto comment = text_at(history, {"comment"}); !comment.empty()) entry.set("comment", comment);
  const auto created = text_at(history, {"created"});
  entry.set("created", created.empty() ? "0001-01-01T00:00:00Z" : created);
  auto container = Json::object();
  auto command = Json::array();
  command.push(text_at(history, {"created_by"}));
  container.set("Cmd", std::move(command));
  entry.set("container_config", std::move(container));
  if (const auto author = text_at(history, {"author"}); !author.empty()) entry.set("author", author);
  if (flag_at(history, {"empty_layer"})) entry.set("throwaway", true);
  return entry.dump();
}

// The top layer carries the image's config.
std::string top_compatibility(Json config, const std::string& id, const std::string& parent, bool throwaway) {
  config.remove("rootfs");
  config.remove("history");
  config.set("id", id);
  if (!parent.empty()) config.set("parent", parent);
  if (throwaway) config.set("throwaway", true);
  return config.canonical();
}

struct Entry {
  std::string layer;
  std::string compatibility;
};

// One member a line, three blanks of indent: the signature is over exactly this text.
std::string payload_text(std::string_view repository, std::string_view tag, std::string_view architecture,
                         const std::vector<Entry>& entries) {
  std::string layers;
  std::string history;
  for (const auto& entry : entries) {
    const char* comma = layers.empty() ? "" : ",";
    layers += fmt::format("{}\n      {{\n         \"blobSum\": {}\n      }}", comma, in_quotes(entry.layer));
    history +=
        fmt::format("{}\n      {{\n         \"v1Compatibility\": {}\n      }}", comma, in_quotes(entry.compatibility));
  }
  return fmt::format(
      "{{\n   \"schemaVersion\": 1,\n   \"name\": {},\n   \"tag\": {},\n   \"architecture\": {},\n"
      "   \"fsLayers\": [{}\n   ],\n   \"history\": [{}\n   ]\n}}",
      in_quotes(repository), in_quotes(tag), in_quotes(architecture), layers, history);
}

Result<std::string> text_of_base64(const Json& object, std::string_view member) {
  const auto text = object.string_at(member);
  if (!text) return malformed(fmt::format("no {}", member));
  return encoding::decode_base64(*text);
}

}  // namespace

std::string_view empty_layer() { return {kEmptyLayer.data(), kEmptyLayer.size()}; }

Result<std::string> schema1_payload(std::string_view repository, std::string_view tag, std::string_view config_text,
                                    const std::vector<std::string>& layers) {
  SLUICE_TRY(const auto config, parse_json(config_text));
  const auto& history = at(config, {"history"}).items();
  if (history.empty()) {
    return Error(ErrorKind::unsupported, "empty history when trying to create schema1 manifest");
  }
  const auto full =
      std::count_if(history.begin(), history.end(), [](const Json& entry) { return !flag_at(entry, {"empty_layer"}); });
  if (at(config, {"rootfs", "diff_ids"}).items().size() != layers.size() ||
      static_cast<std::size_t>(full) != layers.size()) {
    return Error(ErrorKind::unsupported, "the config names another number of layers than the manifest");
  }
  std::vector<Entry> entries;
  std::string parent;
  auto layer = layers.begin();
  for (std::size_t i = 0; i < history.size(); ++i) {
    const bool empty = flag_at(history[i], {"empty_layer"});
    const std::string blob = empty ? std::string(kEmptyLayerDigest) : *layer++;
    if (i + 1 < history.size()) {
      const auto id = sha256(hex_of(blob) + " " + parent);
      entries.push_back({blob, compatibility(history[i], id, parent)});
      parent = id;
    } else {
      const auto id = sha256(fmt::format("{} {} {}", hex_of(blob), parent, config_text));
      entries.push_back({blob, top_compatibility(config, id, parent, empty)});
    }
  }
  std::reverse(entries.begin(), entries.end());  // schema 1 begins with the top
  return payload_text(repository, tag, text_at(config, {"architecture"}), entries);
}

Result<Schema1Manifest> read_schema1(std::string_view text) {
  SLUICE_TRY(const auto manifest, parse_json(text));
  if (number_at(manifest, {"schemaVersion"}) != 1) return malformed("another schemaVersion");
  Schema1Manifest out;
  for (const auto& layer : at(manifest, {"fsLayers"}).items()) out.layers.push_back(text_at(layer, {"blobSum"}));
  if (out.layers.empty() || at(manifest, {"history"}).items().size() != out.layers.size()) {
    return malformed("fsLayers and history do not fit");
  }
  const auto& signatures = at(manifest, {"signatures"}).items();
  if (signatures.empty()) return malformed("no signatures");
  // The signed text is the first part of this one, and a tail that stands in the signature.
  SLUICE_TRY(const auto header_text, text_of_base64(signatures.front(), "protected"));
  SLUICE_TRY(const auto header, parse_json(header_text));
  SLUICE_TRY(const auto tail, text_of_base64(header, "formatTail"));
  const auto length = number_at(header, {"formatLength"});
  if (length <= 0 || static_cast<std::size_t>(length) > text.size()) return malformed("a wrong formatLength");
  out.payload = std::string(text.substr(0, static_cast<std::size_t>(length))) + tail;
  SLUICE_TRY(auto signed_part, parse_json(out.payload));
  auto unsigned_manifest = manifest;
  unsigned_manifest.remove("signatures");
  if (!same_tree(signed_part, unsigned_manifest)) return malformed("the signature is of another text");
  return out;
}

}  // namespace sluice::sandbox
