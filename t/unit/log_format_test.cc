// Which lines are logins, and which are not.
#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "milters/login/intake.h"
#include "milters/login/log_format.h"
#include "t/unit/log_lines.h"

namespace data = boost::unit_test::data;
using log_lines::Line;
using log_lines::now;
using log_lines::reader;
using log_lines::seen;
using milters::login::LogReader;

BOOST_AUTO_TEST_SUITE(log_format)

BOOST_DATA_TEST_CASE(logins, data::make(log_lines::logins))
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

BOOST_AUTO_TEST_SUITE_END()
