#include "net/untrusted.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include <string>

namespace sluice::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SeenChain chain(int error, int depth = 0) {
  SeenChain seen;
  seen.error = error;
  seen.depth = depth;
  seen.known = true;
  seen.subject = depth == 0 ? "server" : "the authority in between";
  seen.issuer = "a root";
  return seen;
}

Error told(const SeenChain& seen, const std::string& bundle = "") {
  return untrusted_error("r.example.com", seen, "words of libcurl", bundle);
}

TEST(Untrusted, OnlyAnIssuerThatNobodyKnowsIsMendedByItsCa) {
  for (const int error : {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
                          X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
                          X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_UNTRUSTED}) {
    const auto reason = told(chain(error));
    EXPECT_TRUE(is_unknown_issuer(reason)) << error;
    EXPECT_THAT(reason.message(), HasSubstr("is not trusted")) << error;
    EXPECT_THAT(reason.hint(), HasSubstr("put its CA into")) << error;
  }
  EXPECT_TRUE(is_unknown_issuer(told(SeenChain()))) << "no chain was seen: all that is known are libcurl's words";
}

TEST(Untrusted, ACertificateThatNoCaMendsIsRefusedWithTheReasonAndIsToBeMadeAnew) {
  for (const int error : {X509_V_ERR_INVALID_PURPOSE, X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION,
                          X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK, X509_V_ERR_PATH_LENGTH_EXCEEDED,
                          X509_V_ERR_CERT_SIGNATURE_FAILURE, X509_V_ERR_INVALID_CA, X509_V_ERR_CERT_REJECTED}) {
    const auto reason = told(chain(error), "not all authorities of this machine could be read: /x");
    EXPECT_EQ(reason.kind(), ErrorKind::untrusted) << error;
    EXPECT_FALSE(is_unknown_issuer(reason)) << error;
    EXPECT_THAT(reason.message(), HasSubstr(std::string("the certificate of r.example.com is refused: ") +
                                            X509_verify_cert_error_string(error)));
    EXPECT_THAT(reason.hint(), HasSubstr("made anew")) << error;
    EXPECT_THAT(reason.sentence(), Not(HasSubstr("its CA"))) << error;
    EXPECT_THAT(reason.sentence(), Not(HasSubstr("/x"))) << "the files have nothing to do with it";
  }
}

TEST(Untrusted, ARefusedAuthorityIsNamedAndNotTheServer) {
  const auto reason = told(chain(X509_V_ERR_PATH_LENGTH_EXCEEDED, 1));
  EXPECT_THAT(reason.message(),
              HasSubstr("the certificate of the authority the authority in between behind that of r.example.com"));
  EXPECT_THAT(reason.hint(), HasSubstr("certificate of the authority made anew"));
}

TEST(Untrusted, AuthoritiesThatCouldNotBeReadAreSaidWhereTheyMatter) {
  const auto reason = told(chain(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY), "not all could be read: /x");
  EXPECT_THAT(reason.message(), HasSubstr("(words of libcurl); not all could be read: /x"));
}

TEST(Untrusted, AnotherNameIsNoRefusal) {
  for (const int error : {X509_V_OK, X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH}) {
    EXPECT_THAT(told(chain(error)).message(), HasSubstr("is for other names")) << error;
  }
}

}  // namespace
}  // namespace sluice::net
