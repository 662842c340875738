// Schema1Signer: JSON web signatures in the form of libtrust, ES256.
#include "base/json.hpp"
#include "sandbox/core/store.hpp"
#include "sandbox/core/token_text.hpp"
#include "sandbox/registry/schema1.hpp"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

namespace sluice::sandbox {

namespace {

constexpr std::size_t kCoordinateBytes = 32;  // P-256
constexpr std::size_t kKeyIdBytes = 30;       // of a SHA-256: 240 bits, twelve groups of four letters

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using DigestPtr = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using SignaturePtr = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

std::string fixed_bytes(const BIGNUM& number) {
  std::string bytes(kCoordinateBytes, '\0');
  BN_bn2binpad(&number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return bytes;
}

std::string coordinate(const EVP_PKEY& key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(&key, name, &number) != 1) return {};
  const NumberPtr owned(number);
  return base64url(fixed_bytes(*owned));
}

// RFC 4648 base32 in groups: "ABCD:EFGH:...".
std::string grouped_base32(std::span<const unsigned char> bytes) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  unsigned bits = 0;
  unsigned have = 0;
  std::size_t letters = 0;
  for (const unsigned char byte : bytes) {
    bits = (bits << 8U) | byte;
    have += 8;
    for (; have >= 5; have -= 5) {
      if (letters > 0 && letters % 4 == 0) out += ':';
      out += kLetters[(bits >> (have - 5U)) & 31U];
      ++letters;
    }
    bits &= (1U << have) - 1U;
  }
  return out;
}

std::string key_id(EVP_PKEY& key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(&key, &der);
  if (size <= 0) return {};
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(der, static_cast<std::size_t>(size), hash.data());
  OPENSSL_free(der);
  return grouped_base32(std::span(hash).first(kKeyIdBytes));
}

// r and s side by side (RFC 7518 section 3.4) out of the DER that OpenSSL makes.
std::string plain_signature(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const SignaturePtr signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return {};
  return fixed_bytes(*ECDSA_SIG_get0_r(signature.get())) + fixed_bytes(*ECDSA_SIG_get0_s(signature.get()));
}

}  // namespace

struct Schema1Signer::Key {
  KeyPtr pair;
  std::string id;
  std::string x;
  std::string y;

  std::string sign(const std::string& text) const {
    const DigestPtr context(EVP_MD_CTX_new());
    std::size_t size = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    if (!context || !pair || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, pair.get()) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1) {
      return {};
    }
    std::string der(size, '\0');
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(der.data()), &size, bytes, text.size()) != 1) {
      return {};
    }
    der.resize(size);
    return plain_signature(der);
  }
};

Schema1Signer::Schema1Signer() {
  auto key = std::make_shared<Key>();
  key->pair.reset(EVP_EC_gen("P-256"));
  if (key->pair) {
    key->id = key_id(*key->pair);
    key->x = coordinate(*key->pair, OSSL_PKEY_PARAM_EC_PUB_X);
    key->y = coordinate(*key->pair, OSSL_PKEY_PARAM_EC_PUB_Y);
  }
  key_ = std::move(key);
}

Result<std::string> Schema1Signer::sign(const std::string& payload) const {
  constexpr std::string_view kTail = "\n}";
  const auto length = payload.size() - kTail.size();
  const auto header = base64url(fmt::format(R"({{"formatLength":{},"formatTail":"{}","time":"{}"}})", length,
                                            base64url(kTail), rfc3339(std::chrono::system_clock::now())));
  const auto signature = key_->sign(header + "." + base64url(payload));
  if (signature.empty()) return Error(ErrorKind::internal, "OpenSSL could not sign a manifest");
  constexpr std::string_view kForm =
      "{},\n   \"signatures\": [\n      {{\n         \"header\": {{\n            \"jwk\": {{\n"
      "               \"crv\": \"P-256\",\n               \"kid\": \"{}\",\n               \"kty\": \"EC\",\n"
      "               \"x\": \"{}\",\n               \"y\": \"{}\"\n            }},\n"
      "            \"alg\": \"ES256\"\n         }},\n         \"signature\": \"{}\",\n"
      "         \"protected\": \"{}\"\n      }}\n   ]{}";
  return fmt::format(kForm, payload.substr(0, length), key_->id, key_->x, key_->y, base64url(signature), header, kTail);
}

}  // namespace sluice::sandbox
