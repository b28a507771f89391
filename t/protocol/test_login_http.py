"""Dovecot's reports over HTTP, as octets on a socket."""
import base64
import json
import os
import socket
import subprocess
import time

import pytest

from harness import net, program
from harness.login import SECRET, LoginSink, own_folder

ADDRESS = ("127.0.0.1", 21580)
FINE = {"status": 0, "msg": ""}


@pytest.fixture
def site():
    with own_folder() as path:
        yield path


@pytest.fixture
def sink(site):
    with LoginSink(site, http="%s:%d" % ADDRESS) as s:
        yield s


def report(**changes):
    fields = {"login": "user1", "mech": "PLAIN", "protocol": "pop3",
              "real": "198.51.100.1", "remote": "192.0.2.7",
              "requested": "user1", "secured": "secured", "session": "zD/6",
              "success": True, "policy_reject": False, "tls": False}
    fields.update(changes)
    return json.dumps({k: v for k, v in fields.items() if v is not None})


def request(body, path="/dovecot?command=report", method="POST", secret=SECRET,
            extra=""):
    body = body if isinstance(body, bytes) else body.encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{extra}"
    if secret is not None:
        head += f"X-Relay-Auth: {secret}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Http:
    def __init__(self):
        self.sock = socket.create_connection(ADDRESS, 10)
        self.file = self.sock.makefile("rb")

    def ask(self, octets):
        """-> (code, body as JSON or None)"""
        self.sock.sendall(octets)
        return self.answer()

    def answer(self):
        line = self.file.readline()
        if not line:
            return None, None
        code, length = int(line.split()[1]), 0
        for header in iter(self.file.readline, b"\r\n"):
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = self.file.read(length)
        try:
            return code, json.loads(body)
        except ValueError:
            return code, None

    def closed(self):
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True


def ask(*args, **kwargs):
    return Http().ask(request(*args, **kwargs))


def nothing(sink):
    """Whether no login has come: the next to come is one sent now."""
    assert ask(report(login="fence"))[0] == 200
    return sink.login()["user"] == "fence"


def test_a_login_is_reported_before_it_is_answered(sink):
    assert ask(report()) == (200, FINE)
    assert sink.short(0.5) == "pop3 192.0.2.7 user1 auth-policy"


def test_one_connection_many_reports(sink):
    http = Http()
    for i in range(200):
        assert http.ask(request(report(login=f"u{i}"))) == (200, FINE)
        assert sink.login()["user"] == f"u{i}"


def test_pipelined_and_in_pieces(sink):
    http = Http()
    octets = request(report(login="a")) + request(report(login="b"))
    for at in range(0, len(octets), 7):
        http.sock.sendall(octets[at:at + 7])
    assert [http.answer()[0], http.answer()[0]] == [200, 200]
    assert [sink.login()["user"], sink.login()["user"]] == ["a", "b"]


def test_chunked_body(sink):
    body = report().encode()
    head = ("POST /x?command=report HTTP/1.1\r\nHost: x\r\n"
            f"X-Relay-Auth: {SECRET}\r\nTransfer-Encoding: chunked\r\n\r\n")
    octets = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert Http().ask(head.encode() + octets) == (200, FINE)
    assert sink.login()["user"] == "user1"


def test_addresses(sink):
    for given, seen in (("2001:db8::7", "2001:db8::7"),
                        ("::ffff:192.0.2.9", "192.0.2.9")):
        assert ask(report(remote=given))[0] == 200
        assert sink.login()["ip"] == seen


@pytest.mark.parametrize("changes", [
    {"success": False}, {"policy_reject": True}, {"success": "true"},
    {"success": None}, {"policy_reject": None}, {"protocol": "smtp"},
    {"protocol": "submission"}, {"protocol": None}, {"protocol": ""},
    {"remote": "127.0.0.1"}, {"remote": "::1"}, {"remote": "mx.example.org"},
    {"remote": ""}, {"remote": None}, {"remote": "192.0.2.7\u0000"},
    {"login": "a\nb"}, {"login": "x" * 300},
    {"mech": "ANONYMOUS"}, {"mech": "anonymous"}, {"login": "anonymous"},
    {"login": "Anonymous@example.org"},
], ids=str)
def test_no_login(sink, changes):
    assert ask(report(**changes)) == (200, FINE)
    assert nothing(sink)


