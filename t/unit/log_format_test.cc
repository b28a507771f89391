// Which lines are logins, and that no other line can pretend to be one.
#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <ctime>
#include <random>

#include "milters/login/intake.h"
#include "milters/login/log_format.h"
#include "milters/login/log_stamp.h"

namespace data = boost::unit_test::data;
using milters::login::LogFormat;
using milters::login::LogLogin;
using milters::login::LogPattern;
using milters::login::LogReader;
using milters::login::read_stamp;

namespace {

// 2026-11-21 22:30:00 UTC.
const policy::Seconds now{std::chrono::seconds{1795300200}};

LogReader reader(const std::string& name)
{
    const auto format = LogFormat::make(name);
    BOOST_REQUIRE_MESSAGE(format, (format ? "" : format.error().text));
    return LogReader{*format};
}

std::string seen(const std::optional<LogLogin>& login)
{
    return login ? login->service + " " + login->ip + " " + login->user
                 : std::string{"nothing"};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(log_format)

struct Line {
    const char *format, *line, *want;
};
std::ostream& operator<<(std::ostream& os, const Line& l)
{
    return os << l.format << ": " << l.line;
}

const Line lines[] = {
    {"dovecot",
     "Nov 21 22:21:00 imap-login: Info: Login: user=<alice>, method=PLAIN, "
     "rip=192.0.2.7, lip=192.0.2.1, mpid=77, secured, session=<zD/6+a==>",
     "imap 192.0.2.7 alice"},
    {"dovecot",
     "Nov  1 22:21:00 pop3-login: Info: Login: user=<a b@x>, "
     "method=CRAM-MD5, rip=2001:db8::7, lip=::1, mpid=1, TLS, session=<x>",
     "pop3 2001:db8::7 a b@x"},
    {"dovecot",
     "Nov 21 22:21:00 mx dovecot: imap-login: Login: user=<bob>, "
     "method=PLAIN, rip=::ffff:192.0.2.7, lip=::ffff:10.0.0.1",
     "imap ::ffff:192.0.2.7 bob"},
    {"dovecot",
     "2026-11-21T22:21:00.123456+00:00 mx dovecot[12]: pop3-login: Login: "
     "user=<bob>, method=PLAIN, rip=192.0.2.7, lip=10.0.0.1, mpid=3, TLS",
     "pop3 192.0.2.7 bob"},
    {"dovecot",
     "Nov 21 22:21:00 <mail.info> mx dovecot: imap-login: Login: bob "
     "[192.0.2.7]",
     "imap 192.0.2.7 bob"},
    {"dovecot-json",
     "Nov 21 22:21:00 stats: Info: {\"event\":\"auth_request_finished\","
     "\"fields\":{\"success\":\"yes\",\"service\":\"pop3\",\"user\":\"u\","
     "\"remote_ip\":\"192.0.2.7\"}}",
     "pop3 192.0.2.7 u"},
    {"cyrus",
     "Nov 21 22:21:00 mx cyrus/imap[77]: login: pc.example [192.0.2.7] bob "
     "plaintext User logged in SESSIONID=<cyrus-77-1795-1-2>",
     "imap 192.0.2.7 bob"},
    {"cyrus",
     "Nov 21 22:21:00 mx pop3s[77]: login: [192.0.2.7] bob PLAIN+TLS User "
     "logged in",
     "pop3 192.0.2.7 bob"},
    {"cyrus", "Nov 21 22:21:00 mx imapd[7]: login: pc[192.0.2.7] bob plaintext",
     "imap 192.0.2.7 bob"},
    {"courier",
     "Nov 21 22:21:00 mx imapd: LOGIN, user=bob, ip=[::ffff:192.0.2.7], "
     "port=[4411], protocol=IMAP",
     "imap ::ffff:192.0.2.7 bob"},
    {"courier", "Nov 21 22:21:00 mx pop3d-ssl: LOGIN, user=bob, ip=[192.0.2.7]",
     "pop3 192.0.2.7 bob"},
    {"uw",
     "Nov 21 22:21:00 mx ipop3d[77]: Login user=bob host=pc.example "
     "[192.0.2.7]",
     "pop3 192.0.2.7 bob"},
    {"uw",
     "Nov 21 22:21:00 mx imapd[77]: Authenticated user=bob host=[192.0.2.7]",
     "imap 192.0.2.7 bob"},
    {"uw",
     "Nov 21 22:21:00 mx imapsd[77]: [ID 1 mail.info] APOP user=b host=x "
     "[192.0.2.7] mech=CRAM-MD5",
     "imap 192.0.2.7 b"},
    {"uw",
     "Nov 21 22:21:00 mx ipop3d[77]: Login user=bob host=pc.example "
     "[192.0.2.7] nmsgs=0/0",
     "pop3 192.0.2.7 bob"},
    {"uw",
     "Nov 21 22:21:00 mx ipop3d[77]: Auth user=bob host=[192.0.2.7] "
     "nmsgs=12/345",
     "pop3 192.0.2.7 bob"},
    {"uw",
     "Nov 21 22:21:00 mx ipop3sd[77]: [ID 1 mail.info] APOP user=b host=x "
     "[192.0.2.7] nmsgs=0/1",
     "pop3 192.0.2.7 b"},
    {"uw",
     "Nov 21 22:21:00 mx ipop3d[77]: Admin Login user=bob host=pc.example "
     "[192.0.2.7] nmsgs=3/3",
     "pop3 192.0.2.7 bob"},
    {"qpopper",
     "Nov 21 22:21:00 mx popper[77]: (v4.0.5) POP login by user \"bob\" at "
     "(pc.example) 192.0.2.7",
     "pop3 192.0.2.7 bob"},
    {"qpopper",
     "Nov 21 22:21:00 [popper] (v4.0.5) POP login by user \"bob\" at "
     "(192.0.2.7) 192.0.2.7",
     "pop3 192.0.2.7 bob"},
    {"qpopper",
     "Nov 21 22:21:00 mx in.qpopper[7]: Stats: bob 0 0 3 4096 pc 192.0.2.7",
     "pop3 192.0.2.7 bob"},
    {"qpopper",
     "Nov 21 22:21:00 mx qpopper[7]: Stats: bob 0 0 3 4096 192.0.2.7",
     "pop3 192.0.2.7 bob"},
    {"popa3d",
     "Nov 21 22:21:00 mx popa3d[7]: Authentication passed for bob -- "
     "[192.0.2.7]",
     "pop3 192.0.2.7 bob"},
    {"vm-pop3d",
     "Nov 21 22:21:00 mx vm-pop3d[7]: User bob logged in from 192.0.2.7",
     "pop3 192.0.2.7 bob"},
    {"gnu-pop3d",
     "Nov 21 22:21:00 mx gnu-pop3d[7]: User bob logged in with mailbox "
     "/var/mail/bob from 192.0.2.7",
     "pop3 192.0.2.7 bob"},
    {"vpopmail",
     "Nov 21 22:21:00 mx vpopmail[7]: vchkpw: login [b@x.org] from "
     "192.0.2.7",
     "pop3 192.0.2.7 b@x.org"},
    {"vpopmail", "Nov 21 22:21:00 mx vchkpw: login [b@x.org] from 192.0.2.7",
     "pop3 192.0.2.7 b@x.org"},
    {"vpopmail", "Nov 21 22:21:00 mx vchkpw[12]: login [bob] from 192.0.2.7",
     "pop3 192.0.2.7 bob"},
    {"vpopmail",
     "Nov 21 22:21:00 mx vpopmail[7]: vchkpw: login success "
     "bob@x.org:192.0.2.7",
     "pop3 192.0.2.7 bob@x.org"},
    {"vpopmail",
     "Nov 21 22:21:00 mx vpopmail[7]: vchkpw-imap: (PLAIN) login success "
     "b@x.org:192.0.2.7",
     "imap 192.0.2.7 b@x.org"},
    {"cucipop",
     "Nov 21 22:21:00 mx cucipop[7]: bob 192.0.2.7 0, 3 (4096), 0 (0)",
     "pop3 192.0.2.7 bob"},
    {"teapop",
     "Nov 21 22:21:00 mx teapop[7]: Successful login for bob [192.0.2.7]",
     "pop3 192.0.2.7 bob"},
    {"teapop",
     "Nov 21 22:21:00 mx teapop[7]: Successful login for bob pc.example "
     "[192.0.2.7]",
     "pop3 192.0.2.7 bob"},
    {"spop3d",
     "Nov 21 22:21:00 mx spop3d[7]: user bob authenticated - 192.0.2.7",
     "pop3 192.0.2.7 bob"},
    {"perdition",
     "Nov 21 22:21:00 mx perdition[7]: Auth: 192.0.2.7->10.0.0.1 user=\"bob\" "
     "server=\"s1\" port=\"110\" status=\"ok\"",
     "pop3 192.0.2.7 bob"},
    {"perdition",
     "Nov 21 22:21:00 mx perdition.imap4[7]: Auth: "
     "192.0.2.7:4711->10.0.0.1:143 "
     "client-secure=plaintext authorisation_id=NONE authentication_id=\"bob\" "
     "server=\"s1:143\" protocol=IMAP4 server-secure=plaintext status=\"ok\"",
     "imap 192.0.2.7 bob"},
};

BOOST_DATA_TEST_CASE(logins, data::make(lines))
{
    auto r = reader(sample.format);
    BOOST_TEST(seen(r.read(sample.line, now)) == sample.want);
    BOOST_TEST(seen(r.read(sample.line + std::string{"\r"}, now)) ==
               sample.want);
    // Anchored: neither may anything stand before it, nor may it be cut.
    BOOST_TEST(!r.read("x" + std::string{sample.line}, now));
    BOOST_TEST(!r.read(" " + std::string{sample.line}, now));
}

const Line anonymous[] = {
    {"dovecot",
     "Nov 21 22:21:00 mx dovecot: imap-login: Login: user=<guest>, "
     "method=ANONYMOUS, rip=192.0.2.7, lip=192.0.2.1",
     "imap 192.0.2.7 guest"},
    {"dovecot-json",
     "Nov 21 22:21:00 stats: Info: {\"event\":\"auth_request_finished\","
     "\"fields\":{\"success\":\"yes\",\"service\":\"imap\",\"user\":\"g\","
     "\"mechanism\":\"ANONYMOUS\",\"remote_ip\":\"192.0.2.7\"}}",
     "imap 192.0.2.7 g"},
    {"cyrus",
     "Nov 21 22:21:00 mx cyrus/imap[7]: login: pc.example [192.0.2.7] guest "
     "ANONYMOUS+TLS User logged in SESSIONID=<x-1>",
     "imap 192.0.2.7 guest"},
    {"cyrus",
     "Nov 21 22:21:00 mx imap[7]: login: pc.example [192.0.2.7] anonymous "
     "me@example.org",
     "imap 192.0.2.7 anonymous"},
    {"cyrus",
     "Nov 21 22:21:00 mx pop3[7]: login: pc.example [192.0.2.7] anonymous bob "
     "plaintext User logged in",
     "pop3 192.0.2.7 anonymous bob"},
    {"courier",
     "Nov 21 22:21:00 mx imapd: LOGIN, user=anonymous, ip=[192.0.2.7]",
     "imap 192.0.2.7 anonymous"},
    {"uw",
     "Nov 21 22:21:00 mx imapd[77]: Login user=ANONYMOUS host=pc [192.0.2.7]",
     "imap 192.0.2.7 ANONYMOUS"},
    {"uw",
     "Nov 21 22:21:00 mx imapd[77]: Authenticated user=guest host=pc "
     "[192.0.2.7] mech=ANONYMOUS",
     "imap 192.0.2.7 guest"},
};

BOOST_DATA_TEST_CASE(an_anonymous_login_is_told, data::make(anonymous))
{
    auto r = reader(sample.format);
    const auto login = r.read(sample.line, now);
    BOOST_REQUIRE(login);
    BOOST_TEST(seen(login) == sample.want);
    BOOST_TEST(milters::login::is_anonymous(login->user, login->method));
}

struct Pair {
    const char *format, *session, *passed, *want;
};
std::ostream& operator<<(std::ostream& os, const Pair& p)
{
    return os << p.format << ": " << p.passed;
}

const Pair pairs[] = {
    {"popa3d", "Nov 21 22:21:00 mx popa3d[7]: Session from 192.0.2.7",
     "Nov 21 22:21:01 mx popa3d[7]: Authentication passed for bob",
     "pop3 192.0.2.7 bob"},
    {"vm-pop3d", "Nov 21 22:21:00 mx vm-pop3d[7]: Connect from 192.0.2.7",
     "Nov 21 22:21:01 mx vm-pop3d[7]: User bob logged in",
     "pop3 192.0.2.7 bob"},
    {"spop3d", "Nov 21 22:21:00 mx spop3d[7]: connect from 192.0.2.7",
     "Nov 21 22:21:01 mx spop3d[7]: user bob authenticated",
     "pop3 192.0.2.7 bob"},
};

BOOST_DATA_TEST_CASE(two_lines, data::make(pairs))
{
    auto r = reader(sample.format);
    const std::string passed = sample.passed;
    BOOST_TEST(!r.read(passed, now));
    BOOST_TEST(!r.read(sample.session, now));
    std::string other = passed;
    other.replace(other.find("[7]"), 3, "[8]");
    BOOST_TEST(!r.read(other, now));
    other = passed;
    other.replace(other.find(" mx "), 4, " my ");
    BOOST_TEST(!r.read(other, now));
    BOOST_TEST(seen(r.read(passed, now)) == sample.want);
    BOOST_TEST(!r.read(passed, now));
}

BOOST_AUTO_TEST_CASE(sessions_are_bounded)
{
    auto r = reader("popa3d");
    const auto session = [](std::size_t pid) {
        return "Nov 21 22:21:00 mx popa3d[" + std::to_string(pid) +
               "]: Session from 192.0.2.7";
    };
    const auto passed = [](std::size_t pid) {
        return "Nov 21 22:21:00 mx popa3d[" + std::to_string(pid) +
               "]: Authentication passed for bob";
    };
    for (std::size_t pid = 1; pid <= LogReader::max_sessions + 1; ++pid)
        r.read(session(pid), now);
    BOOST_TEST(!r.read(passed(1), now));
    BOOST_TEST(r.read(passed(2), now).has_value());
    BOOST_TEST(r.read(passed(LogReader::max_sessions + 1), now).has_value());
}

const Line failures[] = {
    // Seen with Dovecot 2.3: LOGIN "x<TAB>Login: user=<bob>, ..."
    {"dovecot",
     "Nov 21 22:21:00 imap-login: Info: Disconnected: Connection closed (auth "
     "failed, 1 attempts in 2 secs): user=<x?Login: user=<bob>, method=PLAIN, "
     "rip=6.6.6.6,>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, secured, "
     "session=<x>",
     ""},
    {"dovecot",
     "Nov 21 22:21:00 mx dovecot: imap-login: Disconnected: user=<a>, "
     "method=PLAIN, rip=192.0.2.7, lip=1.1.1.1",
     ""},
    {"dovecot",
     "Nov 21 22:21:00 mx dovecot: lmtp-login: Login: user=<a>, method=PLAIN, "
     "rip=192.0.2.7, lip=1.1.1.1",
     ""},
    {"dovecot",
     "Nov 21 22:21:00 mx dovecot: imap-login: Login: user=<>, method=PLAIN, "
     "rip=192.0.2.7, lip=1.1.1.1",
     ""},
    {"cyrus",
     "Nov 21 22:21:00 mx imap[7]: badlogin: pc [192.0.2.7] plaintext bob "
     "SASL(-13): authentication failure",
     ""},
    {"courier",
     "Nov 21 22:21:00 mx imapd: LOGIN FAILED, user=x, ip=[192.0.2.7]", ""},
    {"courier", "Nov 21 22:21:00 mx imapd: LOGOUT, user=x, ip=[192.0.2.7]", ""},
    {"uw",
     "Nov 21 22:21:00 mx imapd[7]: Login failed user=x auth=x host=pc "
     "[192.0.2.7]",
     ""},
    {"uw",
     "Nov 21 22:21:00 mx ipop3d[7]: Login user=x host=pc [192.0.2.7] no "
     "mailbox",
     ""},
    {"uw", "Nov 21 22:21:00 mx ipop3d[7]: Login user=x host=UNKNOWN nmsgs=0/0",
     ""},
    {"uw", "Nov 21 22:21:00 mx imapd[7]: Logout user=x host=pc [192.0.2.7]",
     ""},
    {"qpopper",
     "Nov 21 22:21:00 mx popper[7]: (v4) POP login by user \"bob\" at (x) "
     "6.6.6.6 at pc (192.0.2.7): -ERR [AUTH] Password supplied is incorrect.",
     ""},
    {"popa3d", "Nov 21 22:21:00 mx popa3d[7]: Authentication failed for bob",
     ""},
    {"dovecot-json",
     "Nov 21 22:21:00 stats: Info: {\"event\":\"auth_request_finished\","
     "\"fields\":{\"success\":\"no\",\"service\":\"pop3\",\"user\":\"u\","
     "\"remote_ip\":\"192.0.2.7\"}}",
     ""},
};

BOOST_DATA_TEST_CASE(other_lines, data::make(failures))
{
    auto r = reader(sample.format);
    BOOST_TEST(seen(r.read(sample.line, now)) == "nothing");
}

// What a server writes when a login fails, % being the name.
const Line failed_logins[] = {
    {"dovecot",
     "Nov 21 22:21:00 imap-login: Info: Disconnected: Connection closed (auth "
     "failed, 1 attempts in 2 secs): user=<%>, method=PLAIN, rip=203.0.113.9, "
     "lip=10.0.0.1, secured, session=<zD/6+a==>",
     ""},
    {"dovecot",
     "Nov 21 22:21:00 mx dovecot: pop3-login: Aborted login (auth failed, 1 "
     "attempts): user=<%>, method=PLAIN, rip=203.0.113.9, lip=10.0.0.1",
     ""},
    {"dovecot",
     "Nov 21 22:21:00 auth: Info: passwd-file(%,203.0.113.9,<zD>): unknown "
     "user",
     ""},
    {"dovecot-json",
     "Nov 21 22:21:00 mx dovecot: imap-login: Aborted login: user=<%>, "
     "rip=203.0.113.9",
     ""},
    {"cyrus",
     "Nov 21 22:21:00 mx imap[77]: badlogin: pc.example [203.0.113.9] "
     "plaintext % SASL(-13): authentication failure: checkpass failed",
     ""},
    {"courier",
     "Nov 21 22:21:00 mx imapd: LOGIN FAILED, user=%, ip=[::ffff:203.0.113.9]",
     ""},
    {"uw",
     "Nov 21 22:21:00 mx imapd[77]: Login failed user=% auth=% host=pc "
     "[203.0.113.9]",
     ""},
    {"uw",
     "Nov 21 22:21:00 mx ipop3d[77]: Login failed user=% auth=% host=pc "
     "[203.0.113.9]",
     ""},
    {"uw",
     "Nov 21 22:21:00 mx ipop3d[77]: Login excessive login failures user=% "
     "auth=% host=pc [203.0.113.9]",
     ""},
    {"uw",
     "Nov 21 22:21:00 mx ipop3d[77]: AUTHENTICATE % failure host=pc "
     "[203.0.113.9]",
     ""},
    {"uw",
     "Nov 21 22:21:00 mx ipop3d[77]: Autologout user=% host=pc [203.0.113.9]",
     ""},
    {"qpopper",
     "Nov 21 22:21:00 mx popper[77]: % at pc.example (203.0.113.9): -ERR "
     "[AUTH] Password supplied for \"%\" is incorrect.",
     ""},
    {"qpopper",
     "Nov 21 22:21:00 mx qpopper[77]: [AUTH] Failed attempted login to % from "
     "host (pc.example) 203.0.113.9",
     ""},
    {"popa3d", "Nov 21 22:21:00 mx popa3d[7]: Authentication failed for %", ""},
    {"vm-pop3d",
     "Nov 21 22:21:00 mx vm-pop3d[7]: User %: bad password from 203.0.113.9",
     ""},
    {"gnu-pop3d",
     "Nov 21 22:21:00 mx gnu-pop3d[7]: User %: bad password, from 203.0.113.9",
     ""},
    {"vpopmail",
     "Nov 21 22:21:00 mx vpopmail[7]: vchkpw-pop3: password fail (pass: '%') "
     "%@:203.0.113.9",
     ""},
    {"vpopmail",
     "Nov 21 22:21:00 mx vpopmail[7]: vchkpw: password fail [%] from "
     "203.0.113.9",
     ""},
    {"vpopmail",
     "Nov 21 22:21:00 mx vchkpw: password fail [%] from 203.0.113.9", ""},
    {"vpopmail",
     "Nov 21 22:21:00 mx vpopmail[7]: vchkpw: pop access denied "
     "%@%:203.0.113.9",
     ""},
    {"cucipop",
     "Nov 21 22:21:00 mx cucipop[7]: % 203.0.113.9 authentication failed", ""},
    {"teapop", "Nov 21 22:21:00 mx teapop[7]: Failed login for % [203.0.113.9]",
     ""},
    {"spop3d",
     "Nov 21 22:21:00 mx spop3d[7]: authentication failed: user % - "
     "203.0.113.9",
     ""},
    {"perdition",
     "Nov 21 22:21:00 mx perdition[7]: Auth: 203.0.113.9->10.0.0.1 user=\"%\" "
     "server=\"s1\" port=\"110\" status=\"failed: Re-Authentication Failure\"",
     ""},
};

constexpr int hostile_lines = 10'000;

/// Names a stranger may try: pieces of the lines that mean success, whole
/// such lines with 6.6.6.6 in them, and any octets.
class Stranger {
public:
    explicit Stranger(unsigned seed) : random_{seed} {}

    std::string name()
    {
        std::string out;
        const auto parts = pick(4) + 1;
        for (std::size_t i = 0; i < parts; ++i)
            out += part();
        return logged(out);
    }

private:
    std::size_t pick(std::size_t n)
    {
        return std::uniform_int_distribution<std::size_t>{0, n - 1}(random_);
    }

    std::string part()
    {
        static const char* const words[] = {
            "Login: user=<bob>, method=PLAIN, rip=6.6.6.6, lip=1.1.1.1, ",
            "Login: user=<",
            ">, method=PLAIN, rip=6.6.6.6, lip=1.1.1.1",
            "rip=6.6.6.6",
            "session=<x>",
            ">",
            "<",
            "\"",
            "'",
            "\t",
            "\n",
            "\r",
            " ",
            ", ",
            "]",
            "[6.6.6.6]",
            " [6.6.6.6] ",
            "]: ",
            "LOGIN, user=b",
            ", ip=[6.6.6.6]",
            ", ip=[::ffff:6.6.6.6], port=[1]",
            "login: h [6.6.6.6] bob plaintext User logged in",
            " bob plaintext User logged in SESSIONID=<x>",
            "User logged in",
            "Login user=bob host=h [6.6.6.6]",
            " host=h [6.6.6.6] nmsgs=0/0",
            "Authenticated user=b ",
            "(v4.0.5) POP login by user \"bob\" at (h) 6.6.6.6",
            "Stats: bob 0 0 3 4096 h 6.6.6.6",
            "\" at (h) 6.6.6.6",
            "Authentication passed for bob -- [6.6.6.6]",
            "Session from 6.6.6.6",
            "bob logged in from 6.6.6.6",
            "x logged in with mailbox y",
            " from 6.6.6.6",
            "login [bob] from 6.6.6.6",
            "] from 6.6.6.6",
            "login success b@x:6.6.6.6",
            "(PLAIN) login success b@x:6.6.6.6",
            ":6.6.6.6",
            "bob 6.6.6.6 0, 3 (4096), 0 (0)",
            "Successful login for b [6.6.6.6]",
            "user bob authenticated - 6.6.6.6",
            "authenticated",
            "bob\" server=\"a\" port=\"1\" status=\"ok\"",
            "status=\"ok\"",
            "Nov 21 22:21:00 mx ",
            "imap-login: ",
            "popa3d[7]: "};
        const auto kind = pick(8);
        if (kind == 0)
            return std::string(1 + pick(3), static_cast<char>(pick(256)));
        if (kind == 1)
            return lines[pick(std::size(lines))].line;
        return words[pick(std::size(words))];
    }

    /// Control characters as Dovecot (?) or a syslog daemon (#012) write them.
    std::string logged(const std::string& name)
    {
        const bool by_dovecot = pick(2) == 0;
        std::string out;
        for (const char c : name) {
            const auto u = static_cast<unsigned char>(c);
            if (c == '\n' || (u < ' ' && pick(4) > 0))
                out += by_dovecot ? "?" : "#012";
            else
                out += c;
        }
        return out;
    }

    std::mt19937 random_;
};

std::string filled(std::string line, const std::string& name)
{
    for (auto at = line.find('%'); at != line.npos;
         at = line.find('%', at + name.size()))
        line.replace(at, 1, name);
    return line;
}

BOOST_DATA_TEST_CASE(no_name_makes_a_failure_a_login, data::make(failed_logins))
{
    auto r = reader(sample.format);
    Stranger stranger{static_cast<unsigned>(std::string{sample.line}.size())};
    for (int i = 0; i < hostile_lines; ++i) {
        const auto line = filled(sample.line, stranger.name());
        const auto login = r.read(line, now);
        if (login)  // a passed check would be a line of the report
            BOOST_FAIL(seen(login) << " from: " << line);
    }
}

BOOST_DATA_TEST_CASE(no_name_changes_the_address, data::make(lines))
{
    auto r = reader(sample.format);
    const auto plain = r.read(sample.line, now);
    BOOST_REQUIRE(plain);
    std::string line = sample.line;
    const auto at = line.find(plain->user);
    BOOST_REQUIRE(at != line.npos);
    Stranger stranger{static_cast<unsigned>(line.size())};
    for (int i = 0; i < hostile_lines / 10; ++i) {
        std::string hostile = line;
        hostile.replace(at, plain->user.size(), stranger.name());
        const auto login = r.read(hostile, now);
        if (login && login->ip != plain->ip)
            BOOST_FAIL(seen(login) << " from: " << hostile);
    }
}

BOOST_AUTO_TEST_SUITE_END()
