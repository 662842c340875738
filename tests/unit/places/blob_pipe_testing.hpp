#pragma once
// What the tests of BlobPipe share: blobs from text, and its two sides in text.

#include "places/blob_pipe.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sluice::places::testing {

inline oci::Descriptor descriptor_of(std::string_view content) {
  return {"application/octet-stream", oci::Digest::of(content), content.size(), {}, {}, {}};
}

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

inline net::Flow take_text(BlobPipe& pipe, std::string_view text) { return pipe.take(bytes_of(text)); }

/// What one call gives; empty unless something moved.
inline std::string give_text(BlobPipe& pipe, std::size_t room_bytes) {
  std::string room(room_bytes, '\0');
  const auto given = pipe.give(std::as_writable_bytes(std::span(room)));
  return given.flow == net::Flow::moved ? room.substr(0, given.count) : std::string();
}

}  // namespace sluice::places::testing
