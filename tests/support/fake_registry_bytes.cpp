// Bytes of the fake registry, and gates.

#include "support/fake_registry_state.hpp"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <utility>

namespace sluice::support {

void FakeGate::open() {
  const auto wakes = state_.update([](State& s) {
    s.open = true;
    return std::exchange(s.wakes, {});
  });
  for (const auto& wake : wakes) wake();
}

void FakeGate::pass() {
  state_.update([](State& s) { ++s.came; });
  state_.when([](const State& s) { return s.open; }, {}, [](const State&) {});
}

void FakeGate::wait_for(unsigned count) {
  state_.when([&](const State& s) { return s.came >= count; }, {}, [](const State&) {});
}

bool FakeGate::pass_or_call(std::function<void()> wake) {
  return state_.update([&](State& s) {
    if (s.open) return true;
    ++s.came;
    s.wakes.push_back(std::move(wake));
    return false;
  });
}

namespace {
constexpr std::uint64_t kMostInMemory = std::uint64_t{8} * 1024 * 1024;
constexpr std::size_t kPiece = std::size_t{1} * 1024 * 1024;
}  // namespace

FakeBytes::FakeBytes() = default;
FakeBytes::~FakeBytes() {
  if (file_ >= 0) ::close(file_);
}

void FakeBytes::write_out(std::string_view bytes) {
  auto at = static_cast<off_t>(size_);
  while (!bytes.empty()) {
    const auto written = ::pwrite(file_, bytes.data(), bytes.size(), at);
    if (written <= 0) std::abort();  // the disk is full: no test can go on
    bytes.remove_prefix(static_cast<std::size_t>(written));
    at += written;
  }
}

void FakeBytes::append(std::string_view bytes) {
  if (file_ < 0 && size_ + bytes.size() > kMostInMemory) {
    auto name = (std::filesystem::temp_directory_path() / "sluice-fake-XXXXXX").string();
    file_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (file_ < 0) std::abort();
    ::unlink(name.c_str());
    const auto before = std::exchange(size_, 0);
    write_out(memory_);
    size_ = before;
    memory_ = {};
  }
  if (hashed_) sha256_.update(bytes);
  if (file_ >= 0) {
    write_out(bytes);
  } else {
    memory_ += bytes;
  }
  size_ += bytes.size();
}

std::string FakeBytes::read(std::uint64_t at, std::size_t count) const {
  if (at >= size_) return {};
  count = static_cast<std::size_t>(std::min<std::uint64_t>(count, size_ - at));
  if (file_ < 0) return memory_.substr(at, count);
  std::string out(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    const auto got = ::pread(file_, out.data() + have, count - have, static_cast<off_t>(at + have));
    if (got <= 0) std::abort();
    have += static_cast<std::size_t>(got);
  }
  return out;
}

void FakeBytes::shorten(std::uint64_t size) {
  if (size >= size_) return;
  size_ = size;
  if (file_ < 0) memory_.resize(size);
  hashed_ = false;
}

std::string FakeBytes::digest(HashAlgorithm algorithm) const {
  const std::string prefix = algorithm == HashAlgorithm::sha512 ? "sha512:" : "sha256:";
  if (algorithm == HashAlgorithm::sha256 && hashed_) {
    auto all = sha256_;
    return prefix + all.finish_hex();
  }
  Hasher hasher(algorithm);
  for (std::uint64_t at = 0; at < size_; at += kPiece) hasher.update(read(at, kPiece));
  return prefix + hasher.finish_hex();
}

}  // namespace sluice::support
