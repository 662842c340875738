#include "oci/digest.hpp"

#include "base/text.hpp"
#include "oci/grammar.hpp"

#include <fmt/format.h>

namespace sluice::oci {

namespace {

constexpr std::string_view name(HashAlgorithm algorithm) {
  return algorithm == HashAlgorithm::sha256 ? "sha256" : "sha512";
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  if (const auto fault = grammar::digest_fault(text)) {
    return Error(ErrorKind::protocol, fmt::format("cannot read the digest \"{}\": at character {}: {}",
                                                  text::printable(text), fault->at + 1, fault->why));
  }
  const auto [algorithm, hex] = text::cut(text, ':');
  return Digest(algorithm == "sha256" ? HashAlgorithm::sha256 : HashAlgorithm::sha512, std::string(hex));
}

Digest Digest::of(std::string_view bytes, HashAlgorithm algorithm) {
  return Digest(algorithm, hash_hex(algorithm, bytes));
}

std::string Digest::text() const { return fmt::format("{}:{}", name(algorithm_), hex_); }

}  // namespace sluice::oci
