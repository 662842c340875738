// The gates of foreign text: text::printable, text::shown and Json::dump_shown. The first byte is the limit.

#include "base/json.hpp"
#include "base/sent_secrets.hpp"
#include "base/text.hpp"
#include "fuzz/require.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

using namespace sluice;

namespace {

constexpr std::string_view kSecret = "S3cret-Token/Value+of=40";

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = text::utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::size_t colour_length(std::string_view text) {
  const auto* const found =
      std::find_if(std::begin(text::kColours), std::end(text::kColours), [&](auto c) { return text.starts_with(c); });
  return found == std::end(text::kColours) ? 0 : found->size();
}

void check(std::string_view out, bool lines, bool colours) {
  require(is_utf8(out), "what is shown is UTF-8");
  require(out.find(kSecret) == std::string_view::npos, "what is shown holds no secret");
  for (auto rest = out; !rest.empty();) {
    auto length = text::utf8_length(rest);
    if (colours && colour_length(rest) > 0) {
      length = colour_length(rest);
    } else {
      const auto character = rest.substr(0, length);
      require(!text::is_obeyed(character) || (lines && character == "\n"), "a terminal obeys nothing of it");
    }
    rest.remove_prefix(length);
  }
}

void check_commands(std::string_view out) {
  for (std::size_t at = 0; at < out.size(); ++at) {
    require(!text::starts_log_command(out, at), "no log command of Azure Pipelines or TeamCity is left");
  }
  for (const auto& line : text::split(out, '\n')) {
    require(!text::trim(line).starts_with("::"), "no command of GitHub's runner is left");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kSent = (SentSecrets::process().add(Secret(std::string(kSecret))), true);
  if (size == 0 || !kSent) return 0;
  const std::size_t limit = data[0];
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);

  const auto line = text::printable(text, limit);
  check(line, false, false);
  require(line.size() <= limit + 3, "what is long is cut");
  require(line.size() > limit || text::printable(line, limit) == line, "what is printable stays so");

  const auto shown = text::shown(text, false);
  check(shown, true, false);
  check_commands(shown);
  require(text::shown(shown, false) == shown, "what was shown is shown so again");
  check(text::shown(text, true), true, true);

  const auto json = Json(text).dump_shown();
  check(json, false, false);
  const auto read = parse_json(json);
  require(read.ok() && read->as_string(), "a text of JSON is read back");
  require(!is_utf8(text) || *read->as_string() == SentSecrets::process().hide(text),
          "what is no secret keeps its value");
  return 0;
}
