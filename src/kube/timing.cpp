#include "kube/timing.hpp"

#include <random>

namespace sluice::kube {

double fraction_of(const Timing& timing) {
  if (timing.fraction) return timing.fraction();
  thread_local std::minstd_rand generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace sluice::kube
