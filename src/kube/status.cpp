#include "kube/status.hpp"

#include "base/text.hpp"
#include "net/retry.hpp"
#include "net/web_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace sluice::kube {

namespace {

constexpr std::size_t kMaxBodyBytes = std::size_t{1024} * 1024;
constexpr std::size_t kMaxCauses = 16;  // a validation that finds more has told enough
constexpr std::size_t kMaxMessage = 600;

std::string member(const Json* object, std::string_view key, std::size_t limit = 200) {
  return object != nullptr ? text::printable(object->string_at(key).value_or(""), limit) : std::string();
}

std::vector<ApiCause> read_causes(const Json& details) {
  std::vector<ApiCause> out;
  const auto* causes = details.find("causes");
  if (causes == nullptr) return out;
  for (const auto& cause : causes->items()) {
    if (out.size() == kMaxCauses) break;
    out.push_back({member(&cause, "reason"), member(&cause, "field"), member(&cause, "message", kMaxMessage)});
  }
  return out;
}

ApiFailure read_facts(const Json& body) {
  ApiFailure failure;
  failure.is_status = true;
  const auto code = body.integer_at("code").value_or(0);
  failure.code = code >= 100 && code <= 999 ? static_cast<int>(code) : 0;
  failure.reason = member(&body, "reason", 64);
  failure.message = member(&body, "message", kMaxMessage);
  if (const auto* metadata = body.find("metadata")) {
    failure.next_continue = metadata->string_at("continue").value_or("");
  }
  if (const auto* details = body.find("details")) {
    failure.kind = member(details, "kind", 80);
    failure.group = member(details, "group", 80);
    failure.name = member(details, "name");
    failure.causes = read_causes(*details);
    const auto seconds = details->integer_at("retryAfterSeconds").value_or(0);
    if (seconds > 0) failure.retry_after = std::chrono::seconds(std::min<std::int64_t>(seconds, 3600));
  }
  return failure;
}

// Words that only the message and its causes tell, since the code is 403 or 422 for other things as well.
bool says(const ApiFailure& failure, std::string_view words) {
  if (failure.message.find(words) != std::string::npos) return true;
  return std::any_of(failure.causes.begin(), failure.causes.end(),
                     [&](const ApiCause& cause) { return cause.message.find(words) != std::string::npos; });
}

// 422 is also what a tag gets whose source we may not read, or is not there; the code behind it is in the text alone.
// Source: openshift-apiserver pkg/image/apiserver/registry/imagestream/strategy.go.
ErrorKind kind_of_invalid(const ApiFailure& failure) {
  if (failure.is_limit()) return ErrorKind::denied;
  if (says(failure, ".from: Forbidden:")) return ErrorKind::denied;
  if (says(failure, ".from.name: Not found:") || says(failure, "\" not found")) return ErrorKind::not_found;
  return ErrorKind::unsupported;
}

ErrorKind kind_of(const ApiFailure& failure) {
  switch (failure.code) {
    case 401:
      return ErrorKind::unauthenticated;
    case 403:
      return ErrorKind::denied;
    case 404:
      return ErrorKind::not_found;
    case 409:
    case 410:
      return ErrorKind::conflict;
    case 422:
      return kind_of_invalid(failure);
    case 429:
    case 502:
    case 503:
      return ErrorKind::busy;
    case 504:
      return ErrorKind::timeout;
    default:
      break;
  }
  if (failure.reason == "ServerTimeout") return ErrorKind::busy;
  if (failure.is_status && failure.code >= 400 && failure.code < 500) return ErrorKind::unsupported;
  return ErrorKind::protocol;
}

std::string hint_for(ErrorKind kind, const ApiFailure& failure) {
  if (failure.is_limit())
    return "ask whoever sets the quotas and limit ranges of the project, or remove what is not needed";
  switch (kind) {
    case ErrorKind::unauthenticated:
      return "log in again";  // Connection knows with what
    case ErrorKind::denied:
      return "ask an administrator of the project for the right";
    case ErrorKind::busy:
      return failure.is_page ? "no API server answers behind this address: look at the router and the server" : "";
    case ErrorKind::protocol:
      return failure.is_status ? "" : "check that the address is that of an API server";
    default:
      return {};
  }
}

// "Operation cannot be fulfilled ..." says it all; a validation's causes say more than its message where there are any
// that it does not repeat.
std::string told(const ApiFailure& failure) {
  std::string out = failure.message;
  for (const auto& cause : failure.causes) {
    if (cause.message.empty() || out.find(cause.message) != std::string::npos) continue;
    out += (out.empty() ? "" : "; ") + (cause.field.empty() ? "" : cause.field + ": ") + cause.message;
    if (out.size() > kMaxMessage) break;
  }
  return text::printable(out, kMaxMessage + 200);
}

}  // namespace

