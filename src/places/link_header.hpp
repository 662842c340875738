#pragma once
// Where a list goes on: the Link header of registries that answer page by page. Pure.
// Source: RFC 8288 section 3; distribution-spec 1.1, "Listing Tags", "Listing Referrers".

#include "base/result.hpp"
#include "net/http.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::places {

/// The target of rel="next" among the links of a Link header, as it stands there; empty: there is none.
std::optional<std::string> next_link(std::string_view link);

/// The next page's target on the same host ("/v2/..."), seen from the target `from` of the page at hand. It may be
/// named by an absolute or a relative link, and under another host: only its path and query count. Errors: those of
/// net::Url.
Result<std::optional<std::string>> next_page(const net::HttpResponse& response, const std::string& host,
                                             const std::string& from);

}  // namespace sluice::places
