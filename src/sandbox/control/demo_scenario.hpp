#pragma once
// What `sluice sandbox --demo` starts with: a small shop, tested in shop-dev and to be promoted to shop-prod.

#include <string_view>

namespace sluice::sandbox {

inline constexpr std::string_view kDemoScenario = R"(
users:
  - {name: developer, password: developer}
projects:
  - {name: shop-dev, admin: developer}
  - {name: shop-prod, admin: developer}
images:
  - {project: shop-dev, stream: web, tag: latest, layers: 3, layer-bytes: 200000}
  - {project: shop-dev, stream: api, tag: latest, layers: 2, layer-bytes: 120000}
workloads:
  - {kind: DeploymentConfig, project: shop-dev, name: web, image: "web:latest"}
  - {kind: DeploymentConfig, project: shop-prod, name: web, image: "web:latest", replicas: 2}
  - {kind: Deployment, project: shop-prod, name: api, image: "api:latest", replicas: 2}
)";

}  // namespace sluice::sandbox
