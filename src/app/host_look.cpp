#include "app/host_look.hpp"

#include "host/ask_registry.hpp"
#include "host/gather.hpp"
#include "host/judge.hpp"
#include "net/proxy.hpp"
#include "net/url.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace sluice::app {

namespace {

constexpr std::chrono::seconds kEngineTime{10};

/// One registry as one or more targets name it: the same settings, the same object.
struct Asked {
  places::Registry* registry = nullptr;  ///< null: see facts.failure
  host::RegistryFacts facts;
  std::vector<host::Need> needs{};
};

/// A target, and what for.
struct Use {
  const pipeline::Target* target;
  bool push = false;
  bool needed = true;
  std::string tag;
};

// Every environment but the first is written to; what stands before it is read from, what stands right before it
// always.
std::vector<Use> uses_of(const pipeline::Pipeline& pipeline, const std::string& only) {
  std::vector<Use> out;
  const auto& all = pipeline.environments;
  const auto tag_of = [&](const pipeline::Environment& environment) {
    if (environment.tag) return *environment.tag;
    return pipeline.source.is_pattern() ? std::string("latest") : pipeline.source.tag;
  };
  for (std::size_t k = 0; k < all.size(); ++k) {
    const bool chosen = only.empty() ? k > 0 : all[k].name == only;
    const auto next = only.empty()
                          ? all.size() - 1
                          : static_cast<std::size_t>(std::find_if(all.begin(), all.end(),
                                                                  [&](const auto& one) { return one.name == only; }) -
                                                     all.begin());
    const bool read = k < next;
    const bool right_before = only.empty() ? read : k + 1 == next;
    for (const auto& target : all[k].targets) {
      if (read) out.push_back({&target, false, right_before, tag_of(all[k])});
      if (chosen) out.push_back({&target, true, true, tag_of(all[k])});
    }
  }
  return out;
}

// Which proxy leads to a registry, and who says so.
void note_proxy(const std::string& host, const std::optional<std::string>& of_entry, const Environment& environment,
                host::RegistryFacts& facts) {
  if (of_entry) {
    if (*of_entry == "none" || of_entry->empty()) return;
    facts.proxy = host::without_login(*of_entry);
    facts.proxy_origin = "the clusters file";
    return;
  }
  const auto url = net::Url::parse("https://" + host + "/");
  if (!url) return;
  const auto settings = net::ProxySettings::from(environment);
  const auto proxy = net::proxy_for(settings, *url);
  if (proxy.empty()) return;
  facts.proxy = host::without_login(proxy);
  const bool of_https = !settings.https.empty();
  for (const auto& variable : host::proxy_variables(environment)) {
    const bool is_https = variable.name == "HTTPS_PROXY" || variable.name == "https_proxy";
    const bool is_all = variable.name == "ALL_PROXY" || variable.name == "all_proxy";
    if (of_https ? is_https : is_all) facts.proxy_origin = variable.name;
  }
}

Asked open(Session& session, const pipeline::Target& target) {
  Asked out{.registry = nullptr, .facts = {.host = target.registry, .needed = false}};
  auto opened = session.registry_behind(target);
  const auto settings = session.settings_of(target);
  if (settings) {
    out.facts.insecure = settings->insecure;
    note_proxy(opened ? (*opened)->name() : target.registry, settings->proxy, session.environment(), out.facts);
  }
  if (opened) {
    out.registry = *opened;
  } else {
    out.facts.failure = std::move(opened).error();
  }
  return out;
}

void add_need(Asked& asked, host::Need need) {
  asked.facts.needed = asked.facts.needed || need.needed;
  const auto same = std::find_if(asked.needs.begin(), asked.needs.end(), [&](const host::Need& one) {
    return one.repository == need.repository && one.push == need.push;
  });
  if (same == asked.needs.end()) {
    asked.needs.push_back(std::move(need));
  } else {
    same->needed = same->needed || need.needed;
  }
}

std::vector<Asked> registries_of(Session& session, const pipeline::Pipeline& pipeline, const std::string& only) {
  std::vector<Asked> out;
  for (const auto& use : uses_of(pipeline, only)) {
    if (use.target->has_api) continue;
    auto one = open(session, *use.target);
    auto known = std::find_if(out.begin(), out.end(), [&](const Asked& other) {
      return other.registry == one.registry && other.facts.host == one.facts.host;
    });
    if (known == out.end()) {
      out.push_back(std::move(one));
      known = std::prev(out.end());
    }
    for (const auto& image : pipeline.images) {
      add_need(
          *known,
          {.repository = use.target->project + "/" + image, .push = use.push, .needed = use.needed, .tag = use.tag});
    }
  }
  return out;
}

bool goes_by_engine(const pipeline::Pipeline& pipeline, const std::string& only) {
  const auto uses = uses_of(pipeline, only);
  return std::any_of(uses.begin(), uses.end(),
                     [](const Use& use) { return use.push && use.target->via == pipeline::Via::docker; });
}

Result<host::EngineFacts> engine_of(Session& session, bool wanted, const std::stop_token& stop) {
  auto side = session.engine();
  if (side) return host::engine_facts(*side->client, wanted, {Deadline::after(kEngineTime), stop});
  host::EngineFacts out{.wanted = wanted};
  out.failure = std::move(side).error();
  return out;
}

}  // namespace

Result<std::vector<Finding>> look_at_host(Session& session, const pipeline::Pipeline* pipeline, const std::string& only,
                                          const std::stop_token& stop) {
  const bool by_engine = pipeline != nullptr && goes_by_engine(*pipeline, only);
  SLUICE_TRY(const auto engine, engine_of(session, by_engine, stop));
  std::vector<host::RegistryFacts> registries;
  if (pipeline != nullptr) {
    for (auto& asked : registries_of(session, *pipeline, only)) {
      if (asked.registry != nullptr)
        SLUICE_CHECK(host::ask(*asked.registry, asked.needs, session.timeout(), asked.facts, stop));
      registries.push_back(std::move(asked.facts));
    }
  }
  return host::judge_all(engine, host::machine_facts(session.environment()), registries);
}

}  // namespace sluice::app
