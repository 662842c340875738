#include "engine/messages.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::engine {

namespace {

constexpr std::size_t kMaxLine = std::size_t{1} * 1024 * 1024;
constexpr std::size_t kMaxNotes = 50;

struct Sign {
  std::string_view text;
  ErrorKind kind;
};

// Engines pass on what a registry or the kernel said, in words alone. The first that fits counts.
constexpr std::array kSigns{
    Sign{"no basic auth credentials", ErrorKind::unauthenticated},
    Sign{"authentication required", ErrorKind::unauthenticated},
    Sign{"unauthorized", ErrorKind::unauthenticated},
    Sign{"incorrect username or password", ErrorKind::unauthenticated},
    Sign{"denied", ErrorKind::denied},
    Sign{"no space left on device", ErrorKind::storage},
    Sign{"x509", ErrorKind::untrusted},
    Sign{"certificate", ErrorKind::untrusted},
    Sign{"http response to https client", ErrorKind::untrusted},
    Sign{"manifest unknown", ErrorKind::not_found},
    Sign{"not found", ErrorKind::not_found},
    Sign{"no such image", ErrorKind::not_found},
    Sign{"connection refused", ErrorKind::unreachable},
    Sign{"no such host", ErrorKind::unreachable},
    Sign{"i/o timeout", ErrorKind::timeout},
    Sign{"timeout", ErrorKind::timeout},
    Sign{"toomanyrequests", ErrorKind::busy},
};

// "latest: digest: sha256:... size: 527"
std::string digest_in_words(std::string_view status) {
  constexpr std::string_view kBefore = ": digest: ";
  const auto begin = status.find(kBefore);
  const auto end = status.find(" size: ");
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin + kBefore.size()) return {};
  return std::string(status.substr(begin + kBefore.size(), end - begin - kBefore.size()));
}

}  // namespace

Error engine_error(std::string_view sentence) {
  const auto lower = text::lower(sentence);
  const auto sign = std::find_if(kSigns.begin(), kSigns.end(),
                                 [&](const Sign& one) { return lower.find(one.text) != std::string::npos; });
  const auto kind = sign == kSigns.end() ? ErrorKind::protocol : sign->kind;
  return Error(kind, "the engine says: " + text::printable(sentence, 1000));
}

Status MessageReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto piece = bytes.substr(0, end);
    if (held_.size() + piece.size() > kMaxLine)
      return Error(ErrorKind::protocol, "the engine sent a message of more than 1 MiB");
    held_ += piece;
    if (end == std::string_view::npos) return {};
    bytes.remove_prefix(end + 1);
    SLUICE_CHECK(take(std::exchange(held_, {})));
  }
  return {};
}

Result<StreamEnd> MessageReader::finish() {
  SLUICE_CHECK(take(std::exchange(held_, {})));
  return std::move(end_);
}

Status MessageReader::take(std::string_view line) {
  if (text::trim(line).empty()) return {};
  const auto message = parse_json(line);
  if (!message || !message->is_object())
    return Error(ErrorKind::protocol, "the engine sent no JSON: " + text::printable(line, 200));
  // "errorDetail" has the same sentence; older engines send "error" alone, and it may come after any progress.
  const auto* detail = message->find("errorDetail");
  auto sentence = message->string_at("error");
  if (!sentence && detail != nullptr) sentence = detail->string_at("message").value_or("an error without a word");
  if (sentence) return engine_error(*sentence);
  if (const auto* aux = message->find("aux")) take_aux(*aux);
  const auto status = message->string_at("status").value_or(message->string_at("stream").value_or(""));
  constexpr std::string_view kDigest = "Digest: ";
  if (status.starts_with(kDigest))
    end_.digest = std::string(text::trim(std::string_view(status).substr(kDigest.size())));
  if (auto digest = digest_in_words(status); !digest.empty()) end_.in_words = std::move(digest);
  Progress progress{.layer = message->string_at("id").value_or(""), .status = text::printable(status, 200)};
  if (const auto* numbers = message->find("progressDetail"); numbers != nullptr && numbers->is_object()) {
    progress.current_bytes =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, numbers->integer_at("current").value_or(0)));
    progress.total_bytes =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, numbers->integer_at("total").value_or(0)));
  }
  if (told_ && !(progress.layer.empty() && progress.status.empty())) told_(progress);
  return {};
}

void MessageReader::take_aux(const Json& aux) {
  if (!aux.is_object()) return;
  if (const auto digest = aux.string_at("Digest")) end_.digest = *digest;
  if (end_.notes.size() >= kMaxNotes) return;
  if (aux.bool_at("manifestPushedInsteadOfIndex").value_or(false))
    end_.notes.emplace_back("the engine had one platform of the index alone, and pushed that instead of the index");
  if (aux.bool_at("contentMissing").value_or(false))
    end_.notes.emplace_back("the engine did not have all of the content, and pushed what it had");
}

}  // namespace sluice::engine
