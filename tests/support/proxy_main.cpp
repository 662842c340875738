// sluice-proxy: the test proxy as a program. Prints "listening on PORT" once for each route, then works until a
// signal, or with --control until its stdin ends: who started it cannot leave it behind.

#include "base/text.hpp"
#include "support/http_proxy.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

namespace {

using sluice::Error;
using sluice::ErrorKind;
using sluice::Result;
using sluice::Status;
using sluice::support::FaultRule;
using sluice::support::HttpProxy;
using sluice::support::HttpProxyOptions;

constexpr const char* kUsage =
    "usage: sluice-proxy --to HOST:PORT [--listen HOST:PORT] [--to ... [--listen ...]]\n"
    "                    [--latency-ms N] [--log FILE] [--fault JSON ...] [--control]\n"
    "  --to         where connections go; repeated, each has a listener of its own\n"
    "  --listen     where the --to before or after it listens (default 127.0.0.1:0, a free port)\n"
    "  --latency-ms a round trip: half for each direction, one more for each new connection\n"
    "  --log        append one JSON line for each exchange\n"
    "  --fault      a rule, see tests/support/fault.hpp\n"
    "  --control    read from stdin: a rule as JSON, or \"clear\"; each is answered by \"ok\" or \"error: ...\"\n";

struct Arguments {
  HttpProxyOptions options;
  bool control = false;
};

Status take_option(Arguments& arguments, const std::string& name, const std::string& value,
                   std::vector<std::string>& listens) {
  auto& options = arguments.options;
  if (name == "--listen") {
    listens.push_back(value);
  } else if (name == "--to") {
    options.routes.push_back({.upstream = value});
  } else if (name == "--latency-ms") {
    char* end = nullptr;
    const long number = std::strtol(value.c_str(), &end, 10);
    if (value.empty() || *end != '\0' || number < 0) {
      return Error(ErrorKind::usage, "--latency-ms wants a number, not \"" + value + "\"");
    }
    options.latency = std::chrono::milliseconds(number);
  } else if (name == "--log") {
    options.log_file = value;
  } else if (name == "--fault") {
    SLUICE_TRY(auto rule, FaultRule::parse(value));
    options.faults.push_back(std::move(rule));
  } else {
    return Error(ErrorKind::usage, "unknown option " + name);
  }
  return {};
}

Result<Arguments> parse(const std::vector<std::string>& words) {
  Arguments arguments;
  std::vector<std::string> listens;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--control") {
      arguments.control = true;
      continue;
    }
    if (i + 1 == words.size()) return Error(ErrorKind::usage, "a value is missing after " + words[i]);
    SLUICE_CHECK(take_option(arguments, words[i], words[i + 1], listens));
    ++i;
  }
  auto& routes = arguments.options.routes;
  if (routes.empty()) return Error(ErrorKind::usage, "--to is missing");
  if (listens.size() > routes.size()) return Error(ErrorKind::usage, "there are more --listen than --to");
  for (std::size_t i = 0; i < listens.size(); ++i) routes[i].listen = listens[i];
  return arguments;
}

Status obey(HttpProxy& proxy, const std::string& line) {
  if (line == "clear") {
    proxy.clear_faults();
    return {};
  }
  SLUICE_TRY(auto rule, FaultRule::parse(line));
  return proxy.add_fault(std::move(rule));
}

void serve_control(HttpProxy& proxy) {
  for (std::string line; std::getline(std::cin, line);) {
    const auto done = obey(proxy, line);
    std::cout << (done.ok() ? "ok" : "error: " + done.error().sentence()) << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 1 && words[0] == "--help") {
    std::cout << kUsage;
    return 0;
  }
  auto arguments = parse(words);
  if (!arguments.ok()) {
    std::cerr << "sluice-proxy: " << arguments.error().sentence() << "\n" << kUsage;
    return 2;
  }
  const std::size_t routes = arguments->options.routes.size();
  // Blocked before the loop thread starts, so that the signal comes to sigwait below and nowhere else.
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  if (!arguments->control) pthread_sigmask(SIG_BLOCK, &ending, nullptr);

  auto proxy = HttpProxy::start(std::move(arguments->options));
  if (!proxy.ok()) {
    std::cerr << "sluice-proxy: " << proxy.error().sentence() << "\n";
    return 1;
  }
  for (std::size_t i = 0; i < routes; ++i) std::cout << "listening on " << (*proxy)->port(i) << std::endl;
  if (arguments->control) {
    serve_control(**proxy);
  } else {
    int signal = 0;
    sigwait(&ending, &signal);
  }
  return 0;
}
