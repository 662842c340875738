#include "base/hash.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace sluice
