"""Words of which cases.py makes its cases."""

# Features that change an answer; they are combined at random.
SINGLE = ["blocklist_recipients", "relay_hosts_only", "relay_entire_domain",
          "relay_local_from", "accept_unresolvable_domains",
          "accept_unqualified_senders", "loose_relay_check", "use_client_ptr",
          "require_rdns", "nocanonify", "access_skip", "lookupdotdomain",
          "relaytofulladdress", "mail_macro", "tls_session_features"]
CHOICES = [["relay_mail_from", "relay_mail_from:domain"],
           ["nouucp:reject", "nouucp:nospecial"],
           ["nopercenthack:reject", "nopercenthack:nospecial"],
           ["greet_pause", "greet_pause:5000"]]
DELAY = ["delay_checks", "delay_checks:friend", "delay_checks:hater",
         "delay_checks:friend:n", "delay_checks:hater:n"]
POP = ["drac", "relayers_auth", "relayers_rcpt"]
NEED_ACCESS = {"blocklist_recipients", "relay_mail_from",
               "relay_mail_from:domain", "greet_pause", "access_skip",
               "lookupdotdomain", "relaytofulladdress"}

LOCAL = ["example.org", "Local.Example", "mx.example.org", "localhost",
         "sub.example.org"]
RELAYED = ["example.net", "a.example.net", "deep.a.Example.NET"]
REMOTE = ["remote.example", "a.remote.example", "other.example.com",
          "example.com", "b.c.d.example.com", "host.example.org",
          "xexample.net"]
BROKEN = ["gone.invalid", "a.gone.invalid", "slow.tempfail", "nodns.example",
          "later.example"]
ODD = ["unqualified", "localhost.example.org", "LOCALHOST", "mx",
       "host.UUCP", "a.b.UUCP", "trailing.example.", "[192.0.2.99]",
       "[203.0.113.99]", "[IPv6:2001:db8:0:0:0:0:0:99]", "[127.0.0.1]",
       "[IPv6:::1]", "un_der.example", "x--y.example", "a+b.example",
       "caf\u00e9.example", "localhost.example"]
# Clients that may be senders by literal.  What DNS says of them never changes,
# since sendmail -bt remembers it.
LITERALS = {"192.0.2.200": ("OK", "lit.example.com"), "192.0.2.201": ("TEMP", None),
            "2001:db8::200": ("FORGED", "lit6.example.com"),
            "2001:db8::201": ("FAIL", None)}
DNS = {"nodns.example": "nx", "later.example": "temp"}
USERS = ["user", "alice", "Bob", "user+detail", "user+", "+x", "a.b.c",
         "user+a+b", "postmaster", "x_y", "o'neil", "a=b", "caf\u00e9",
         "a/b", "a^b", "user*", "?", "a~b", "a{b}"]
QUOTED = ['"quoted"', '"a b"', '"a@b"', '"a+b"', '"user"+x', 'a."b".c',
          '"a\\"b"', '"x%y"', '"u!v"', '""', '"a:b"', '"<x>"', '"a,b"']
ADDRESSES = ["192.0.2.4", "192.0.2.77", "198.51.100.9", "10.1.2.3",
             "127.0.0.2", "203.0.113.9", "2001:db8::5", "2001:db8:1:2::9",
             "2001:db8:0:0:1::", "fd00::1:2", "2002::"] + list(LITERALS)
NAMES = ["a.example.net", "client.example.com", "mail.remote.example",
         "example.net", "host.example.org", "sub.example.org", "Example.COM",
         "deep.a.example.net", "localhost", "un_der.example", "x.gone.invalid"]
TAGS = ["Connect", "From", "To", "Spam", "TLS_Clt", "ClientRate",
        "ClientConn", "GreetPause"]
TEXTS = ["550 go away", "450 4.7.1 later", "451 try again", "go away",
         "550 5.7.1 Spam  source.", "Error 550", "553 a,b;c:d", "250 fine",
         "550", "600 x", "5500 y", "550 see http://x.example/?a=b",
         "550 5.7.1", "550 5.7.1 ", "550 4.2.2 mixed", "421 4.3.2 bye",
         "452 a.b@c [d] e+f", "550 ^/!% signs", "550 \"q w\" rest",
         "\"550 5.1.1 quoted\"", "\"no code\"", "550 tab\there"]
