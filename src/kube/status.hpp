#pragma once
// What an API server says when it refuses: Status objects, and the pages and texts that stand in for them. Everything
// becomes an Error with a kind that a caller can act on, and with the typed facts behind it. Pure.
// Source: Kubernetes API conventions, "Response Status Kind".

#include "base/error.hpp"
#include "base/json.hpp"
#include "net/http.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kube {

/// One entry of `details.causes`.
struct ApiCause {
  std::string reason;
  std::string field;
  std::string message;
  friend bool operator==(const ApiCause&, const ApiCause&) = default;
};

/// The facts of a refusal. All texts are made printable.
struct ApiFailure final : ErrorDetail {
  int code = 0;         ///< of the Status, else of HTTP
  std::string reason;   ///< "NotFound", "Conflict", ...; empty when the body was no Status
  std::string message;  ///< of the Status, or the start of a plain text
  std::string kind;     ///< details: of what, in the server's words ("imagestreams")
  std::string group;
  std::string name;
  std::vector<ApiCause> causes;
  std::optional<std::chrono::milliseconds> retry_after;
  std::string next_continue;  ///< newer servers let a list go on after its token has expired
  bool is_status = false;     ///< a Status object; else something stood in its place
  bool is_page = false;       ///< a web page: of a router or proxy in front of the API

  /// 410 in its forms: the version or continue token is too old, start with a new list.
  bool is_expired() const { return code == 410 || reason == "Expired" || reason == "Gone"; }
  bool already_exists() const { return reason == "AlreadyExists"; }
  /// A stale resourceVersion: read again and repeat.
  bool is_stale() const { return code == 409 && reason == "Conflict"; }
  /// Refused by a quota or limit range, and not for want of a right. Those are told by text alone.
  bool is_limit() const;
  /// Whether the same request may succeed later: 429, 502, 503, 504, and 500 when it is ServerTimeout.
  bool worth_retrying() const;
};

/// A Status object that tells of a failure; empty for any other object.
std::optional<ApiFailure> read_status(const Json& body);

/// The same of a Status that is a member of another object and says nothing of its kind (imports).
std::optional<ApiFailure> read_inner_status(const Json& status);

/// What a response with an error status says, whatever its body is. Size: bodies of more than 1 MiB are not read.
ApiFailure read_failure(const net::HttpResponse& response);

/// One sentence with its cause: "HOST refused WHAT: 409 Conflict, ...". `what` begins with a verb in -ing.
/// Kinds: not_found, denied, unauthenticated, conflict (also expired versions), busy, timeout, unsupported (validation
/// and everything else that the server understood), protocol (no API answered).
Error to_error(ApiFailure failure, std::string_view host, std::string_view what);

/// The facts behind an error of this room; null for errors that no API server gave. Borrowed.
const ApiFailure* failure_of(const Error& error);

/// True for errors after which only a new list helps.
bool is_expired(const Error& error);

}  // namespace sluice::kube
