#include "migration/tools.hpp"

#include "base/text.hpp"
#include "migration/pictures.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::migration {

namespace {

constexpr std::array<std::string_view, 4> kEngines{"docker", "podman", "buildah", "nerdctl"};
constexpr std::size_t kMaxLocals = 5000;

bool is_engine(std::string_view tool) { return std::find(kEngines.begin(), kEngines.end(), tool) != kEngines.end(); }

std::string base_name(std::string_view word) {
  const auto slash = word.rfind('/');
  return std::string(slash == std::string_view::npos ? word : word.substr(slash + 1));
}

// Options whose value is the next word, of all verbs that are looked at.
const std::set<std::string, std::less<>>& engine_options() {
  static const std::set<std::string, std::less<>> kOptions{
      "--config",        "-H",         "--host",     "--context", "-l",           "--log-level",
      "--platform",      "-u",         "--username", "-p",        "--password",   "-e",
      "--email",         "-t",         "--tag",      "-f",        "--file",       "--build-arg",
      "--creds",         "--authfile", "--cert-dir", "--format",  "--digestfile", "--label",
      "--target",        "--network",  "--arch",     "--os",      "--variant",    "--root",
      "--storage-driver"};
  return kOptions;
}

const std::set<std::string, std::less<>>& skopeo_options() {
  static const std::set<std::string, std::less<>> kOptions{"--src-creds",
                                                           "--dest-creds",
                                                           "--creds",
                                                           "--authfile",
                                                           "--src-authfile",
                                                           "--dest-authfile",
                                                           "--src-cert-dir",
                                                           "--dest-cert-dir",
                                                           "--cert-dir",
                                                           "--format",
                                                           "-f",
                                                           "--sign-by",
                                                           "--retry-times",
                                                           "--override-os",
                                                           "--override-arch",
                                                           "--policy",
                                                           "--src-registry-token",
                                                           "--dest-registry-token",
                                                           "--src-username",
                                                           "--src-password",
                                                           "--dest-username",
                                                           "--dest-password",
                                                           "--additional-tag",
                                                           "--command-timeout",
                                                           "--digestfile",
                                                           "-u",
                                                           "-p",
                                                           "--username",
                                                           "--password"};
  return kOptions;
}

// What an image is called in the engine.
std::string with_tag(std::string name) {
  if (name.starts_with("docker://")) name.erase(0, 9);
  const auto slash = name.rfind('/');
  const auto colon = name.rfind(':');
  const bool tagged = colon != std::string::npos && (slash == std::string::npos || colon > slash);
  return tagged ? name : name + ":latest";
}

}  // namespace

std::string Arguments::option(std::initializer_list<std::string_view> names) const {
  for (const auto name : names) {
    if (const auto found = options.find(std::string(name)); found != options.end()) return found->second;
  }
  return "";
}

bool Arguments::has(std::initializer_list<std::string_view> names) const {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return options.contains(std::string(name)); });
}

Arguments arguments_of(const Value& words, std::size_t first, const std::set<std::string, std::less<>>& with_value) {
  Arguments out;
  for (auto i = first; i < words.size(); ++i) {
    const auto& word = words[i];
    if (word.size() < 2 || word.front() != '-') {
      out.positional.push_back(word);
    } else if (const auto equals = word.find('='); equals != std::string::npos) {
      out.options.emplace(word.substr(0, equals), word.substr(equals + 1));
    } else if (with_value.contains(word) && i + 1 < words.size()) {
      out.options.emplace(word, words[++i]);
    } else {
      out.options.emplace(word, "");
    }
  }
  return out;
}

bool Tools::is_tool(std::string_view word) {
  const auto tool = base_name(word);
  return is_engine(tool) || tool == "skopeo" || tool == "oc" || tool == "kubectl" || tool == "crane" ||
         tool == "regctl";
}

bool Tools::mentions_move(std::string_view text) {
  if (text.find("oc tag ") != std::string_view::npos || text.find("oc image mirror") != std::string_view::npos ||
      text.find("skopeo copy") != std::string_view::npos) {
    return true;
  }
  for (const auto engine : kEngines) {
    for (const auto* verb : {" pull ", " push ", " tag "}) {
      if (text.find(std::string(engine) + verb) != std::string_view::npos) return true;
    }
  }
  return false;
}

