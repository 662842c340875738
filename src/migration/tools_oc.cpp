// What `oc` does, of tools.hpp.

#include "base/text.hpp"
#include "migration/pictures.hpp"
#include "migration/tools.hpp"

#include <utility>

namespace sluice::migration {

namespace {

const std::set<std::string, std::less<>>& oc_options() {
  static const std::set<std::string, std::less<>> kOptions{"-n",
                                                           "--namespace",
                                                           "--context",
                                                           "--server",
                                                           "-s",
                                                           "--token",
                                                           "--config",
                                                           "--kubeconfig",
                                                           "--as",
                                                           "--certificate-authority",
                                                           "--cluster",
                                                           "--user",
                                                           "-u",
                                                           "--username",
                                                           "-p",
                                                           "--password",
                                                           "-o",
                                                           "--output",
                                                           "--loglevel",
                                                           "--request-timeout",
                                                           "--source",
                                                           "--from",
                                                           "-a",
                                                           "--registry-config",
                                                           "--filter-by-os",
                                                           "-l",
                                                           "-f",
                                                           "--filename",
                                                           "--max-per-registry",
                                                           "--template",
                                                           "--type",
                                                           "-c",
                                                           "--containers",
                                                           "--timeout",
                                                           "--replicas"};
  return kOptions;
}

// Host and port of a URL, without who logs in; "" when it is none.
std::string host_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find('/'));
  if (const auto at = url.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
  const auto parsed = oci::parse_registry(url);
  return parsed && url.find_first_of(".:") != std::string_view::npos ? *parsed : std::string();
}

}  // namespace

void Tools::login_cluster(std::string_view server, int line) {
  const auto before = cluster_;
  if (!is_known(server)) {
    // Two variables are two clusters, as far as one can tell.
    cluster_ = "$" + unknown_name(server);
    notebook_.clusters[cluster_];
  } else if (const auto host = host_of(server); !host.empty()) {
    cluster_ = cluster_key(host);
    notebook_.clusters[cluster_].server = host;
    notebook_.login(line, "the script logs in to the cluster " + host, "sluice login https://" + host);
  }
  if (cluster_ != before) project_.clear();
}

void Tools::oc(const Value& words, int line) {
  const auto arguments = arguments_of(words, 1, oc_options());
  if (arguments.positional.empty()) return;
  // --context and --server count for this command alone.
  const auto cluster = cluster_;
  const auto project = project_;
  const auto context = arguments.option({"--context"});
  if (!context.empty() && is_known(context)) {
    cluster_ = "context " + context;
    notebook_.clusters[cluster_].context = context;
  }
  if (const auto server = arguments.option({"--server", "-s"}); !server.empty()) login_cluster(server, line);
  if (const auto given = arguments.option({"-n", "--namespace"}); !given.empty()) project_ = given;
  const bool stays = arguments.positional[0] == "login" || arguments.positional[0] == "config" ||
                     arguments.positional[0] == "project" || arguments.positional[0] == "new-project";
  oc_command(arguments, line);
  if (stays) return;
  cluster_ = cluster;
  project_ = project;
}

void Tools::oc_command(const Arguments& arguments, int line) {
  const auto& names = arguments.positional;
  const auto& verb = names[0];
  const auto second = names.size() > 1 ? names[1] : std::string();
  if (verb == "login") {
    if (!second.empty()) login_cluster(second, line);
  } else if (verb == "project" || verb == "new-project") {
    if (!second.empty()) project_ = second;
  } else if (verb == "config" && second == "use-context" && names.size() > 2 && is_known(names[2])) {
    cluster_ = "context " + names[2];
    notebook_.clusters[cluster_].context = names[2];
  } else if (verb == "tag") {
    oc_tag(arguments, line);
  } else if (verb == "image" && second == "mirror") {
    oc_mirror(arguments, line);
  } else if (verb == "import-image") {
    oc_import(arguments, line);
  } else if (verb == "rollout" || verb == "deploy" || (verb == "set" && (second == "image" || second == "triggers"))) {
    notebook_.left_out(line,
                       "oc or kubectl " + verb +
                           ": a promotion moves tags and follows the rollouts that triggers start; see deploy: patch "
                           "for workloads without triggers");
  }
}

void Tools::oc_tag(const Arguments& arguments, int line) {
  notebook_.seen();
  const auto& names = arguments.positional;
  if (arguments.has({"-d", "--delete"})) return;
  if (names.size() < 3)
    return notebook_.not_understood(line, "oc tag: a source and a destination were expected behind it");
  const bool outside = arguments.option({"--source"}) == "docker" || names_registry(names[1]);
  for (std::size_t i = 2; i < names.size(); ++i) {
    if (!outside || !is_known(names[1].substr(0, names[1].find('/')))) {
      tag_streams(names[1], names[i], "", line);
      continue;
    }
    const auto source = picture_of(names[1], cluster_, notebook_);
    if (!source) return complain(line, "oc tag, the source", source.error());
    const auto destination = stream_of(names[i], project_, cluster_);
    if (!destination) return complain(line, "oc tag, the destination", destination.error());
    notebook_.move({*source, *destination, line});
  }
}

void Tools::tag_streams(std::string_view from, const std::string& to, std::string_view project, int line) {
  notebook_.seen();
  const auto in = project.empty() ? std::string_view(project_) : project;
  const auto source = stream_of(from, in, cluster_);
  if (!source) return complain(line, "oc tag, the source", source.error());
  const auto destination = stream_of(to, in, cluster_);
  if (!destination) return complain(line, "oc tag, the destination", destination.error());
  notebook_.move({*source, *destination, line});
}

void Tools::oc_mirror(const Arguments& arguments, int line) {
  notebook_.seen();
  if (arguments.has({"-f", "--filename"})) {
    return notebook_.not_understood(line, "oc image mirror: what is mirrored stands in another file");
  }
  const Value names(arguments.positional.begin() + 2, arguments.positional.end());
  if (names.empty()) return notebook_.not_understood(line, "oc image mirror: nothing stands behind it");
  if (names.front().find('=') == std::string::npos) {
    for (std::size_t i = 1; i < names.size(); ++i) copy("oc image mirror", names.front(), names[i], line);
    if (names.size() == 1) notebook_.not_understood(line, "oc image mirror: the destination is missing");
    return;
  }
  for (const auto& pair : names) {
    const auto [from, to] = text::cut(pair, '=');
    copy("oc image mirror", from, to, line);
  }
}

void Tools::oc_import(const Arguments& arguments, int line) {
  const auto from = arguments.option({"--from"});
  if (from.empty() || arguments.positional.size() < 2) return;
  notebook_.seen();
  const auto source = picture_of(from, cluster_, notebook_);
  if (!source) return complain(line, "oc import-image, the source", source.error());
  const auto destination = stream_of(arguments.positional[1], project_, cluster_);
  if (!destination) return complain(line, "oc import-image, the destination", destination.error());
  notebook_.move({*source, *destination, line});
}

}  // namespace sluice::migration
