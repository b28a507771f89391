// No name that a stranger logs in with makes a login of a line.
#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <random>

#include "t/unit/log_lines.h"

namespace data = boost::unit_test::data;
using log_lines::Line;
using log_lines::logins;
using log_lines::now;
using log_lines::reader;
using log_lines::seen;

BOOST_AUTO_TEST_SUITE(log_format)

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
            return logins[pick(std::size(logins))].line;
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

BOOST_DATA_TEST_CASE(no_name_changes_the_address, data::make(logins))
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
