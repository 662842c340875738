#include "base/encoding.hpp"
#include "base/environment.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "cli/command_words.hpp"
#include "cli/options.hpp"
#include "version.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace sluice::cli {

namespace {

constexpr const char* kHead =
    "sluice promotes container images between environments: the exact bytes that were tested, by digest.\n";

struct Builder {
  CLI::App app{kHead, "sluice"};
  Common common;
  std::optional<Command> chosen;

  // Filled by CLI11; moved into `chosen` by the command's callback.
  std::string format = "text";
  std::string progress = "auto";
  std::string timeout = "30";
  std::string max_wait = "5m";
  std::string wait;
  std::string clusters;
  std::string authfile;
  std::string src_creds, dest_creds, src_cert_dir, dest_cert_dir;
  bool src_tls_verify = true, dest_tls_verify = true;
  bool with_logs = false, without_logs = false;

  /// Defaults that a job sets once for all its commands; what is said wins.
  Status take_variables(const Environment& environment) {
    common.pipeline = environment.get("SLUICE_PIPELINE").value_or(common.pipeline);
    common.session.state = environment.get("SLUICE_STATE").value_or(common.session.state);
    clusters = environment.get("SLUICE_CLUSTERS").value_or(clusters);
    progress = environment.get("SLUICE_PROGRESS").value_or(progress);
    if (progress == "auto" || progress == "plain" || progress == "none") return {};
    return Error(ErrorKind::usage, "SLUICE_PROGRESS is \"" + text::printable(progress, 20) + "\"")
        .with_hint("set it to auto, plain or none");
  }

  template <class T>
  CLI::App* command(const std::string& name, const std::string& what, T& target) {
    auto* sub = app.add_subcommand(name, what);
    sub->footer("Example: " + examples().at(name));
    sub->callback([this, &target] { chosen = Command(target); });
    shared(sub);
    return sub;
  }

