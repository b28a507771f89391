// Lines that servers log when somebody logs in, and how tests read them.
#pragma once

#include <boost/test/unit_test.hpp>

#include "milters/login/log_format.h"

namespace log_lines {

// 2026-11-21 22:30:00 UTC.
inline const policy::Seconds now{std::chrono::seconds{1795300200}};

inline milters::login::LogReader reader(const std::string& name)
{
    const auto format = milters::login::LogFormat::make(name);
    BOOST_REQUIRE_MESSAGE(format, (format ? "" : format.error().text));
    return milters::login::LogReader{*format};
}

inline std::string seen(const std::optional<milters::login::LogLogin>& login)
{
    return login ? login->service + " " + login->ip + " " + login->user
                 : std::string{"nothing"};
}

struct Line {
    const char *format, *line, *want;
};
inline std::ostream& operator<<(std::ostream& os, const Line& l)
{
    return os << l.format << ": " << l.line;
}

inline const Line logins[] = {
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

}  // namespace log_lines
