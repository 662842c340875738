#include "base/hash.hpp"

#include "base/encoding.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <string>

namespace sluice {
namespace {

// FIPS 180-2, appendices B and C.
constexpr const char* kAbc256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kAbc512 =
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

TEST(Hash, AgreesWithTheStandard) {
  EXPECT_EQ(hash_hex(HashAlgorithm::sha256, "abc"), kAbc256);
  EXPECT_EQ(hash_hex(HashAlgorithm::sha512, "abc"), kAbc512);
  EXPECT_EQ(hash_hex(HashAlgorithm::sha256, std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Hash, DoesNotDependOnHowTheBytesArrive) {
  Hasher hasher(HashAlgorithm::sha256);
  hasher.update("a");
  hasher.update("");
  hasher.update(std::as_bytes(std::span(std::string_view("bc"))));
  EXPECT_EQ(hasher.finish_hex(), kAbc256);
}

TEST(Hash, GoesOnAfterAMove) {
  Hasher first(HashAlgorithm::sha512);
  first.update("a");
  Hasher second(std::move(first));
  second.update("b");
  Hasher third(HashAlgorithm::sha256);
  third = std::move(second);
  third.update("c");
  EXPECT_EQ(third.finish_hex(), kAbc512);
}

// The measure: OpenSSL's own interface, which the hasher does not use.
std::string evp_hex(HashAlgorithm algorithm, const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), out.data(), &size,
             algorithm == HashAlgorithm::sha256 ? EVP_sha256() : EVP_sha512(), nullptr);
  return encoding::hex(std::as_bytes(std::span(out).first(size)));
}

RC_GTEST_PROP(HashProperty, GoesOnAfterASaveAtAnyByteAndAgreesWithEvp, ()) {
  const auto algorithm = *rc::gen::element(HashAlgorithm::sha256, HashAlgorithm::sha512);
  const auto text = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const auto repeats = static_cast<std::size_t>(*rc::gen::inRange(1, 9));
  std::string all;
  for (std::size_t i = 0; i < repeats; ++i) all += text;
  const auto at = static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(all.size()) + 1));
  Hasher first(algorithm);
  first.update(all.substr(0, at));
  auto second = Hasher::restore(algorithm, first.save());
  RC_ASSERT(second.ok());
  RC_ASSERT(second->save() == first.save());
  second->update(all.substr(at));
  RC_ASSERT(second->finish_hex() == evp_hex(algorithm, all));
}

RC_GTEST_PROP(HashProperty, TakesNothingForAStateThatIsNone, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha512}) {
    auto state = Hasher::restore(algorithm, text);
    if (state) RC_ASSERT(state->save() == text);
  }
}

TEST(Hash, RefusesAStateThatIsCutLongerOrOfAnotherAlgorithm) {
  Hasher hasher(HashAlgorithm::sha256);
  hasher.update("abc");
  const auto saved = hasher.save();
  EXPECT_LE(saved.size(), 200U);
  EXPECT_TRUE(Hasher::restore(HashAlgorithm::sha256, saved).ok());
  EXPECT_FALSE(Hasher::restore(HashAlgorithm::sha512, saved).ok());
  EXPECT_FALSE(Hasher::restore(HashAlgorithm::sha256, saved + "d").ok());
  EXPECT_FALSE(Hasher::restore(HashAlgorithm::sha256, saved.substr(0, saved.size() - 1)).ok());
  EXPECT_FALSE(Hasher::restore(HashAlgorithm::sha256, "").ok());
  auto endless = saved;
  endless[1] = '\x7f';  // more bytes than can be counted in bits
  EXPECT_FALSE(Hasher::restore(HashAlgorithm::sha256, endless).ok());
}

TEST(Hash, KeepsItsCountBeyondFourGiB) {
  // 5 GiB are not hashed here: the state says that they were, and the count must survive.
  Hasher hasher(HashAlgorithm::sha256);
  auto state = hasher.save();
  state.replace(1, 8, std::string("\0\0\0\1\x40\0\0\0", 8));
  auto restored = Hasher::restore(HashAlgorithm::sha256, state);
  ASSERT_TRUE(restored.ok());
  EXPECT_EQ(restored->save(), state);
}

TEST(Hash, ACopyGoesItsOwnWay) {
  Hasher first(HashAlgorithm::sha256);
  first.update("ab");
  Hasher second(first);
  first.update("x");
  second.update("c");
  EXPECT_EQ(second.finish_hex(), kAbc256);
}

}  // namespace
}  // namespace sluice