  void shared(CLI::App* sub) {
    sub->add_option("-o,--output", format, "text or json")->type_name("FORMAT")->check(CLI::IsMember({"text", "json"}));
    sub->add_option("--progress", progress, "auto, plain or none")
        ->type_name("MODE")
        ->check(CLI::IsMember({"auto", "plain", "none"}));
    sub->add_flag("-v,--verbose", common.verbosity, "say more about what went wrong (twice: even more)");
    sub->add_option("--timeout", timeout, "seconds to wait for an answer or for progress (default 30)")
        ->type_name("SECONDS");
    sub->add_option("--max-wait", max_wait, "longest wait that a busy host may ask for (default 5m)")
        ->type_name("TIME");
    sub->add_option("--min-rate", common.session.least_rate,
                    "bytes per second below which a transfer counts as stuck (default 1024; 0: none)")
        ->type_name("BYTES");
    sub->add_option("--authfile", authfile, "credentials file, instead of docker's and podman's")->type_name("FILE");
    sub->add_option("--clusters", clusters, "clusters file of the administrators")->type_name("FILE");
    sub->add_option("--retry-times", common.session.retry_times, "tries after the first one (default 4)")
        ->type_name("N")
        ->check(CLI::Range(0, 100));
  }
  void reports(CLI::App* sub) {
    sub->add_option("--events", common.events, "write JSON events to FILE; - is stdout, and means -o json")
        ->type_name("FILE");
    sub->add_option("--metrics", common.metrics, "write metrics of the run to FILE, for Prometheus")->type_name("FILE");
  }
  void explain_auth(CLI::App* sub) {
    sub->add_flag("--explain-auth", common.explain_auth, "tell who one is at each registry, and why");
  }
  void explain_road(CLI::App* sub) {
    sub->add_flag("--explain-road", common.explain_road, "tell per image which roads there were, and why this one");
  }
  // What follows rollouts.
  void logs(CLI::App* sub) {
    auto* shown = sub->add_flag("--logs", with_logs,
                                "show the last log lines of a container that failed, as text does; kept nowhere");
    sub->add_flag("--no-logs", without_logs, "name the command that shows them instead")->excludes(shown);
  }
  void leases(CLI::App* sub) {
    // A flag with a value, so that `resume --wait p0123456789ab` keeps its argument.
    auto* waiting = sub->add_flag("--wait{10m}", wait, "wait until nobody else works there: --wait=TIME (10m without)");
    sub->add_flag("--take-over", common.take_over,
                  "do not wait: take the work over from whoever does it; it stops there")
        ->excludes(waiting);
  }
  void pipeline(CLI::App* sub) {
    sub->add_option("-f,--pipeline", common.pipeline, "pipeline file (default sluice.yaml)")->type_name("FILE");
    sub->add_option("--state", common.session.state, "records: a SQLite file (default under $XDG_STATE_HOME/sluice)")
        ->type_name("URL");
  }
  void source_side(CLI::App* sub, const std::string& prefix) {
    sub->add_option(prefix + "tls-verify", src_tls_verify, "verify TLS (default true); false also allows plain HTTP")
        ->type_name("BOOL");
    sub->add_option(prefix + "creds", src_creds, "USER:PASSWORD; better env:NAME, file:PATH or - (stdin)")
        ->type_name("CREDS");
    sub->add_option(prefix + "cert-dir", src_cert_dir, "folder with *.crt, *.cert, *.key")->type_name("DIR");
  }
  void dest_side(CLI::App* sub) {
    sub->add_option("--dest-tls-verify", dest_tls_verify, "verify TLS (default true); false also allows plain HTTP")
        ->type_name("BOOL");
    sub->add_option("--dest-creds", dest_creds, "USER:PASSWORD; better env:NAME, file:PATH or - (stdin)")
        ->type_name("CREDS");
    sub->add_option("--dest-cert-dir", dest_cert_dir, "folder with *.crt, *.cert, *.key")->type_name("DIR");
  }
};

// An empty one would be no condition at all, which nobody means who writes it.
std::string is_plan_hash(const std::string& text) {
  constexpr std::string_view kPrefix = "sha256:";
  const bool good = text.starts_with(kPrefix) && text.size() == kPrefix.size() + 64 &&
                    encoding::is_lower_hex(std::string_view(text).substr(kPrefix.size()));
  return good ? "" : "--plan wants the hash that `sluice plan` prints: sha256: and 64 digits";
}

// "90", "90s", "5m", "1h".
Result<std::chrono::seconds> parse_seconds(const std::string& flag, const std::string& text, int least) {
  const auto unit = text.find_first_not_of("0123456789");
  const auto name = unit == std::string::npos ? std::string("s") : text.substr(unit);
  const int factor = name == "s" ? 1 : name == "m" ? 60 : name == "h" ? 3600 : 0;
  int value = 0;
  if (factor == 0 || !CLI::detail::lexical_cast(text.substr(0, unit), value) || value > 86'400 / factor ||
      value * factor < least) {
    return Error(ErrorKind::usage, fmt::format("{} wants seconds between {} and 86400 (or 5m, 1h), not \"{}\"", flag,
                                               least, sluice::text::printable(text, 20)));
  }
  return std::chrono::seconds(value * factor);
}

void add_target(CLI::App& command, std::string& target) {
  command.add_option("--target", target, "only this target: its label in `status`, or a part of it")->type_name("NAME");
}

void add_via(CLI::App& command, std::string& via, bool& allow_digest_change) {
  command.add_option("--via", via, "tag, mount, stream, import or docker; without it the cheapest that leads there")
      ->type_name("ROAD");
  command.add_flag("--allow-digest-change", allow_digest_change,
                   "with the road docker: accept that the engine pushes another image than the one that was tested");
}

void add_no_attachments(CLI::App& command, bool& no_attachments) {
  command.add_flag("--no-attachments", no_attachments,
                   "leave signatures, attestations, SBOMs and other referrers where they are");
}

void add_accept(CLI::App& command, std::vector<std::string>& accepts) {
  command.add_option("--accept", accepts, "go on in spite of the finding with this code; may be given several times")
      ->type_name("CODE")
      ->allow_extra_args(false);
}

// All commands, their options and where the values go.
struct Commands {
  Copy copy;
  Inspect inspect;
  DigestOf digest;
  Tags tags;
  ReleaseOf release;
  Diff diff;
  Releases releases;
  PlanFor plan;
  Promote promote;
  Rollback rollback;
  Resume resume;
  Undo undo;
  StatusOf status;
  History history;
  HoldOn hold;
  Unhold unhold;
  Init init;
  Doctor doctor;
  Login login;
  Logout logout;
  SandboxRun sandbox;

