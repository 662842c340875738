#include "net/authorities.hpp"

#include "base/file.hpp"
#include "base/text.hpp"

#include <climits>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

namespace sluice::net {

namespace {

constexpr std::size_t kMaxBundleBytes = std::size_t{4} * 1024 * 1024;
// A usual folder of hashed names has three hundred entries.
constexpr std::size_t kMaxFolderFiles = 2000;
constexpr std::size_t kMaxAllBytes = std::size_t{16} * 1024 * 1024;
// More of them tell nobody more.
constexpr std::size_t kMaxTold = 4;

struct BioFreed {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct InfosFreed {
  void operator()(STACK_OF(X509_INFO) * infos) const { sk_X509_INFO_pop_free(infos, X509_INFO_free); }
};

// Reads files into `out` and keeps what went wrong with each.
class Reader {
 public:
  // `variable` named the file, or the folder that it lies in; empty: nobody did.
  void bundle(const std::filesystem::path& file, std::string_view variable) {
    const auto pem = read_file(file, kMaxBundleBytes);
    if (!pem) return trouble(pem.error().sentence(), variable);
    const auto taken = take(file, *pem, variable);
    if (taken && *taken == 0) trouble(file.string() + " holds no certificate", variable);
  }

  void folder(const std::filesystem::path& folder, std::string_view variable) {
    std::error_code code;
    std::filesystem::directory_iterator files(folder, code);
    std::vector<std::filesystem::path> paths;
    // By hand: the range's ++ would throw.
    for (const auto end = std::filesystem::directory_iterator(); !code && files != end; files.increment(code)) {
      if (paths.size() == kMaxFolderFiles) {
        trouble(fmt::format("{} has more than {} files", folder.string(), kMaxFolderFiles), variable);
        break;
      }
      std::error_code ignored;
      if (files->is_regular_file(ignored)) paths.push_back(files->path());
    }
    if (code) trouble(folder.string() + ": " + code.message(), variable);
    // The hashed names beside the files lead to the same certificates; each counts once in a store.
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
      const auto pem = read_file(path, kMaxBundleBytes);
      if (!pem) {
        trouble(pem.error().sentence(), variable);
      } else if (pem->find("-----BEGIN") != std::string::npos) {
        (void)take(path, *pem, variable);
      }
    }
  }

  Authorities done() && {
    if (out_.certificates.empty() && troubles_ == 0) trouble("this machine has no file of them", "");
    if (troubles_ == 0) return std::move(out_);
    out_.problem = fmt::format("{}: {}",
                               out_.certificates.empty() ? "the authorities of this machine could not be read"
                                                         : "not all authorities of this machine could be read",
                               text::join(told_, "; "));
    if (troubles_ > told_.size()) out_.problem += fmt::format("; and {} more", troubles_ - told_.size());
    return std::move(out_);
  }

 private:
  // How many certificates there were; nothing when the file is left out, and that is noted.
  std::optional<std::size_t> take(const std::filesystem::path& file, const std::string& pem,
                                  std::string_view variable) {
    if (out_.pem.size() + pem.size() > kMaxAllBytes) {
      trouble(
          fmt::format("{} is left out: there are more than {} of them", file.string(), text::human_bytes(kMaxAllBytes)),
          variable);
      return std::nullopt;
    }
    auto certificates = certificates_in(pem);
    if (!certificates) {
      trouble(file.string() + " has a part that is no PEM", variable);
      return std::nullopt;
    }
    const auto count = certificates->size();
    if (count == 0) return count;
    std::move(certificates->begin(), certificates->end(), std::back_inserter(out_.certificates));
    out_.pem += pem + "\n";
    return count;
  }

  void trouble(std::string what, std::string_view variable) {
    if (troubles_++ >= kMaxTold) return;
    what = text::printable(what, 300);
    if (!variable.empty()) what += fmt::format(" (from {})", variable);
    told_.push_back(std::move(what));
  }

  Authorities out_;
  std::vector<std::string> told_;
  std::size_t troubles_ = 0;
};

}  // namespace

void CertificateFreed::operator()(x509_st* certificate) const { X509_free(certificate); }

std::optional<std::vector<CertificatePtr>> certificates_in(std::string_view pem) {
  if (pem.size() > INT_MAX) return std::nullopt;
  const std::unique_ptr<BIO, BioFreed> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return std::nullopt;
  const std::unique_ptr<STACK_OF(X509_INFO), InfosFreed> infos(
      PEM_X509_INFO_read_bio(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!infos) return std::nullopt;
  std::vector<CertificatePtr> out;
  for (int at = 0; at < sk_X509_INFO_num(infos.get()); ++at) {
    X509_INFO* info = sk_X509_INFO_value(infos.get(), at);
    if (info->x509 != nullptr) out.emplace_back(std::exchange(info->x509, nullptr));
  }
  return out;
}

// As Go and OpenSSL read them: the file instead of the usual one, the folders beside it.
Authorities read_authorities(const Environment& environment, const std::string& usual_file) {
  Reader reader;
  const auto named = environment.get("SSL_CERT_FILE").value_or("");
  if (!named.empty()) {
    reader.bundle(named, "SSL_CERT_FILE");
  } else if (!usual_file.empty()) {
    reader.bundle(usual_file, "");
  }
  const auto folders = environment.get("SSL_CERT_DIR").value_or("");
  for (const auto& folder : text::split(folders, ':')) {
    if (!folder.empty()) reader.folder(std::string(folder), "SSL_CERT_DIR");
  }
  return std::move(reader).done();
}

}  // namespace sluice::net
