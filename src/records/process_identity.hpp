#pragma once
// Holders of leases: how a process names itself, and whether a holder of this host is still alive.
// this_process() is declared in store.hpp.

#include <string>
#include <string_view>

namespace sluice::records {

/// True when the holder is known to be gone: a process of this host and PID namespace that does not run any more.
/// False when it runs, or when it cannot be told from here.
bool is_dead(std::string_view holder);

/// "process 812 on ci-7" for people.
std::string describe_holder(std::string_view holder);

}  // namespace sluice::records