  void images(Builder& b) {
    auto* c = b.command(
        "copy",
        "Move one image between two registries: all platforms, byte for byte, by digest, with all that is attached to "
        "it. Or out of a container engine and into one (docker-daemon:): one platform, with its config as it is.",
        copy);
    c->add_option("SOURCE", copy.source,
                  "host[:port]/project/name[:tag][@digest], or docker-daemon:NAME or docker-daemon:ID of an engine")
        ->required();
    c->add_option("DESTINATION", copy.destination, "the same, without an id; no tag: latest")->required();
    c->add_flag("--check-blobs", copy.check_blobs,
                "prove that every blob can be read there, also of an equal image; not into an engine");
    add_no_attachments(*c, copy.no_attachments);
    c->add_option("--platform", copy.platforms,
                  "of an index only these, separated by commas; where the destination takes no index with missing "
                  "images, it gets one of these, with another digest")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("OS/ARCH[/VARIANT]");
    c->add_flag("--include-foreign", copy.include_foreign,
                "also carry layers that manifests keep as references to elsewhere (of Windows, as a rule)");
    c->add_flag("--preserve-digests", copy.preserve_digests,
                "always on between registries; an engine cannot keep them");
    b.source_side(c, "--src-");
    b.dest_side(c);
    b.reports(c);
    b.explain_auth(c);
    b.explain_road(c);

    c = b.command("inspect", "Show an image: digest, platforms, layers, labels.", inspect);
    c->add_option("REFERENCE", inspect.reference, "host[:port]/project/name[:tag][@digest]")->required();
    b.source_side(c, "--");
    b.explain_auth(c);
    c = b.command("digest", "Print the digest that a tag stands for.", digest);
    c->add_option("REFERENCE", digest.reference, "host[:port]/project/name[:tag]")->required();
    b.source_side(c, "--");
    b.explain_auth(c);
    c = b.command("tags", "List the tags of a repository, newest version first.", tags);
    c->add_option("REPOSITORY", tags.repository, "host[:port]/project/name")->required();
    c->add_option("--filter", tags.filter, "only tags that match this glob")->type_name("GLOB");
    c->add_flag("-a,--all", tags.all, "also the tags that Sluice writes for itself (sluice-...)");
    b.source_side(c, "--");
    b.explain_auth(c);
  }

