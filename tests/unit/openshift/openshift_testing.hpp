#pragma once
// The scripted cluster of tests/unit/kube, for tests of this room.

#include "unit/kube/kube_testing.hpp"
#include "unit/kube/recordings.hpp"

namespace sluice::openshift::testing {

using namespace kube::testing;  // NOLINT(google-build-using-namespace)

}  // namespace sluice::openshift::testing
