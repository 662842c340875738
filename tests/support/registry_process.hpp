#pragma once
// RegistryProcess: Debian's docker-registry (distribution) on a free loopback port, with storage of its own.

#include "support/checks.hpp"
#include "support/child_process.hpp"
#include "support/test_certificates.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::support {

/// The program is killed, and its storage removed, by the destructor.
class RegistryProcess {
 public:
  struct Options {
    const TestCertificates* tls = nullptr;
    bool client_certificates = false;  ///< of the same authority, and required
    std::string token_realm{};         ///< asks for tokens of this server, and would believe none; needs `tls`
  };

  /// Why it cannot be started here, for GTEST_SKIP; empty when it can.
  static std::string missing();
  /// Throws std::runtime_error with what the program wrote.
  RegistryProcess() : RegistryProcess(Options{}) {}
  explicit RegistryProcess(Options options);

  /// "127.0.0.1:PORT"
  const std::string& host() const { return host_; }

  /// Ends the program, runs "garbage-collect --delete-untagged" over its storage, and starts it again on another port.
  /// Gives what the collection wrote. Throws as the constructor does.
  std::string collect_garbage();

 private:
  void start();

  TempFolder folder_;
  std::vector<std::string> environment_;
  std::unique_ptr<ChildProcess> process_;
  std::string host_;
};

}  // namespace sluice::support
