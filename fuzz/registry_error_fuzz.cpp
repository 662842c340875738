// Error replies of registries and of what stands before them. The first line is "STATUS CONTENT-TYPE", the rest the
// body: whatever it is, what is shown of it can be shown.

#include "base/text.hpp"
#include "fuzz/require.hpp"
#include "places/registry_error.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using namespace sluice;

namespace {

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    const auto length = text::utf8_length(text);
    if (length == 0 || text::is_obeyed(text.substr(0, length))) return false;
    text.remove_prefix(length);
  }
  return true;
}

void check_problem(const places::RegistryProblem& problem) {
  require(problem.code.size() <= 100 && problem.message.size() <= 300 && problem.detail.size() <= 300,
          "what is quoted is short");
  require(is_printable(problem.code) && is_printable(problem.message) && is_printable(problem.detail),
          "the problem is printable");
  require(std::all_of(problem.blobs.begin(), problem.blobs.end(), [](const auto& blob) { return is_printable(blob); }),
          "what is missing is printable");
}

void check_error(const Error& error, const net::HttpResponse& response, const places::RegistryProblem& problem) {
  require(error.http_status() == response.status, "the status is kept");
  require(error.message().starts_with("registry.example.com"), "the host is named");
  require(is_printable(error.message()) && is_printable(error.sentence()),
          "nothing of it can move a terminal's cursor");
  const auto* unknown = places::unknown_content(error);
  if (unknown == nullptr) return;
  require(!unknown->digests.empty(), "content that is not known has a name");
  for (const auto& digest : unknown->digests) {
    require(std::find(problem.blobs.begin(), problem.blobs.end(), digest.text()) != problem.blobs.end(),
            "what is not known is what the registry named");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto line = std::min(text.find('\n'), text.size());
  int status = 0;
  const auto* const type = std::from_chars(text.data(), text.data() + std::min<std::size_t>(line, 3), status).ptr;
  net::HttpResponse response{status, {}, text.substr(std::min(line + 1, text.size()))};
  response.headers.add("Content-Type", std::string(type, text.data() + line));

  const auto problem = places::read_problem(response);
  check_problem(problem);
  check_error(places::to_error(response, "registry.example.com", "reading shop/web:latest"), response, problem);
  response.from = "login.example.com";
  check_error(places::to_error(response, "registry.example.com", "reading shop/web:latest"), response, problem);
  return 0;
}
