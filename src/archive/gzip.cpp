#include "archive/gzip.hpp"

#include <algorithm>
#include <new>
#include <utility>
#include <vector>
#include <zlib.h>

namespace sluice::archive {

namespace {

constexpr std::size_t kBlock = std::size_t{64} * 1024;
constexpr int kLevel = 6;
constexpr int kMemory = 8;
constexpr int kGzip = 16 + MAX_WBITS;  // zlib.h: with gzip's header and trailer

std::string_view text_of(const std::vector<Bytef>& room, std::size_t left) {
  return {reinterpret_cast<const char*>(room.data()), room.size() - left};
}

}  // namespace

struct Gzip::State {
  TakeBytes take;
  z_stream stream{};
  std::vector<Bytef> in;  // one block; filled before zlib sees it
  std::vector<Bytef> out = std::vector<Bytef>(kBlock);
};

Gzip::Gzip(TakeBytes take) : state_(std::make_unique<State>()) {
  state_->take = std::move(take);
  state_->in.reserve(kBlock);
  // Only for want of memory.
  if (deflateInit2(&state_->stream, kLevel, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
}

Gzip::~Gzip() { deflateEnd(&state_->stream); }

Status Gzip::feed(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kBlock - state_->in.size()));
    const auto* data = reinterpret_cast<const Bytef*>(part.data());
    state_->in.insert(state_->in.end(), data, data + part.size());
    bytes = bytes.subspan(part.size());
    if (state_->in.size() == kBlock) SLUICE_CHECK(pack(false));
  }
  return {};
}

Status Gzip::finish() { return pack(true); }

Status Gzip::pack(bool last) {
  auto& s = *state_;
  s.stream.next_in = s.in.data();
  s.stream.avail_in = static_cast<uInt>(s.in.size());
  int code = Z_OK;
  do {
    s.stream.next_out = s.out.data();
    s.stream.avail_out = static_cast<uInt>(s.out.size());
    code = deflate(&s.stream, last ? Z_FINISH : Z_NO_FLUSH);
    SLUICE_CHECK(s.take(text_of(s.out, s.stream.avail_out)));
  } while (last ? code != Z_STREAM_END : s.stream.avail_out == 0);
  s.in.clear();
  return {};
}

struct Gunzip::State {
  TakeBytes take;
  z_stream stream{};
  std::vector<Bytef> out = std::vector<Bytef>(kBlock);
  bool between = false;  // a member has ended, and nothing came after it
};

Gunzip::Gunzip(TakeBytes take) : state_(std::make_unique<State>()) {
  state_->take = std::move(take);
  if (inflateInit2(&state_->stream, kGzip) != Z_OK) throw std::bad_alloc();
}

Gunzip::~Gunzip() { inflateEnd(&state_->stream); }

Status Gunzip::feed(std::span<const std::byte> bytes) {
  auto& s = *state_;
  // zlib reads through this pointer only; its type is older than const.
  s.stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  s.stream.avail_in = static_cast<uInt>(bytes.size());
  bool full = false;
  while (s.stream.avail_in > 0 || full) {
    if (std::exchange(s.between, false)) inflateReset(&s.stream);
    s.stream.next_out = s.out.data();
    s.stream.avail_out = static_cast<uInt>(s.out.size());
    const int code = inflate(&s.stream, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
      return Error(ErrorKind::integrity, "a layer is packed with gzip, and damaged");
    SLUICE_CHECK(s.take(text_of(s.out, s.stream.avail_out)));
    s.between = code == Z_STREAM_END;
    full = !s.between && s.stream.avail_out == 0;
  }
  return {};
}

Status Gunzip::finish() {
  if (state_->between) return {};
  return Error(ErrorKind::integrity, "a layer is packed with gzip, and cut off");
}

}  // namespace sluice::archive