def test_what_is_no_report_does_no_harm(sink):
    for body in (b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 60000,
                 b'{"success":true' + b" " * 1000):
        assert ask(body) == (200, FINE)
    assert nothing(sink)
    assert ask(report())[0] == 200
    assert sink.login()["user"] == "user1"


def test_allow_is_answered_yes(sink):
    assert ask(report(), path="/dovecot?command=allow") == (200, FINE)
    assert nothing(sink)


@pytest.mark.parametrize("path", ["/", "/dovecot", "/dovecot?command=",
                                  "/dovecot?command=reports", "/events"])
def test_other_commands(sink, path):
    assert ask(report(), path=path)[0] == 400
    assert nothing(sink)


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET[:-1], SECRET + "x",
                                    SECRET.upper()])
def test_without_the_secret(sink, secret):
    assert ask(report(), secret=secret)[0] == 403
    assert ask(report(), path="/event", secret=secret)[0] == 403
    assert nothing(sink)
    sink.wait_warning("wrong or no secret")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_post(sink, method):
    assert ask(report(), method=method)[0] == 405
    assert nothing(sink)


def test_event_with_basic_authentication(sink):
    body = json.dumps({"event": "auth_request_finished", "fields": {
        "success": "yes", "service": "imap", "user": "u",
        "remote_ip": "192.0.2.8", "real_remote_ip": "198.51.100.1"}})

    def basic(secret):
        token = base64.b64encode(b"any:" + secret.encode()).decode()
        return f"Authorization: Basic {token}\r\n"

    assert ask(body, path="/event", secret=None, extra=basic(SECRET)) == (200, FINE)
    assert sink.short() == "imap 192.0.2.8 u event"
    anonymous = body.replace('"user": "u"', '"user": "u", "mechanism": "ANONYMOUS"')
    assert anonymous != body
    assert ask(anonymous, path="/event", secret=None, extra=basic(SECRET)) == (200, FINE)
    assert ask(body, path="/event", secret=None, extra=basic("wrong"))[0] == 403
    assert ask(body, path="/event", secret="wrong", extra=basic(SECRET))[0] == 403
    assert nothing(sink)


def test_real_address(site):
    with LoginSink(site, http="%s:%d" % ADDRESS, use="real") as sink:
        ask(report())
        assert sink.login()["ip"] == "198.51.100.1"
        ask(report(real=None))
        assert nothing(sink)


