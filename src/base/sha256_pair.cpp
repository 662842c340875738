#include "base/sha256_pair.hpp"

#include <array>
#include <cstdlib>
#include <utility>

// The functions below name the instructions that they need, so the rest of the program runs where these are missing.
#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define SLUICE_WITH_SHA __attribute__((target("sha,sse4.1,ssse3")))
// A value in a register must not pass through a call: all of a block is one function in the end.
#define SLUICE_PART_OF_BLOCK __attribute__((target("sha,sse4.1,ssse3"), always_inline)) inline

namespace sluice::sha256_pair {

namespace {

// FIPS 180-4, section 4.2.2.
alignas(16) constexpr std::array<std::uint32_t, 64> kConstants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

bool asked_processor() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  constexpr unsigned kSsse3 = 1U << 9;
  constexpr unsigned kSse41 = 1U << 19;
  constexpr unsigned kSha = 1U << 29;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kSsse3) == 0 || (c & kSse41) == 0) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & kSha) != 0;
}

// One message while it is worked on. The instructions want its eight words a to h in this order, high to low.
struct Lane {
  __m128i abef;
  __m128i cdgh;
  __m128i schedule[4];  // the newest sixteen words of the message schedule, four to a register
};

SLUICE_PART_OF_BLOCK __m128i loaded(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }

SLUICE_PART_OF_BLOCK Lane begun(const std::uint32_t* words) {
  const __m128i badc = _mm_shuffle_epi32(loaded(words), 0xb1);
  const __m128i hgfe = _mm_shuffle_epi32(loaded(words + 4), 0x1b);
  return {_mm_alignr_epi8(badc, hgfe, 8), _mm_blend_epi16(hgfe, badc, 0xf0), {}};
}

SLUICE_PART_OF_BLOCK void put_back(const Lane& lane, std::uint32_t* words) {
  const __m128i feba = _mm_shuffle_epi32(lane.abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(lane.cdgh, 0xb1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(words), _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(words + 4), _mm_alignr_epi8(dchg, feba, 8));
}

// Words are big-endian in a message.
SLUICE_PART_OF_BLOCK void load_block(Lane& lane, const std::byte* block) {
  const __m128i swapped = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  for (int part = 0; part < 4; ++part) lane.schedule[part] = _mm_shuffle_epi8(loaded(block + 16 * part), swapped);
}

// What four rounds take in: the schedule's words and the constants, added.
template <std::size_t Four>
SLUICE_PART_OF_BLOCK __m128i round_input(const Lane& lane) {
  return _mm_add_epi32(lane.schedule[Four % 4],
                       _mm_load_si128(reinterpret_cast<const __m128i*>(kConstants.data() + 4 * Four)));
}

// The four words of the schedule that come sixteen after those of step `Four`, in their place.
template <std::size_t Four>
SLUICE_PART_OF_BLOCK void extend_schedule(Lane& lane) {
  const __m128i last = lane.schedule[(Four + 3) % 4];
  const __m128i seven_back = _mm_alignr_epi8(last, lane.schedule[(Four + 2) % 4], 4);
  __m128i& oldest = lane.schedule[Four % 4];
  oldest = _mm_sha256msg1_epu32(oldest, lane.schedule[(Four + 1) % 4]);
  oldest = _mm_sha256msg2_epu32(_mm_add_epi32(oldest, seven_back), last);
}

template <std::size_t Four>
SLUICE_PART_OF_BLOCK void four_rounds(Lane& first, Lane& second) {
  const __m128i one = round_input<Four>(first);
  const __m128i two = round_input<Four>(second);
  first.cdgh = _mm_sha256rnds2_epu32(first.cdgh, first.abef, one);
  second.cdgh = _mm_sha256rnds2_epu32(second.cdgh, second.abef, two);
  if constexpr (Four < 12) {
    extend_schedule<Four>(first);
    extend_schedule<Four>(second);
  }
  first.abef = _mm_sha256rnds2_epu32(first.abef, first.cdgh, _mm_shuffle_epi32(one, 0x0e));
  second.abef = _mm_sha256rnds2_epu32(second.abef, second.cdgh, _mm_shuffle_epi32(two, 0x0e));
}

template <std::size_t... Fours>
SLUICE_PART_OF_BLOCK void all_rounds(Lane& first, Lane& second, std::index_sequence<Fours...> /*steps*/) {
  (four_rounds<Fours>(first, second), ...);
}

SLUICE_PART_OF_BLOCK void add_words(Lane& lane, const Lane& before) {
  lane.abef = _mm_add_epi32(lane.abef, before.abef);
  lane.cdgh = _mm_add_epi32(lane.cdgh, before.cdgh);
}

}  // namespace

bool available() {
  static const bool has_them = asked_processor();
  return has_them;
}

SLUICE_WITH_SHA void compress(Message first, Message second, std::size_t count) {
  Lane one = begun(first.words.data());
  Lane two = begun(second.words.data());
  for (; count > 0; --count) {
    const Lane one_before = one;
    const Lane two_before = two;
    load_block(one, first.blocks);
    load_block(two, second.blocks);
    all_rounds(one, two, std::make_index_sequence<16>());
    add_words(one, one_before);
    add_words(two, two_before);
    first.blocks += kBlockBytes;
    second.blocks += kBlockBytes;
  }
  put_back(one, first.words.data());
  put_back(two, second.words.data());
}

}  // namespace sluice::sha256_pair

#else

namespace sluice::sha256_pair {

bool available() { return false; }

void compress(Message /*first*/, Message /*second*/, std::size_t /*count*/) { std::abort(); }

}  // namespace sluice::sha256_pair

#endif
