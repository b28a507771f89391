#include "policy/config/config.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "policy/text_file.h"

namespace policy::config {
namespace {

using Strings = std::vector<std::string>;
using Networks = std::vector<Network>;

/// Reads a section of Values by short names.
class Section {
public:
    Section(const Values& values, std::string prefix)
        : values_{values}, prefix_{std::move(prefix)}
    {
    }

    std::string text(const char* name) const { return get<std::string>(name); }

    /// The text, or `other` where the file does not set it.
    std::string text_or(const char* name, const std::string& other) const
    {
        return values_.given(prefix_ + name) ? text(name) : other;
    }

    Strings list_or(const char* name, Strings other) const
    {
        return values_.given(prefix_ + name) ? get<Strings>(name) : other;
    }

    SocketSpec socket_or(const char* name, const std::string& path) const
    {
        if (values_.given(prefix_ + name))
            return get<SocketSpec>(name);
        return {SocketSpec::Kind::unix_path, path, {}, 0};
    }

    unsigned number(const char* name) const
    {
        return static_cast<unsigned>(get<std::int64_t>(name));
    }

    std::chrono::seconds seconds(const char* name) const
    {
        return std::chrono::ceil<std::chrono::seconds>(get<Milliseconds>(name));
    }

    template <class T>
    T get(const char* name) const
    {
        return values_.get<T>(prefix_ + name);
    }

private:
    const Values& values_;
    std::string prefix_;
};

Relayers relayers(const Config& config)
{
    const Section in{config.values, "relay.relayers."};
    Relayers out;
    out.store = in.text("store");
    out.file = in.text_or("file", config.mail_dir + "/relayers.db");
    out.journal = in.text_or("journal", config.state_dir);
    out.sync = in.text("sync") == "journal";
    out.url = in.text("url");
    out.url_file = in.text("url_file");
    out.prefix = in.text("prefix");
    out.timeout = in.get<Milliseconds>("timeout");
    out.window = in.seconds("window");
    out.ipv6_prefix = in.number("ipv6_prefix");
    out.ipv6_keys = in.text("ipv6_keys");
    out.protect = in.get<Networks>("protect");
    out.trusted_proxies = in.get<Networks>("trusted_proxies");
    return out;
}

std::vector<FollowedLog> followed(const Values& values)
{
    const std::string name = "relay.login.follow";
    std::vector<FollowedLog> logs;
    for (std::size_t i = 0; i < values.count(name); ++i) {
        const Section in{values, name + "[" + std::to_string(i) + "]."};
        logs.push_back({in.text("file"), in.text("format")});
    }
    return logs;
}

Login login(const Config& config)
{
    const Section in{config.values, "relay.login."};
    Login out;
    out.listen = in.get<SocketSpec>("listen");
    out.secret_file = in.text("secret_file");
    out.dict_socket = in.get<SocketSpec>("dict_socket");
    out.datagram_socket = in.get<SocketSpec>("datagram_socket");
    out.socket_owner = in.text("socket_owner");
    out.socket_group = in.text("socket_group");
    out.socket_mode = in.number("socket_mode");
    out.believe = in.get<Strings>("believe");
    out.anvil_socket = in.text("anvil_socket");
    out.anvil_interval = in.seconds("anvil_interval");
    out.services = in.get<Strings>("services");
    out.use = in.text("use");
    out.follow = followed(config.values);
    return out;
}

Accounts accounts(const Config& config)
{
    const Section in{config.values, "relay.accounts."};
    Accounts out;
    out.check = in.text("check");
    out.map = in.text("map");
    out.sasl_app = in.text("sasl_app");
    out.sasl_path = in.text("sasl_path");
    out.realm = in.text_or("realm", config.relay.domain);
    out.cache = in.get<Milliseconds>("cache");
    out.timeout = in.get<Milliseconds>("timeout");
    return out;
}

/// Folder of the milter's socket, where its other files are by default.
std::string run_dir(const SocketSpec& socket)
{
    if (socket.kind != SocketSpec::Kind::unix_path)
        return "/run/postern/";
    return socket.path.substr(0, socket.path.rfind('/') + 1);
}

void sockets(Relay& out, const Section& in)
{
    out.socket = in.get<SocketSpec>("socket");
    const auto dir = run_dir(out.socket);
    out.map_socket = in.socket_or("map_socket", dir + "map.sock");
    out.policy_socket = in.get<SocketSpec>("policy_socket");
    out.control_socket = in.socket_or("control_socket", dir + "control.sock");
    out.pid_file = in.text_or("pid_file", dir + "relay.pid");
    out.socket_owner = in.text("socket_owner");
    out.socket_group = in.text("socket_group");
    out.map_socket_group = in.text_or("map_socket_group", out.socket_group);
    out.policy_socket_group =
        in.text_or("policy_socket_group", out.socket_group);
    out.control_socket_group = in.text("control_socket_group");
    out.socket_mode = in.number("socket_mode");
    out.control_socket_mode = in.number("control_socket_mode");
}

/// Each text cut at its blanks: TRUST_AUTH_MECH(`PLAIN LOGIN').
Strings words_of(const Strings& texts)
{
    Strings words;
    for (const auto& text : texts) {
        std::istringstream in{text};
        for (std::string word; in >> word;)
            words.push_back(std::move(word));
    }
    return words;
}

Relay relay(const Config& config)
{
    const Section in{config.values, "relay."};
    Relay out;
    sockets(out, in);
    out.domain = in.text("domain");
    out.features = in.get<Strings>("features");
    out.trust_auth_mech = words_of(in.get<Strings>("trust_auth_mech"));
    out.access = in.text_or("access", config.mail_dir + "/access");
    out.access_type = in.text("access_type");
    out.access_optional = in.get<bool>("access_optional");
    out.compressed_ipv6 = in.get<bool>("compressed_ipv6");
    out.local_host_names =
        in.list_or("local_host_names", {config.mail_dir + "/local-host-names"});
    out.relay_domains =
        in.list_or("relay_domains", {config.mail_dir + "/relay-domains"});
    out.class_words = in.text("class_words");
    out.map_workers = in.number("map_workers");
    out.map_timeout = in.get<Milliseconds>("map_timeout");
    out.client_timeout = in.get<Milliseconds>("client_timeout");
    out.max_clients = in.number("max_clients");
    return out;
}

Postern postern(const Config& config)
{
    const Section in{config.values, "postern."};
    Postern out;
    out.socket = in.get<SocketSpec>("socket");
    out.pid_file = in.text_or("pid_file", run_dir(out.socket) + "postern.pid");
    out.socket_owner = in.text("socket_owner");
    out.socket_group = in.text("socket_group");
    out.socket_mode = in.number("socket_mode");
    out.milters = in.get<Strings>("milters");
    return out;
}

/// Checks that concern more than one setting.
class Checker {
public:
    Checker(const Config& config, Problems& problems)
        : config_{config}, problems_{problems}
    {
    }

