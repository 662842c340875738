#pragma once
// The HTTP check of a verification: one URL that must answer 2xx. Security rules: https, no credentials, redirects only
// to https, and no loopback or link-local addresses (by the resolved address) unless the administrators allow it.

#include "base/result.hpp"
#include "kube/timing.hpp"
#include "net/http.hpp"
#include "pipeline/pipeline.hpp"

#include <chrono>
#include <string>

namespace sluice::promotion {

struct HttpCheck {
  std::string url;                    ///< "{cluster}" and "{project}" are filled in by the caller
  bool allow_local = false;           ///< loopback, link-local, and plain http to loopback
  std::chrono::seconds patience{60};  ///< a route may take a moment to lead to new pods: tried again until then
};

/// `verify.http` of a target: its cluster and project stand for {cluster} and {project}. Pure.
std::string check_url_of(const std::string& text, const pipeline::Target& target);

/// What check_http() would refuse without asking anybody: no https, or an address of this machine or its link, however
/// it is written. A name may still lead there. Errors: blocked. Pure.
Status may_be_checked(const std::string& url, bool allow_local);

/// Asks until the answer is 2xx or the patience (or the deadline of `context`) ends. Gives back the status.
/// Errors: blocked (the address is not allowed), and with what came back last: unreachable, timeout, untrusted, failed
/// answers as `conflict`.
Result<int> check_http(net::Exchanger& exchanger, const HttpCheck& check, const net::ExchangeContext& context,
                       const kube::Timing& timing = {});

}  // namespace sluice::promotion
