#include "base/error.hpp"

namespace sluice {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::config:
      return "config";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::denied:
      return "denied";
    case ErrorKind::unauthenticated:
      return "unauthenticated";
    case ErrorKind::conflict:
      return "conflict";
    case ErrorKind::unreachable:
      return "unreachable";
    case ErrorKind::busy:
      return "busy";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::integrity:
      return "integrity";
    case ErrorKind::untrusted:
      return "untrusted";
    case ErrorKind::protocol:
      return "protocol";
    case ErrorKind::cancelled:
      return "cancelled";
    case ErrorKind::blocked:
      return "blocked";
    case ErrorKind::unsupported:
      return "unsupported";
    case ErrorKind::storage:
      return "storage";
    case ErrorKind::internal:
      return "internal";
  }
  return "internal";
}

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::not_found:
    case ErrorKind::integrity:
    case ErrorKind::conflict:
    case ErrorKind::unsupported:
    case ErrorKind::untrusted:
    case ErrorKind::protocol:
    case ErrorKind::storage:
    case ErrorKind::internal:
      return 1;
    case ErrorKind::usage:
    case ErrorKind::config:
      return 2;
    case ErrorKind::blocked:
      return 3;
    case ErrorKind::denied:
    case ErrorKind::unauthenticated:
      return 6;
    case ErrorKind::unreachable:
    case ErrorKind::busy:
    case ErrorKind::timeout:
      return 7;
    case ErrorKind::cancelled:
      return 130;
  }
  return 1;
}

Error&& Error::with_hint(std::string hint) && {
  hint_ = std::move(hint);
  return std::move(*this);
}
Error&& Error::context(std::string what) && {
  contexts_.push_back(std::move(what));
  return std::move(*this);
}
Error&& Error::with_status(int http_status) && {
  http_status_ = http_status;
  return std::move(*this);
}
Error&& Error::with_registry_code(std::string code) && {
  registry_code_ = std::move(code);
  return std::move(*this);
}
Error&& Error::with_retry_after(std::chrono::milliseconds wait) && {
  retry_after_ = wait;
  return std::move(*this);
}
Error&& Error::not_to_be_retried() && {
  to_be_retried_ = false;
  return std::move(*this);
}
Error&& Error::followed_by(std::string what) && {
  message_ += "; " + what;
  return std::move(*this);
}
Error&& Error::at(FilePosition position) && {
  position_ = std::move(position);
  return std::move(*this);
}
Error&& Error::with_detail(std::shared_ptr<const ErrorDetail> detail) && {
  detail_ = std::move(detail);
  return std::move(*this);
}

std::string Error::sentence() const {
  std::string out;
  if (position_) {
    out += position_->file;
    if (position_->line > 0) {
      out += ':' + std::to_string(position_->line) + ':' + std::to_string(position_->column);
    }
    out += ": ";
  }
  for (auto it = contexts_.rbegin(); it != contexts_.rend(); ++it) out += *it + ": ";
  out += message_;
  if (!hint_.empty()) out += "; " + hint_;
  return out;
}

}  // namespace sluice
