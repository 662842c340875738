#pragma once
// The words of the command line that stand beside parsing: the page of all commands, their examples, flags that hold
// secrets, and what is said about a word that nobody knows.

#include "base/error.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace sluice::cli {

/// The page of all commands.
const char* top_help();
/// An example of each command, by its name.
const std::map<std::string, std::string>& examples();

/// Overwrites the values of flags that hold secrets in the process arguments, so that `ps` does not show them.
void blank_secrets(int argc, char** argv);

/// Says what is wrong with a command line, and what was perhaps meant. A word that may be a secret is not repeated.
Error usage_error(const CLI::App& app, const CLI::ParseError& why, const std::vector<std::string>& arguments);

}  // namespace sluice::cli