WORDS = ["OK", "RELAY", "REJECT", "DISCARD", "SKIP", "FRIEND", "HATER",
         "SPAMFRIEND", "SPAMHATER", "SUBJECT", "TEMP", "PERM", "OKR", "NO",
         "?", "ok", "Relay", "reject", "0", "1", "5"]
TLS = ["VERIFY", "ENCR:56", "ENCR:256", "VERIFY:128", "PERM+VERIFY",
       "TEMP+ENCR:168", "PERM+VERIFY:112+CN:client.example.com",
       "VERIFY+CN", "VERIFY:0+CN:a++CI:b", "ENCR:1+CS:s", "ENCR", "VERIFY:",
       "PERM+ENCR:8+CITag:CertOK"]

# ------------------------- forms that only sendmail -bt is asked about

RARE_VALUES = [
    "ERROR:", "ERROR", "ERROR:5.7.1:", "ERROR:5.7.1", "ERROR:5.7:550 x", "QUARANTINE:",
    "QUARANTINE", "QUARANTINE: a  b", "error:\"450 4.7.1 q  w\"", "ERROR:5.7.1:\"550 5.1.1 x\"",
    "ERROR:D.S.N:\"450 x\"", "ERROR::550 x", "ERROR:5.7.1:ERROR:550 x", "ERROR: 550 x",
    "ERROR :550 x", "rEjEcT", "\"REJECT\"", "\"OK\"", "RELAY RELAY", "(c) OK", "OK(c)",
    "550 (not seen) seen", "550 ((a) b) c", "550 a\\b \\\"c", "550 it's so", "550 a ; b, c",
    "550 <a@b>", "<OK>", "550 x>", "550 $1 $& $|", "550 caf\u00e9 \u00fc", "550 \t x \t y ",
    "450", "450 ", "4.7.1 x", "5.7.1 550 x", "551 x", "999 x", "150 x", "350 x", "55a x",
    "550\tx", "550:x", "550-x", "550 " + "long " * 60, "550 " + "x" * 200, "OK.", "O K", "@",
    "RELAY:x", "HATER x", "SKIP x", "FRIEND", "discard me", "REJECT\r", "OK\r", "%0", "%1", "%%",
    "550 %0 says no", "TEMP x", "OKR x", "? x", "<TMPF>", "x <TMPF>", "NO x", "[192.0.2.4]"]
RARE_LINES = ["", "# remark", " From:x OK", "\tREJECT", "From:only", "#From:user@ OK",
              "To:a  b REJECT", "Connect:\u00e9 OK", "x" * 900 + " OK", "y" * 1100 + " REJECT",
              "\r", "OK"]
RARE_LOCAL = [" lead.example", "trail.example ", "dot.example.", ".dots.example", "remote.example\r",
              "[IPv6:2001:db8:0:0:0:0:0:5]", "192.0.2.4", "unqualified", "caf\u00e9.example", "",
              "*.example", "a@b.example", "\"q.example\"", "OTHER.Example.Com", "[192.0.2.200]"]
RARE_RELAY = ["192.0.2.", "192.0.2.0/24", "192", "IPv6:2001:DB8", "2001:db8", "[192.0.2", "com",
              "example.com.", ".remote.example", " remote.example", "Remote.Example\r", "a b",
              "user@remote.example", "user", "unqualified", "IPv6", "[", "example", "un_der.example",
              "caf\u00e9.example", "localhost", ""]
RARE_ADDRESSES = ["::ffff:192.0.2.4", "::FFFF:198.51.100.9", "2001:DB8:0::5", "0.0.0.0", "::",
                  "255.255.255.255", "fe80::1", "", "1.2.3.4", "::ffff:127.0.0.1"]
