"""FEATURE(`postern_relay'): POP-before-SMTP decided by sendmail's own rulesets."""
import os
import socket
import subprocess
import threading
import time

import pytest

from harness import smtp
from harness.sendmail import Sendmail, cf_dir, makemap

HASH = "FEATURE(`postern_relay')dnl"
BUSY = "451 4.3.0 Temporary system failure. Please try again later."
FAR = "<friend@remote.example>"
HERE = "<bob@example.org>"


@pytest.fixture
def names(resolver):
    resolver.forget()
    resolver.client("192.0.2.4", "a.example.net")
    resolver.client("2001:db8::7", "six.example.net")


def hash_site(site, entries, **options):
    mta = Sendmail(site, mc=HASH + options.pop("more", ""), **options)
    makemap(mta.dir + "/relayers", entries)
    return mta


def test_a_listed_client_relays_and_others_do_not(site, names, sink):
    entries = ("192.0.2.4\t906502527\n198.51.100.8\t906502527 user=bob proto=pop3\n"
               "IPv6:2001:db8:0:0:0:0:0:7\t906502527\n"
               "198.51.100.9\tgarbage\n198.51.100.10\t-5\n")
    with hash_site(site, entries, sink=sink.port) as mta:
        for client in ("192.0.2.4", "198.51.100.8", "2001:db8::7"):
            assert smtp.ask_relay(mta.port, client).code == 250, client
        for client in ("192.0.2.5", "198.51.100.9", "198.51.100.10", "2001:db8::8"):
            assert smtp.ask_relay(mta.port, client).code == 550, client
            assert smtp.ask_relay(mta.port, client, rcpt=HERE).code == 250, client
        assert smtp.ask_relay(mta.port, "127.0.0.1").code == 250


def test_a_listed_client_has_the_rights_of_smtp_auth(site, names, sink):
    access = "To:shut@example.org\tREJECT\nConnect:192.0.2\tREJECT\n"
    more = "\nFEATURE(`blocklist_recipients')dnl\nFEATURE(`delay_checks')dnl"
    with hash_site(site, "192.0.2.4\t1\n", more=more, access=access,
                   sink=sink.port) as mta:
        assert smtp.ask_relay(mta.port, "192.0.2.4").code == 250
        assert smtp.ask_relay(mta.port, "192.0.2.5").code == 550
        assert smtp.ask_relay(mta.port, "192.0.2.5", rcpt=HERE).code == 550
        assert smtp.ask_relay(mta.port, "192.0.2.4",
                              rcpt="<shut@example.org>").startswith("550 5.2.1")


def break_by_removing(path):
    os.unlink(path)


def break_by_emptying(path):
    open(path, "w").close()


def break_by_garbage(path):
    with open(path, "wb") as f:
        f.write(os.urandom(16384))


def break_by_truncating(path):
    os.truncate(path, 4000)


@pytest.mark.parametrize("damage", [break_by_removing, break_by_emptying,
                                    break_by_garbage, break_by_truncating])
def test_a_broken_map_never_relays(site, names, sink, damage):
    with hash_site(site, "192.0.2.4\t1\n", users={"alice": "secret"}) as mta:
        damage(mta.dir + "/relayers.db")
        assert smtp.ask_relay(mta.port, "192.0.2.4") == BUSY
        assert smtp.ask_relay(mta.port, "203.0.113.5") == BUSY
        assert smtp.ask_relay(mta.port, "203.0.113.5", rcpt=HERE).code == 250
        # What needs no grant goes on: local mail (above) and SMTP AUTH.
        with smtp.Client(mta.port, "203.0.113.5") as c:
            c("EHLO c")
            assert c.login("alice", "secret").code == 235
            c("MAIL FROM:<a@example.com>")
            assert c("RCPT TO:" + FAR).code == 250


class MapServer(threading.Thread):
    """A socketmap server that answers badly, for faults that ours never shows."""

    def __init__(self, path, answer):
        super().__init__(daemon=True)
        self.answer, self.requests = answer, []
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        self.sock.listen(50)
        self.start()

    def run(self):
        while True:
            peer, _ = self.sock.accept()
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        while True:
            data = peer.recv(4096)
            if not data:
                return
            self.requests.append(data)
            if self.answer is None:
                continue
            peer.sendall(self.answer)


@pytest.mark.parametrize("answer,expected", [
    (b"14:TEMP not today,", 451), (b"8:TIMEOUT ,", 451), (b"5:PERM ,", 550),
    (b"3:foo,", 550), (b"garbage", 451), (b"0:,", 550), (b"9:NOTFOUND ", 451),
    (b"9:NOTFOUND ,", 550), (b"3:OK ,", 550), (b"5:OK no,", 550),
])
def test_a_socketmap_that_answers_badly_never_relays(site, names, sink, answer, expected):
    path = site + "/map.sock"
    MapServer(path, answer)
    with Sendmail(site, mc=f"FEATURE(`postern_relay', `unix:{path}')dnl",
                  sink=sink.port) as mta:
        reply = smtp.ask_relay(mta.port, "192.0.2.4")
        assert reply.code == expected, reply


def test_a_hung_socketmap_is_given_up(site, names, sink):
    path = site + "/map.sock"
    server = MapServer(path, None)
    with Sendmail(site, mc=f"FEATURE(`postern_relay', `unix:{path}')dnl",
                  sink=sink.port) as mta:
        start = time.monotonic()
        assert smtp.ask_relay(mta.port, "192.0.2.4").startswith("451 4.3.0 ")
        assert time.monotonic() - start < 30
    assert server.requests[0] == b"18:relayers 192.0.2.4,"


def test_a_socketmap_that_is_down_gives_451(site, names, sink):
    with Sendmail(site, mc=f"FEATURE(`postern_relay', `unix:{site}/none.sock')dnl",
                  sink=sink.port) as mta:
        assert smtp.ask_relay(mta.port, "192.0.2.4") == BUSY


@pytest.mark.parametrize("spec,error", [
    ("hash /etc/mail/relayers", "needs -T<TMPF>"),
    ("hash -o -T<TMPF> /etc/mail/relayers", "a map with -o"),
])
def test_a_map_that_would_fail_open_is_refused(site, spec, error):
    tree = cf_dir(site)
    mc = f"OSTYPE(`linux')dnl\nFEATURE(`postern_relay', `{spec}')dnl\nMAILER(`smtp')dnl\n"
    done = subprocess.run(["m4", "-D_CF_DIR_=" + tree, tree + "m4/cf.m4", "-"],
                          input=mc, text=True, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE)
    assert error in done.stderr
