#include "support/test_certificates.hpp"

#include "base/process.hpp"

#include <chrono>
#include <fstream>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

namespace sluice::support {

namespace {

void openssl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "openssl");
  const auto done = run_process(arguments, "", std::chrono::minutes(1), 1024 * 1024, {});
  if (!done) throw std::runtime_error(done.error().sentence());
  if (done->exit_code != 0) throw std::runtime_error("openssl " + arguments[1] + ": " + done->error_output);
}

// A certificate and its key, signed by the authority in `folder`.
std::pair<std::string, std::string> issue(const std::filesystem::path& folder, const std::string& name,
                                          const std::string& extension) {
  const auto file = [&](const char* end) { return (folder / (name + end)).string(); };
  std::ofstream(file(".ext")) << extension << "\n";
  openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-keyout",
           file(".key"), "-out", file(".csr")});
  openssl({"x509", "-req", "-in", file(".csr"), "-CA", (folder / "ca.crt").string(), "-CAkey",
           (folder / "ca.key").string(), "-CAcreateserial", "-days", "2", "-extfile", file(".ext"), "-out",
           file(".crt")});
  return {file(".crt"), file(".key")};
}

}  // namespace

TestCertificates TestCertificates::make(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  TestCertificates made;
  made.ca = (folder / "ca.crt").string();
  openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
           "/CN=an authority for tests", "-keyout", (folder / "ca.key").string(), "-out", made.ca});
  std::tie(made.server_cert, made.server_key) =
      issue(folder, "server", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1,IP:0.0.0.0");
  std::tie(made.client_cert, made.client_key) = issue(folder, "client", "extendedKeyUsage=clientAuth");
  return made;
}

}  // namespace sluice::support