  void promotions(Builder& b) {
    auto* c = b.command("plan", "Show what a promotion would do, per target. Nothing is written anywhere.", plan);
    c->add_option("--to", plan.environment, "environment")->required()->type_name("ENV");
    c->add_option("--release", plan.release, "a number, id, tag or digest; also if that jumps or goes backwards")
        ->type_name("RELEASE");
    add_target(*c, plan.target);
    add_via(*c, plan.via, plan.allow_digest_change);
    add_no_attachments(*c, plan.no_attachments);
    add_accept(*c, plan.accepts);
    b.pipeline(c);
    b.explain_auth(c);
    b.explain_road(c);

    c = b.command("promote", "Plan, show, ask, do and verify. Without --release: what the environment before holds.",
                  promote);
    c->add_option("--to", promote.environment, "environment")->required()->type_name("ENV");
    c->add_option("--release", promote.release, "a number, id, tag or digest; also if that jumps or goes backwards")
        ->type_name("RELEASE");
    add_target(*c, promote.target);
    c->add_option("--plan", promote.plan, "act only if the plan still has this hash")
        ->type_name("HASH")
        ->check(is_plan_hash);
    add_via(*c, promote.via, promote.allow_digest_change);
    add_no_attachments(*c, promote.no_attachments);
    add_accept(*c, promote.accepts);
    c->add_flag("--fix-triggers", promote.fix_triggers, "first write the image triggers that are missing or broken");
    auto* yes = c->add_flag("-y,--yes", promote.yes, "do not ask");
    c->add_flag("--shadow", promote.shadow,
                "write nothing; tell how what another way left there differs from what would be brought")
        ->excludes(yes, c->get_option("--plan"), c->get_option("--fix-triggers"));
    b.leases(c);
    b.logs(c);
    b.pipeline(c);
    b.reports(c);
    b.explain_auth(c);
    b.explain_road(c);

    c = b.command(
        "rollback",
        "Bring back the last release that stood verified before, or --release, and hold the environment there.",
        rollback);
    c->add_option("--to", rollback.environment, "environment")->required()->type_name("ENV");
    c->add_option("--release", rollback.release, "a number, id, tag or digest")->type_name("RELEASE");
    add_target(*c, rollback.target);
    add_accept(*c, rollback.accepts);
    c->add_flag("-y,--yes", rollback.yes, "do not ask");
    b.leases(c);
    b.logs(c);
    b.pipeline(c);
    b.reports(c);
    b.explain_auth(c);
    b.explain_road(c);

    c = b.command("resume", "Finish an interrupted or partial promotion.", resume);
    c->add_option("PROMOTION", resume.promotion, "its id; default: the last unfinished one of the pipeline");
    add_target(*c, resume.target);
    c->add_flag("-y,--yes", resume.yes, "do not ask");
    b.leases(c);
    b.logs(c);
    b.pipeline(c);
    b.reports(c);
    b.explain_auth(c);
    b.explain_road(c);

    c = b.command(
        "undo",
        "Put back what was there before one promotion, now: for one that failed or was interrupted. To leave a "
        "release that ran, use rollback: it goes to the last one that stood verified, and holds.",
        undo);
    c->add_option("PROMOTION", undo.promotion, "its id (see: sluice history)")->required();
    add_target(*c, undo.target);
    c->add_flag("-y,--yes", undo.yes, "do not ask");
    b.leases(c);
    b.logs(c);
    b.pipeline(c);
    b.reports(c);
    b.explain_auth(c);
    b.explain_road(c);
  }

