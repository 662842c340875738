#include "oci/grammar.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>

namespace sluice::oci::grammar {

namespace {

constexpr std::size_t kMaxLabelBytes = 63;  // RFC 1035 section 2.3.4
constexpr std::size_t kMaxTagBytes = 128;   // distribution/reference, "tag"

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_alnum(char c) { return is_digit(c) || is_lower(c) || is_upper(c); }
bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

Fault moved(Fault fault, std::size_t by) {
  fault.at += by;
  return fault;
}

std::optional<Fault> port_fault(std::string_view port) {
  if (port.empty()) return Fault{0, "a port number must follow ':'"};
  const auto wrong = std::find_if_not(port.begin(), port.end(), is_digit);
  if (wrong != port.end()) {
    return Fault{static_cast<std::size_t>(wrong - port.begin()), name_of(*wrong) + " is not allowed in a port number"};
  }
  // Two spellings of one port would make two registries of one.
  if (port.front() == '0') return Fault{0, "a port number does not start with 0"};
  if (port.size() > 5 || (port.size() == 5 && port > "65535")) return Fault{0, "a port number is at most 65535"};
  return std::nullopt;
}

std::optional<Fault> ipv6_fault(std::string_view address) {
  const auto wrong = address.find_first_not_of("0123456789abcdefABCDEF:");
  if (wrong != std::string_view::npos) {
    return Fault{wrong, name_of(address[wrong]) + " is not allowed in an IPv6 address"};
  }
  in6_addr parsed{};
  if (inet_pton(AF_INET6, std::string(address).c_str(), &parsed) != 1) return Fault{0, "this is no IPv6 address"};
  return std::nullopt;
}

std::optional<Fault> label_fault(std::string_view label) {
  if (label.empty()) return Fault{0, "a part of the host name is missing"};
  for (std::size_t i = 0; i < label.size(); ++i) {
    if (!is_alnum(label[i]) && label[i] != '-') return Fault{i, name_of(label[i]) + " is not allowed in a host name"};
  }
  if (label.front() == '-') return Fault{0, "a part of a host name cannot start with '-'"};
  if (label.back() == '-') return Fault{label.size() - 1, "a part of a host name cannot end with '-'"};
  if (label.size() > kMaxLabelBytes) {
    return Fault{kMaxLabelBytes, fmt::format("a part of a host name has at most {} characters", kMaxLabelBytes)};
  }
  return std::nullopt;
}

std::optional<Fault> host_fault(std::string_view host) {
  if (host.empty()) return Fault{0, "a registry host is missing"};
  std::size_t start = 0;
  std::string_view last;
  for (;;) {
    const auto end = std::min(host.find('.', start), host.size());
    last = host.substr(start, end - start);
    if (auto fault = label_fault(last)) return moved(std::move(*fault), start);
    if (end == host.size()) break;
    start = end + 1;
  }
  // A number at the end makes resolvers read an address, in forms nobody expects ("127.1", "0177.0.0.1").
  in_addr parsed{};
  if (all_digits(last) && inet_pton(AF_INET, std::string(host).c_str(), &parsed) != 1) {
    return Fault{0, "a host name that ends in a number must be an IPv4 address"};
  }
  return std::nullopt;
}

std::optional<Fault> component_character_fault(char c) {
  if (is_lower(c) || is_digit(c) || c == '.' || c == '_' || c == '-') return std::nullopt;
  if (is_upper(c)) return Fault{0, "upper-case letters are not allowed in a repository path"};
  return Fault{0, name_of(c) + " is not allowed in a repository path"};
}

// Separators stand alone between letters or digits: one '.', one or two '_', or any number of '-'.
std::optional<Fault> separator_fault(std::string_view run, bool first, bool last) {
  if (first) return Fault{0, "a path component must start with a lower-case letter or a digit"};
  if (last) return Fault{run.size() - 1, "a path component must end with a lower-case letter or a digit"};
  if (run == "." || run == "_" || run == "__") return std::nullopt;
  if (run.find_first_not_of('-') == std::string_view::npos) return std::nullopt;
  return Fault{
      0, fmt::format("\"{}\" is not allowed between letters or digits (\".\", \"_\", \"__\" and \"-\" are)", run)};
}

std::optional<Fault> component_fault(std::string_view component) {
  if (component.empty()) return Fault{0, "a path component is empty"};
  std::size_t i = 0;
  while (i < component.size()) {
    if (auto fault = component_character_fault(component[i])) return moved(std::move(*fault), i);
    if (component[i] != '.' && component[i] != '_' && component[i] != '-') {
      ++i;
      continue;
    }
    const auto end = std::min(component.find_first_not_of("._-", i), component.size());
    // A run that ends at a foreign character is not at the end; that character is told on the next round.
    if (auto fault = separator_fault(component.substr(i, end - i), i == 0, end == component.size())) {
      return moved(std::move(*fault), i);
    }
    i = end;
  }
  return std::nullopt;
}

}  // namespace

std::string name_of(char c) {
  const auto code = static_cast<unsigned char>(c);
  if (c == ' ') return "a space";
  if (code < 0x20 || code == 0x7f) return "a control character";
  if (code > 0x7f) return "a character that is not ASCII";
  return fmt::format("'{}'", c);
}

std::optional<Fault> registry_fault(std::string_view text) {
  if (text.empty()) return Fault{0, "a registry host is missing"};
  std::size_t host_end = 0;
  if (text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return Fault{text.size(), "the ']' of an IPv6 address is missing"};
    if (auto fault = ipv6_fault(text.substr(1, close - 1))) return moved(std::move(*fault), 1);
    host_end = close + 1;
  } else {
    host_end = std::min(text.find(':'), text.size());
    if (auto fault = host_fault(text.substr(0, host_end))) return fault;
  }
  if (host_end == text.size()) return std::nullopt;
  if (text[host_end] != ':') return Fault{host_end, name_of(text[host_end]) + " is not allowed after an IPv6 address"};
  if (auto fault = port_fault(text.substr(host_end + 1))) return moved(std::move(*fault), host_end + 1);
  return std::nullopt;
}

std::optional<Fault> path_fault(std::string_view text) {
  if (text.empty()) return Fault{0, "a repository path is missing"};
  if (text.size() > kMaxNameBytes) {
    return Fault{kMaxNameBytes, fmt::format("a repository path has at most {} characters", kMaxNameBytes)};
  }
  std::size_t start = 0;
  for (;;) {
    const auto end = std::min(text.find('/', start), text.size());
    if (auto fault = component_fault(text.substr(start, end - start))) return moved(std::move(*fault), start);
    if (end == text.size()) return std::nullopt;
    start = end + 1;
  }
}

std::optional<Fault> tag_fault(std::string_view text) {
  if (text.empty()) return Fault{0, "a tag is missing"};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_alnum(c) || c == '_') continue;
    if (c != '.' && c != '-') return Fault{i, name_of(c) + " is not allowed in a tag"};
    if (i == 0) return Fault{0, "a tag must start with a letter, a digit or '_'"};
  }
  if (text.size() > kMaxTagBytes) {
    return Fault{kMaxTagBytes, fmt::format("a tag has at most {} characters", kMaxTagBytes)};
  }
  return std::nullopt;
}

