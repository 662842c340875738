#pragma once
// What counts as loopback: the address, not the name.

#include "base/error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace sluice::net {

/// 127.0.0.0/8, ::1, and IPv4-mapped forms of the former.
bool is_loopback(const sockaddr& address);

/// 169.254.0.0/16 (where clouds keep their metadata services), its IPv4-mapped form, and fe80::/10.
bool is_link_local(const sockaddr& address);

/// 0.0.0.0/8, its IPv4-mapped form, and "::". Linux connects 0.0.0.0 and "::" to this machine.
bool is_unspecified(const sockaddr& address);

/// The address without a port that curl and the resolver make of a host without asking anybody: "127.0.0.1", "::1", and
/// the old forms of IPv4, "2130706433", "0x7f.1", "0177.0.0.1", "127.1" (inet_aton(3)). Empty for a name.
std::optional<sockaddr_storage> literal_address(const std::string& text);

/// True when the host of a URL is, as it is written, this machine or its link: loopback (as is_loopback_name),
/// link-local and unspecified addresses, with a dot at the end too. For refusals, before anybody is asked: a proxy
/// would make the connection itself. A name may still lead there: see Endpoint::addresses.
bool is_local_host(std::string_view host);

/// A literal loopback address (as is_loopback), or "localhost" and names below it (RFC 6761). A hint for what to try
/// first; whoever relies on it sets Endpoint::addresses, which is checked against the address that is connected to.
bool is_loopback_name(std::string_view host);

/// The error of a request whose host leads to an address that Endpoint::addresses refuses: untrusted, and of this kind.
Error refused_address(std::string message);
bool is_refused_address(const Error& error);

/// True when the name resolves, and to loopback addresses only. Thread: any job thread; blocks on the resolver.
bool resolves_to_loopback(const std::string& host);

}  // namespace sluice::net
