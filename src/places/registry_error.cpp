#include "places/registry_error.hpp"

#include "base/json.hpp"
#include "base/text.hpp"
#include "net/retry.hpp"
#include "net/web_page.hpp"

#include <fmt/format.h>

namespace sluice::places {

namespace {

constexpr int kTooLarge = 413;

// Registries disagree on statuses for the same code; the code wins where it is known.
std::optional<ErrorKind> kind_of_code(std::string_view code) {
  if (code == "DENIED") return ErrorKind::denied;
  if (code == "UNAUTHORIZED") return ErrorKind::unauthenticated;
  if (code == "NAME_UNKNOWN" || code == "MANIFEST_UNKNOWN" || code == "BLOB_UNKNOWN") return ErrorKind::not_found;
  if (code == "TOOMANYREQUESTS") return ErrorKind::busy;
  if (code == "UNSUPPORTED" || code == "MANIFEST_INVALID" || code == "NAME_INVALID" || code == "TAG_INVALID") {
    return ErrorKind::unsupported;
  }
  if (code == "DIGEST_INVALID" || code == "SIZE_INVALID") return ErrorKind::integrity;
  if (code == "MANIFEST_BLOB_UNKNOWN") return ErrorKind::conflict;
  return std::nullopt;
}

ErrorKind kind_of_status(int status) {
  if (net::worth_retrying(status) || status >= 500) return ErrorKind::busy;
  switch (status) {
    case 401:
      return ErrorKind::unauthenticated;
    case 403:
      return ErrorKind::denied;
    case 404:
      return ErrorKind::not_found;
    case 409:
    case 412:
      return ErrorKind::conflict;
    case 405:
    case 413:
    case 415:
      return ErrorKind::unsupported;
    default:
      return ErrorKind::protocol;
  }
}

// distribution wraps them into a 500 when it has more than one reason.
bool is_final(std::string_view code) {
  return code == "MANIFEST_BLOB_UNKNOWN" || code == "MANIFEST_INVALID" || code == "NAME_INVALID" ||
         code == "TAG_INVALID" || code == "UNSUPPORTED";
}

// nginx says it in a page, whatever the registry behind it would say.
bool wants_client_certificate(const net::HttpResponse& response) {
  return response.status == 400 && (response.body.find("No required SSL certificate was sent") != std::string::npos ||
                                    response.body.find("The SSL certificate error") != std::string::npos);
}

Error client_certificate(const net::HttpResponse& response, std::string_view host, std::string_view what) {
  const bool refused = response.body.find("The SSL certificate error") != std::string::npos;
  return Error(ErrorKind::unauthenticated,
               fmt::format("{} {} for {}", host,
                           refused ? "does not accept the client certificate" : "asks for a client certificate", what))
      .with_status(response.status)
      .with_hint(fmt::format("put its *.cert and *.key into /etc/containers/certs.d/{}, or into the folder of "
                             "--cert-dir, --src-cert-dir or --dest-cert-dir",
                             host));
}

Error web_page(const net::HttpResponse& response, std::string_view host, std::string_view what) {
  if (!response.from.empty()) {
    return Error(ErrorKind::protocol,
                 fmt::format("{} answered {} with a redirect to {}, which shows a web page ({}); it "
                             "wants people to log in there, or it is not a registry",
                             host, what, response.from, response.status))
        .with_status(response.status)
        .with_hint("check the address, and whether the registry takes logins by token: sluice login " +
                   std::string(host));
  }
  return Error(ErrorKind::protocol,
               fmt::format("{} answered {} with a web page ({}); it is not a registry, or something "
                           "stands in front of it",
                           host, what, response.status))
      .with_status(response.status)
      .with_hint("check the address: it must be that of the registry itself, without a path");
}

std::string hint_for(const RegistryProblem& problem, ErrorKind kind, std::string_view host, int status) {
  if (problem.detail.find("application/vnd.docker.") != std::string::npos && problem.code == "MANIFEST_INVALID") {
    return "this registry takes OCI manifests only as it is set up (zot: http.compat: [\"docker2s2\"]); nothing is "
           "converted here, since that would change the digest";
  }
  if (kind == ErrorKind::denied && problem.message.find("read-only") != std::string::npos)
    return "nobody may write there while it is read-only";
  switch (kind) {
    case ErrorKind::denied:
      return "ask for the right, or log in as somebody who has it: sluice login " + std::string(host);
    case ErrorKind::unauthenticated:
      return "log in with: sluice login " + std::string(host);
    case ErrorKind::busy:
      return "try again later";
    case ErrorKind::unsupported:
      return status == 413 ? "something in front of the registry limits the size of uploads; raise that limit" : "";
    default:
      return "";
  }
}

std::shared_ptr<const UnknownContent> unknown_in(const RegistryProblem& problem) {
  auto out = std::make_shared<UnknownContent>();
  for (const auto& text : problem.blobs) {
    if (auto digest = oci::Digest::parse(text)) out->digests.push_back(std::move(*digest));
  }
  return out->digests.empty() ? nullptr : out;
}

// What is no more than the message once again is left out; the digests of MANIFEST_BLOB_UNKNOWN have a place of their
// own.
std::string detail_text(const Json& detail, const std::string& message) {
  auto said = detail.as_string() ? *detail.as_string() : detail.is_null() ? std::string() : detail.dump();
  if (said == "{}" || said == "[]" || said == message) return "";
  return text::printable(said, 200);
}

}  // namespace

RegistryProblem read_problem(const net::HttpResponse& response) {
  RegistryProblem problem;
  const auto body = parse_json(response.body, {.max_bytes = 256 * 1024, .max_depth = 16, .max_values = 10'000});
  if (!body) return problem;
  const auto* errors = body->find("errors");
  if (errors == nullptr) return problem;
  for (const auto& entry : errors->items()) {
    const auto code = entry.string_at("code").value_or("");
    const auto* detail = entry.find("detail");
    if (problem.code.empty() || (problem.code == "UNKNOWN" && !code.empty())) {
      problem.code = text::printable(code, 64);
      problem.message = text::printable(entry.string_at("message").value_or(""), 200);
      problem.detail = detail == nullptr ? "" : detail_text(*detail, problem.message);
    }
    if (is_final(code)) problem.heals = false;
    if (code == "MANIFEST_BLOB_UNKNOWN" && detail != nullptr) {
      if (auto digest = detail->string_at("digest")) problem.blobs.push_back(text::printable(*digest, 150));
      if (auto digest = detail->as_string()) problem.blobs.push_back(text::printable(*digest, 150));
    }
  }
  return problem;
}

Error to_error(const net::HttpResponse& response, std::string_view host, std::string_view what) {
  if (wants_client_certificate(response)) return client_certificate(response, host, what);
  // 413 comes as a page of nginx, in front of registries of every make: its status says all.
  const bool page = net::is_web_page(response);
  if (page && !net::worth_retrying(response.status) && response.status != kTooLarge)
    return web_page(response, host, what);
  const auto problem = read_problem(response);
  auto kind = kind_of_code(problem.code).value_or(kind_of_status(response.status));
  if (net::worth_retrying(response.status) && (problem.heals || response.status < 500)) kind = ErrorKind::busy;
  if (response.status == kTooLarge) kind = ErrorKind::unsupported;  // whatever the body says of it
  std::string said = problem.message;
  if (!problem.code.empty()) said = said.empty() ? problem.code : problem.code + ", " + said;
  if (said.empty() && !page) said = text::printable(text::trim(response.body), 120);
  for (const auto& digest : problem.blobs) said += " " + digest;
  if (problem.blobs.empty() && !problem.detail.empty()) said += ": " + problem.detail;
  auto sentence = fmt::format("{} {}: {} ({}{})", host,
                              kind == ErrorKind::not_found ? "does not have what is asked for" : "refused", what,
                              response.status, said.empty() ? "" : ", " + said);
  return Error(kind, std::move(sentence))
      .with_status(response.status)
      .with_registry_code(problem.code)
      .with_hint(hint_for(problem, kind, host, response.status))
      .with_detail(unknown_in(problem));
}

bool means_missing(const Error& error) { return error.kind() == ErrorKind::denied && error.http_status() == 403; }

const UnknownContent* unknown_content(const Error& error) {
  return dynamic_cast<const UnknownContent*>(error.detail());
}

}  // namespace sluice::places
