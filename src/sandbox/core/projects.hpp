#pragma once
// What a project is made of: its namespace, role bindings and service accounts.

#include "sandbox/core/store.hpp"
#include "sandbox/core/world.hpp"

#include <string>
#include <string_view>

namespace sluice::sandbox {

bool is_project_name(std::string_view name);

/// Precondition: there is none of that name. `admin` empty: nobody is made its admin.
ObjectRef add_project(World& world, std::string_view name, std::string_view admin, Json annotations = {},
                      Json labels = {});
/// builder, default and deployer; their secrets come from a controller.
void add_service_accounts(World& world, const std::string& project);
/// Removes everything inside a project that is gone.
void clear_project(World& world, const std::string& project);

/// The token secret of a service account is filled, and its pull secret made (3.11: both are made by themselves).
void fill_token_secret(World& world, const Key& key);
void add_account_secrets(World& world, const Key& account);

}  // namespace sluice::sandbox
