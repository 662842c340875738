#include "sandbox/registry/path.hpp"

#include "oci/reference.hpp"
#include "sandbox/core/http_text.hpp"

#include <algorithm>
#include <cctype>

namespace sluice::sandbox {

namespace {

using Kind = RegistryPath::Kind;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

// The routes let more digests in than the registry then takes: any algorithm, 32 hex digits or more.
bool looks_like_digest(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_letter(text.front())) return false;
  const auto algorithm = text.substr(0, colon);
  const auto hex = text.substr(colon + 1);
  const auto ok = [](char c) { return is_word(c) || c == '-' || c == '_' || c == '+' || c == '.'; };
  return std::all_of(algorithm.begin(), algorithm.end(), ok) && hex.size() >= 32 &&
         std::all_of(hex.begin(), hex.end(), is_hex);
}

bool is_upload_id(std::string_view text) {
  const auto ok = [](char c) { return is_word(c) || c == '-' || c == '_' || c == '.' || c == '='; };
  return !text.empty() && std::all_of(text.begin(), text.end(), ok);
}

bool is_name(std::string_view text) { return oci::check_repository_path(text).ok(); }

// Takes "<middle><rest>" off the end of `text`, `rest` being without '/'; what is left is the name.
bool split_end(std::string_view text, std::string_view middle, std::string_view& name, std::string_view& rest) {
  const auto slash = text.rfind('/');
  if (slash == std::string_view::npos) return false;
  const auto head = text.substr(0, slash + 1);
  if (!head.ends_with(middle) || head.size() == middle.size()) return false;
  name = head.substr(0, head.size() - middle.size());
  rest = text.substr(slash + 1);
  return is_name(name);
}

RegistryPath found(Kind kind, std::string_view name, std::string_view reference) {
  return {kind, std::string(name), std::string(reference)};
}

RegistryPath parse_repository(std::string_view path) {
  std::string_view name;
  std::string_view rest;
  if (split_end(path, "/blobs/uploads/", name, rest)) {
    if (rest.empty()) return found(Kind::uploads, name, "");
    return is_upload_id(rest) ? found(Kind::upload, name, rest) : RegistryPath{};
  }
  if (split_end(path, "/blobs/", name, rest)) {
    if (rest == "uploads") return found(Kind::redirect, "", "/v2/" + std::string(path) + "/");
    return looks_like_digest(rest) ? found(Kind::blob, name, rest) : RegistryPath{};
  }
  if (split_end(path, "/manifests/", name, rest)) {
    const bool known = looks_like_digest(rest) || oci::check_tag(rest).ok();
    return known ? found(Kind::manifest, name, rest) : RegistryPath{};
  }
  if (split_end(path, "/tags/", name, rest) && rest == "list") return found(Kind::tags, name, "");
  return {};
}

}  // namespace

RegistryPath RegistryPath::parse(std::string_view raw) {
  const auto decoded = decode_percent(raw);
  std::string_view path = decoded;
  if (path == "/" || path == "/healthz") return {Kind::health};
  if (path == "/openshift/token") return {Kind::token};
  if (path == "/v2") return found(Kind::redirect, "", "/v2/");
  if (path == "/v2/") return {Kind::base};
  if (path == "/v2/_catalog") return {Kind::catalog};
  if (path == "/extensions/v2/metrics") return {Kind::metrics};
  std::string_view name;
  std::string_view rest;
  if (path.starts_with("/v2/")) return parse_repository(path.substr(4));
  if (path.starts_with("/extensions/v2/") && split_end(path.substr(15), "/signatures/", name, rest)) {
    return looks_like_digest(rest) ? found(Kind::signatures, name, rest) : RegistryPath{};
  }
  if (path.starts_with("/admin/blobs/") && looks_like_digest(path.substr(13))) {
    return found(Kind::admin_blob, "", path.substr(13));
  }
  return {};
}

}  // namespace sluice::sandbox
