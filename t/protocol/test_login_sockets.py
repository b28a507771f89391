"""The unix sockets of the login listeners: dict protocol and datagrams."""
import os
import resource
import socket
import stat
import subprocess
import sys
import time

import pytest

from harness import net, program
from harness.login import LoginSink, own_folder

ALICE = 2001  # harness.net.USERS
KEY = "shared/last-login/192.0.2.7/user1"


@pytest.fixture
def site():
    with own_folder() as path:
        yield path


@pytest.fixture
def sink(site):
    with LoginSink(site, dict=site + "/dict", dgram=site + "/dgram",
                   uid=ALICE) as s:
        s.site = site
        yield s


class Dict:
    def __init__(self, sink):
        self.sock = socket.socket(socket.AF_UNIX)
        # Without a time limit: with one, a full queue would be an error.
        self.sock.connect(sink.site + "/dict")
        self.sock.settimeout(10)
        self.file = self.sock.makefile("rb")

    def send(self, *lines):
        self.sock.sendall("".join(line + "\n" for line in lines).encode("latin1"))

    def read(self):
        return self.file.readline()

    def silent(self, wait=0.1):
        self.sock.settimeout(wait)
        try:
            return self.sock.recv(1) == b"?"
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(10)


def stamp(offset=0):
    return str(int(time.time()) + offset)


def test_octets_of_a_login(sink):
    d = Dict(sink)
    now = stamp()
    d.sock.sendall(b"H3\t2\t0\t\trelayers\nB1\tuser1\n"
                   b"S1\tshared/last-login/192.0.2.7/user1\t" + now.encode() +
                   b"\nC1\n")
    assert d.read() == b"O1\n"
    got = sink.login()
    assert (got["ip"], got["user"], got["source"]) == ("192.0.2.7", "user1", "dict")
    assert got["when"] == int(now)


def test_a_time_in_the_future_is_now(sink):
    d = Dict(sink)
    d.send("H3\t2\t0\t\tr", "B1", f"S1\t{KEY}\t{stamp(86400)}", "C1",
           "B2", f"S2\t{KEY}\t{stamp(-100)}", "C2")
    assert abs(sink.login()["when"] - time.time()) < 3
    assert abs(sink.login()["when"] - time.time() + 100) < 3


def test_nothing_counts_before_its_commit(sink):
    d = Dict(sink)
    d.send("H3\t2\t0\t\tr", "B1", f"S1\t{KEY}\t{stamp()}", "B2",
           f"S2\t{KEY}\t{stamp()}", "R2")
    assert nothing(sink) and d.silent()
    d.send("C2")
    assert d.read().startswith(b"F2\t")
    d.send("C1")
    assert d.read() == b"O1\n"
    assert sink.login()["user"] == "user1"
    d.send("B3", f"S3\t{KEY}\t{stamp()}")
    d.sock.close()
    assert sink.none()


def test_many_connections(sink):
    all = [Dict(sink) for _ in range(50)]
    for i, d in enumerate(all):
        d.send("H3\t2\t0\t\tr", f"B{i}", f"S{i}\tshared/last-login/192.0.2.7/u{i}\t"
               + stamp())
    for i, d in reversed(list(enumerate(all))):
        d.send(f"C{i}")
        assert d.read() == f"O{i}\n".encode()
        assert sink.login()["user"] == f"u{i}"


def test_lookups_find_nothing(sink):
    d = Dict(sink)
    d.send("H3\t2\t0\t\tr", "Lshared/last-login/192.0.2.7/user1")
    assert d.read() == b"N\n"
    d.send("I0\t0\tshared/")
    assert d.read() == b"\n"


def test_escapes(sink):
    d = Dict(sink)
    d.send("H3\t2\t0\t\tr", "B1",
           f"S1\tshared/last-login/192.0.2.7/a b%20c\001\001d\t{stamp()}", "C1")
    assert d.read() == b"O1\n"
    assert nothing(sink)  # \001\001 is octet 1: no name of a person
    d.send("B2", f"S2\tshared/last-login/192.0.2.7/a b%20c\t{stamp()}", "C2")
    assert sink.login()["user"] == "a b%20c"
    d.send("B3", f"S3\tshared/last-login/192.0.2.7/x\001tuser=bob\t{stamp()}", "C3")
    assert [d.read(), d.read()] == [b"O2\n", b"O3\n"]
    assert nothing(sink)


