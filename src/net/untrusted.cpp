#include "net/untrusted.hpp"

#include "base/text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/x509_vfy.h>

#include <ctime>
#include <memory>
#include <utility>

namespace sluice::net {

namespace {

std::string clock_now() { return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::time(nullptr))); }

// The server's own, or one of the authorities behind it.
std::string which(const std::string& host, const SeenChain& seen) {
  if (seen.depth == 0) return "the certificate of " + host;
  return fmt::format("the certificate of the authority {} behind that of {}", text::printable(seen.subject, 120), host);
}

Error told(UntrustedCause cause, std::string sentence, std::string hint) {
  return Error(ErrorKind::untrusted, std::move(sentence))
      .with_hint(std::move(hint))
      .with_detail(std::make_shared<const Untrusted>(cause));
}

Error unknown_issuer(const std::string& host, const SeenChain& seen, const std::string& detail,
                     const std::string& bundle) {
  auto by = seen.issuer.empty() ? "" : ": it was issued by " + text::printable(seen.issuer, 120);
  if (!seen.issuer.empty() && seen.issuer == seen.subject) by = ": it vouches for itself";
  auto sentence = fmt::format("the certificate of {} is not trusted{} ({})", host, by, text::printable(detail));
  if (!bundle.empty()) sentence += "; " + bundle;
  return told(
      UntrustedCause::unknown_issuer, std::move(sentence),
      fmt::format("put its CA into /etc/containers/certs.d/{0}/ca.crt or ~/.config/containers/certs.d/{0}/ca.crt, "
                  "name its folder with --cert-dir (copy: --src-cert-dir, --dest-cert-dir), or the file with "
                  "`ca:` in the clusters file",
                  host));
}

// Nothing else is mended by a CA that is put somewhere. When no chain was seen, libcurl's words are all there is.
bool has_unknown_issuer(const SeenChain& seen) {
  switch (seen.error) {
    case X509_V_OK:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
      return true;
    default:
      return false;
  }
}

Error refused(const std::string& host, const SeenChain& seen) {
  auto hint = seen.depth == 0 ? "have it made anew" : "have the certificate of the authority made anew";
  if (seen.depth == 0 && seen.error == X509_V_ERR_INVALID_PURPOSE) {
    hint = "have it made anew, with a key usage that allows servers (extendedKeyUsage serverAuth)";
  }
  return told(UntrustedCause::refused,
              fmt::format("{} is refused: {}", which(host, seen), X509_verify_cert_error_string(seen.error)), hint);
}

}  // namespace

bool is_unknown_issuer(const Error& error) {
  const auto* behind = dynamic_cast<const Untrusted*>(error.detail());
  return behind != nullptr && behind->cause == UntrustedCause::unknown_issuer;
}

Error untrusted_error(const std::string& host, const SeenChain& seen, const std::string& detail,
                      const std::string& bundle) {
  const auto valid = fmt::format("it is valid from {} to {}, and this machine's clock says {}", seen.not_before,
                                 seen.not_after, clock_now());
  if (seen.error == X509_V_ERR_CERT_HAS_EXPIRED) {
    return told(UntrustedCause::expired, fmt::format("{} has expired: {}", which(host, seen), valid),
                "have it renewed; when the clock is wrong, set it: timedatectl set-ntp true");
  }
  if (seen.error == X509_V_ERR_CERT_NOT_YET_VALID) {
    return told(UntrustedCause::not_yet_valid, fmt::format("{} is not valid yet: {}", which(host, seen), valid),
                "when the clock is wrong, set it: timedatectl set-ntp true; else have the certificate made anew");
  }
  // The chain is good, so what libcurl does not like is the name.
  const bool other_name = (seen.error == X509_V_OK && seen.known) || seen.error == X509_V_ERR_HOSTNAME_MISMATCH ||
                          seen.error == X509_V_ERR_IP_ADDRESS_MISMATCH;
  if (!other_name) return has_unknown_issuer(seen) ? unknown_issuer(host, seen, detail, bundle) : refused(host, seen);
  const auto names = seen.names.empty() ? "none" : text::printable(text::join(seen.names, ", "), 300);
  return told(UntrustedCause::other_name, fmt::format("the certificate of {} is for other names: {}", host, names),
              seen.names.empty() ? "have it made for this name as well"
                                 : "use a name that it is for, or have it made for this name as well");
}

}  // namespace sluice::net
