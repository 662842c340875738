// sluice-fake-registry: the fake registry as a program. Prints "listening on PORT" once, then does what it is told on
// stdin, until that ends: who started it cannot leave it behind.

#include "support/fake_registry_control.hpp"

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace {

constexpr const char* kUsage =
    "usage: sluice-fake-registry [--port N] [--knobs JSON]\n"
    "  --port   where it listens on 127.0.0.1 (default: a free port)\n"
    "  --knobs  how the registry is; see tests/support/fake_registry_control.cpp\n"
    "stdin: one JSON object a line, {\"do\": VERB, ...}; each is answered by {\"ok\": ...} or {\"error\": SENTENCE}\n";

using sluice::Json;

Json answer(sluice::support::FakeRegistryControl& control, const std::string& line) {
  auto done = control.obey(line);
  if (!done.ok()) return Json::object().set("error", done.error().sentence());
  return Json::object().set("ok", std::move(done).value());
}

}  // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  std::string knobs;
  const std::vector<std::string> words(argv + 1, argv + argc);
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (i + 1 < words.size() && words[i] == "--port") {
      port = static_cast<std::uint16_t>(std::strtoul(words[i + 1].c_str(), nullptr, 10));
    } else if (i + 1 < words.size() && words[i] == "--knobs") {
      knobs = words[i + 1];
    } else {
      std::cout << kUsage;
      return words[i] == "--help" ? 0 : 2;
    }
  }
  sluice::support::FakeRegistry registry({}, port);
  sluice::support::FakeRegistryControl control(registry);
  if (!knobs.empty()) {
    const auto done = control.obey(R"({"do":"knobs","knobs":)" + knobs + "}");
    if (!done.ok()) {
      std::cerr << "sluice-fake-registry: --knobs: " << done.error().sentence() << "\n";
      return 2;
    }
  }
  std::cout << "listening on " << registry.host().substr(registry.host().find(':') + 1) << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << answer(control, line).dump() << std::endl;
  return 0;
}
