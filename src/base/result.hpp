#pragma once
// Result<T>: a value or an Error. Nodiscard, which the library type below it is not.
// Pass errors up with SLUICE_TRY(auto x, expr) and SLUICE_CHECK(expr).

#include "base/error.hpp"

#include <tl/expected.hpp>

#include <string>
#include <utility>

namespace sluice {

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  // Implicit on purpose: `return value;` and `return Error(...)` both read as what they are.
  Result(T value) : inner_(std::move(value)) {}
  Result(Error error) : inner_(tl::unexpect, std::move(error)) {}

  bool ok() const { return inner_.has_value(); }
  explicit operator bool() const { return ok(); }

  T& value() & { return *inner_; }
  const T& value() const& { return *inner_; }
  T&& value() && { return std::move(*inner_); }
  T& operator*() & { return *inner_; }
  const T& operator*() const& { return *inner_; }
  T&& operator*() && { return std::move(*inner_); }
  T* operator->() { return &*inner_; }
  const T* operator->() const { return &*inner_; }

  Error& error() & { return inner_.error(); }
  const Error& error() const& { return inner_.error(); }
  Error&& error() && { return std::move(inner_.error()); }

  /// Says what was being done, if it failed.
  Result&& context(std::string what) && {
    if (!ok()) std::move(inner_.error()).context(std::move(what));
    return std::move(*this);
  }

 private:
  tl::expected<T, Error> inner_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : inner_(tl::unexpect, std::move(error)) {}

  bool ok() const { return inner_.has_value(); }
  explicit operator bool() const { return ok(); }

  Error& error() & { return inner_.error(); }
  const Error& error() const& { return inner_.error(); }
  Error&& error() && { return std::move(inner_.error()); }

  Result&& context(std::string what) && {
    if (!ok()) std::move(inner_.error()).context(std::move(what));
    return std::move(*this);
  }

 private:
  tl::expected<void, Error> inner_;
};

using Status = Result<void>;

}  // namespace sluice

#define SLUICE_CONCAT_(a, b) a##b
#define SLUICE_CONCAT(a, b) SLUICE_CONCAT_(a, b)

/// Binds the value of a Result, or returns its Error: SLUICE_TRY(auto x, f());
#define SLUICE_TRY(binding, ...) SLUICE_TRY_(SLUICE_CONCAT(sluice_try_, __LINE__), binding, __VA_ARGS__)
#define SLUICE_TRY_(name, binding, ...)           \
  auto name = (__VA_ARGS__);                      \
  if (!name.ok()) return std::move(name).error(); \
  binding = std::move(name).value()

/// Returns the Error of a Result that carries no value worth binding.
#define SLUICE_CHECK(...)                                        \
  do {                                                           \
    if (auto sluice_check = (__VA_ARGS__); !sluice_check.ok()) { \
      return std::move(sluice_check).error();                    \
    }                                                            \
  } while (false)