bool Tools::run(const Value& words, int line) {
  if (words.empty() || !is_tool(words.front())) return false;
  const auto tool = base_name(words.front());
  if (is_engine(tool)) {
    engine(tool, words, line);
  } else if (tool == "skopeo") {
    skopeo(words, line);
  } else if (tool == "oc" || tool == "kubectl") {
    oc(words, line);
  } else {
    crane(tool, words, line);
  }
  return true;
}

void Tools::complain(int line, std::string_view what, const Error& error) {
  notebook_.seen();
  notebook_.not_understood(line, std::string(what) + ": " + error.message());
}

void Tools::engine(const std::string& tool, const Value& words, int line) {
  const auto all = arguments_of(words, 1, engine_options());
  if (all.positional.empty()) return;
  // The verb comes first but for options of the engine itself.
  const auto verb = std::find(words.begin() + 1, words.end(), all.positional[0]);
  auto first = static_cast<std::size_t>(verb - words.begin()) + 1;
  auto name = *verb;
  if ((name == "image" || name == "buildx" || name == "builder" || name == "compose") && first < words.size()) {
    name = name == "image" ? words[first] : name + " " + words[first];
    ++first;
  }
  engine_command(tool, name, words, first, line);
}

void Tools::engine_command(const std::string& tool, const std::string& verb, const Value& words, std::size_t first,
                           int line) {
  const auto arguments = arguments_of(words, first, engine_options());
  const auto& names = arguments.positional;
  if (verb == "login") return engine_login(arguments, line);
  if (verb == "build" || verb == "bud" || verb == "buildx build")
    return build(arguments, arguments.has({"--push"}), line);
  if (verb == "buildx imagetools") {
    if (names.size() == 2 && names[0] == "create")
      return copy("docker buildx imagetools create", names[1], arguments.option({"-t", "--tag"}), line);
    return;
  }
  if (verb == "pull" || verb == "push" || verb == "tag") {
    notebook_.seen();
    if (arguments.has({"-a", "--all-tags"})) {
      return notebook_.not_understood(line, tool + " " + verb + ": all tags of a repository at once are no release");
    }
    if (verb == "pull" && !names.empty()) return pull(tool, names.front(), line);
    if (verb == "push" && !names.empty()) return push(tool, names.front(), names.size() > 1 ? names[1] : "", line);
    if (verb == "tag" && names.size() >= 2) {
      for (std::size_t i = 1; i < names.size(); ++i) tag(tool, names.front(), names[i], line);
      return;
    }
    return notebook_.not_understood(line, tool + " " + verb + ": the words behind it are not what it takes");
  }
  for (const auto* known : {"save", "load", "import", "export", "commit", "compose push", "manifest"}) {
    if (verb != known) continue;
    notebook_.not_understood(line, tool + " " + verb + ": what it does to an image is not followed");
  }
}

void Tools::login_registry(const std::string& host, int line) {
  notebook_.login(line, "the script logs in to the registry " + host, "sluice login " + host);
}

void Tools::engine_login(const Arguments& arguments, int line) {
  if (arguments.positional.empty()) return login_registry("docker.io", line);
  auto host = arguments.positional.back();
  for (const auto* scheme : {"https://", "http://", "docker://"}) {
    if (host.starts_with(scheme)) host.erase(0, std::string_view(scheme).size());
  }
  host = host.substr(0, host.find('/'));
  if (!is_known(host)) return;
  // What is no host may be a password with a blank in it.
  const auto parsed = oci::parse_registry(host);
  if (arguments.positional.size() == 1 && parsed && host.find_first_of(".:") != std::string::npos) {
    login_registry(*parsed, line);
  }
}

Tools::LocalImage Tools::local(const std::string& name) const {
  const auto found = locals_.find(with_tag(name));
  return found == locals_.end() ? nullptr : found->second;
}

void Tools::pull(const std::string& tool, const std::string& name, int line) {
  auto image = std::make_shared<Local>();
  auto picture = picture_of(name, cluster_, notebook_);
  if (picture) {
    image->origin = std::move(*picture);
  } else {
    image->lost = true;
    complain(line, tool + " pull", picture.error());
  }
  if (locals_.size() < kMaxLocals) locals_[with_tag(name)] = std::move(image);
}

