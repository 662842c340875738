#pragma once
// Facts about this host, as `sluice doctor` looks at them: values only. Who gathers them is gather.hpp and
// ask_registry.hpp; what they come to is judge.hpp.

#include "base/error.hpp"
#include "engine/client.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::host {

/// The file of an engine's socket.
struct SocketFacts {
  std::string path;
  std::string owner;      ///< name, else number
  std::string group;      ///< name, else number
  unsigned mode = 0;      ///< permission bits: 0660
  bool in_group = false;  ///< this process is in that group
};

struct DiskFacts {
  std::string folder;
  std::uint64_t free_bytes = 0;  ///< for users other than root
  std::uint64_t total_bytes = 0;
};

/// The container engine of this host.
struct EngineFacts {
  bool wanted = false;                    ///< some environment goes by it (`via: docker`)
  std::string shown{};                    ///< "unix:///var/run/docker.sock"; empty: no address could be read
  std::string origin{};                   ///< who says so: "DOCKER_HOST", "the default"
  std::optional<SocketFacts> socket{};    ///< empty: no unix socket, or none is there
  std::optional<engine::Facts> answer{};  ///< empty: see failure
  std::optional<Error> failure{};         ///< why it cannot be used
  std::optional<DiskFacts> disk{};        ///< where it keeps images; empty: not on this machine, or not known
};

/// One proxy variable that is set.
struct ProxyVariable {
  std::string name;   ///< "HTTPS_PROXY", "no_proxy"
  std::string value;  ///< without user and password
};

/// FOLDER/certs.d/HOST of docker or podman.
struct CertificateFolder {
  std::string path;
  unsigned authorities = 0;  ///< *.crt
  unsigned clients = 0;      ///< *.cert
};

struct MachineFacts {
  std::vector<ProxyVariable> proxies{};
  std::vector<CertificateFolder> certificates{};
  std::optional<bool> sha_instructions{};  ///< empty: the system does not say
};

/// A right at one repository that a promotion needs.
struct RightFacts {
  std::string repository;
  bool push = false;               ///< else pull
  bool needed = true;              ///< a promotion cannot do without; else it is one of several places to read from
  bool known = true;               ///< false: what there was to read is not there, which hides some registries' no
  std::optional<Error> failure{};  ///< empty: the right is there, as far as it is known
};

/// One registry of the pipeline, as it answers from here.
struct RegistryFacts {
  std::string host;                             ///< host[:port]
  bool needed = true;                           ///< as RightFacts::needed, of any of its repositories
  bool insecure = false;                        ///< the clusters file lets its certificate be anybody's
  std::string proxy{};                          ///< the one that leads there, without user and password; empty: none
  std::string proxy_origin{};                   ///< "HTTPS_PROXY", "the clusters file"
  std::optional<Error> failure{};               ///< why nothing could be asked
  bool asks_for_login = false;                  ///< it does, or does not
  std::string user{};                           ///< whom it knows us as; empty: anonymous, or a token that names nobody
  std::string source{};                         ///< where the credentials are from; empty: there are none
  std::optional<std::int64_t> ahead_seconds{};  ///< its clock before ours; empty: it did not say
  std::vector<RightFacts> rights{};
};

}  // namespace sluice::host
