#include "sandbox/control/made_image.hpp"

#include "base/hash.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kManifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view kList = "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr std::string_view kConfig = "application/vnd.docker.container.image.v1+json";
constexpr std::string_view kLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip";

std::string digest_of_bytes(std::string_view bytes) { return "sha256:" + hash_hex(HashAlgorithm::sha256, bytes); }

// Bytes that do not compress, the same for the same seed (SplitMix64).
std::string noise(std::string_view seed, std::size_t count) {
  std::uint64_t state = 0;
  for (const char letter : seed) state = state * 1099511628211U + static_cast<unsigned char>(letter);
  std::string bytes(count, '\0');
  for (std::size_t i = 0; i < count; i += 8) {
    state += 0x9E3779B97F4A7C15U;
    auto value = state;
    value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9U;
    value = (value ^ (value >> 27U)) * 0x94D049BB133111EBU;
    value ^= value >> 31U;
    std::memcpy(bytes.data() + i, &value, std::min<std::size_t>(8, count - i));
  }
  return bytes;
}

void put(std::string& header, std::size_t at, std::string_view text) { header.replace(at, text.size(), text); }

// A ustar archive with one file.
std::string tar_of(const std::string& name, const std::string& content) {
  std::string header(512, '\0');
  put(header, 0, name);
  put(header, 100, "0000644");
  put(header, 108, "0000000");
  put(header, 116, "0000000");
  put(header, 124, fmt::format("{:011o}", content.size()));
  put(header, 136, "00000000000");
  put(header, 148, "        ");
  header[156] = '0';
  put(header, 257,
      std::string_view("ustar\0"
                       "00",
                       8));
  unsigned sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  put(header, 148, fmt::format("{:06o}", sum));
  header[154] = '\0';
  auto archive = header + content;
  archive.resize((archive.size() + 511) / 512 * 512 + 1024, '\0');
  return archive;
}

std::uint32_t crc32_of(std::string_view bytes) {
  static const auto kTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      auto value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value & 1U) != 0 ? 0xEDB88320U ^ (value >> 1U) : value >> 1U;
      table[i] = value;
    }
    return table;
  }();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes) crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU] ^ (crc >> 8U);
  return crc ^ 0xFFFFFFFFU;
}

void put_little(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8U * static_cast<unsigned>(i))) & 0xFFU);
}

// gzip without compressing: noise would not get smaller.
std::string gzip_stored(std::string_view bytes) {
  constexpr std::size_t kBlock = 65535;
  std::string out("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", 10);
  for (std::size_t at = 0; at < bytes.size(); at += kBlock) {
    const auto part = bytes.substr(at, kBlock);
    out += at + part.size() == bytes.size() ? '\x01' : '\x00';
    const auto length = static_cast<std::uint32_t>(part.size());
    put_little(out, length, 2);
    put_little(out, ~length & 0xFFFFU, 2);
    out += part;
  }
  put_little(out, crc32_of(bytes), 4);
  put_little(out, static_cast<std::uint32_t>(bytes.size() & 0xFFFFFFFFU), 4);
  return out;
}

Json descriptor(std::string_view media_type, std::string_view bytes) {
  auto entry = Json::object();
  entry.set("mediaType", media_type);
  entry.set("size", static_cast<std::int64_t>(bytes.size()));
  entry.set("digest", digest_of_bytes(bytes));
  return entry;
}

struct Platform {
  std::string os;
  std::string architecture;
};

Platform platform_of(std::string_view text) {
  const auto [os, architecture] = text::cut(text, '/');
  return {std::string(os), std::string(architecture)};
}

std::string config_of(const Scenario::Image& wanted, const Platform& platform, const Json::Array& diff_ids) {
  auto config = Json::object();
  config.set("architecture", platform.architecture);
  config.set("os", platform.os);
  config.set("created", "2020-01-01T00:00:00Z");
  auto labels = Json::object();
  labels.set("io.openshift.build.name", fmt::format("{}-{}", wanted.stream, wanted.tag));
  config.set("config",
             Json::object().set("Labels", std::move(labels)).set("Cmd", Json(Json::Array{Json("/bin/true")})));
  config.set("rootfs", Json::object().set("type", "layers").set("diff_ids", diff_ids));
  auto history = Json::array();
  for (std::size_t i = 0; i < diff_ids.size(); ++i) {
    history.push(Json::object().set("created", "2020-01-01T00:00:00Z").set("created_by", "sluice sandbox"));
  }
  config.set("history", std::move(history));
  return config.dump();
}

MadeManifest add_platform(const Scenario::Image& wanted, const Platform& platform, MadeImage& image) {
  auto layers = Json::array();
  Json::Array diff_ids;
  for (std::int64_t i = 0; i < wanted.layers; ++i) {
    const auto seed = fmt::format("{}/{}/{}", wanted.stream, wanted.tag, i);
    const auto tar = tar_of(fmt::format("layer-{}", i), noise(seed, static_cast<std::size_t>(wanted.layer_bytes)));
    auto layer = gzip_stored(tar);
    diff_ids.emplace_back(digest_of_bytes(tar));
    layers.push(descriptor(kLayer, layer));
    image.blobs.push_back(std::move(layer));
  }
  auto config = config_of(wanted, platform, diff_ids);
  auto manifest = Json::object();
  manifest.set("schemaVersion", 2);
  manifest.set("mediaType", kManifest);
  manifest.set("config", descriptor(kConfig, config));
  manifest.set("layers", std::move(layers));
  image.blobs.push_back(std::move(config));
  auto bytes = manifest.dump_pretty();
  return {digest_of_bytes(bytes), std::string(kManifest), std::move(bytes)};
}

}  // namespace

MadeImage make_image(const Scenario::Image& wanted) {
  MadeImage image;
  if (wanted.platforms.size() < 2) {
    const auto platform = wanted.platforms.empty() ? "linux/amd64" : wanted.platforms.front();
    image.manifests.push_back(add_platform(wanted, platform_of(platform), image));
    return image;
  }
  auto entries = Json::array();
  for (const auto& text : wanted.platforms) {
    const auto platform = platform_of(text);
    auto child = add_platform(wanted, platform, image);
    auto entry = descriptor(kManifest, child.bytes);
    entry.set("platform", Json::object().set("architecture", platform.architecture).set("os", platform.os));
    entries.push(std::move(entry));
    image.manifests.push_back(std::move(child));
  }
  auto list = Json::object();
  list.set("schemaVersion", 2);
  list.set("mediaType", kList);
  list.set("manifests", std::move(entries));
  auto bytes = list.dump_pretty();
  image.manifests.push_back({digest_of_bytes(bytes), std::string(kList), std::move(bytes)});
  return image;
}

}  // namespace sluice::sandbox
