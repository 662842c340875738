#pragma once
// Refusal: what the API server answers instead of an object, and Answer<T>, which is one or the other.
// Source: the Status kind of the Kubernetes API (meta/v1), texts as OpenShift 3.11 and 4.x write them.

#include "base/json.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sluice::sandbox {

/// A Status with status "Failure"; or plain text when `plain` is set.
struct Refusal {
  int code = 500;
  std::string reason;  ///< "NotFound", "Invalid", ...; empty: not shown
  std::string message;
  Json details;                      ///< an object, or null: not shown
  bool plain = false;                ///< the message is the whole body, as text/plain
  std::optional<int> retry_after{};  ///< seconds

  Json to_json() const;
};

/// One entry of details.causes.
struct Cause {
  std::string reason;   ///< "FieldValueInvalid", "FieldValueRequired", "FieldValueForbidden", ...
  std::string message;  ///< "Invalid value: ..."
  std::string field;
};

/// A value or a Refusal. Works with SLUICE_TRY and SLUICE_CHECK inside functions that return an Answer.
template <class T>
class [[nodiscard]] Answer {
 public:
  Answer(T value) : inner_(std::in_place_index<0>, std::move(value)) {}
  Answer(Refusal refusal) : inner_(std::in_place_index<1>, std::move(refusal)) {}
  bool ok() const { return inner_.index() == 0; }
  T& value() & { return std::get<0>(inner_); }
  T&& value() && { return std::get<0>(std::move(inner_)); }
  T& operator*() & { return std::get<0>(inner_); }
  T* operator->() { return &std::get<0>(inner_); }
  Refusal& error() & { return std::get<1>(inner_); }
  Refusal&& error() && { return std::get<1>(std::move(inner_)); }

 private:
  std::variant<T, Refusal> inner_;
};

template <>
class [[nodiscard]] Answer<void> {
 public:
  Answer() = default;
  Answer(Refusal refusal) : inner_(std::move(refusal)) {}
  bool ok() const { return !inner_; }
  Refusal& error() & { return *inner_; }
  Refusal&& error() && { return *std::move(inner_); }

 private:
  std::optional<Refusal> inner_;
};
using Verdict = Answer<void>;

// `resource` is "imagestreams" or "imagestreams.image.openshift.io": plural and group, as messages name them.
// `kind` names what details.kind shows; by default the plural.

Refusal not_found(std::string_view group, std::string_view plural, std::string_view name);
Refusal already_exists(std::string_view group, std::string_view plural, std::string_view name);
/// 409 "Operation cannot be fulfilled on ...: `why`".
Refusal conflict(std::string_view group, std::string_view plural, std::string_view name, std::string_view why);
/// The usual why of a stale resourceVersion.
Refusal modified(std::string_view group, std::string_view plural, std::string_view name);
/// 422. `kind` is "ImageStream" or, where the server says so, the plural.
Refusal invalid(std::string_view group, std::string_view kind, std::string_view name, std::vector<Cause> causes);
Refusal bad_request(std::string message);
/// 403 `<plural>.<group> "<name>" is forbidden: <why>`.
Refusal forbidden(std::string_view group, std::string_view plural, std::string_view name, std::string_view why);
/// 404 "the server could not find the requested resource".
Refusal no_such_resource();
Refusal internal_error(std::string message);

/// "imagestreams.image.openshift.io", or just "pods" for the core group.
std::string qualified(std::string_view group, std::string_view plural);

}  // namespace sluice::sandbox
