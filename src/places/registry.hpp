#pragma once
// Registry: a Place behind the distribution API. Source: distribution-spec 1.1, sections "Pull", "Push", "Content
// discovery"; quirks of single registries are noted where they are handled.

#include "auth/token_rights.hpp"
#include "base/guarded.hpp"
#include "places/place.hpp"
#include "places/registry_host.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <string>

namespace sluice::places {

class Registry final : public Place {
 public:
  Registry(net::TransferLoop& loop, RegistryOptions options) : host_(loop, std::move(options)) {}

  const std::string& name() const override { return host_.name(); }
  Traits traits() const override {
    return {.mount = true, .ranges = true, .push_by_digest = true, .referrers = true, .attachments = true};
  }
  Slots slots() const override { return host_.slots(); }
  void expect(const std::vector<Access>& accesses) override;
  Result<oci::Manifest> manifest(const std::string& repository, const ManifestName& name,
                                 const std::stop_token& stop) override;
  Result<std::optional<StoredManifest>> find_manifest(const std::string& repository, const ManifestName& name,
                                                      const std::stop_token& stop) override;
  Result<Taken> put_manifest(const std::string& repository, const ManifestName& name, const oci::Manifest& manifest,
                             const std::stop_token& stop) override;
  Result<std::optional<std::vector<oci::Descriptor>>> referrers(const std::string& repository,
                                                                const oci::Digest& digest,
                                                                const std::stop_token& stop) override;
  Result<bool> has_blob(const std::string& repository, const oci::Descriptor& blob,
                        const std::stop_token& stop) override;
  Result<MountAnswer> mount_blob(const std::string& repository, const oci::Descriptor& blob, const std::string& from,
                                 const std::stop_token& stop) override;
  Result<UploadSession> begin_upload(const std::string& repository, HashAlgorithm algorithm,
                                     const std::stop_token& stop) override;
  Result<UploadSession> upload_state(const UploadSession& session, const std::stop_token& stop) override;
  std::unique_ptr<BlobRead> read_blob(const std::string& repository, const oci::Descriptor& blob, BlobPipe& pipe,
                                      const std::stop_token& stop) override;
  Status write_blob(const UploadSession& session, const oci::Descriptor& blob, BlobPipe& pipe,
                    const SessionMoved& moved, const std::stop_token& stop) override;
  void abandon_upload(const UploadSession& session) override;
  Result<std::vector<std::string>> tags(const std::string& repository, const std::stop_token& stop) override;
  Result<std::string> small_blob(const std::string& repository, const oci::Descriptor& blob, std::size_t max_bytes,
                                 const std::stop_token& stop) override;
  std::uint64_t requests() const override { return host_.requests(); }

  /// One cheap call that needs credentials where any are needed at all (GET /v2/). What `sluice login` checks with.
  Status check_login(const std::stop_token& stop);
  /// The same, and the fields of the answer's head. Errors: those of check_login.
  Result<net::Headers> greet(const std::stop_token& stop);
  /// Has the token server asked for a token for one repository, if there is one, and tells what that token says of the
  /// right. Unsaid: there is no token server, or its tokens tell nothing. After greet(), which finds the token server.
  /// Errors: those of asking a token server (denied, unauthenticated, unreachable, ...).
  Result<auth::Grant> token_grant(const std::string& repository, bool push, const net::ExchangeContext& context);
  /// Who we are there for a repository; empty: nobody in particular. Errors: those of finding it.
  Result<std::optional<auth::Credentials>> credentials(std::string_view repository) const {
    return host_.credentials(repository);
  }
  /// What is known of the host by now, for the next run.
  HostProfile profile() const { return host_.profile(); }
  /// Who one is here and why, as far as it came up: auth::Authorizer::explanation().
  auth::LoginExplanation explain_login() const { return host_.authorizer().explanation(); }

 private:
  Result<UploadSession> gone_on(const UploadSession& session, const net::HttpResponse& response,
                                const Call& call) const;
  Status write_in_chunks(const UploadSession& session, const oci::Descriptor& blob, BlobPipe& pipe,
                         std::uint64_t chunk_bytes, const SessionMoved& moved, const std::stop_token& stop);
  Result<UploadSession> write_chunk(const UploadSession& session, const oci::Descriptor& blob, BlobPipe& pipe,
                                    std::uint64_t size_bytes, const std::stop_token& stop);
  Error too_large(const net::HttpResponse& response, std::uint64_t body_bytes, const Call& call);
  Result<Call> commit_call(const UploadSession& session, const oci::Descriptor& blob) const;
  Status committed(const net::HttpResponse& response, const oci::Descriptor& blob, const Call& call) const;
  Result<UploadSession> session_of(const std::string& repository, const net::HttpResponse& response,
                                   const Call& call) const;
  Result<net::HttpResponse> get_manifest(const std::string& repository, const ManifestName& name,
                                         const std::stop_token& stop);

  Result<std::optional<std::vector<oci::Descriptor>>> no_list(const std::string& repository, bool had_one,
                                                              const net::HttpResponse& response, const Call& call);

  RegistryHost host_;
  std::atomic<bool> lists_no_referrers_{false};  ///< none of its repositories; found out with the first question
  Guarded<std::map<std::string, bool>> referrers_known_;  ///< by repository, whether it has such lists
};

}  // namespace sluice::places
