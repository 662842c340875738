// Any bytes as the body of a refusal: always an error with a kind, a bounded and printable sentence, and facts.
// The first byte chooses the HTTP status.

#include "fuzz/require.hpp"
#include "kube/status.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::array kStatuses{400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 500, 502, 503, 504};
  net::HttpResponse response;
  response.status = kStatuses[data[0] % kStatuses.size()];
  response.body.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto failure = kube::read_failure(response);
  require(failure.code >= 100 && failure.code <= 999, "a code is a code");
  require(failure.causes.size() <= 16, "causes are bounded");
  const auto code = failure.code;
  const auto error = kube::to_error(std::move(failure), "api.example.com:6443", "reading the image stream prod/web");
  const auto sentence = error.sentence();
  require(sentence.size() < 4000, "a sentence is bounded");
  require(std::none_of(sentence.begin(), sentence.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
          "a sentence holds no control characters");
  require(kube::failure_of(error) != nullptr && kube::failure_of(error)->code == code, "facts stay with the error");
  require(!error.retry_after() || *error.retry_after() <= std::chrono::hours(1), "waits are bounded");
  return 0;
}
