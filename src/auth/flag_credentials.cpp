// parse_credentials: what people write behind --src-creds and --dest-creds.

#include "auth/credentials.hpp"
#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/standard_input.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <string>

namespace sluice::auth {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} * 1024;  // tokens with many groups reach 16 KiB; a guess

Error bad(std::string_view flag, const std::string& why) {
  return Error(ErrorKind::usage, fmt::format("cannot use the credentials of {}: {}", flag, why))
      .with_hint(fmt::format("give {}, env:NAME, file:PATH or - for standard input",
                             flag == "--token" ? "a token" : "user:password"));
}

std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

Result<std::string> read_line(std::string_view flag, const std::stop_token& stop) {
  SLUICE_TRY(const auto line, read_standard_input(StandardInput::line, kMaxBytes, stop));
  if (!line) return bad(flag, "the line on standard input is too long");
  return std::string(without_line_end(*line));
}

// The text behind a reference. References are named in errors, anything else may be the secret itself.
Result<std::string> resolve(std::string_view text, std::string_view flag, const Environment& environment,
                            const std::stop_token& stop) {
  if (text == "-") return read_line(flag, stop);
  if (text.starts_with("env:")) {
    const auto name = text.substr(4);
    if (auto value = environment.get(name)) return std::move(*value);
    return bad(flag, fmt::format("the environment variable {} is not set", text::printable(name)));
  }
  if (text.starts_with("file:")) {
    auto content = read_file(std::string(text.substr(5)), kMaxBytes);
    if (!content) return bad(flag, text::printable(content.error().message()));
    if (const auto foreign = encoding::foreign_encoding(*content); !foreign.empty()) {
      return bad(flag, fmt::format("{} is {} text; save it as UTF-8", text::printable(text.substr(5)), foreign));
    }
    return std::string(without_line_end(encoding::without_byte_order_mark(*content)));
  }
  return std::string(text);
}

}  // namespace

Result<Credentials> parse_credentials(std::string_view text, std::string_view source, const Environment& environment,
                                      const std::stop_token& stop) {
  SLUICE_TRY(const auto value, resolve(text, source, environment, stop));
  const auto colon = value.find(':');
  if (colon == std::string::npos) return bad(source, "there is no ':' between user name and password");
  if (colon == 0) return bad(source, "the user name before ':' is empty");
  if (colon + 1 == value.size()) return bad(source, "the password after ':' is empty");
  Credentials out;
  out.username = value.substr(0, colon);
  out.password = Secret(value.substr(colon + 1));
  out.source = source;
  return out;
}

Result<Secret> parse_secret(std::string_view text, std::string_view flag, const Environment& environment,
                            const std::stop_token& stop) {
  SLUICE_TRY(auto value, resolve(text, flag, environment, stop));
  if (value.empty()) return bad(flag, "it is empty");
  return Secret(std::move(value));
}

}  // namespace sluice::auth