bool ApiFailure::is_limit() const {
  if (code != 403 && code != 422) return false;
  return says(*this, "exceeds the maximum limit") || says(*this, "exceeded quota:") ||
         says(*this, "status unknown for quota:");
}

bool ApiFailure::worth_retrying() const {
  return code == 429 || code == 502 || code == 503 || code == 504 || (code == 500 && reason == "ServerTimeout");
}

std::optional<ApiFailure> read_status(const Json& body) {
  if (body.string_at("kind") != "Status" || body.string_at("status") == "Success") return std::nullopt;
  return read_facts(body);
}

std::optional<ApiFailure> read_inner_status(const Json& status) {
  if (status.string_at("status") != "Failure") return std::nullopt;
  return read_facts(status);
}

ApiFailure read_failure(const net::HttpResponse& response) {
  std::optional<ApiFailure> status;
  if (response.body.size() <= kMaxBodyBytes) {
    if (const auto json = parse_json(response.body, {.max_bytes = kMaxBodyBytes, .max_depth = 32})) {
      status = read_status(*json);
    }
  }
  ApiFailure failure = status ? std::move(*status) : ApiFailure{};
  if (failure.code == 0) failure.code = response.status;
  if (!failure.is_status) {
    failure.is_page = net::is_web_page(response);
    if (!failure.is_page) failure.message = text::printable(text::trim(response.body.substr(0, 1000)), 200);
  }
  if (const auto wait = response.headers.get("retry-after")) {
    if (auto parsed = net::parse_retry_after(*wait, std::chrono::system_clock::now())) failure.retry_after = parsed;
  }
  return failure;
}

Error to_error(ApiFailure failure, std::string_view host, std::string_view what) {
  const auto kind = kind_of(failure);
  const auto verb = kind == ErrorKind::not_found         ? "does not have what is asked for"
                    : kind == ErrorKind::unauthenticated ? "does not accept our credentials for"
                                                         : "refused";
  std::string said = failure.is_page ? "a web page" : told(failure);
  if (said == failure.reason) said.clear();
  const auto sentence =
      fmt::format("{} {}{} {} ({}{}{})", host, verb, kind == ErrorKind::not_found ? ":" : "", what, failure.code,
                  failure.reason.empty() ? "" : " " + failure.reason, said.empty() ? "" : ": " + said);
  auto error = Error(kind, sentence)
                   .with_status(failure.code)
                   .with_registry_code(failure.reason)
                   .with_hint(hint_for(kind, failure));
  auto whole = failure.retry_after ? std::move(error).with_retry_after(*failure.retry_after) : std::move(error);
  return std::move(whole).with_detail(std::make_shared<const ApiFailure>(std::move(failure)));
}

const ApiFailure* failure_of(const Error& error) { return dynamic_cast<const ApiFailure*>(error.detail()); }

bool is_expired(const Error& error) {
  const auto* failure = failure_of(error);
  return failure != nullptr && failure->is_expired();
}

}  // namespace sluice::kube
