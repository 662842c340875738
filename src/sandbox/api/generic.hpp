#pragma once
// The verbs of stored kinds: get, create, update, patch, delete, with the hooks of their Resource.
// Source: the generic registry of the Kubernetes API server.

#include "sandbox/core/resource.hpp"
#include "sandbox/core/world.hpp"

namespace sluice::sandbox {

/// Answers everything but list and watch (lists.hpp, watch.hpp). The right was checked already.
Answer<ApiReply> handle_generic(World& world, Resource& resource, const ApiRequest& request);

/// Status "Success" of a deletion.
Json deleted_status(const Traits& traits, std::string_view name, std::string_view uid);

/// The project that a namespaced write goes to must exist. Errors: 404 of namespaces.
Verdict require_project(const World& world, const ApiRequest& request);

}  // namespace sluice::sandbox
