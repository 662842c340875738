#include "pipeline/parse_verify.hpp"

#include "base/text.hpp"
#include "net/url.hpp"
#include "pipeline/fields.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace sluice::pipeline::detail {

namespace {

using std::chrono::seconds;

constexpr seconds kShortestRollout{10};
constexpr seconds kLongest = std::chrono::hours(24);  // a promotion holds its lease for so long
constexpr std::size_t kMaxUrlBytes = 2000;

const yaml::Keys& verify_keys() {
  static const yaml::Keys kKeys{{"rollout", "grace", "watch", "http"}, {}};
  return kKeys;
}

Result<seconds> read_bounded(const yaml::Node& node, const std::string& what, seconds shortest) {
  SLUICE_TRY(const auto time, yaml::as_duration(node, what));
  if (time >= shortest && time <= kLongest) return time;
  return yaml::error_at(node, what + (time < shortest ? " is too short" : " is too long"))
      .with_hint("write a time from " + std::to_string(shortest.count()) + "s to 24h");
}

Status read_rollout(const yaml::MapReader& map, Verify& verify) {
  const auto* node = map.find("rollout");
  if (node == nullptr) return {};
  if (node->kind == yaml::Node::Kind::scalar && node->text == "none") {
    verify.rollout = false;
    return {};
  }
  SLUICE_TRY(verify.rollout_time, read_bounded(*node, "'rollout' of " + map.what(), kShortestRollout));
  return {};
}

Status read_grace(const yaml::MapReader& map, Verify& verify) {
  const auto* node = map.find("grace");
  if (node == nullptr) return {};
  if (node->kind == yaml::Node::Kind::scalar && node->text == "none") {
    verify.grace.reset();
    return {};
  }
  SLUICE_TRY(verify.grace, read_bounded(*node, "'grace' of " + map.what(), seconds(0)));
  return {};
}

// The URL of one target, every placeholder filled in.
Result<std::string> filled(const std::string& url, const yaml::Node& node, const std::string& what,
                           const Target& target) {
  std::string out;
  std::string_view rest = url;
  while (!rest.empty()) {
    const auto open = rest.find_first_of("{}");
    out += rest.substr(0, open);
    if (open == std::string_view::npos) break;
    const auto close = rest.find('}', open);
    if (rest[open] == '}' || close == std::string_view::npos) {
      return yaml::error_at(node, what + " has a '" + rest[open] + "' without its other half")
          .with_hint("placeholders are {cluster} and {project}");
    }
    const auto name = rest.substr(open + 1, close - open - 1);
    if (name == "cluster") {
      // It may become part of the host: a context called "a/b" must not choose another one.
      if (!is_plain_name(target.cluster)) {
        return yaml::error_at(node, what + " has {cluster}, and the target " + in_quotes(target.label()) +
                                        " has no cluster with a name that fits into a URL")
            .with_hint(
                "give the cluster an entry in the clusters file and name it with 'cluster:', or write the URL "
                "without {cluster}");
      }
      out += target.cluster;
    } else if (name == "project") {
      out += target.project;
    } else {
      return unknown_value(node, "the placeholder in " + what, "{" + std::string(name) + "}",
                           {"{cluster}", "{project}"});
    }
    rest.remove_prefix(close + 1);
  }
  return out;
}

Status check_url(const std::string& url, const yaml::Node& node, const std::string& what, const Clusters& clusters) {
  const auto parsed = net::Url::parse(url);
  if (!parsed || url.size() > kMaxUrlBytes || url.find_first_of(" \t\r\n") != std::string::npos) {
    return yaml::error_at(node, what + " is no URL").with_hint("write https://HOST/PATH");
  }
  if (parsed->scheme == "https" || clusters.allow_local_checks) return {};
  return yaml::error_at(node, what + " must be an https URL")
      .with_hint("plain http is for checks on this machine, when the clusters file says allow-local-checks: true");
}

Result<std::string> read_http(const yaml::MapReader& map, const std::vector<Target>& targets,
                              const Clusters& clusters) {
  const auto* node = map.find("http");
  if (node == nullptr) return std::string();
  const auto what = "'http' of " + map.what();
  SLUICE_TRY(auto url, yaml::as_string(*node, what));
  if (has_user_information(url)) {
    return yaml::error_at(*node, what + " holds credentials, or an '@'").with_hint("a check is made without any");
  }
  for (const auto& target : targets) {
    SLUICE_TRY(const auto whole, filled(url, *node, what, target));
    SLUICE_CHECK(check_url(whole, *node, what, clusters));
  }
  return url;
}

}  // namespace

Result<Verify> parse_verify(const yaml::MapReader& environment, const std::vector<Target>& targets,
                            const Clusters& clusters) {
  Verify verify;
  const auto* node = environment.find("verify");
  if (node == nullptr) return verify;
  SLUICE_TRY(const auto map, yaml::MapReader::open(*node, "'verify' of " + environment.what(), verify_keys()));
  SLUICE_CHECK(read_rollout(map, verify));
  SLUICE_CHECK(read_grace(map, verify));
  if (const auto* watch = map.find("watch")) {
    SLUICE_TRY(verify.watch, read_bounded(*watch, "'watch' of " + map.what(), seconds(0)));
  }
  SLUICE_TRY(verify.http, read_http(map, targets, clusters));
  return verify;
}

}  // namespace sluice::pipeline::detail