def test_other_keys_and_nonsense_are_answered(sink):
    d = Dict(sink)
    d.send("H3\t2\t0\t\tr", "B1", "S1\tshared/quota\t5", f"S1\t{KEY}", "U1\tx",
           "A1\tx\t1", "T1\t1\t2", "C1")
    assert d.read() == b"O1\n"
    d.send("", "Zwhat", "Cx", "C99999")
    replies = [d.read() for _ in range(3)]
    assert all(r.startswith(b"F") for r in replies), replies
    d.send("B5", f"S5\t{KEY}\t{stamp()}", "C5")
    assert d.read() == b"O5\n"
    assert sink.login()["user"] == "user1"
    assert nothing(sink)


def test_service_in_the_key(sink):
    d = Dict(sink)
    d.send("H3\t2\t0\t\tr", "B1",
           f"S1\tshared/last-login/imap/2001:db8::7/u\t{stamp()}",
           f"S1\tshared/last-login/lmtp/2001:db8::7/u\t{stamp()}", "C1")
    assert sink.short() == "imap 2001:db8::7 u dict"
    assert nothing(sink)


def test_an_anonymous_login_is_none(sink):
    d = Dict(sink)
    d.send("H3\t2\t0\t\tr", "B1",
           f"S1\tshared/last-login/192.0.2.7/anonymous\t{stamp()}",
           f"S1\tshared/last-login/192.0.2.7/ANONYMOUS@example.org\t{stamp()}",
           f"S1\tshared/last-login/192.0.2.7/anonymouse\t{stamp()}", "C1")
    assert sink.short() == " 192.0.2.7 anonymouse dict"
    assert nothing(sink)


def test_endless_line_is_cut_off(sink):
    d = Dict(sink)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(1000):
            d.sock.sendall(b"x" * 4096)
    assert Dict(sink).silent()


def test_a_client_that_does_not_read(sink):
    d = Dict(sink)
    d.sock.setblocking(False)
    try:
        for _ in range(100000):
            d.sock.send(b"Lx\n" * 1000)
    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
        pass
    other = Dict(sink)
    other.send("Lx")
    assert other.read() == b"N\n"


def as_uid(uid, code, *args):
    """Runs Python as another user."""
    return subprocess.run(
        ["/usr/bin/python3", "-c", "import os,sys,socket;os.setgid(%d);os.setuid(%d)\n%s"
         % (uid, uid, code), *args], stdout=subprocess.PIPE, text=True, timeout=20)


DICT_CLIENT = """
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode()); print(s.recv(99).decode(), end="")
"""
DGRAM_CLIENT = """
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(sys.argv[2].encode(), sys.argv[1])
"""


def test_only_believed_uids_may_report_by_dict(sink):
    lines = f"H3\t2\t0\t\tr\nB1\nS1\t{KEY}\t{stamp()}\nC1\n"
    # Answered all the same: that user's login must not wait.
    assert as_uid(2002, DICT_CLIENT, sink.site + "/dict", lines).stdout == "O1\n"
    assert nothing(sink)
    sink.wait_warning("uid 2002 may not report")
    assert as_uid(ALICE, DICT_CLIENT, sink.site + "/dict", lines).stdout == "O1\n"
    assert sink.login()["user"] == "user1"


REPORT = "postern-login 1\nip=192.0.2.7\nuser=alice\nservice=imap\n"


def send(sink, text):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.setblocking(False)
    s.sendto(text if isinstance(text, bytes) else text.encode(), sink.site + "/dgram")


def test_datagram(sink):
    send(sink, REPORT)
    assert sink.short() == "imap 192.0.2.7 alice dgram"
    send(sink, "postern-login 1\nip=2001:db8::1")
    assert sink.short() == " 2001:db8::1  dgram"


def nothing(sink):
    """Whether no login has come: the next to come is one sent now."""
    send(sink, REPORT.replace("alice", "fence"))
    return sink.login()["user"] == "fence"


@pytest.mark.parametrize("text", [
    "", "x", REPORT[:-20].replace("1\n", "2\n", 1), REPORT + "ip=6.6.6.6\n",
    REPORT.replace("imap", "smtp"), REPORT.replace("192.0.2.7", "127.0.0.1"),
    REPORT.replace("alice", "a%0Ab"), REPORT.replace("alice", "a%"),
    REPORT + "method=ANONYMOUS\n", REPORT.replace("alice", "Anonymous"),
    REPORT + "x" * 3000, b"\xff" * 100, "postern-login 1\nuser=alice\n"])
def test_no_datagram(sink, text):
    send(sink, text)
    assert nothing(sink)
    send(sink, REPORT)
    assert sink.login()["user"] == "alice"


def test_only_believed_uids_may_send_datagrams(sink):
    as_uid(2002, DGRAM_CLIENT, sink.site + "/dgram", REPORT)
    assert nothing(sink)
    as_uid(ALICE, DGRAM_CLIENT, sink.site + "/dgram", REPORT)
    assert sink.login()["user"] == "alice"


