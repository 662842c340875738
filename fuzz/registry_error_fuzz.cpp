// Error replies of registries, with their Retry-After. The first byte picks the status, the first line is the header.

#include "fuzz/require.hpp"
#include "places/registry_error.hpp"
#include "places/retry.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using namespace sluice;

namespace {

constexpr std::array kStatuses = {200, 307, 400, 401, 403, 404, 405, 409, 412, 413, 415, 429, 500, 502, 503};

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

void check_retry_after(std::string_view value) {
  const auto wait = places::parse_retry_after(value, std::chrono::system_clock::from_time_t(784111777));
  require(!wait || (wait->count() >= 0 && *wait <= std::chrono::hours(1)), "a wait is between nothing and an hour");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const int status = kStatuses[data[0] % kStatuses.size()];
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto line = std::min(text.find('\n'), text.size());
  check_retry_after(text.substr(0, line));
  const net::HttpResponse response{status, {}, text.substr(std::min(line + 1, text.size()))};

  const auto problem = places::read_problem(response);
  require(problem.code.size() <= 100 && problem.message.size() <= 300, "what is quoted is short");
  const auto error = places::to_error(response, "registry.example.com", "reading");
  require(error.http_status() == status, "the status is kept");
  require(error.message().starts_with("registry.example.com"), "the host is named");
  require(is_printable(error.message()), "nothing of it can move a terminal's cursor");
  require(is_printable(problem.code) && is_printable(problem.message), "the problem is printable");
  return 0;
}