void Tools::tag(const std::string& tool, const std::string& from, const std::string& to, int line) {
  auto image = local(from);
  if (!image) {
    image = std::make_shared<Local>();
    // What was not pulled here was pulled before, or built.
    if (names_registry(from)) {
      auto picture = picture_of(from, cluster_, notebook_);
      if (picture) {
        image->origin = std::move(*picture);
      } else {
        image->lost = true;
        complain(line, tool + " tag", picture.error());
      }
    }
    if (locals_.size() < kMaxLocals) locals_[with_tag(from)] = image;
  }
  if (locals_.size() < kMaxLocals) locals_[with_tag(to)] = std::move(image);
}

void Tools::push(const std::string& tool, const std::string& name, const std::string& to, int line) {
  auto image = local(name);
  if (!image) {
    image = std::make_shared<Local>();
    if (locals_.size() < kMaxLocals) locals_[with_tag(name)] = image;
  }
  auto picture = picture_of(to.empty() ? name : to, cluster_, notebook_);
  if (!picture) return complain(line, tool + " push", picture.error());
  if (image->lost) {
    return notebook_.not_understood(line, tool + " push: where this image comes from was not understood");
  }
  if (image->origin) {
    notebook_.move({*image->origin, *picture, line});
  } else {
    image->origin = std::move(*picture);  // where an image that was built here is born
  }
}

void Tools::build(const Arguments& arguments, bool pushed, int line) {
  auto image = std::make_shared<Local>();
  for (const auto* option : {"-t", "--tag"}) {
    const auto [first, last] = arguments.options.equal_range(option);
    for (auto name = first; name != last; ++name) {
      if (locals_.size() < kMaxLocals) locals_[with_tag(name->second)] = image;
      if (pushed) push("docker", name->second, "", line);
    }
  }
}

void Tools::copy(std::string_view tool, std::string_view from, std::string_view to, int line) {
  notebook_.seen();
  const auto source = picture_of(from, cluster_, notebook_);
  if (!source) return complain(line, std::string(tool) + ", the source", source.error());
  const auto destination = picture_of(to, cluster_, notebook_);
  if (!destination) return complain(line, std::string(tool) + ", the destination", destination.error());
  notebook_.move({*source, *destination, line});
}

void Tools::skopeo(const Value& words, int line) {
  const auto all = arguments_of(words, 1, skopeo_options());
  const auto& names = all.positional;
  if (names.empty()) return;
  if (names[0] == "login") {
    auto rest = all;
    rest.positional.erase(rest.positional.begin());
    return engine_login(rest, line);
  }
  if (names[0] == "sync") {
    notebook_.seen();
    return notebook_.not_understood(line, "skopeo sync: all tags of a repository at once are no release");
  }
  if (names[0] != "copy") return;
  notebook_.seen();
  Value places;
  for (std::size_t i = 1; i < names.size(); ++i) {
    // "--src-tls-verify false" leaves a word of its own.
    if (names[i].find(':') != std::string::npos || !is_known(names[i])) places.push_back(names[i]);
  }
  if (places.size() != 2) return notebook_.not_understood(line, "skopeo copy: two places were expected behind it");
  if (places[0].starts_with("docker-daemon:")) return push("skopeo copy", places[0].substr(14), places[1], line);
  for (const auto& place : places) {
    if (place.starts_with("docker://")) continue;
    if (!is_known(place)) return complain(line, "skopeo copy", Error(ErrorKind::usage, why_unknown(place)));
    return notebook_.not_understood(line, "skopeo copy: one of the places is no registry");
  }
  copy("skopeo copy", places[0], places[1], line);
}

void Tools::crane(const std::string& tool, const Value& words, int line) {
  const auto all = arguments_of(words, 1, {"--platform", "-u", "-p", "--username", "--password"});
  auto names = all.positional;
  if (tool == "regctl" && !names.empty() && (names[0] == "image" || names[0] == "registry")) names.erase(names.begin());
  if (names.empty()) return;
  if (names[0] == "auth" && names.size() == 3 && names[1] == "login") return engine_login({{names[2]}, {}}, line);
  if (names.size() != 3) return;
  if (names[0] == "copy" || names[0] == "cp") return copy(tool + " " + names[0], names[1], names[2], line);
  if (names[0] == "tag") {
    const auto name = with_tag(names[1]);
    copy(tool + " tag", name, name.substr(0, name.rfind(':') + 1) + names[2], line);
  }
}

}  // namespace sluice::migration
