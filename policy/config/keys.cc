#include "policy/config/keys.h"

#include <algorithm>
#include <vector>

#include "policy/config/keys_parts.h"

namespace policy::config {
namespace {

constexpr std::int64_t ms = 1;
constexpr std::int64_t second = 1000 * ms;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t day = 24 * hour;

constexpr Key table[] = {
    {.name = "mail_dir",
     .type = Type::path,
     .fallback = "/etc/mail",
     .about = "where sendmail's own files and relayers.db are"},
    {.name = "state_dir",
     .type = Type::path,
     .fallback = "/var/lib/postern",
     .about = "where journals and saved offsets are kept",
     .at_start = true},
    {.name = "user",
     .type = Type::text,
     .fallback = "",
     .about = "user or user:group to run as when started as root; empty: "
              "stay as started",
     .at_start = true},
    {.name = "on_error",
     .type = Type::choice,
     .fallback = "tempfail",
     .choices = "tempfail",
     .about = "what a failure of our own does to mail; relay-milter knows "
              "4yz only, since anything else would be an open relay"},

    {.name = "relay.socket",
     .type = Type::socket,
     .fallback = "unix:/run/postern/relay.sock",
     .about = "where the MTA connects to the milter",
     .at_start = true},
    {.name = "relay.map_socket",
     .type = Type::socket,
     .fallback = "",
     .about = "socketmap server for sendmail and Postfix; default map.sock "
              "beside relay.socket",
     .at_start = true},
    {.name = "relay.policy_socket",
     .type = Type::socket,
     .fallback = "none",
     .about = "Postfix policy delegation (check_policy_service)",
     .at_start = true},
    {.name = "relay.control_socket",
     .type = Type::socket,
     .fallback = "",
     .about = "vsmtprelay and postern ask here; default control.sock beside "
              "relay.socket",
     .at_start = true},
    {.name = "relay.pid_file",
     .type = Type::path,
     .fallback = "",
     .about = "locked by the one process that runs; default relay.pid beside "
              "relay.socket",
     .at_start = true},
    {.name = "relay.socket_owner",
     .type = Type::text,
     .fallback = "",
     .about = "owner of the unix sockets; default the user",
     .at_start = true},
    {.name = "relay.socket_group",
     .type = Type::text,
     .fallback = "",
     .about = "group of the unix sockets; default that of the user",
     .at_start = true},
    {.name = "relay.socket_mode",
     .type = Type::mode,
     .fallback = "0660",
     .max = 0777,
     .about = "permission bits of the unix sockets",
     .at_start = true},
    {.name = "relay.map_socket_group",
     .type = Type::text,
     .fallback = "",
     .about = "group of the socketmap socket; default socket_group",
     .at_start = true},
    {.name = "relay.policy_socket_group",
     .type = Type::text,
     .fallback = "",
     .about = "group of the policy socket; default socket_group",
     .at_start = true},
    {.name = "relay.control_socket_group",
     .type = Type::text,
     .fallback = "",
     .about = "group of the control socket: who may grant; default that of "
              "the user",
     .at_start = true},
    {.name = "relay.control_socket_mode",
     .type = Type::mode,
     .fallback = "0660",
     .max = 0777,
     .about = "permission bits of the control socket",
     .at_start = true},
    {.name = "relay.domain",
     .type = Type::text,
     .fallback = "",
     .about = "sendmail's $j; default the name of the host"},
    {.name = "relay.features",
     .type = Type::list,
     .fallback = "[access_db]",
     .about = "the FEATUREs of the .mc file that touch relaying, arguments "
              "after colons: delay_checks:friend"},
    {.name = "relay.trust_auth_mech",
     .type = Type::list,
     .fallback = "[]",
     .about = "TRUST_AUTH_MECH of the .mc file"},
    {.name = "relay.access",
     .type = Type::path,
     .fallback = "",
     .about = "the access map, with or without .db; default access in "
              "mail_dir"},
    {.name = "relay.access_type",
     .type = Type::choice,
     .fallback = "db",
     .choices = "db text",
     .about = "db: made by makemap; text: its source"},
    {.name = "relay.access_optional",
     .type = Type::boolean,
     .fallback = "false",
     .about = "a missing access map is an empty one (-o)"},
    {.name = "relay.compressed_ipv6",
     .type = Type::boolean,
     .fallback = "false",
     .about = "IPv6 clients are IPv6:2001:db8::1, as with "
              "confUSE_COMPRESSED_IPV6_ADDRESSES"},
    {.name = "relay.local_host_names",
     .type = Type::list,
     .fallback = "",
     .about = "files of class w; default local-host-names in mail_dir"},
    {.name = "relay.relay_domains",
     .type = Type::list,
     .fallback = "",
     .about = "files of class R, which may be missing; default relay-domains "
              "in mail_dir"},
    {.name = "relay.class_words",
     .type = Type::choice,
     .fallback = "first",
     .choices = "first all",
     .about = "which words of a line of a class file count: the first, or "
              "all up to a # as with Debian's %[^\\#] behind the file's name"},
    {.name = "relay.map_workers",
     .type = Type::count,
     .fallback = "4",
     .min = 1,
     .max = 64,
     .about = "threads that answer the socketmap and policy sockets",
     .at_start = true},
    {.name = "relay.map_timeout",
     .type = Type::duration,
     .fallback = "5s",
     .min = 10 * ms,
     .max = 5 * minute,
     .about = "an answer that takes longer is a temporary failure",
     .at_start = true},
    {.name = "relay.client_timeout",
     .type = Type::duration,
     .fallback = "10s",
     .min = 10 * ms,
     .max = 10 * minute,
     .about = "how long a map client may take over one request, or over "
              "reading one answer",
     .at_start = true},
    {.name = "relay.max_clients",
     .type = Type::count,
     .fallback = "1000",
     .min = 1,
     .max = 100000,
     .about = "connections at a time to the map, policy and control sockets, "
              "each",
     .at_start = true},

    {.name = "relay.relayers.store",
     .type = Type::choice,
     .fallback = "bdb",
     .choices = "bdb redis none",
     .about = "where POP-before-SMTP grants are kept",
     .at_start = true},
    {.name = "relay.relayers.file",
     .type = Type::path,
     .fallback = "",
     .about = "what sendmail sees of the grants; default relayers.db in "
              "mail_dir",
     .at_start = true},
    {.name = "relay.relayers.journal",
     .type = Type::path,
     .fallback = "",
     .about = "folder of the journal; default state_dir",
     .at_start = true},
    {.name = "relay.relayers.sync",
     .type = Type::choice,
     .fallback = "none",
     .choices = "none journal",
     .about = "journal: a grant also survives a power failure before it is "
              "acknowledged",
     .at_start = true},
    {.name = "relay.relayers.url",
     .type = Type::text,
     .fallback = "",
     .about = "redis://host:port/db or redis+unix:/path of the shared store",
     .at_start = true},
    {.name = "relay.relayers.url_file",
     .type = Type::path,
     .fallback = "",
     .about = "file that holds the url, where it carries a password",
     .at_start = true},
    {.name = "relay.relayers.prefix",
     .type = Type::text,
     .fallback = "relay/",
     .about = "what the keys in Redis begin with",
     .at_start = true},
    {.name = "relay.relayers.timeout",
     .type = Type::duration,
     .fallback = "200ms",
     .min = 10 * ms,
     .max = 10 * second,
     .about = "how long Redis may take",
     .at_start = true},
    {.name = "relay.relayers.window",
     .type = Type::duration,
     .fallback = "30m",
     .max = 3650 * day,
     .about = "how long a login counts; 0: until vsmtprelay expire"},
    {.name = "relay.relayers.ipv6_prefix",
     .type = Type::count,
     .fallback = "64",
     .min = 16,
     .max = 128,
     .about = "leading bits of an IPv6 client that a login grants beside its "
              "address; 128: the address only"},
    {.name = "relay.relayers.ipv6_keys",
     .type = Type::choice,
     .fallback = "full",
     .choices = "full compressed both",
     .about = "how IPv6 addresses are spelled in relayers.db",
     .at_start = true},
    {.name = "relay.relayers.protect",
     .type = Type::networks,
     .fallback = "[]",
     .about = "never granted by a login, beside loopback and the host's own "
              "and gateway addresses"},
    {.name = "relay.relayers.trusted_proxies",
     .type = Type::networks,
     .fallback = "[]",
     .about = "web mail and proxies: never granted"},

    {.name = "relay.login.listen",
     .type = Type::listen,
     .fallback = "none",
     .about = "Dovecot's auth-policy reports; 127.0.0.1:21580 by custom",
     .at_start = true},
    {.name = "relay.login.secret_file",
     .type = Type::path,
     .fallback = "",
     .about = "first line: what the header X-Relay-Auth must hold",
     .at_start = true},
    {.name = "relay.login.dict_socket",
     .type = Type::socket,
     .fallback = "none",
     .about = "Dovecot's dict protocol (last_login)",
     .at_start = true},
    {.name = "relay.login.datagram_socket",
     .type = Type::socket,
     .fallback = "none",
     .about = "datagrams of hooks and of the PAM module",
     .at_start = true},
    {.name = "relay.login.socket_owner",
     .type = Type::text,
     .fallback = "",
     .about = "owner of the login sockets; default the user",
     .at_start = true},
    {.name = "relay.login.socket_group",
     .type = Type::text,
     .fallback = "",
     .about = "group of the login sockets: who may report; default that of "
              "the user",
     .at_start = true},
    {.name = "relay.login.socket_mode",
     .type = Type::mode,
     .fallback = "0666",
     .max = 0777,
     .about = "permission bits of the login sockets: who is believed is "
              "asked of the kernel",
     .at_start = true},
    {.name = "relay.login.believe",
     .type = Type::list,
     .fallback = "[]",
     .about = "users (names or numbers) who may report on the login sockets, "
              "beside root and the milter's own: Dovecot's mail_uid",
     .at_start = true},
    {.name = "relay.login.anvil_socket",
     .type = Type::path,
     .fallback = "",
     .about = "Dovecot's anvil, asked for IMAP sessions that last; empty: "
              "not asked",
     .at_start = true},
    {.name = "relay.login.anvil_interval",
     .type = Type::duration,
     .fallback = "1m",
     .min = second,
     .max = day,
     .about = "how often anvil is asked",
     .at_start = true},
    {.name = "relay.login.services",
     .type = Type::list,
     .fallback = "[pop3, imap]",
     .about = "services whose logins count",
     .at_start = true},
    {.name = "relay.login.use",
     .type = Type::choice,
     .fallback = "remote",
     .choices = "remote real",
     .about = "which address of a report counts: the client's, or the one "
              "that connected",
     .at_start = true},
    {.name = "relay.login.follow[].file",
     .type = Type::path,
     .fallback = "",
     .about = "a log to follow",
     .at_start = true},
    {.name = "relay.login.follow[].format",
     .type = Type::text,
     .fallback = "dovecot",
     .about = "which server writes it: dovecot, cyrus, courier, uw, qpopper, "
              "popa3d, vpopmail, ...; or the path of a file of patterns",
     .at_start = true},

    {.name = "relay.accounts.check",
     .type = Type::choice,
     .fallback = "none",
     .choices = "none sasl passwd map",
     .about = "how to learn whether the account of a grant still exists"},
    {.name = "relay.accounts.map",
     .type = Type::path,
     .fallback = "",
     .about = "map whose keys are the accounts (check: map)"},
    {.name = "relay.accounts.sasl_app",
     .type = Type::text,
     .fallback = "Sendmail",
     .about = "name of the SASL configuration, without .conf (check: sasl)"},
    {.name = "relay.accounts.sasl_path",
     .type = Type::path,
     .fallback = "",
     .about = "folder of the SASL configuration; default the library's own"},
    {.name = "relay.accounts.realm",
     .type = Type::text,
     .fallback = "",
     .about = "realm of names without @; default relay.domain"},
    {.name = "relay.accounts.cache",
     .type = Type::duration,
     .fallback = "1m",
     .max = day,
     .about = "how long an answer is remembered"},
    {.name = "relay.accounts.timeout",
     .type = Type::duration,
     .fallback = "2s",
     .min = 10 * ms,
     .max = minute,
     .about = "how long an answer may take"},

    {.name = "log.facility",
     .type = Type::choice,
     .fallback = "mail",
     .choices = "mail daemon auth user local0 local1 local2 local3 local4 "
                "local5 local6 local7",
     .about = "syslog facility",
     .at_start = true},
    {.name = "log.level",
     .type = Type::choice,
     .fallback = "info",
     .choices = "error warning info debug",
     .about = "the least important lines that are written"},
    {.name = "log.decisions",
     .type = Type::path,
     .fallback = "",
     .about = "file of decisions, one JSON object a line; empty: none"},
};

}  // namespace

std::span<const Key> keys()
{
    static const std::vector<Key> all = [] {
        std::vector<Key> keys{std::begin(table), std::end(table)};
        for (const auto& part :
             {virus_keys(), virus_rule_keys(), aftermath_keys(), filter_keys(),
              postern_keys()})
            keys.insert(keys.end(), part.begin(), part.end());
        group_by_section(keys);
        return keys;
    }();
    return all;
}

const Key* find_key(std::string_view name)
{
    const auto all = keys();
    const auto found =
        std::find_if(all.begin(), all.end(),
                     [&](const Key& key) { return key.name == name; });
    return found == all.end() ? nullptr : &*found;
}

namespace {

bool begins_a_key(const std::string& prefix)
{
    const auto all = keys();
    return std::any_of(all.begin(), all.end(), [&](const Key& key) {
        return key.name.starts_with(prefix);
    });
}

}  // namespace

bool is_section(std::string_view name)
{
    return begins_a_key(std::string(name) + ".");
}

bool is_sequence(std::string_view name)
{
    return begins_a_key(std::string(name) + "[].");
}

const char* name_of(Type type)
{
    switch (type) {
        case Type::text:
            return "text";
        case Type::path:
            return "path";
        case Type::socket:
            return "socket";
        case Type::listen:
            return "listen";
        case Type::duration:
            return "duration";
        case Type::size:
            return "size";
        case Type::count:
            return "count";
        case Type::boolean:
            return "boolean";
        case Type::choice:
            return "choice";
        case Type::mode:
            return "mode";
        case Type::list:
            return "list";
        case Type::networks:
            return "networks";
    }
    return "?";
}

}  // namespace policy::config