def test_a_flood_is_taken(sink):
    for i in range(2000):
        while True:
            try:
                send(sink, REPORT.replace("alice", f"u{i}"))
                break
            except BlockingIOError:
                time.sleep(0.001)
    assert [sink.login()["user"] for _ in range(2000)] == [f"u{i}" for i in range(2000)]


def test_sockets_come_and_go(site):
    path = site + "/dgram"
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    stale.bind(path)
    stale.close()
    with LoginSink(site, dgram=path, dict=site + "/dict"):
        mode = os.stat(path).st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o666
        assert sorted(os.listdir(site)) == ["dgram", "dict"]
    assert os.listdir(site) == []


def test_a_socket_of_somebody_else_stays(site):
    path = site + "/dgram"
    with LoginSink(site, dgram=path):
        os.unlink(path)
        other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        other.bind(path)
    assert os.path.exists(path)


def test_what_is_no_socket_is_not_replaced(site):
    for path, complaint in ((site + "/file", "no socket"),
                            (site + "/missing/dgram", "No such file"),
                            (site + "/" + "x" * 120, "no path")):
        if path.endswith("file"):
            open(path, "w").close()
        done = subprocess.run([program("login-sink"), "dgram=" + path],
                              stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and complaint in done.stderr
    assert os.listdir(site) == ["file"]


class Anvil:
    """Answers CONNECT-DUMP with `lines`; None: never answers."""

    def __init__(self, path, lines):
        self.lines, self.asked = lines, 0
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        self.sock.listen(5)
        self.held = []

    def serve(self):
        c, _ = self.sock.accept()
        c.settimeout(5)
        got = b""
        while not got.endswith(b"CONNECT-DUMP\n"):
            got += c.recv(100)
        self.asked += 1
        if self.lines is None:
            self.held.append(c)
            return got
        c.sendall(b"".join(line + b"\n" for line in self.lines) + b"\n")
        assert c.recv(1) == b""
        c.close()
        return got


def test_anvil_is_asked_at_once_and_again(site):
    anvil = Anvil(site + "/anvil", [b"VERSION\tanvil\t1\t0",
                                    b"imap/192.0.2.7/alice\t77\t1",
                                    b"pop3/2001:db8::7/a/b\t78\t2",
                                    b"imap/127.0.0.1/local\t79\t1",
                                    b"lmtp/192.0.2.8/x\t80\t1", b"rubbish"])
    with LoginSink(site, anvil=site + "/anvil", every=1) as sink:
        for _ in range(2):
            assert anvil.serve() == b"VERSION\tanvil\t1\t0\nCONNECT-DUMP\n"
            assert sink.short() == "imap 192.0.2.7 alice anvil"
            assert sink.short() == "pop3 2001:db8::7 a/b anvil"
        assert sink.none()
    assert sink.counters["anvil"]["ignored"] == 4


def test_anvil_hangs_or_is_away(site):
    with LoginSink(site, anvil=site + "/anvil", every=1,
                   dgram=site + "/dgram") as sink:
        sink.site = site
        sink.wait_warning("No such file")
        anvil = Anvil(site + "/anvil", None)
        anvil.serve()
        send(sink, REPORT)
        assert sink.login()["user"] == "alice"
        anvil.lines = [b"imap/192.0.2.9/bob\t1\t1"]
        anvil.serve()
        assert sink.short() == "imap 192.0.2.9 bob anvil"


def test_strangers_make_room_for_who_is_believed(site):
    """1,024 connections of alice's are all there is room for; Dovecot's comes
    all the same, and hers cost no others."""
    hold = ("import os, socket, sys, time\n"
            "os.setgid(%d); os.setuid(%d)\n"
            "held = []\n"
            "for _ in range(1100):\n"
            "    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
            "    held.append(s)\n"
            "print('held', flush=True)\n"
            "time.sleep(60)\n" % (ALICE, ALICE))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        with LoginSink(site, dict=site + "/dict") as sink:
            sink.site = site
            alice = subprocess.Popen([sys.executable, "-c", hold, site + "/dict"],
                                     stdout=subprocess.PIPE, text=True)
            try:
                assert alice.stdout.readline() == "held\n"
                assert len(os.listdir(f"/proc/{sink.process.pid}/fd")) < 1100
                d = Dict(sink)
                d.send("H3\t2\t0\t\trelayers", "B1\tuser1",
                       f"S1\t{KEY}\t{stamp()}", "C1")
                assert d.read().startswith(b"O1")
                assert sink.login()["user"] == "user1"
            finally:
                alice.kill()
                alice.wait()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_stop_is_quick(site):
    with LoginSink(site, dgram=site + "/dgram") as sink:
        start = time.monotonic()
        sink.stop()
        assert time.monotonic() - start < 1
        assert not net.listening(21580)
