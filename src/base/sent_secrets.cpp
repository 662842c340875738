#include "base/sent_secrets.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <utility>

namespace sluice {

namespace {

constexpr std::string_view kBasic = "Basic ";
constexpr std::string_view kBearer = "Bearer ";
constexpr std::string_view kMask = "***";

std::string without_padding(std::string base64) {
  base64.erase(base64.find_last_not_of('=') + 1);
  return base64;
}

// RFC 4648 section 5.
std::string url_safe(std::string base64) {
  std::replace(base64.begin(), base64.end(), '+', '-');
  std::replace(base64.begin(), base64.end(), '/', '_');
  return base64;
}

// "%2F" and "%2f" are the same to every reader.
std::string lower_percent(std::string text) {
  for (std::size_t i = 0; i + 2 < text.size(); ++i) {
    if (text[i] != '%') continue;
    const auto digits = text::lower(std::string_view(text).substr(i + 1, 2));
    text.replace(i + 1, 2, digits);
  }
  return text;
}

// As it stands between the quotes of a JSON text.
std::string json_inside(const std::string& text) {
  const auto quoted = Json(text).dump();
  return quoted.substr(1, quoted.size() - 2);
}

void add_form(std::vector<std::string>& forms, std::string form) {
  if (form.size() < SentSecrets::kShortest) return;
  if (std::find(forms.begin(), forms.end(), form) == forms.end()) forms.push_back(std::move(form));
}

void add_base64(std::vector<std::string>& forms, std::string encoded) {
  encoded = without_padding(std::move(encoded));
  add_form(forms, encoding::percent(encoded));
  add_form(forms, url_safe(encoded));
  add_form(forms, std::move(encoded));
}

void add_forms(std::vector<std::string>& forms, const std::string& secret) {
  if (secret.size() < SentSecrets::kShortest) return;
  const auto percent = encoding::percent(secret);
  add_form(forms, secret);
  add_form(forms, percent);
  add_form(forms, lower_percent(percent));
  add_form(forms, json_inside(secret));
  add_base64(forms, encoding::base64(secret));
}

std::size_t common_prefix(std::string_view a, std::string_view b) {
  const auto length = std::min(a.size(), b.size());
  std::size_t i = 0;
  while (i < length && a[i] == b[i]) ++i;
  return i;
}

// A long secret counts from its beginning on, as far as it goes. The padding of base64 goes with it.
void hide_one(std::string& text, std::string_view secret) {
  const auto needle = secret.substr(0, SentSecrets::kEnough);
  for (auto at = text.find(needle); at != std::string::npos; at = text.find(needle, at + kMask.size())) {
    auto end = at + common_prefix(std::string_view(text).substr(at), secret);
    for (int padding = 0; padding < 2 && end < text.size() && text[end] == '='; ++padding) ++end;
    text.replace(at, end - at, kMask);
  }
}

}  // namespace

SentSecrets& SentSecrets::process() {
  static SentSecrets secrets;
  return secrets;
}

bool SentSecrets::is_known(const State& state, std::string_view origin) {
  // The newest are asked about most.
  return std::any_of(state.known.rbegin(), state.known.rend(),
                     [&](const Known& known) { return known.origin == origin; });
}

void SentSecrets::keep(State& state, Known known) {
  if (is_known(state, known.origin)) return;  // another thread was faster
  known.bytes = known.origin.size();
  for (const auto& form : known.forms) known.bytes += form.size();
  state.bytes += known.bytes;
  state.known.push_back(std::move(known));
  while (state.known.size() > 1 && (state.bytes > kMostBytes || state.known.size() > kMostSecrets)) {
    state.bytes -= state.known.front().bytes;
    state.known.pop_front();
  }
  Forms all;
  for (const auto& one : state.known) all.insert(all.end(), one.forms.begin(), one.forms.end());
  // A secret that holds another one is hidden whole.
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.size() != b.size() ? a.size() > b.size() : a < b; });
  all.erase(std::unique(all.begin(), all.end()), all.end());
  state.forms = std::make_shared<const Forms>(std::move(all));
}

void SentSecrets::add(const Secret& secret, std::string_view username) {
  const auto& text = secret.reveal();
  if (text.size() < kShortest || text == username) return;
  if (state_.with([&](const State& state) { return is_known(state, text); })) return;
  Known known{text, {}, 0};
  add_forms(known.forms, text);
  state_.with([&](State& state) { keep(state, std::move(known)); });
}

void SentSecrets::add_authorization(const Secret& header) {
  const auto& text = header.reveal();
  if (state_.with([&](const State& state) { return is_known(state, text); })) return;
  Known known{text, {}, 0};
  if (text.starts_with(kBasic)) {
    const auto encoded = text.substr(kBasic.size());
    add_base64(known.forms, encoded);
    if (const auto pair = encoding::decode_base64(encoded)) {
      const auto [user, password] = text::cut(*pair, ':');
      if (password != user) add_forms(known.forms, std::string(password));
    }
  } else {
    add_forms(known.forms, text.starts_with(kBearer) ? text.substr(kBearer.size()) : text);
  }
  state_.with([&](State& state) { keep(state, std::move(known)); });
}

std::string SentSecrets::hide(std::string_view text) const {
  std::string out(text);
  const auto forms = state_.with([](const State& state) { return state.forms; });
  if (forms == nullptr) return out;
  for (const auto& form : *forms) hide_one(out, form);
  return out;
}

}  // namespace sluice
