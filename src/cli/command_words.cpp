#include "cli/command_words.hpp"

#include "base/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace sluice::cli {

namespace {

constexpr const char* kTop = R"(Usage: sluice COMMAND [OPTIONS]

Beginning
  init       write a pipeline by looking at a cluster
  doctor     what could stop a promotion, and how to mend it

Promoting
  plan       what a promotion would do; writes nothing
  promote    bring a release to an environment, and verify it
  rollback   bring an earlier release back
  resume     finish an interrupted or partial promotion
  undo       put back what was there before a promotion
  status     what is where: environments, releases, drift
  history    promotions so far
  hold       keep an environment as it is;  unhold: let it go
  release    make a release from the source tags now, or show one (release create, release show)
  releases   list releases
  diff       compare what two environments hold

Images
  copy       move one image, all platforms, by digest
  inspect    manifest, platforms, layers of an image
  digest     the digest a tag stands for
  tags       the tags of a repository

Registries
  login      store credentials the way docker and podman do
  logout     remove them

Learning
  sandbox    a local OpenShift look-alike with a registry

Example: sluice promote --to prod
Help:    sluice COMMAND --help          Version: sluice --version
)";

// Their values are secrets, or name one.
constexpr std::string_view kSecretFlags[] = {"--src-creds", "--dest-creds", "--creds", "--token"};

// Everything that may be typed, for suggestions.
std::vector<std::string> known_words(const CLI::App& app) {
  std::vector<std::string> words;
  for (const auto* sub : app.get_subcommands({})) words.push_back(sub->get_name());
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) words.push_back("--" + name);
    for (const auto& name : option->get_snames()) words.push_back("-" + name);
  }
  return words;
}

// Commands with such a flag are given secrets, and a word too many may be one that slipped out of its flag.
bool takes_secrets(const CLI::App& command) {
  const auto options = command.get_options();
  return std::any_of(options.begin(), options.end(), [](const CLI::Option* option) {
    return std::any_of(std::begin(kSecretFlags), std::end(kSecretFlags),
                       [&](std::string_view flag) { return option->check_lname(std::string(flag.substr(2))); });
  });
}

// What may be repeated of a word that is not known: "-pS3CRET" and "--password=S3CRET" are habits from elsewhere.
std::string_view without_value(std::string_view word) {
  if (word.starts_with('-') && !word.starts_with("--")) return word.substr(0, 2);
  return word.substr(0, word.find('='));
}

}  // namespace

const char* top_help() { return kTop; }

const std::map<std::string, std::string>& examples() {
  static const std::map<std::string, std::string> kExamples{
      {"doctor", "sluice doctor --to prod"},
      {"init", "sluice init --from shop-dev --to shop-prod"},
      {"copy", "sluice copy registry.example.com/shop-dev/web:latest registry.example.com/shop-prod/web:latest"},
      {"inspect", "sluice inspect registry.example.com/shop/web:latest"},
      {"digest", "sluice digest registry.example.com/shop/web:latest"},
      {"tags", "sluice tags registry.example.com/shop/web --filter 'v1.*'"},
      {"release", "sluice release create"},
      {"diff", "sluice diff dev prod"},
      {"releases", "sluice releases -o json"},
      {"plan", "sluice plan --to prod"},
      {"promote", "sluice promote --to prod --yes"},
      {"rollback", "sluice rollback --to prod"},
      {"resume", "sluice resume"},
      {"undo", "sluice undo p0123456789ab"},
      {"status", "sluice status -o json"},
      {"history", "sluice history --env prod"},
      {"hold", "sluice hold prod --reason 'year-end close'"},
      {"unhold", "sluice unhold prod"},
      {"login", "printf %s \"$TOKEN\" | sluice login registry.example.com -u robot --password-stdin"},
      {"logout", "sluice logout registry.example.com"},
      {"sandbox", "sluice sandbox --demo"},
  };
  return kExamples;
}

void blank_secrets(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    for (const auto flag : kSecretFlags) {
      const std::string_view word(argv[i]);
      char* secret = nullptr;
      if (word == flag && i + 1 < argc) secret = argv[i + 1];
      if (word.starts_with(std::string(flag) + "=")) secret = argv[i] + flag.size() + 1;
      if (secret != nullptr) std::memset(secret, '*', std::strlen(secret));
    }
  }
}

Error usage_error(const CLI::App& app, const CLI::ParseError& why, const std::vector<std::string>& arguments) {
  const auto parsed = app.get_subcommands();
  const CLI::App* where = parsed.empty() ? &app : parsed.front();
  const std::string help = parsed.empty() ? "see: sluice --help" : "see: sluice " + where->get_name() + " --help";
  const auto extras = app.remaining(true);
  std::string word = !extras.empty() ? extras.front() : "";
  if (word.empty() && parsed.empty() && !arguments.empty()) word = arguments.front();
  const bool unknown = !extras.empty() || (parsed.empty() && !arguments.empty());
  if (unknown && !word.empty()) {
    const bool is_option = word.starts_with('-');
    if (!is_option && !parsed.empty() && takes_secrets(*where)) {
      const bool is_login = where->get_name() == "login";
      return Error(ErrorKind::usage,
                   where->get_name() + ": there is an argument too many (not shown: it may be a secret)")
          .with_hint(is_login ? "pipe a password in with --password-stdin (" + help + ")" : help);
    }
    const std::string bare(without_value(word));
    const auto near = text::nearest(bare, known_words(*where));
    const auto what = is_option ? "option" : parsed.empty() ? "command" : "argument";
    return Error(ErrorKind::usage, fmt::format("there is no {} {}", what, text::printable(bare, 60)))
        .with_hint(near.empty() ? help : "did you mean " + near + "? (" + help + ")");
  }
  if (parsed.empty()) return Error(ErrorKind::usage, "a command is missing").with_hint(help);
  return Error(ErrorKind::usage, where->get_name() + ": " + text::printable(why.what(), 200)).with_hint(help);
}

}  // namespace sluice::cli
