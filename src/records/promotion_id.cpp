#include "records/promotion_id.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <random>
#include <sys/random.h>

namespace sluice::records {

namespace {

constexpr int kCharacters = 12;
constexpr unsigned kRandomBits = 18;
constexpr std::uint64_t kRandomMask = (std::uint64_t{1} << kRandomBits) - 1;
constexpr std::uint64_t kValueMask = (std::uint64_t{1} << (kCharacters * 5)) - 1;

// Source: https://www.crockford.com/base32.html; without i, l, o and u, and sorted as the values are.
constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

std::string encode(std::uint64_t value) {
  std::string out(kCharacters + 1, 'p');
  for (std::size_t at = kCharacters; at > 0; --at, value >>= 5U) out[at] = kAlphabet[value & 31U];
  return out;
}

std::uint64_t value_of(std::uint64_t milliseconds, std::uint32_t random) {
  return ((milliseconds << kRandomBits) | (random & kRandomMask)) & kValueMask;
}

std::uint32_t os_random() {
  std::uint32_t value = 0;
  ssize_t got = 0;
  do {
    got = ::getrandom(&value, sizeof value, 0);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof value)) return value;
  return std::random_device{}();  // a seccomp filter without getrandom; this one reads the processor or /dev/urandom
}

}  // namespace

std::string promotion_id(std::uint64_t milliseconds, std::uint32_t random) {
  return encode(value_of(milliseconds, random));
}

std::string new_promotion_id() {
  using std::chrono::milliseconds;
  static std::atomic<std::uint64_t> last{0};
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const auto now = static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(since).count());
  const std::uint64_t fresh = value_of(now, os_random());
  std::uint64_t before = last.load();
  std::uint64_t value = 0;
  do {
    value = fresh > before ? fresh : before + 1;
  } while (!last.compare_exchange_weak(before, value));
  return encode(value);
}

}  // namespace sluice::records