    void run()
    {
        sockets();
        store();
        login();
        for (const auto& path : config_.relay.local_host_names)
            absolute("relay.local_host_names", path);
        for (const auto& path : config_.relay.relay_domains)
            absolute("relay.relay_domains", path);
        if (config_.relay.accounts.check == "map")
            needs("relay.accounts.check", "map", config_.relay.accounts.map,
                  "relay.accounts.map");
    }

private:
    void complain(const std::string& name, const std::string& text)
    {
        problems_.push_back(config_.values.place(name) + ": " + name + ": " +
                            text);
    }

    void absolute(const std::string& name, const std::string& path)
    {
        if (path.empty() || path.front() != '/')
            complain(name, "'" + path + "' is not an absolute path");
    }

    void needs(const std::string& name, const std::string& value,
               const std::string& other, const char* other_name)
    {
        if (other.empty())
            complain(name, value + " needs " + other_name);
    }

    void sockets()
    {
        if (config_.relay.socket.off())
            complain("relay.socket", "the milter needs a socket");
        const Relay& relay = config_.relay;
        const std::vector<std::pair<const char*, const SocketSpec*>> all{
            {"relay.socket", &relay.socket},
            {"relay.map_socket", &relay.map_socket},
            {"relay.policy_socket", &relay.policy_socket},
            {"relay.control_socket", &relay.control_socket},
            {"relay.login.listen", &relay.login.listen},
            {"relay.login.dict_socket", &relay.login.dict_socket},
            {"relay.login.datagram_socket", &relay.login.datagram_socket}};
        for (auto one = all.begin(); one != all.end(); ++one)
            for (auto before = all.begin(); before != one; ++before)
                if (!one->second->off() && *one->second == *before->second)
                    complain(one->first, one->second->text() + " is already " +
                                             before->first);
        if (config_.postern.socket.off())
            complain("postern.socket", "the milter needs a socket");
        if (config_.postern.milters.empty())
            complain("postern.milters", "names no milter");
        unix_only("relay.control_socket", relay.control_socket);
        unix_only("relay.login.dict_socket", relay.login.dict_socket);
        unix_only("relay.login.datagram_socket", relay.login.datagram_socket);
    }

