#include "sandbox/registry/upload_state.hpp"

#include "base/encoding.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <span>

namespace sluice::sandbox {

namespace {

constexpr std::size_t kHexBytes = 64;
constexpr std::size_t kMaxStateBytes = 4096;
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Go's base64.CorruptInputError is a number: where the first wrong character stands.
std::int64_t corrupt_at(std::string_view text) {
  const auto end = std::min(text.find_first_not_of(kAlphabet), text.size());
  return static_cast<std::int64_t>(end < text.size() ? end : end - end % 4);
}

std::string url_safe(std::string text) {
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

}  // namespace

std::string sign_text(std::string_view text, std::string_view secret) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &size);
  return encoding::hex(std::as_bytes(std::span(out).first(size)));
}

std::string pack_state(const UploadState& state, std::string_view secret) {
  auto body = Json::object();
  body.set("Name", state.name);
  body.set("UUID", state.id);
  body.set("Offset", state.offset);
  body.set("StartedAt", state.started);
  const auto text = body.dump();
  return url_safe(encoding::base64(sign_text(text, secret) + text));
}

std::variant<UploadState, Json> unpack_state(std::string_view text, std::string_view secret) {
  const auto core = text.substr(0, text.find_last_not_of('=') + 1);
  if (text.size() > kMaxStateBytes) return Json::object();
  const bool known = core.find_first_not_of(kAlphabet) == std::string_view::npos && text.size() % 4 == 0;
  const auto plain = encoding::decode_base64(text);
  if (!known || !plain.ok()) return Json(corrupt_at(core));
  if (plain->size() < kHexBytes) return Json::object();
  const auto signature = std::string_view(*plain).substr(0, kHexBytes);
  const auto body = std::string_view(*plain).substr(kHexBytes);
  const auto expected = sign_text(body, secret);
  if (CRYPTO_memcmp(signature.data(), expected.data(), kHexBytes) != 0) return Json::object();
  const auto state = parse_json(body);
  if (!state.ok()) return Json::object();
  return UploadState{state->string_at("Name").value_or(""), state->string_at("UUID").value_or(""),
                     static_cast<std::uint64_t>(state->integer_at("Offset").value_or(0)),
                     state->string_at("StartedAt").value_or("")};
}

}  // namespace sluice::sandbox
