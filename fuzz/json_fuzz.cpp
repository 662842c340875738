// JSON of any origin.

#include "base/json.hpp"
#include "fuzz/require.hpp"

#include <cstddef>
#include <cstdint>

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json = parse_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!json.ok()) {
    require(json.error().kind() == ErrorKind::protocol, "what is no JSON is a protocol error");
    require(json.error().sentence().size() < 500, "a message does not echo endless text");
    return 0;
  }
  for (const auto& text : {json->dump(), json->dump_pretty()}) {
    const auto again = parse_json(text);
    require(again.ok(), "what was written can be read");
    require(again->dump() == json->dump(), "what was read back is the same");
  }
  const auto canonical = parse_json(json->canonical());
  require(canonical.ok() && canonical->canonical() == json->canonical(), "there is one canonical form");
  return 0;
}