  void records(Builder& b) {
    auto* c = b.command("status", "Show what each environment holds, drift, holds and unfinished promotions.", status);
    b.pipeline(c);
    c = b.command("history", "List promotions, newest first.", history);
    c->add_option("--env", history.environment, "only this environment")->type_name("ENV");
    c->add_option("--limit", history.limit, "at most so many (default 20)")
        ->type_name("N")
        ->check(CLI::Range(1, 10'000));
    b.pipeline(c);
    c = b.command("hold", "Keep an environment as it is until unhold.", hold);
    c->add_option("ENV", hold.environment, "environment")->required();
    c->add_option("--reason", hold.reason, "why, for those who come after")->type_name("TEXT");
    b.pipeline(c);
    c = b.command("unhold", "Let an environment be promoted to again.", unhold);
    c->add_option("ENV", unhold.environment, "environment")->required();
    b.pipeline(c);

    c = b.command("release", "Make a release from the source tags as they are now, or show one.", release);
    auto* create = c->add_subcommand("create", "Make a release from the source tags as they are now.");
    create->footer("Example: sluice release create");
    auto* show = c->add_subcommand("show", "Show what a release holds, and where it stands.");
    show->add_option("RELEASE", release.show, "a number, id, tag or digest")->required();
    show->footer("Example: sluice release show 42");
    c->require_subcommand(0, 1);
    c->fallthrough();
    create->fallthrough();
    show->fallthrough();
    b.pipeline(c);
    c = b.command("diff", "Compare what two environments hold.", diff);
    c->add_option("FROM", diff.from, "environment")->required();
    c->add_option("TO", diff.to, "environment")->required();
    b.pipeline(c);
    c = b.command("releases", "List releases, newest first.", releases);
    c->add_option("--limit", releases.limit, "at most so many (default 20)")
        ->type_name("N")
        ->check(CLI::Range(1, 10'000));
    b.pipeline(c);
  }

  void registries(Builder& b) {
    auto* c = b.command("login",
                        "Check credentials and store them: of a registry where docker and podman look, of a cluster in "
                        "the kubeconfig.",
                        login);
    c->add_option("REGISTRY", login.registry,
                  "host[:port]; or a cluster: a name of the clusters file, a kubeconfig context, https://API:6443")
        ->required();
    c->add_option("-u,--username", login.username, "user name")->type_name("USER");
    c->add_flag("--password-stdin", login.password_stdin, "read the password from stdin; else there is a prompt");
    c->add_option("--token", login.token, "a cluster's token instead of a password; better env:NAME, file:PATH or -")
        ->type_name("TOKEN");
    c->add_option("--ca", login.ca, "PEM file that the API of a cluster is checked with")->type_name("FILE");
    c->add_option("--issuer-ca", login.issuer_ca, "PEM file that its login server is checked with")->type_name("FILE");
    b.source_side(c, "--");
    c = b.command("logout", "Remove stored credentials.", logout);
    c->add_option("REGISTRY", logout.registry, "host[:port], or a cluster as for login")->required();
  }

  void beginning(Builder& b) {
    auto* c = b.command("init", "Write a pipeline by looking at a cluster: projects, image streams, triggers.", init);
    c->add_option("--cluster", init.cluster,
                  "a kubeconfig context, or a name of the clusters file (default: the current context)")
        ->type_name("NAME");
    c->add_option("--to-cluster", init.to_cluster, "where images go, if that is another one")->type_name("NAME");
    c->add_option("--from", init.from, "the project where images are born")->type_name("PROJECT");
    c->add_option("--to", init.to, "a project where they go; again for the next one, in order")
        ->type_name("PROJECT")
        ->allow_extra_args(false);
    c->add_option("--image", init.images, "an image of the app; again for the next one")
        ->type_name("NAME")
        ->allow_extra_args(false);
    c->add_option("--tag", init.tag, "the tag that images are found under, or a pattern")->type_name("TAG");
    c->add_option("--app", init.app, "name of the app")->type_name("NAME");
    c->add_option("--from-script", init.from_script,
                  "read a shell script or Jenkinsfile that moves images instead of looking at a cluster")
        ->type_name("FILE")
        ->excludes("--from")
        ->excludes("--to")
        ->excludes("--image");
    c->add_option("--set", init.values,
                  "with --from-script: the value of a variable that the script does not hold; again "
                  "for the next one")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false)
        ->needs("--from-script");
    c->add_option("-f,--pipeline", b.common.pipeline, "the file to write, or - for stdout (default sluice.yaml)")
        ->type_name("FILE");
    c->add_flag("--force", init.force, "replace the file if it is there");

    c = b.command("doctor", "Look for everything that could stop a promotion, on this host too. Nothing is promoted.",
                  doctor);
    c->add_option("--to", doctor.environment, "only this environment (default: all but the first)")->type_name("ENV");
    c->add_flag("--host", doctor.host_only,
                "only this host: engine, proxies, certificates, registries; needs no pipeline");
    b.pipeline(c);
  }

  void learning(Builder& b) {
    auto* c = b.command("sandbox", "Run a local OpenShift look-alike with its registry, to learn, demo and test on.",
                        sandbox);
    c->add_option("--profile", sandbox.profile, "3.11 or 4.x (default 3.11)")
        ->type_name("VERSION")
        ->check(CLI::IsMember({"3.11", "4.x"}));
    auto* scenario = c->add_option("--scenario", sandbox.scenario, "projects, users, images, workloads to start with");
    scenario->type_name("FILE");
    c->add_flag("--demo", sandbox.demo, "start with a small shop to promote")->excludes(scenario);
    c->add_option("--storage", sandbox.storage, "keep blobs in this folder (default: in memory)")->type_name("DIR");
    c->add_option("--api-port", sandbox.api_port, "default: a free one")->type_name("PORT");
    c->add_option("--registry-port", sandbox.registry_port, "default: a free one")->type_name("PORT");
    c->add_option("--tls", sandbox.tls, "what speaks TLS: api, all or none (default api)")
        ->type_name("WHAT")
        ->check(CLI::IsMember({"api", "all", "none"}));
    c->add_option("--nodes", sandbox.nodes, "auto: pods run by themselves; manual: only by pods/status (default auto)")
        ->type_name("MODE")
        ->check(CLI::IsMember({"auto", "manual"}));
    c->add_option("--write-dir", sandbox.write_dir, "folder for kubeconfig, CA and env (default: one that is removed)")
        ->type_name("DIR");
  }
};

Status settle(Builder& b, const std::string& token) {
  auto& common = b.common;
  if (b.with_logs || b.without_logs) common.logs = b.with_logs;
  common.format = b.format == "json" ? Format::json : Format::text;
  common.progress = b.progress == "plain"  ? ProgressMode::plain
                    : b.progress == "none" ? ProgressMode::none
                                           : ProgressMode::automatic;
  const auto* sub = b.app.get_subcommands().front();
  const auto given = [&](const std::string& option) {
    const auto* found = sub->get_option_no_throw(option);
    return found != nullptr && found->count() > 0;
  };
  if (common.events == "-") {
    // Lines for programs: a result for people among them would be neither.
    if (given("--output") && common.format == Format::text) {
      return Error(ErrorKind::usage, "--events - writes JSON to stdout, and so must the result")
          .with_hint("leave out -o text, or write the events to a file");
    }
    common.format = Format::json;
  }
  // Before any helper runs, whoever's it is.
  for (const std::string_view reference : {b.src_creds, b.dest_creds, token}) {
    constexpr std::string_view kVariable = "env:";
    if (reference.starts_with(kVariable)) keep_from_children(reference.substr(kVariable.size()));
  }
  SLUICE_TRY(common.session.timeout, parse_seconds("--timeout", b.timeout, 1));
  SLUICE_TRY(common.session.max_wait, parse_seconds("--max-wait", b.max_wait, 0));
  if (given("--wait")) {
    SLUICE_TRY(common.wait, parse_seconds("--wait", b.wait, 0));
  }
  if (!b.clusters.empty()) common.session.clusters = b.clusters;
  if (!b.authfile.empty()) common.session.authfile = b.authfile;
  auto& source = common.session.source;
  auto& destination = common.session.destination;
  if (given("--src-tls-verify") || given("--tls-verify")) source.tls_verify = b.src_tls_verify;
  if (given("--dest-tls-verify")) destination.tls_verify = b.dest_tls_verify;
  if (!b.src_creds.empty()) source.creds = b.src_creds;
  if (!b.dest_creds.empty()) destination.creds = b.dest_creds;
  if (!b.src_cert_dir.empty()) source.cert_dir = b.src_cert_dir;
  if (!b.dest_cert_dir.empty()) destination.cert_dir = b.dest_cert_dir;
  return {};
}

}  // namespace

Result<Parsed> parse(int argc, char** argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  blank_secrets(argc, argv);
  if (arguments.size() == 1 && (arguments[0] == "--version" || arguments[0] == "version")) {
    return Parsed{std::nullopt, std::string("sluice ") + kVersion + "\n"};
  }
  if (arguments.size() == 1 && (arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help")) {
    return Parsed{std::nullopt, std::string(kHead) + "\n" + top_help()};
  }
  Builder builder;
  SLUICE_CHECK(builder.take_variables(Environment::process()));
  Commands commands;
  builder.app.require_subcommand(1);
  commands.promotions(builder);
  commands.images(builder);
  commands.records(builder);
  commands.registries(builder);
  commands.beginning(builder);
  commands.learning(builder);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    builder.app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    const auto subs = builder.app.get_subcommands();
    return Parsed{std::nullopt, subs.empty() ? std::string(kHead) + "\n" + top_help()
                                             : subs.front()->help("sluice", CLI::AppFormatMode::Normal)};
  } catch (const CLI::ParseError& why) {
    return usage_error(builder.app, why, arguments);
  }
  SLUICE_CHECK(settle(builder, commands.login.token));
  Parsed parsed;
  parsed.invocation = Invocation{builder.app.get_subcommands().front()->get_name(), std::move(builder.common),
                                 std::move(*builder.chosen)};
  return parsed;
}

}  // namespace sluice::cli
