"""Each file of contrib/dovecot, in a real Dovecot, with a real listener."""
import base64
import os
import signal
import socket
import statistics
import subprocess
import threading
import time

import pytest

from harness import net
from harness.dovecot import Dovecot, Imap, Pop3, imap_login, pop3_login
from harness.hooks import HOOKS, REDIS_CLI, REDIS_PORT, REDIS_SERVER, contrib
from harness.login import LoginSink

USERS = {"alice": "secret", "a b/c@example.org": "x", "\xc3\xbcmlaut": "x"}
EXTRA_MS = 50  # what a login may take longer at worst, on a busy machine
LOGINS = 11


@pytest.fixture(params=HOOKS, ids=repr)
def hook(request):
    return request.param


def test_reports_logins_and_nothing_else(hook, site):
    with hook.sink(site) as sink, Dovecot(site, USERS, hook.config(site)):
        assert pop3_login("203.0.113.9", "alice", "secret")
        assert sink.short() == f"pop3 203.0.113.9 alice {hook.source}"
        assert imap_login("2001:db8::9", "alice", "secret")
        assert sink.short() == f"imap 2001:db8::9 alice {hook.source}"
        for user in list(USERS)[1:]:
            assert imap_login("203.0.113.9", user, USERS[user])
            assert sink.login()["user"] == user.encode("latin1").decode("utf8")
        assert not pop3_login("203.0.113.9", "alice", "wrong")
        assert not pop3_login("203.0.113.9", "nobody", "x")
        assert pop3_login("127.0.0.1", "alice", "secret")
        assert imap_login("203.0.113.10", "alice", "secret")
        assert sink.short() == f"imap 203.0.113.10 alice {hook.source}"
        assert sink.none()
    counters = sink.counters[hook.listener]
    assert counters["logins"] == len(USERS) + 2
    assert counters["refused"] == counters["malformed"] == 0
    # Each login from 127.0.0.1 is ignored, reports of wrong passwords counted.
    assert counters["ignored"] >= 1
    assert counters["failures"] == (2 if hook.listener == "http" else 0)


ANONYMOUS = """auth_mechanisms = plain anonymous
auth_anonymous_username = {name}
"""


def test_an_anonymous_login_opens_nothing(hook, site):
    # the dict protocol tells names only, the others the mechanism
    name = "anonymous" if hook.listener == "dict" else "guest"
    with hook.sink(site) as sink, \
            Dovecot(site, USERS, hook.config(site) + ANONYMOUS.format(name=name)):
        with Imap("203.0.113.9") as client:
            client.send("a AUTHENTICATE ANONYMOUS")
            assert client.read().startswith("+")
            client.send(base64.b64encode(b"me@example.org").decode())
            assert "a OK" in client.read()
        assert imap_login("203.0.113.10", "alice", "secret")
        assert sink.short() == f"imap 203.0.113.10 alice {hook.source}"
        assert sink.none()
    assert sink.counters[hook.listener]["ignored"] == 1


def test_reported_before_the_client_knows(hook, site):
    """Counted, not promised: these reports overtake +OK nearly always."""
    with hook.sink(site) as sink, Dovecot(site, USERS, hook.config(site)):
        early = 0
        for _ in range(30):
            with Pop3("203.0.113.9") as client:
                assert client.login("alice", "secret").startswith("+OK")
                known = time.monotonic()
            early += sink.login()["clock"] <= known
        # Most of them, also on a busy machine; make bench has the figure.
        assert early >= 8, f"{early} of 30"


class Broken(threading.Thread):
    """Takes connections or datagrams and answers rubbish, or hangs up."""

    def __init__(self, hook, site):
        super().__init__(daemon=True)
        address = hook.address(site)
        if hook.listener == "http":
            host, port = address.split(":")
            self.sock = socket.create_server((host, int(port)))
        else:
            kind = socket.SOCK_DGRAM if hook.listener == "dgram" else socket.SOCK_STREAM
            self.sock = socket.socket(socket.AF_UNIX, kind)
            self.sock.bind(address)
            os.chmod(address, 0o666)
            if kind == socket.SOCK_STREAM:
                self.sock.listen(100)
        self.listener, self.count = hook.listener, 0
        self.start()

    def run(self):
        while True:
            try:
                if self.listener == "dgram":
                    self.sock.recv(10000)
                    continue
                client, _ = self.sock.accept()
            except OSError:
                return
            self.count += 1
            if self.count % 2:
                client.send(b"\xff\x00rubbish\r\nF9\t\n\n")
            client.close()

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def timed(login, source, port):
    start = time.monotonic()
    with (Pop3 if login == "pop3" else Imap)(source, port=port) as client:
        reply = client.login("alice", "secret")
        took = time.monotonic() - start
        assert reply.startswith("+OK" if login == "pop3" else "OK"), reply
    return took * 1000


def extra_ms(plain, hooked):
    """Median login of `hooked` less that of `plain`, taken in turns."""
    worst = 0
    for login, port in (("pop3", "pop3_port"), ("imap", "imap_port")):
        times = [[], []]
        for i in range(LOGINS):
            for into, server in zip(times, (plain, hooked)):
                into.append(timed(login, f"203.0.113.{i + 1}", getattr(server, port)))
        worst = max(worst, statistics.median(times[1]) - statistics.median(times[0]))
    return worst


