// Answers of token servers, and what their tokens say of rights.

#include "auth/token.hpp"
#include "auth/token_rights.hpp"
#include "base/encoding.hpp"
#include "base/sent_secrets.hpp"
#include "fuzz/require.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

using namespace sluice;

namespace {

// As a token, and as the claims of one.
void check_rights(const std::string& text) {
  const auth::Scope scope{.repository = "shop/web", .push = true};
  static_cast<void>(auth::grant_of(text, scope));
  auto claims = encoding::base64(text);
  std::replace(claims.begin(), claims.end(), '+', '-');
  std::replace(claims.begin(), claims.end(), '/', '_');
  const bool grants = auth::grant_of("e30." + claims + ".x", scope) == auth::Grant::granted;
  require(!grants || text.find("access") != std::string::npos || text.find('\\') != std::string::npos,
          "a right is granted by the claim of that name alone");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  if (const auto reply = auth::parse_token_reply(body); reply.ok()) {
    require(auth::is_header_safe(reply->token.reveal()), "a token can stand in a header");
    require(reply->life >= std::chrono::seconds(60) && reply->life <= std::chrono::hours(24 * 30), "a life is bounded");
  } else {
    require(reply.error().kind() == ErrorKind::protocol, "a strange answer is a protocol error");
    require(reply.error().sentence().size() < 200, "a message does not echo the answer");
  }
  SentSecrets::process().add(Secret("S3cret"));
  const auto reason = auth::refusal_reason(body);
  require(reason.find("S3cret") == std::string::npos, "a reason repeats no secret");
  require(std::none_of(reason.begin(), reason.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
          "a reason is safe for a terminal");
  static_cast<void>(auth::is_invalid_grant(body));
  check_rights(body);
  return 0;
}
