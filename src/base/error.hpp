#pragma once
// Errors as values: what was tried, on what, what came back, and what to do next.
// The exit code is a function of the kind (exit_code()); see "Exit" in README.md.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

/// What a caller can do about an error. Exit codes follow from it, in one table.
enum class ErrorKind : std::uint8_t {
  usage,            ///< a command line that makes no sense
  config,           ///< a file people write is wrong
  not_found,        ///< the thing named does not exist
  denied,           ///< known, but not allowed
  unauthenticated,  ///< credentials missing or refused
  conflict,         ///< somebody else changed it, or took it over
  unreachable,      ///< no connection, no such host
  busy,             ///< come back later (429, 503); somebody else has the lease
  timeout,          ///< no answer, or no progress, for too long
  integrity,        ///< bytes are not what their digest or length says
  untrusted,        ///< a certificate that nobody vouches for
  protocol,         ///< an answer that is no registry's
  cancelled,        ///< stopped by the user
  blocked,          ///< a rule or a person must agree first
  unsupported,      ///< understood, and refused
  storage,          ///< local disk: full, read-only, damaged
  internal,         ///< a bug of ours
};

std::string_view to_string(ErrorKind kind);

/// The process exit code that belongs to a kind (README.md, "Exit codes").
int exit_code(ErrorKind kind);

/// Line and column in a file that people write, both counted from 1.
struct FilePosition {
  std::string file;
  int line = 0;
  int column = 0;
};

/// What a room knows about an error beyond its sentence, for callers of that room (kube::failure_of()).
class ErrorDetail {
 public:
  virtual ~ErrorDetail() = default;
};

/// One error. `message` is one sentence without a full stop and never holds a secret.
class Error {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

  ErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  const std::vector<std::string>& contexts() const { return contexts_; }
  std::optional<int> http_status() const { return http_status_; }
  const std::string& registry_code() const { return registry_code_; }
  std::optional<std::chrono::milliseconds> retry_after() const { return retry_after_; }
  bool to_be_retried() const { return to_be_retried_; }
  const std::optional<FilePosition>& position() const { return position_; }
  /// Null for most errors. Borrowed.
  const ErrorDetail* detail() const { return detail_.get(); }

  /// What the user can do next, as a clause ("log in with: sluice login HOST").
  Error&& with_hint(std::string hint) &&;
  /// What was being done, outermost last: each floor adds at most one.
  Error&& context(std::string what) &&;
  Error&& with_status(int http_status) &&;
  /// The code of the distribution error envelope, for example "DENIED".
  Error&& with_registry_code(std::string code) &&;
  Error&& with_retry_after(std::chrono::milliseconds wait) &&;
  /// The same request would only fail again, although errors of this kind may heal as a rule.
  Error&& not_to_be_retried() &&;
  /// What came of it, as a clause behind the message ("the tag was put back").
  Error&& followed_by(std::string what) &&;
  Error&& at(FilePosition position) &&;
  Error&& with_detail(std::shared_ptr<const ErrorDetail> detail) &&;

  /// One line for people: contexts, message, position and hint.
  std::string sentence() const;

 private:
  ErrorKind kind_;
  std::string message_;
  std::string hint_;
  std::vector<std::string> contexts_;
  std::optional<int> http_status_;
  std::string registry_code_;
  std::optional<std::chrono::milliseconds> retry_after_;
  bool to_be_retried_ = true;
  std::optional<FilePosition> position_;
  std::shared_ptr<const ErrorDetail> detail_;
};

}  // namespace sluice
