#pragma once
// Tells a web page from an answer of an API. Pure.

#include "net/http.hpp"

namespace sluice::net {

/// True for a web page: what answers is no API, or a login page in front of one.
bool is_web_page(const HttpResponse& response);

}  // namespace sluice::net
