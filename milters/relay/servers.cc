#include "milters/relay/servers.h"

#include "milters/relay/delegation.h"
#include "milters/relay/maps.h"

namespace milters::relay {

using policy::fail;
using policy::Status;

Servers::~Servers()
{
    stop();
}

Status Servers::bind_one(Wanted wanted, const std::string& owner,
                         const std::optional<milter::Account>& account)
{
    const auto& spec = wanted.spec;
    if (spec.off())
        return {};
    const auto ownership =
        milter::ownership(owner, wanted.group, wanted.mode, account);
    if (!ownership)
        return fail(ownership.error());
    if (spec.kind == policy::config::SocketSpec::Kind::unix_path)
        if (auto made = milter::make_folder_of(spec.path, account); !made)
            return made;
    auto socket = net::ListenSocket::open(spec, *ownership);
    if (!socket)
        return fail(socket.error());
    bound_.push_back(
        {std::move(*socket), std::move(wanted.protocol), wanted.limits});
    return {};
}

Status Servers::bind(const policy::config::Relay& config,
                     const std::optional<milter::Account>& account,
                     std::vector<std::string>& names)
{
    auto loop = net::Loop::make();
    if (!loop)
        return fail(loop.error());
    loop_ = std::move(*loop);
    const auto now = [this] { return current_.get(); };
    const net::Limits limits{config.map_timeout, config.client_timeout,
                             config.max_clients};
    for (auto& wanted :
         {Wanted{config.map_socket, config.map_socket_group, config.socket_mode,
                 socketmap_protocol(now), limits},
          Wanted{config.policy_socket, config.policy_socket_group,
                 config.socket_mode, delegation_protocol(now), limits},
          Wanted{config.control_socket, config.control_socket_group,
                 config.control_socket_mode, control_protocol(control_),
                 control_limits}}) {
        if (auto bound = bind_one(wanted, config.socket_owner, account); !bound)
            return bound;
        if (!wanted.spec.path.empty())
            names.push_back(wanted.spec.path);
    }
    return {};
}

Status Servers::start(const policy::config::Relay& config)
{
    workers_ = std::make_unique<net::Workers>(config.map_workers);
    for (auto& one : bound_) {
        auto server =
            net::Server::make(*loop_, *workers_, std::move(one.socket),
                              std::move(one.protocol), one.limits);
        if (!server)
            return fail(server.error());
        servers_.push_back(std::move(*server));
    }
    bound_.clear();
    thread_ = std::thread{[this] { loop_->run(); }};
    return {};
}

void Servers::stop()
{
    if (thread_.joinable()) {
        loop_->post([this] { loop_->stop(); });
        thread_.join();
    }
    for (auto& server : servers_)
        server->close();
    workers_.reset();
    servers_.clear();
}

}  // namespace milters::relay
