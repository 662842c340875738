#pragma once
// Archives as engines of different ages write them, and as attackers do: headers are made here, byte by byte.

#include "archive/gzip.hpp"
#include "archive/saved_image.hpp"
#include "base/hash.hpp"
#include "base/json.hpp"
#include "support/checks.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::archive {

inline std::string sha256(std::string_view bytes) { return hash_hex(HashAlgorithm::sha256, bytes); }

/// A tar archive that grows. Names and links are written as they are given.
class TarMaker {
 public:
  TarMaker& file(const std::string& path, const std::string& content) {
    bytes_ += header(path, content.size(), '0', "") + content + tar_padding(content.size());
    return *this;
  }
  TarMaker& symlink(const std::string& path, const std::string& to) {
    bytes_ += header(path, 0, '2', to);
    return *this;
  }
  TarMaker& hardlink(const std::string& path, const std::string& to) {
    bytes_ += header(path, 0, '1', to);
    return *this;
  }
  TarMaker& folder(const std::string& path) {
    bytes_ += header(path, 0, '5', "");
    return *this;
  }
  TarMaker& device(const std::string& path) {
    bytes_ += header(path, 0, '3', "");
    return *this;
  }
  std::string end() const { return bytes_ + tar_end(); }

 private:
  static std::string header(const std::string& path, std::size_t size, char type, const std::string& link) {
    std::string out(512, '\0');
    const auto put = [&](std::size_t at, const std::string& text) { out.replace(at, text.size(), text); };
    put(0, path);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, fmt::format("{:011o}", size));
    put(136, "00000000000");
    put(148, "        ");
    out[156] = type;
    put(157, link);
    put(257, "ustar");
    put(263, "00");
    unsigned sum = 0;
    for (const char c : out) sum += static_cast<unsigned char>(c);
    put(148, fmt::format("{:06o}", sum));
    out[154] = '\0';
    return out;
  }

  std::string bytes_;
};

/// Gives `bytes` in pieces of `size`.
inline NextBytes pieces(std::string bytes, std::size_t size) {
  return [bytes = std::move(bytes), size, at = std::size_t{0}]() mutable -> Result<std::string> {
    auto piece = bytes.substr(at, size);
    at += piece.size();
    return piece;
  };
}

/// A layer's content: a tar archive of one file.
inline std::string layer_tar(const std::string& content) { return TarMaker().file("app", content).end(); }

inline std::string packed(const std::string& content) {
  std::string out;
  Gzip gzip([&](std::string_view bytes) {
    out += bytes;
    return Status();
  });
  EXPECT_TRUE(gzip.feed(std::as_bytes(std::span(content))));
  EXPECT_TRUE(gzip.finish());
  return out;
}

inline std::string config_of(const std::vector<std::string>& layers) {
  Json ids = Json::array();
  for (const auto& layer : layers) ids.push("sha256:" + sha256(layer));
  return Json::object()
      .set("architecture", "amd64")
      .set("os", "linux")
      .set("rootfs", Json::object().set("type", "layers").set("diff_ids", std::move(ids)))
      .dump();
}

inline std::string list_of(const std::string& config, const std::vector<std::string>& layers,
                           const std::string& tag = "shop/web:1.4") {
  Json names = Json::array();
  for (const auto& layer : layers) names.push(layer);
  return Json::array()
      .push(
          Json::object().set("Config", config).set("RepoTags", Json::array().push(tag)).set("Layers", std::move(names)))
      .dump();
}

/// A spool of its own for each read.
inline Result<SavedImage> read_image(const std::string& bytes, const ArchiveLimits& limits = {},
                                     std::size_t piece = 10000) {
  SLUICE_TRY(auto spool, Spool::open(std::filesystem::temp_directory_path(), 0));
  return read_saved(pieces(bytes, piece), spool, limits);
}

/// An archive in the form of Docker 20.10: a folder for each layer, a link where one is repeated.
inline std::string old_form(const std::string& base, const std::string& own) {
  const auto config = config_of({base, own, base});
  const auto name = sha256(config) + ".json";
  return TarMaker()
      .folder("aaa/")
      .file("aaa/VERSION", "1.0")
      .file("aaa/json", "{\"id\":\"aaa\"}")
      .file("aaa/layer.tar", base)
      .folder("bbb/")
      .file("bbb/layer.tar", own)
      .symlink("ccc/layer.tar", "../aaa/layer.tar")
      .file(name, config)
      .file("manifest.json", list_of(name, {"aaa/layer.tar", "bbb/layer.tar", "ccc/layer.tar"}))
      .file("repositories", "{}")
      .end();
}

/// The same image in the form of Docker 25 and later.
inline std::string new_form(const std::string& base, const std::string& own) {
  const auto config = config_of({base, own, base});
  const auto blob = [](const std::string& bytes) { return "blobs/sha256/" + sha256(bytes); };
  return TarMaker()
      .folder("blobs/")
      .folder("blobs/sha256/")
      .file(blob(base), base)
      .file(blob(own), own)
      .file(blob(config), config)
      .file("index.json", "{\"schemaVersion\":2}")
      .file("manifest.json", list_of(blob(config), {blob(base), blob(own), blob(base)}))
      .file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}")
      .end();
}

}  // namespace sluice::archive
