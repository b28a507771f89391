// postern.yaml(5) as the programs use it: read whole, checked whole, then
// handed out as one const object that sessions share.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "policy/address.h"
#include "policy/config/filter.h"
#include "policy/config/socket_spec.h"
#include "policy/config/values.h"
#include "policy/config/virus.h"

namespace policy::config {

inline constexpr const char* default_file = "/etc/mail/postern.yaml";

/// relay.relayers: where grants are kept and how long they count.
struct Relayers {
    std::string store;     ///< "bdb", "redis", "none"
    std::string file;      ///< relayers.db
    std::string journal;   ///< folder
    bool sync = false;     ///< fdatasync before a grant is acknowledged
    std::string url;       ///< of Redis
    std::string url_file;  ///< in place of url
    std::string prefix;
    Milliseconds timeout{};
    std::chrono::seconds window{};
    unsigned ipv6_prefix = 64;
    std::string ipv6_keys;  ///< "full", "compressed", "both"
    std::vector<Network> protect;
    std::vector<Network> trusted_proxies;
};

/// A log that the follower reads.
struct FollowedLog {
    std::string file;
    std::string format;  ///< a name, or the path of a file of patterns
};

/// relay.login: how logins are learned.
struct Login {
    SocketSpec listen;
    std::string secret_file;
    SocketSpec dict_socket;
    SocketSpec datagram_socket;
    std::string socket_owner;
    std::string socket_group;
    unsigned socket_mode = 0666;
    std::vector<std::string> believe;  ///< user names or numbers
    std::string anvil_socket;
    std::chrono::seconds anvil_interval{};
    std::vector<std::string> services;
    std::string use;  ///< "remote" or "real"
    std::vector<FollowedLog> follow;
};

/// relay.accounts: whether the account of a grant still exists.
struct Accounts {
    std::string check;  ///< "none", "sasl", "passwd", "map"
    std::string map;
    std::string sasl_app;
    std::string sasl_path;
    std::string realm;
    Milliseconds cache{};
    Milliseconds timeout{};
};

/// relay: the milter, its sockets and what sendmail's .mc file says.
struct Relay {
    SocketSpec socket;
    SocketSpec map_socket;
    SocketSpec policy_socket;
    SocketSpec control_socket;
    std::string pid_file;
    std::string socket_owner;  ///< empty: the user that runs
    std::string socket_group;
    std::string map_socket_group;
    std::string policy_socket_group;
    std::string control_socket_group;
    unsigned socket_mode = 0660;
    unsigned control_socket_mode = 0660;
    std::string domain;  ///< empty: the host's name
    std::vector<std::string> features;
    std::vector<std::string> trust_auth_mech;
    std::string access;
    std::string access_type;  ///< "db" or "text"
    bool compressed_ipv6 = false;
    bool access_optional = false;
    std::vector<std::string> local_host_names;
    std::vector<std::string> relay_domains;
    std::string class_words;  ///< "first" or "all"
    unsigned map_workers = 4;
    Milliseconds map_timeout{};
    Milliseconds client_timeout{};
    unsigned max_clients = 0;
    Relayers relayers;
    Login login;
    Accounts accounts;
};

/// postern: the milters that share a process and a socket.
struct Postern {
    SocketSpec socket;
    std::string pid_file;
    std::string socket_owner;
    std::string socket_group;
    unsigned socket_mode = 0660;
    std::vector<std::string> milters;  ///< "relay", "virus", "filter"
};

/// log: syslog and the file of decisions.
struct Log {
    std::string facility;
    std::string level;
    std::string decisions;
};

/// The whole file.  Immutable once loaded; any thread may read it.
struct Config {
    explicit Config(Values all) : values{std::move(all)} {}

    std::string mail_dir;
    std::string state_dir;
    std::string user;
    std::string on_error;
    Relay relay;
    Virus virus;
    Filter filter;
    Postern postern;
    Log log;

    /// For `place()` of a setting in messages.
    Values values;
};

/// Outcome of reading a configuration: either `config`, or every problem.
struct Loaded {
    std::shared_ptr<const Config> config;  ///< null if there are problems
    Problems problems;
};

/// Reads and checks a file.  Files that it names are not opened: who may read
/// the configuration need not be able to read secrets.
Loaded load(const std::string& path);

/// The same from text; `path` is for messages.
Loaded load_text(const std::string& text, const std::string& path);

/// Fills the structures; checks what concerns several settings at once.
Loaded assemble(Values values, Problems problems);

/// Where Redis is: `url`, or the first line of `url_file`.
Result<std::string> redis_url(const Relayers& settings);

/// Settings that are read at start only and differ between the two: those
/// that a reload cannot take over.
std::vector<std::string> needs_restart(const Config& running,
                                       const Config& fresh);

/// Every setting with the value in force, as YAML that load() reads back;
/// those that differ from the default are marked `# set`.  No secret is
/// printed, only the names of files that hold one.
std::string print(const Config& config);

}  // namespace policy::config
