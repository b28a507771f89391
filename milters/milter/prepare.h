// What the configuration and the command line say together.
#pragma once

#include <string>

#include "milters/milter/daemon.h"
#include "milters/milter/options.h"
#include "milters/milter/process.h"
#include "policy/config/config.h"

namespace milters::milter {

/// Fills in user, socket, pid file, ownership and whether it stays in the
/// foreground; the command line wins.
///
/// @param user  of the configuration; empty: as whoever starts it
/// @param own   the program's section: Config::relay, virus or filter
/// @return an error that names the setting's value
template <class Section>
policy::Status prepare(Service& service, const Options& options,
                       const std::string& user, const Section& own)
{
    const auto& account_name = options.user.empty() ? user : options.user;
    if (!account_name.empty()) {
        const auto account = Account::find(account_name);
        if (!account)
            return policy::fail(policy::Errc::parse,
                                (options.user.empty() ? "user: " : "-u: ") +
                                    account.error().text);
        service.account = *account;
    }
    service.socket = own.socket;
    if (!options.socket.empty()) {
        const auto socket = policy::config::SocketSpec::parse(options.socket);
        if (!socket)
            return policy::fail(socket.error());
        service.socket = *socket;
    }
    service.pid_file =
        options.pid_file.empty() ? own.pid_file : options.pid_file;
    const auto ownership = milter::ownership(own.socket_owner, own.socket_group,
                                             own.socket_mode, service.account);
    if (!ownership)
        return policy::fail(ownership.error());
    service.ownership = *ownership;
    service.foreground = options.foreground;
    return {};
}

}  // namespace milters::milter
