"""The log follower behind a real Dovecot, and strangers who try to talk to it
through the names they fail to log in with."""
import concurrent.futures
import time

import pytest

from harness import net
from harness.dovecot import Dovecot, Imap, Pop3, imap_login, pop3_login
from harness.login import LoginSink

LOG_EXPORTER = """
event_exporter log {
  format = json
  format_args = time-rfc3339
  transport = log
}
metric logins {
  filter = event=auth_request_finished
  exporter = log
  exporter_include = name fields
}
"""
FORGED = "Login: user=<bob>, method=PLAIN, rip=6.6.6.6, lip=192.0.2.1, mpid=7"
NAMES = [
    f"x\t{FORGED},", f"x\r\n{time.strftime('%b %d %H:%M:%S')} imap-login: Info: {FORGED}",
    f"x\n{time.strftime('%b %d %H:%M:%S')} mx dovecot: imap-login: {FORGED}, session=<a>\n",
    f">, method=PLAIN, rip=6.6.6.6, lip=1.1.1.1, mpid=7, session=<a>", FORGED,
    f"bob>, {FORGED}", "\" rip=6.6.6.6", "'", "<>", "\x01\x02\x1b[2K\b\b", "%s%n%d",
    "x" * 200 + FORGED, "\xff\xfe" + FORGED, "}\n{\"event\":\"auth_request_finished\"",
]


def try_name(name):
    """Fails to log in, by IMAP with a literal (any octets) and by POP3."""
    with Imap("203.0.113.66") as client:
        octets = name.encode("latin1")
        client.sock.sendall(b"a LOGIN {%d+}\r\n%s wrong\r\n" % (len(octets), octets))
        reply = client.read()
        while reply.startswith("*"):
            reply = client.read()
        assert not reply.startswith("a OK"), name
    if not set("\r\n\0") & set(name):
        with Pop3("203.0.113.66") as client:
            assert client.login(name, "wrong").startswith("-ERR")


def try_names():
    """All at the same time: Dovecot lets each failure wait."""
    with concurrent.futures.ThreadPoolExecutor(len(NAMES)) as pool:
        list(pool.map(try_name, NAMES))


@pytest.mark.parametrize("format,extra", [("dovecot", ""), ("dovecot-json", LOG_EXPORTER)],
                         ids=["plain", "json"])
def test_dovecots_own_log(site, format, extra):
    with Dovecot(site, {"alice": "secret", "bob": "x"}, extra) as d, \
            LoginSink(site, follow=d.log_file, format=format, state=site) as sink:
        assert pop3_login("203.0.113.9", "alice", "secret")
        assert sink.short() == "pop3 203.0.113.9 alice log"
        assert imap_login("2001:db8::9", "bob", "x")
        assert sink.short() == "imap 2001:db8::9 bob log"
        try_names()
        assert "6.6.6.6" in d.log()
        assert imap_login("203.0.113.10", "alice", "secret")
        assert sink.short() == "imap 203.0.113.10 alice log"
        assert sink.none()


class SyslogFile:
    """What a syslog daemon makes of the test's /dev/log: a file."""

    def __init__(self, log, path):
        self.log, self.path, self.at = log, path, len(log.lines)
        open(path, "w").close()

    def flush(self):
        lines = list(self.log.lines)
        with open(self.path, "a", encoding="latin1") as f:
            for line in lines[self.at:]:
                # "Mon dd hh:mm:ss tag: text", and rsyslog's #ooo escapes.
                stamp, text = line[:15], line[16:]
                safe = "".join(c if ord(c) >= 32 or c == "\t" else "#%03o" % ord(c)
                               for c in text)
                f.write(f"{stamp} {net.HOST} {safe}\n")
        self.at = len(lines)


def test_dovecot_through_syslog(site, log):
    file = SyslogFile(log, site + "/mail.log")
    with Dovecot(site, {"alice": "secret"}, "log_path = syslog\n"), \
            LoginSink(site, follow=file.path, format="dovecot", state=site) as sink:
        assert pop3_login("203.0.113.9", "alice", "secret")
        log.wait("Login: user=<alice>")
        file.flush()
        assert sink.short() == "pop3 203.0.113.9 alice log"
        try_names()
        assert imap_login("203.0.113.10", "alice", "secret")
        log.wait("imap-login: Login: user=<alice>")
        file.flush()
        assert sink.short() == "imap 203.0.113.10 alice log"
        assert sink.none()


def test_seen_soon(site):
    """A follower loses the race at times; but not by much."""
    with Dovecot(site) as d, \
            LoginSink(site, follow=d.log_file, format="dovecot", state=site) as sink:
        for _ in range(20):
            with Pop3("203.0.113.9") as client:
                assert client.login("alice", "secret").startswith("+OK")
                known = time.monotonic()
            assert sink.login()["clock"] - known < 1