def test_limits(sink):
    http = Http()
    http.sock.sendall(b"POST /x?command=report HTTP/1.1\r\n"
                      b"X-Long: " + b"x" * 9000 + b"\r\n\r\n")
    assert http.answer()[0] in (400, 413, None)
    http = Http()
    http.sock.sendall(b"POST /x?command=report HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Length: 70000\r\n\r\n")
    assert http.answer()[0] in (400, 413, None)
    http = Http()
    http.sock.sendall(b"POST /x?command=report HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Length: -5\r\n\r\n")
    assert http.answer()[0] in (400, None)
    for garbage in (b"\0" * 100, b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n"):
        http = Http()
        http.sock.sendall(garbage)
        http.sock.shutdown(socket.SHUT_WR)
        http.answer()
    ask(report())
    assert sink.login()["user"] == "user1"


def test_idle_and_half_open_connections_hold_up_nobody(sink):
    idle = [Http() for _ in range(100)]
    for http in idle[:50]:
        http.sock.sendall(b"POST /x?command=report HTTP/1.1\r\nContent-Le")
    start = time.monotonic()
    assert ask(report())[0] == 200
    assert time.monotonic() - start < 1
    assert sink.login()["user"] == "user1"


def descriptors(sink):
    return len(os.listdir(f"/proc/{sink.process.pid}/fd"))


def test_more_connections_than_there_is_room_for(site):
    """A stranger who takes all he can get: the descriptors of the process stay
    few, and the server that reports keeps its connection."""
    with LoginSink(site, http="%s:%d" % ADDRESS, connections=20) as sink:
        dovecot = Http()
        assert dovecot.ask(request(report(login="first")))[0] == 200
        before = descriptors(sink)
        held = []
        for i in range(300):
            held.append(Http())
            if i % 3 == 0:
                held[-1].sock.sendall(b"POST /x?command=report HTTP/1.1\r\nA: b")
            if i % 50 == 0:
                assert dovecot.ask(request(report(login="still")))[0] == 200
        assert dovecot.ask(request(report(login="last")))[0] == 200
        assert ask(report(login="new"))[0] == 200
        net.wait_for(lambda: descriptors(sink) <= before + 20, 10,
                     message="too many descriptors")
        assert held[0].closed() and held[200].closed()
        # Who came late is still served, and without the secret refused.
        assert held[-1].ask(b"\r\nContent-Length: 0\r\n\r\n")[0] in (400, 403)
        logins = [sink.login()["user"] for _ in range(9)]
    assert logins == ["first"] + 6 * ["still"] + ["last", "new"]


def test_silent_connections_are_closed(site):
    with LoginSink(site, http="%s:%d" % ADDRESS, idle=1) as sink:
        start = descriptors(sink)
        silent, half, good = Http(), Http(), Http()
        half.sock.sendall(b"POST /x HTT")
        assert good.ask(request(report()))[0] == 200
        for http in (silent, half, good):
            http.sock.settimeout(10)
            assert http.closed()
        net.wait_for(lambda: descriptors(sink) == start, 5)


def test_counters(site):
    with LoginSink(site, http="%s:%d" % ADDRESS) as sink:
        ask(report())
        ask(report(success=False))
        ask(report(success=False))
        ask(report(remote="127.0.0.1"))
        ask(report(), secret="wrong")
        ask("{")
    assert sink.counters["http"] == {"logins": 1, "failures": 2, "ignored": 1,
                                     "refused": 1, "malformed": 1}


@pytest.mark.parametrize("content,mode,complaint", [
    ("", 0o600, "no secret"), ("short\n", 0o600, "less than 8"),
    ("X-Relay-Auth:\n", 0o600, "less than 8"),
    ("long enough\n", 0o644, "others may read")])
def test_secret_files(site, content, mode, complaint):
    path = os.path.join(site, "secret")
    with open(path, "w") as f:
        f.write(content)
    os.chmod(path, mode)
    done = subprocess.run([program("login-sink"), "http=127.0.0.1:0",
                           "secret=" + path], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert path in done.stderr and complaint in done.stderr


@pytest.mark.parametrize("content,header", [
    ("swordfish\n", "X-Relay-Auth"), ("# ours\n\n X-Own:  swordfish \r\n", "X-Own"),
    ("auth_policy_server_api_header = X-Own: swordfish\nmore\n", "X-Own")])
def test_forms_of_the_secret_file(site, content, header):
    with LoginSink(site, http="%s:%d" % ADDRESS, secret_text=content) as sink:
        assert ask(report(), secret=None, extra=header + ": swordfish\r\n")[0] == 200
        assert sink.login()["user"] == "user1"
        assert ask(report(), secret=None, extra=header + ": swordfis\r\n")[0] == 403


def test_addresses_to_listen_on(site):
    path = os.path.join(site, "secret")
    with open(path, "w") as f:
        f.write("long enough\n")
    os.chmod(path, 0o600)
    taken = socket.create_server(("127.0.0.1", 0))
    for listen in ("localhost:1", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000",
                   ":80", "127.0.0.1:%d" % taken.getsockname()[1]):
        done = subprocess.run([program("login-sink"), "http=" + listen,
                               "secret=" + path], stderr=subprocess.PIPE,
                              text=True, timeout=20)
        assert done.returncode == 1 and listen in done.stderr, done.stderr
    with LoginSink(site, http="[::1]:21580"):
        six = socket.create_connection(("::1", 21580), 5)
        six.sendall(request(report()))
        assert b" 200 " in six.recv(100)
    assert not net.listening(21580)
