#pragma once
// Waiting for a span of time, for back-off only: ends at once when somebody asks to stop.

#include <chrono>
#include <stop_token>

namespace sluice {

/// True after the whole span; false when `stop` came first. Thread: any; blocks.
bool pause_for(std::chrono::milliseconds span, const std::stop_token& stop);

}  // namespace sluice
