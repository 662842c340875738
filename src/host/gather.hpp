#pragma once
// Gathers facts of this host from its files and its engine. Nothing is changed.

#include "base/environment.hpp"
#include "base/result.hpp"
#include "engine/client.hpp"
#include "host/facts.hpp"
#include "net/http.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::host {

/// The owner, group and mode of a socket's file; empty when there is none.
std::optional<SocketFacts> socket_facts(const std::string& path);

/// Room in the file system of a folder; empty when nobody can tell.
std::optional<DiskFacts> disk_facts(const std::string& folder);

/// Asks the engine. Errors: cancelled. Every other failure is a fact. Thread: job; blocks.
Result<EngineFacts> engine_facts(engine::Client& client, bool wanted, const net::ExchangeContext& context);

/// Proxy variables in the order in which they count; a lower-case one that is overruled is left out.
std::vector<ProxyVariable> proxy_variables(const Environment& environment);

/// A proxy without its user and password: "http://ann:pw@proxy:3128" -> "http://proxy:3128". Pure.
std::string without_login(const std::string& proxy);

/// What stands in the folders of docker and podman, at most kMostFolders of them.
std::vector<CertificateFolder> certificate_folders(const Environment& environment);
inline constexpr std::size_t kMostFolders = 100;

/// Whether the text of /proc/cpuinfo says that the processor has SHA-256 instructions; empty: it says nothing. Pure.
std::optional<bool> sha_in(std::string_view cpuinfo);

MachineFacts machine_facts(const Environment& environment);

}  // namespace sluice::host
