#include "sandbox/api/path.hpp"
#include "sandbox/core/world.hpp"

#include <gtest/gtest.h>

namespace sluice::sandbox {
namespace {

struct Row {
  const char* method;
  const char* path;
  const char* query;
  const char* expected;  // "verb group plural ns name sub"
};

class ApiPaths : public testing::Test {
 protected:
  ApiPaths() {
    Traits traits;
    traits.group = "image.openshift.io";
    traits.plural = "imagestreams";
    traits.legacy = true;
    catalog_.add(std::make_unique<Resource>(traits));
  }
  std::string read(const Row& row) const {
    const auto path = parse_api_path(row.path, catalog_);
    if (!path) return "no resource";
    const auto verb = verb_of(row.method, *path, parse_query(row.query));
    return verb + " " + path->group + " " + path->plural + " " + path->ns + " " + path->name + " " + path->subresource;
  }
  Catalog catalog_;
};

TEST_F(ApiPaths, MeanAVerbOnAResource) {
  const Row rows[] = {
      {"GET", "/apis/image.openshift.io/v1/namespaces/p/imagestreams", "", "list image.openshift.io imagestreams p  "},
      {"GET", "/apis/image.openshift.io/v1/namespaces/p/imagestreams", "watch=true",
       "watch image.openshift.io imagestreams p  "},
      {"GET", "/apis/image.openshift.io/v1/namespaces/p/imagestreams/web", "watch=true",
       "get image.openshift.io imagestreams p web "},
      {"GET", "/apis/image.openshift.io/v1/watch/namespaces/p/imagestreams/web", "",
       "watch image.openshift.io imagestreams p web "},
      {"GET", "/apis/image.openshift.io/v1/imagestreams", "", "list image.openshift.io imagestreams   "},
      {"PUT", "/apis/image.openshift.io/v1/namespaces/p/imagestreamtags/web%3Alive", "",
       "update image.openshift.io imagestreamtags p web:live "},
      {"GET", "/oapi/v1/namespaces/p/imagestreams/web", "", "get image.openshift.io imagestreams p web "},
      {"POST", "/api/v1/namespaces/p/serviceaccounts/x/token", "", "create  serviceaccounts p x token"},
      {"GET", "/api/v1/namespaces/p", "", "get  namespaces  p "},
      {"DELETE", "/api/v1/namespaces/p/pods", "", "deletecollection  pods p  "},
      {"GET", "/apis/apps", "", "no resource"},
      {"GET", "/apis/apps/v1", "", "no resource"},
      {"GET", "/version", "", "no resource"},
      {"GET", "/", "", "no resource"},
  };
  for (const auto& row : rows) EXPECT_EQ(read(row), row.expected) << row.method << " " << row.path << "?" << row.query;
}

TEST_F(ApiPaths, AProjectIsInsideItself) {
  const auto path = parse_api_path("/apis/project.openshift.io/v1/projects/shop", catalog_);
  EXPECT_EQ(attributes_of(*path, "get").ns, "shop");
}

}  // namespace
}  // namespace sluice::sandbox
