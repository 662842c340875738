#include "app/who.hpp"

#include <climits>

#include <algorithm>
#include <array>
#include <unistd.h>

namespace sluice::app {

namespace {

// Jenkins, GitLab, Tekton's dashboard and Azure set their own; GitHub has three parts.
constexpr std::array kJobAddresses{"BUILD_URL", "CI_JOB_URL", "SLUICE_JOB_URL"};

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

// "ci.example.com:8443" or "[::1]:80": what is written otherwise may be part of a password with a slash in it.
bool is_host(std::string_view host) {
  const auto is_one_of = [](std::string_view text, std::string_view more) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      return letter || more.find(c) != std::string_view::npos;
    });
  };
  const auto colon = host.find(':', host.starts_with('[') ? host.find(']') : 0);
  const auto name = host.substr(0, colon);
  if (name.empty() || !is_one_of(name, host.starts_with('[') ? "[]:" : ".-_")) return false;
  if (colon == std::string_view::npos) return true;
  const auto port = host.substr(colon + 1);
  return !port.empty() && std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Printable, in one line, without blanks.
bool is_path(std::string_view path) {
  return std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7f && c != '\\'; });
}

std::string user_name(const Environment& environment) {
  for (const auto* name : {"LOGNAME", "USER"}) {
    if (auto user = environment.get(name); user && !user->empty()) return *user;
  }
  return "uid " + std::to_string(::getuid());
}

std::string job_address(const Environment& environment) {
  for (const auto* name : kJobAddresses) {
    if (auto address = told_address(environment.get(name).value_or("")); !address.empty()) return address;
  }
  const auto server = environment.get("GITHUB_SERVER_URL");
  const auto repository = environment.get("GITHUB_REPOSITORY");
  const auto run = environment.get("GITHUB_RUN_ID");
  if (!server || !repository || !run) return {};
  return told_address(*server + "/" + *repository + "/actions/runs/" + *run);
}

}  // namespace

std::string told_address(std::string_view address) {
  const auto scheme = address.find("://");
  if (scheme == std::string_view::npos) return {};
  const auto name = address.substr(0, scheme);
  if (name != "https" && name != "http") return {};
  auto rest = address.substr(scheme + 3);
  rest = rest.substr(0, rest.find_first_of("?#"));
  const auto path = rest.find('/');
  auto host = rest.substr(0, path);
  if (const auto at = host.rfind('@'); at != std::string_view::npos) host = host.substr(at + 1);
  const auto where = path == std::string_view::npos ? std::string_view() : rest.substr(path);
  if (!is_host(host) || !is_path(where)) return {};
  return std::string(name).append("://").append(host).append(where);
}

memory::Who who_asks(const Environment& environment) {
  return {.user = user_name(environment), .host = host_name(), .identity = {}, .job = job_address(environment)};
}

}  // namespace sluice::app
