#include "sandbox/core/token_text.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"

#include <openssl/sha.h>

#include <array>
#include <random>

namespace sluice::sandbox {

std::string base64url(std::string_view bytes) {
  auto text = encoding::base64(bytes);
  for (auto& letter : text) {
    if (letter == '+') letter = '-';
    if (letter == '/') letter = '_';
  }
  while (text.ends_with('=')) text.pop_back();
  return text;
}

std::string base64url_sha256(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return base64url(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

std::string random_token() {
  std::random_device source;
  std::array<char, 32> bytes{};
  for (auto& byte : bytes) byte = static_cast<char>(source());
  return base64url(std::string_view(bytes.data(), bytes.size()));
}

std::string service_account_token(std::string_view identity,
                                  std::optional<std::chrono::system_clock::time_point> expires) {
  auto header = Json::object();
  header.set("alg", "RS256");
  header.set("typ", "JWT");
  auto payload = Json::object();
  payload.set("iss", "kubernetes/serviceaccount");
  payload.set("sub", identity);
  if (expires) payload.set("exp", std::chrono::system_clock::to_time_t(*expires));
  return base64url(header.dump()) + "." + base64url(payload.dump()) + "." + random_token();
}

std::string token_object_name(std::string_view token) {
  static constexpr std::string_view kHashed = "sha256~";
  if (!token.starts_with(kHashed)) return std::string(token);
  return std::string(kHashed) + base64url_sha256(token.substr(kHashed.size()));
}

}  // namespace sluice::sandbox
