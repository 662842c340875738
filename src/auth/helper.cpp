#include "auth/helper.hpp"

#include "base/json.hpp"
#include "base/process.hpp"
#include "base/sent_secrets.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace sluice::auth {

namespace {

constexpr std::chrono::seconds kTimeout{30};  // a keychain may ask a person to unlock it; a guess
constexpr std::size_t kMaxOutputBytes = std::size_t{64} * 1024;
// docker-credential-helpers, credentials/error.go: printed on stdout, with exit code 1.
constexpr std::string_view kNobody = "credentials not found in native keychain";
constexpr std::string_view kTokenUser = "<token>";  // docker: the secret is an identity token
constexpr std::string_view kNameChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

// The first line that says something, made safe to show; empty when it might hold a secret.
std::string first_line(const ProcessResult& result, const Secret& hidden) {
  for (const auto& output : {result.output, result.error_output}) {
    for (const auto& line : text::split(output, '\n')) {
      const auto trimmed = text::trim(line);
      if (trimmed.empty()) continue;
      // Half an answer to "get" is JSON with the secret in it.
      const bool may_be_secret = trimmed.find_first_of("{\"") != std::string_view::npos;
      if (may_be_secret || (!hidden.empty() && output.find(hidden.reveal()) != std::string::npos)) return {};
      return text::printable(trimmed);
    }
  }
  return {};
}

}  // namespace

Result<CredentialHelper> CredentialHelper::open(std::string_view name, std::string named_in,
                                                const std::filesystem::path& folder) {
  if (name.empty() || name.find_first_not_of(kNameChars) != std::string_view::npos) {
    return Error(ErrorKind::config, fmt::format("{} names the credential helper \"{}\", which is no name of a helper",
                                                named_in, text::printable(name)))
        .with_hint("a name has letters, digits, '.', '_' and '-' only, without \"docker-credential-\"");
  }
  auto program = "docker-credential-" + std::string(name);
  auto command = folder.empty() ? program : (folder / program).string();
  return CredentialHelper(std::move(program), std::move(command), std::move(named_in));
}

std::string CredentialHelper::source() const { return fmt::format("{} ({})", named_in_, program_); }

Result<CredentialHelper::Answer> CredentialHelper::run(const std::string& verb, std::string_view input,
                                                       const Secret& hidden, const std::stop_token& stop) const {
  auto result = run_process({command_, verb}, input, kTimeout, kMaxOutputBytes, stop);
  if (!result) {
    if (result.error().kind() == ErrorKind::cancelled) return std::move(result).error();
    if (result.error().kind() == ErrorKind::not_found) {
      return Error(ErrorKind::config,
                   fmt::format("the credential helper {} named in {} is not installed", program_, named_in_))
          .with_hint(fmt::format("install it, or take it out of {}", named_in_));
    }
    const bool slow = result.error().kind() == ErrorKind::timeout;
    return Error(ErrorKind::config,
                 fmt::format("the credential helper {} named in {} {} for '{}'", program_, named_in_,
                             slow ? fmt::format("gave no answer in {} s", kTimeout.count()) : "could not be run", verb))
        .with_hint(fmt::format("try it by hand: {} {}", program_, verb));
  }
  if (result->exit_code == 0) return Answer{true, std::move(result->output)};
  if (result->output.find(kNobody) != std::string::npos) return Answer{};
  const auto line = first_line(*result, hidden);
  return Error(ErrorKind::config,
               fmt::format("the credential helper {} named in {} failed to {} with exit code {}{}{}", program_,
                           named_in_, verb, result->exit_code, line.empty() ? "" : ": ", line))
      .with_hint(fmt::format("try it by hand: {} {}", program_, verb));
}

Result<std::optional<Credentials>> CredentialHelper::get(std::string_view server, const std::stop_token& stop) const {
  SLUICE_TRY(const auto answer, run("get", server, Secret(), stop));
  if (!answer.found) return std::optional<Credentials>();
  const auto reply = parse_json(answer.output, {.max_bytes = kMaxOutputBytes, .max_depth = 8, .max_values = 100});
  const auto user = reply.ok() ? reply->string_at("Username") : std::nullopt;
  auto secret = reply.ok() ? reply->string_at("Secret") : std::nullopt;
  if (!user || !secret) {
    return Error(ErrorKind::config, fmt::format("the credential helper {} named in {} answered 'get' for {} with "
                                                "something else than a user name and a secret",
                                                program_, named_in_, text::printable(server)))
        .with_hint("check that the program is a docker credential helper");
  }
  // Some helpers answer an unknown server with blanks instead of the agreed sentence.
  if (secret->empty()) return std::optional<Credentials>();
  Credentials out;
  out.source = source();
  if (*user == kTokenUser) {
    out.identity_token = Secret(std::move(*secret));
  } else {
    out.username = *user;
    out.password = Secret(std::move(*secret));
  }
  return std::optional(std::move(out));
}

Status CredentialHelper::store(std::string_view server, const Credentials& credentials,
                               const std::stop_token& stop) const {
  const bool token = !credentials.identity_token.empty();
  const auto& secret = token ? credentials.identity_token : credentials.password;
  const auto request = Json::object()
                           .set("ServerURL", server)
                           .set("Username", token ? kTokenUser : std::string_view(credentials.username))
                           .set("Secret", secret.reveal())
                           .dump();
  SentSecrets::process().add(secret, credentials.username);
  SLUICE_TRY(const auto answer, run("store", request, secret, stop));
  if (answer.found) return {};
  return Error(ErrorKind::config,
               fmt::format("the credential helper {} named in {} did not store anything", program_, named_in_));
}

Status CredentialHelper::erase(std::string_view server, const std::stop_token& stop) const {
  SLUICE_CHECK(run("erase", server, Secret(), stop));
  return {};
}

}  // namespace sluice::auth