@pytest.fixture
def plain(site):
    """The same Dovecot without a hook."""
    dir = site + "/plain"
    os.mkdir(dir)
    os.chmod(dir, 0o755)
    with Dovecot(dir, pop3_port=1110, imap_port=1143) as d:
        yield d


def test_receiver_is_down(hook, site, plain):
    with Dovecot(site, extra_config=hook.config(site)) as d:
        assert extra_ms(plain, d) < EXTRA_MS


def test_receiver_hangs(hook, site, plain):
    with hook.sink(site) as sink, Dovecot(site, extra_config=hook.config(site)) as d:
        os.kill(sink.process.pid, signal.SIGSTOP)
        try:
            assert extra_ms(plain, d) < EXTRA_MS
        finally:
            os.kill(sink.process.pid, signal.SIGCONT)


def test_receiver_is_broken(hook, site, plain):
    config = hook.config(site)
    broken = Broken(hook, site)
    with Dovecot(site, extra_config=config) as d:
        assert extra_ms(plain, d) < EXTRA_MS
    broken.close()


def test_receiver_takes_its_time(hook, site, plain):
    """A store that needs 300 ms for each login."""
    with hook.sink(site, delay_ms=300), \
            Dovecot(site, extra_config=hook.config(site)) as d:
        assert extra_ms(plain, d) < EXTRA_MS


def test_secret_that_is_wrong_or_missing(site):
    hook = HOOKS[0]
    config = hook.config(site)
    for text in ("auth_policy_server_api_header = X-Relay-Auth: other-secret\n", None):
        with hook.sink(site) as sink:
            if text is None:
                os.unlink(site + "/secret")
            else:
                with open(site + "/secret", "w") as f:
                    f.write(text)
            with Dovecot(site, extra_config=config):
                assert pop3_login("203.0.113.9", "alice", "secret")
                sink.wait_warning("wrong or no secret")
                assert sink.none()


def test_postlogin_without_its_receiver_is_quiet(site):
    """Not a byte on standard output: it would reach the mail client."""
    from harness import program
    done = subprocess.run([program("postern-postlogin"), "-s", "pop3", "-p",
                           site + "/none", "/bin/echo", "a", "b"],
                          env={"IP": "192.0.2.1", "USER": "alice"},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"a b\n", b"")
    for env in ({}, {"IP": "evil"}, {"IP": "192.0.2.1", "USER": "x" * 9999}):
        done = subprocess.run([program("postern-postlogin"), "/bin/echo", "a"],
                              env=env, stdout=subprocess.PIPE)
        assert (done.returncode, done.stdout) == (0, b"a\n")


def test_long_imap_session_by_anvil(site):
    anvil = site + "/run/anvil"
    with Dovecot(site, USERS, contrib("anvil", site)):
        with Imap("203.0.113.9") as client, Imap("127.0.0.1") as local:
            assert client.login("a b/c@example.org", "x").startswith("OK")
            assert local.login("alice", "secret").startswith("OK")
            with LoginSink(site, anvil=anvil, every=1) as sink:
                for _ in range(2):
                    assert sink.short() == "imap 203.0.113.9 a b/c@example.org anvil"
                client.command("LOGOUT")
                net.wait_for(lambda: sink.none(1.5), 10, message="still reported")
            assert sink.counters["anvil"]["malformed"] == 0
            assert os.stat(anvil).st_mode & 0o777 == 0o660


class Redis:
    def __init__(self, site):
        self.process = subprocess.Popen(
            [REDIS_SERVER, "--port", str(REDIS_PORT), "--bind", "127.0.0.1",
             "--save", "", "--dir", site], stdout=subprocess.DEVNULL)
        net.wait_listening(REDIS_PORT, self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(10)

    def ask(self, *words):
        return subprocess.run([REDIS_CLI, "-p", str(REDIS_PORT), *words],
                              stdout=subprocess.PIPE, text=True).stdout.strip()


def test_redis_is_written_by_dovecot(site, plain):
    with Redis(site) as redis, Dovecot(site, USERS, contrib("redis", site)) as d:
        assert pop3_login("203.0.113.9", "alice", "secret")
        assert imap_login("2001:db8::9", "alice", "secret")
        assert not pop3_login("203.0.113.8", "alice", "wrong")
        net.wait_for(lambda: redis.ask("DBSIZE") == "2", message="no keys")
        for ip in ("203.0.113.9", "2001:db8::9"):
            key = "relay/last-login/" + ip
            assert abs(int(redis.ask("GET", key)) - time.time()) < 10
            assert 1700 < int(redis.ask("TTL", key)) <= 1800
        redis.process.send_signal(signal.SIGSTOP)
        assert extra_ms(plain, d) < EXTRA_MS
    with Dovecot(site, USERS, contrib("redis", site)) as d:
        assert extra_ms(plain, d) < EXTRA_MS
