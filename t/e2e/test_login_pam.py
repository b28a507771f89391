"""pam_postern.so: by pamtester, and under a real Dovecot that uses PAM."""
import crypt
import os
import re
import signal
import subprocess
import time

import pytest

from harness import TOP, server
from harness.dovecot import Dovecot, imap_login, pop3_login
from harness.login import LoginSink

PAMTESTER = server("pam", "usr/bin/pamtester")
MODULE = os.path.join(TOP, "build", "release", "pam_postern.so")
SECRET = "sesame"


@pytest.fixture(autouse=True)
def password():
    """alice of the test's own /etc has a password."""
    with open("/etc/shadow") as f:
        before = f.read()
    with open("/etc/shadow", "a") as f:
        f.write(f"alice:{crypt.crypt(SECRET)}:20000:0:99999:7:::\n")
    yield SECRET
    with open("/etc/shadow", "w") as f:
        f.write(before)


def contrib_stack(site, module=MODULE):
    """contrib/pam/postern.pam with this site's paths."""
    with open(os.path.join(TOP, "contrib", "pam", "postern.pam")) as f:
        text = f.read()
    assert "account optional pam_postern.so" in text
    return text.replace("pam_postern.so", module).replace("/run/postern", site)


def stack(name, text):
    """A service in the test's own /etc/pam.d."""
    with open("/etc/pam.d/" + name, "w") as f:
        f.write(text)


def account(service, user="alice", rhost="203.0.113.9"):
    """Runs the account phase; whether it let the user in, and how long."""
    start = time.monotonic()
    done = subprocess.run([PAMTESTER, "-I", "rhost=" + rhost, service, user,
                           "acct_mgmt"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=30)
    return done.returncode == 0, time.monotonic() - start


@pytest.fixture
def sink(site):
    with LoginSink(site, dgram=site + "/login.sock") as s:
        yield s


def test_account_phase_reports(site, sink):
    stack("pop3", contrib_stack(site))
    assert account("pop3")[0]
    assert sink.short() == "pop3 203.0.113.9 alice dgram"
    assert account("pop3", rhost="2001:db8::9")[0]
    assert sink.short() == "pop3 2001:db8::9 alice dgram"
    stack("dovecot", contrib_stack(site))
    assert account("dovecot")[0]
    assert sink.short() == " 203.0.113.9 alice dgram"
    stack("pop3", contrib_stack(site).rstrip("\n") + " service=imap\n")
    assert account("pop3")[0]
    assert sink.short() == "imap 203.0.113.9 alice dgram"


def test_what_is_not_reported(site, sink):
    stack("pop3", contrib_stack(site))
    stack("sshd", contrib_stack(site))
    for service, rhost in (("pop3", ""), ("pop3", "pc.example.org"),
                           ("pop3", "127.0.0.1"), ("pop3", "203.0.113.9 "),
                           ("sshd", "203.0.113.9")):
        assert account(service, rhost=rhost)[0]
    assert account("pop3")[0]
    assert sink.short() == "pop3 203.0.113.9 alice dgram"
    assert sink.none()


def test_whom_the_stack_refuses(site, sink):
    stack("pop3", "account requisite pam_deny.so\n" + contrib_stack(site))
    assert not account("pop3")[0]
    assert sink.none()


@pytest.mark.parametrize("user", ["a b", "x\nip=6.6.6.6", "x%0Aip=6.6.6.6", "u" * 5000])
def test_strange_names(site, sink, user):
    stack("pop3", f"account optional {MODULE} socket={site}/login.sock\n"
          "account required pam_permit.so\n")
    assert account("pop3", user=user)[0]
    assert account("pop3", user="fence")[0]
    got = sink.login()
    if got["user"] != "fence":
        assert (got["user"], got["ip"]) == (user, "203.0.113.9")


def test_no_receiver_ever_matters(site):
    """Missing, hung with a full queue, not permitted; even the module missing."""
    stack("pop3", contrib_stack(site))
    assert account("pop3")[0]
    with LoginSink(site, dgram=site + "/login.sock") as sink:
        os.kill(sink.process.pid, signal.SIGSTOP)
        try:
            times = []
            for _ in range(30):
                let_in, took = account("pop3")
                assert let_in
                times.append(took)
            assert sorted(times)[15] < 1
        finally:
            os.kill(sink.process.pid, signal.SIGCONT)
    os.mkdir(site + "/login.sock")
    assert account("pop3")[0]
    stack("pop3", contrib_stack(site, "/nonexistent/pam_postern.so"))
    assert account("pop3")[0]


def test_it_needs_no_library_but_pam():
    needed = subprocess.run(["readelf", "-d", MODULE], stdout=subprocess.PIPE,
                            text=True, check=True).stdout
    libraries = re.findall(r"NEEDED.*\[(.*)\]", needed)
    assert sorted(libraries) == ["libc.so.6", "libpam.so.0"]


PASSDB = """
passdb {
  driver = pam
  args = %s
}
"""


def test_dovecot_that_logs_in_by_pam(site, sink, password):
    for service in ("pop3", "imap"):
        stack(service, "@include common-auth\n" + contrib_stack(site))
    with Dovecot(site, users={"nobody-else": "x"}, extra_config=PASSDB) as d:
        assert pop3_login("203.0.113.9", "alice", password), d.log()
        assert sink.short() == "pop3 203.0.113.9 alice dgram"
        assert imap_login("2001:db8::9", "alice", password)
        assert sink.short() == "imap 2001:db8::9 alice dgram"
        assert not imap_login("203.0.113.9", "alice", "wrong")
        assert sink.none()
