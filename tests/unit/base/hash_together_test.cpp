// Two streams hashed in one loop, against each of them hashed by OpenSSL alone.

#include "base/encoding.hpp"
#include "base/hash.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <string_view>

namespace sluice {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// The measure: OpenSSL's own interface, which the hasher does not use.
std::string evp_hex(std::string_view text, const EVP_MD* algorithm = EVP_sha256()) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), out.data(), &size, algorithm, nullptr);
  return encoding::hex(std::as_bytes(std::span(out).first(size)));
}

std::string random_text(std::mt19937& random, std::size_t size) {
  std::string out(size, '\0');
  for (auto& c : out) c = static_cast<char>(random() & 0xff);
  return out;
}

struct Pair {
  Hasher first{HashAlgorithm::sha256};
  Hasher second{HashAlgorithm::sha256};
};

// Each call takes up to `longest` bytes of each, by chance.
void feed(Pair& pair, std::string_view first, std::string_view second, std::size_t longest, std::mt19937& random,
          bool in_pairs) {
  while (!first.empty() || !second.empty()) {
    const auto one = first.substr(0, random() % (longest + 1));
    const auto two = second.substr(0, random() % (longest + 1));
    update_together(pair.first, bytes_of(one), pair.second, bytes_of(two), in_pairs);
    first.remove_prefix(one.size());
    second.remove_prefix(two.size());
  }
}

void expect_right(std::string_view first, std::string_view second, std::size_t longest, std::mt19937& random) {
  for (const bool in_pairs : {true, false}) {
    Pair pair;
    feed(pair, first, second, longest, random, in_pairs);
    EXPECT_EQ(pair.first.finish_hex(), evp_hex(first))
        << first.size() << " beside " << second.size() << ", in pairs: " << in_pairs;
    EXPECT_EQ(pair.second.finish_hex(), evp_hex(second))
        << second.size() << " beside " << first.size() << ", in pairs: " << in_pairs;
  }
}

class HashTogether : public ::testing::Test {
 protected:
  // Where the instructions are missing the same tests show that the other way is right, and no more.
  void TearDown() override {
    if (!HasFailure() && !hashes_in_pairs())
      GTEST_SKIP() << "this processor has no SHA instructions: only one stream after the other was tested";
  }
  std::mt19937 random_{20221};  // the same content in every run
};

// NIST's examples for FIPS 180-4: one block, two blocks, a million letters.
TEST_F(HashTogether, AgreesWithTheStandardInBothPlaces) {
  struct Row {
    std::string text;
    const char* hex;
  };
  const std::array<Row, 4> rows{{
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  }};
  for (const auto& one : rows) {
    for (const auto& two : rows) {
      Pair pair;
      update_together(pair.first, bytes_of(one.text), pair.second, bytes_of(two.text));
      EXPECT_EQ(pair.first.finish_hex(), one.hex);
      EXPECT_EQ(pair.second.finish_hex(), two.hex);
    }
  }
}

TEST_F(HashTogether, AgreesWithOpenSslForAllLengthsUpTo300) {
  for (std::size_t size = 0; size <= 300; ++size) {
    const auto first = random_text(random_, size);
    for (const auto other : {size, 300 - size, (size * 7 + 13) % 301}) {
      const auto second = random_text(random_, other);
      expect_right(first, second, 300, random_);
      expect_right(first, second, 7, random_);
    }
  }
}

TEST_F(HashTogether, AgreesWithOpenSslForAnySplitsOfUnequalStreamsUpToOneMiB) {
  const auto content = random_text(random_, std::size_t{1} << 20);
  for (int round = 0; round < 60; ++round) {
    // Beginning anywhere, so that blocks lie at any address.
    const auto first = std::string_view(content).substr(random_() % 4096);
    const auto second = std::string_view(content).substr(random_() % 4096, random_() % content.size());
    expect_right(first, second, std::size_t{1} << (6 + random_() % 14), random_);
  }
}

RC_GTEST_PROP(HashTogetherProperty, LeavesTheStateThatUpdatesLeave, ()) {
  const auto first = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const auto second = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const auto begun = *rc::gen::inRange(0, 200);
  Pair together;
  together.first.update(std::string(static_cast<std::size_t>(begun), 'x'));
  Pair apart = together;
  update_together(together.first, bytes_of(first + second + first), together.second, bytes_of(second + first));
  apart.first.update(first + second + first);
  apart.second.update(second + first);
  RC_ASSERT(together.first.save() == apart.first.save());
  RC_ASSERT(together.second.save() == apart.second.save());
}

TEST_F(HashTogether, CountsBeyondFourGiB) {
  // The state says that all but 64 of 2^32 bits, or bytes, were hashed; the carry must survive.
  for (const auto* count : {"\0\0\0\0\x1f\xff\xff\xc0", "\0\0\0\0\xff\xff\xff\xc0"}) {
    auto state = Hasher(HashAlgorithm::sha256).save();
    state.replace(1, 8, std::string(count, 8));
    auto together = Hasher::restore(HashAlgorithm::sha256, state);
    ASSERT_TRUE(together.ok());
    Hasher apart = *together;
    Hasher other(HashAlgorithm::sha256);
    const std::string text(1000, 'a');
    update_together(*together, bytes_of(text), other, bytes_of(text));
    apart.update(text);
    EXPECT_EQ(together->save(), apart.save());
  }
}

TEST_F(HashTogether, LeavesOtherAlgorithmsToEachOfThem) {
  const auto text = random_text(random_, 1000);
  for (const bool swapped : {false, true}) {
    Hasher one(HashAlgorithm::sha512);
    Hasher two(swapped ? HashAlgorithm::sha512 : HashAlgorithm::sha256);
    if (swapped) {
      update_together(two, bytes_of(text), one, bytes_of(text));
    } else {
      update_together(one, bytes_of(text), two, bytes_of(text));
    }
    EXPECT_EQ(one.finish_hex(), evp_hex(text, EVP_sha512()));
    EXPECT_EQ(two.finish_hex(), evp_hex(text, swapped ? EVP_sha512() : EVP_sha256()));
  }
}

}  // namespace
}  // namespace sluice
