#pragma once
// Certificates of an authority that exists for one test: made by the openssl program, which must be installed.

#include <filesystem>
#include <string>

namespace sluice::support {

/// Files in a folder of the caller: PEM certificates and keys.
struct TestCertificates {
  std::string ca;
  std::string server_cert;  ///< for localhost, 127.0.0.1, ::1, and 0.0.0.0, which is no loopback address
  std::string server_key;
  std::string client_cert;
  std::string client_key;

  /// Throws std::runtime_error with what openssl said.
  static TestCertificates make(const std::filesystem::path& folder);
};

}  // namespace sluice::support
