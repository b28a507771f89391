#include "milters/login/log_builtin.h"

namespace milters::login {
namespace {

// Own log first, then through syslog; last the line of Dovecot before 1.0.
constexpr std::string_view dovecot = R"(
login {stamp} {service}: Info: {Login|Logged in}: user=<{user}>, method={method}, rip={ip}{more}
login {syslog}dovecot{?[{pid}]}: {service}: {?Info: }{Login|Logged in}: user=<{user}>, method={method}, rip={ip}{more}
login {syslog}{?dovecot: }{service}: Login: {user} [{ip}]
)";

constexpr std::string_view dovecot_json = R"(
event {stamp} stats: Info: {json}
event {syslog}dovecot{?[{pid}]}: stats: {?Info: }{json}
)";

constexpr std::string_view cyrus = R"(
login {syslog}{?cyrus/}{service}[{pid}]: login: {name}{? }[{ip}] {user} {method} User logged in{? SESSIONID=<{word}>}
login {syslog}{?cyrus/}{service}[{pid}]: login: {name}{? }[{ip}] {user} {method}
)";

constexpr std::string_view courier = R"(
login {syslog}{service}{?[{pid}]}: LOGIN, user={user}, ip=[{ip}]{more}
)";

// ipop3d tells of a mailbox too; "no mailbox" there is the end of the session.
constexpr std::string_view uw = R"(
login {syslog}{service}[{pid}]: {?[{label}]}{? }{?Admin }{Login|Auth|APOP} user={user} host={?{name} }[{ip}] nmsgs={digits}/{digits}
login {syslog}{service}[{pid}]: {?[{label}]}{? }{Login|Authenticated|Auth|APOP} user={user} host={?{name} }[{ip}]{? mech={method}}
)";

// The new line is written at the login, the old one when the session ends.
constexpr std::string_view qpopper = R"(
service pop3
login {syslog}{?in.}{popper|qpopper}{?-{word}}[{pid}]: ({word}) POP login by user "{user}" at ({word}) {ip}{? [{word}]}
login {stamp} [{?in.}{popper|qpopper}] ({word}) POP login by user "{user}" at ({word}) {ip}{? [{word}]}
login {syslog}{?in.}{popper|qpopper}[{pid}]: Stats: {user} {digits} {digits} {digits} {digits}{? {word}} {ip}
)";

constexpr std::string_view popa3d = R"(
service pop3
session {syslog}popa3d[{pid}]: Session from {ip}
login {syslog}popa3d[{pid}]: Authentication passed for {user} -- [{ip}]
passed {syslog}popa3d[{pid}]: Authentication passed for {user}
)";

constexpr std::string_view vm_pop3d = R"(
service pop3
session {syslog}vm-pop3d[{pid}]: Connect from {ip}
login {syslog}vm-pop3d[{pid}]: User {user} logged in from {ip}
passed {syslog}vm-pop3d[{pid}]: User {user} logged in
)";

constexpr std::string_view gnu_pop3d = R"(
service pop3
login {syslog}{gnu-pop3d|pop3d}[{pid}]: User {user} logged in with mailbox {path} from {ip}
)";

// Since 5.2, and before; the last one where vchkpw itself is the tag.
constexpr std::string_view vpopmail = R"(
login {syslog}vpopmail[{pid}]: vchkpw-{service}: ({method}) login success {user}:{ip4}
service pop3
login {syslog}vpopmail[{pid}]: vchkpw: login success {user}:{ip4}
login {syslog}vpopmail[{pid}]: vchkpw: login [{user}] from {ip}
login {syslog}vchkpw{?[{pid}]}: login [{user}] from {ip}
)";

constexpr std::string_view cucipop = R"(
service pop3
login {syslog}cucipop[{pid}]: {user} {ip} {digits}, {digits} ({digits}), {digits} ({digits})
)";

constexpr std::string_view teapop = R"(
service pop3
login {syslog}teapop[{pid}]: Successful login for {user}{? {name}} [{ip}]
)";

// With --enable-logextend, and without.
constexpr std::string_view spop3d = R"(
service pop3
login {syslog}spop3d[{pid}]: user {user} authenticated - {ip}
session {syslog}spop3d[{pid}]: connect from {ip}
passed {syslog}spop3d[{pid}]: user {user} authenticated
)";

constexpr std::string_view perdition = R"(
service pop3
login {syslog}perdition{?.{service}}[{pid}]: Auth: {ip}->{word} user="{user}" server="{word}" port="{word}" status="ok"
login {syslog}perdition{?.{service}}[{pid}]: Auth: {ip4}:{digits}->{word} user="{user}" server="{word}" port="{word}" status="ok"
login {syslog}perdition{?.{word}}[{pid}]: Auth: {ip4}:{digits}->{word} client-secure={word} authorisation_id={word} authentication_id="{user}" server="{word}" protocol={service} server-secure={word} status="ok"
)";

constexpr BuiltinFormat formats[] = {
    {"dovecot", dovecot},
    {"dovecot-json", dovecot_json},
    {"cyrus", cyrus},
    {"courier", courier},
    {"uw", uw},
    {"qpopper", qpopper},
    {"popa3d", popa3d},
    {"vm-pop3d", vm_pop3d},
    {"gnu-pop3d", gnu_pop3d},
    {"vpopmail", vpopmail},
    {"cucipop", cucipop},
    {"teapop", teapop},
    {"spop3d", spop3d},
    {"perdition", perdition},
};

}  // namespace

std::span<const BuiltinFormat> builtin_formats()
{
    return formats;
}

}  // namespace milters::login
