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

Status Servers::bind_one(const policy::config::SocketSpec& spec,
                         const policy::config::Relay& config,
                         const std::string& group,
                         const std::optional<milter::Account>& account,
                         net::Protocol protocol)
{
    if (spec.off())
        return {};
    const auto ownership = milter::ownership(config.socket_owner, group,
                                             config.socket_mode, account);
    if (!ownership)
        return fail(ownership.error());
    if (spec.kind == policy::config::SocketSpec::Kind::unix_path)
        if (auto made = milter::make_folder_of(spec.path, account); !made)
            return made;
    auto socket = net::ListenSocket::open(spec, *ownership);
    if (!socket)
        return fail(socket.error());
    bound_.push_back({std::move(*socket), std::move(protocol)});
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
    if (auto fine = bind_one(config.map_socket, config, config.map_socket_group,
                             account, socketmap_protocol(now));
        !fine)
        return fine;
    if (auto fine =
            bind_one(config.policy_socket, config, config.policy_socket_group,
                     account, delegation_protocol(now));
        !fine)
        return fine;
    for (const auto* spec : {&config.map_socket, &config.policy_socket})
        if (!spec->path.empty())
            names.push_back(spec->path);
    return {};
}

Status Servers::start(const policy::config::Relay& config)
{
    workers_ = std::make_unique<net::Workers>(config.map_workers);
    const net::Limits limits{config.map_timeout, config.client_timeout,
                             config.max_clients};
    for (auto& one : bound_) {
        auto server =
            net::Server::make(*loop_, *workers_, std::move(one.socket),
                              std::move(one.protocol), limits);
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