RARE_NAMES = ["mx.example.org", "MX.EXAMPLE.ORG", "a.b.c.d.e.f.remote.example", "unqualified",
              "caf\u00e9.example", "x--y.example", "client.example.com.", "192.0.2.4.in.example",
              "[192.0.2.4]", "a+b.example", "local.example", "remote.example.UUCP", "x.UUCP",
              "l" * 63 + ".example.com", ".".join(["lab"] * 40) + ".example.net"]
RARE_PATHS = [
    "<a\\@b@remote.example>",
    "<a\\ b@remote.example>", "<\"a\\\\b\"@example.org>", "<a@remote.example.>",
    "<a@remote.example..>", "<a@.remote.example>", "<a@example.org.>", "<@remote.example>", "<a@>",
    "<@>", "<%>", "<a!>", "<!a>", "<%a>", "<a%>", "<a!b!>", "<a%@example.org>",
    "<%a@example.org>", "<!a@example.org>", "<a!@example.org>", "<a@b!c@example.org>",
    "<a%b@example.org@remote.example>", "<a%remote.example%example.org>",
    "<remote.example!a%example.org>", "<remote.example!a@example.org>",
    "<@example.org:a%remote.example@example.org>", "<@example.org,@mx.example.org:a@remote.example>",
    "<@example.org:@mx.example.org:a@remote.example>", "<@remote.example,@example.org:b>",
    "<@[192.0.2.4]:a@example.org>", "<a@[192.0.2.4]>", "<a@[192.0.2.4>", "<a@192.0.2.4>",
    "<a@[IPv6:2001:db8::99]>", "<a@[ipv6:2001:DB8:0:0:0:0:0:99]>",
    "<\"a@remote.example\">", "<\"a%remote.example\"@example.org>",
    "<\"remote.example!a\"@example.org>", "<\"\"@example.org>", "<\"a\".\"b\"@example.org>",
    "<\"a\"\"b\"@example.org>", "<a.@example.org>", "<.a@example.org>", "<a..b@example.org>",
    "< a@example.org >", "<a @ example.org>", "<a@ remote.example>", "<\ta@example.org>",
    "<a b@example.org>", "<a@b c.example>", "<Postmaster>", "<POSTMASTER@EXAMPLE.ORG>",
    "<a+@example.org>", "<+@example.org>", "<+a@example.org>", "<a++b@example.org>",
    "<a+b+@example.org>", "<a+*@example.org>", "<*@example.org>", "<a+b>", "<a+b%example.org>",
    "<u@mx.example.org.UUCP>", "<u%host.UUCP@example.org>", "<host!u%host.UUCP>", "<u@UUCP>",
    "<u@.UUCP>", "<list:u@example.org;>", "<;>", "<a;>",
    "<:a@example.org>", "<a:b@example.org>", "<a:b>", "<a::b@remote.example>", "<a@b:c>",
    "<\\user@example.org>",
    "<a@b@example.org>", "<@@example.org>",
    "<a@example.org@>", "<a@b%c>", "<a!b@c!d>", "<caf\u00e9@caf\u00e9.example>", "<a@EXAMPLE.ORG>",
    "<a@example.org.uucp>", "<a^b@example.org>", "<a=b%c=d@example.org>", 
    "<a@*>", "<?@?>", "<@?>", "<a@<b@example.org>", 
    "<" + "l" * 64 + "@example.org>", "<" + "l" * 180 + "@example.org>",
    "<a@" + "d" * 63 + ".example.com>", "<a@" + ".".join("d" * 30) + ".remote.example>",
    "<" + "a." * 100 + "a@remote.example>", "<" + "a!" * 30 + "u@example.org>",
    "<u" + "%a.example" * 12 + "@example.org>"]

# --------------------- forms that only the daemon takes as they are meant

DAEMON_PATHS = [
    "<a(c)@remote.example>", "<a@remote.example(c)>", "<(c)a@example.org>", "<a,b@example.org>",
    "<,a@example.org>", "<a@example.org,>", "<list: u@example.org, v@remote.example;>",
    "<a,@example.org>", "<!>", "<!@example.org>", "<;>", "<a@<b@example.org>>", "<%>", "<@>"]