std::optional<Fault> digest_fault(std::string_view text) {
  if (text.empty()) return Fault{0, "a digest is missing"};
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    return Fault{text.size(), "a digest is written as algorithm and hex, for example sha256:0123..."};
  }
  const auto algorithm = text.substr(0, colon);
  const std::size_t needed = algorithm == "sha256" ? 64 : algorithm == "sha512" ? 128 : 0;
  if (needed == 0) {
    return Fault{0, fmt::format("the digest algorithm \"{}\" is not known; sha256 and sha512 are",
                                text::printable(algorithm, 32))};
  }
  const auto hex = text.substr(colon + 1);
  const auto wrong = hex.find_first_not_of("0123456789abcdef");
  if (wrong != std::string_view::npos) {
    const bool upper = hex[wrong] >= 'A' && hex[wrong] <= 'F';
    return Fault{colon + 1 + wrong, upper ? "the hex digits of a digest are lower-case"
                                          : name_of(hex[wrong]) + " is not a lower-case hex digit"};
  }
  if (hex.size() != needed) {
    return Fault{colon + 1 + std::min(hex.size(), needed),
                 fmt::format("a {} digest has {} hex digits, not {}", algorithm, needed, hex.size())};
  }
  return std::nullopt;
}

}  // namespace sluice::oci::grammar