    void unix_only(const char* name, const SocketSpec& spec)
    {
        if (spec.kind != SocketSpec::Kind::unix_path && !spec.off())
            complain(name,
                     "who may speak here is told by the file or by the "
                     "kernel: only a unix socket will do");
    }

    void store()
    {
        const Relayers& relayers = config_.relay.relayers;
        const bool by_file = !relayers.url_file.empty();
        const bool given = by_file || !relayers.url.empty();
        if (by_file && !relayers.url.empty())
            complain("relay.relayers.url_file",
                     "the url is given twice, here and in relay.relayers.url");
        const std::string& access = config_.relay.access;
        if (relayers.file == access || relayers.file == access + ".db")
            complain("relay.relayers.file",
                     "is relay.access, whose entries are no grants");
        if (relayers.store == "redis" && !given)
            complain("relay.relayers.store", "redis needs relay.relayers.url");
        if (relayers.store != "redis" && given)
            complain(by_file ? "relay.relayers.url_file" : "relay.relayers.url",
                     "used only with store: redis");
    }

    void login()
    {
        const Login& login = config_.relay.login;
        if (!login.listen.off() && login.secret_file.empty())
            complain("relay.login.listen",
                     "needs relay.login.secret_file: any local user can "
                     "reach the port");
        for (std::size_t i = 0; i < login.follow.size(); ++i) {
            const auto name = "relay.login.follow[" + std::to_string(i) + "].";
            if (login.follow[i].file.empty())
                complain(name + "format", "a log to follow needs file");
        }
        if (login.services.empty())
            complain("relay.login.services", "no login would count");
    }

    const Config& config_;
    Problems& problems_;
};

}  // namespace

Loaded assemble(Values values, Problems problems)
{
    auto config = std::make_shared<Config>(std::move(values));
    const Section top{config->values, ""};
    config->mail_dir = top.text("mail_dir");
    config->state_dir = top.text("state_dir");
    config->user = top.text("user");
    config->on_error = top.text("on_error");
    config->relay = relay(*config);
    config->relay.relayers = relayers(*config);
    config->relay.login = login(*config);
    config->relay.accounts = accounts(*config);
    const Section log{config->values, "log."};
    config->log = {log.text("facility"), log.text("level"),
                   log.text("decisions")};
    config->virus = read_virus(config->values, config->mail_dir, problems);
    config->filter = read_filter(config->values, config->mail_dir, problems);
    config->postern = postern(*config);
    Checker{*config, problems}.run();
    if (!problems.empty())
        return {nullptr, std::move(problems)};
    return {std::move(config), {}};
}

Result<std::string> redis_url(const Relayers& settings)
{
    if (settings.url_file.empty())
        return settings.url;
    errno = 0;
    std::ifstream in{settings.url_file};
    std::string line;
    if (!in || !std::getline(in, line) || line.empty())
        return fail(Errc::io, settings.url_file + ": " +
                                  (errno ? std::strerror(errno) : "is empty"));
    return line;
}

Loaded load_text(const std::string& text, const std::string& path)
{
    Problems problems;
    Values values = parse(text, path, problems);
    return assemble(std::move(values), std::move(problems));
}

Loaded load(const std::string& path)
{
    const auto text = text_of_file(path);
    if (!text)
        return {nullptr, {text.error().text}};
    return load_text(*text, path);
}

}  // namespace policy::config
