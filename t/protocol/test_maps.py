"""relay-milter's socketmap and policy sockets: answers, and hostile clients."""
import random
import socket
import threading
import time

import pytest

from harness import net

ACCESS = "Connect:192.0.2\tRELAY\nTo:gone@example.org\tREJECT\nx y\tz\n"


def netstring(text):
    data = text if isinstance(text, bytes) else text.encode("latin1")
    return b"%d:%s," % (len(data), data)


class Client:
    def __init__(self, path, timeout=5):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def more(self):
        chunk = self.sock.recv(65536)
        self.buffer += chunk
        return chunk

    def netstring(self):
        while b":" not in self.buffer:
            if not self.more():
                return None
        size, rest = self.buffer.split(b":", 1)
        while len(rest) < int(size) + 1:
            assert self.more(), self.buffer
            rest = self.buffer.split(b":", 1)[1]
        assert rest[int(size):int(size) + 1] == b","
        self.buffer = rest[int(size) + 1:]
        return rest[:int(size)].decode("latin1")

    def ask(self, text):
        self.send(netstring(text))
        return self.netstring()

    def action(self, **attributes):
        attributes.setdefault("request", "smtpd_access_policy")
        self.send(("".join(f"{k}={v}\n" for k, v in attributes.items()) + "\n").encode())
        while b"\n\n" not in self.buffer:
            assert self.more()
        line, self.buffer = self.buffer.split(b"\n\n", 1)
        assert line.startswith(b"action=")
        return line[7:].decode("latin1")

    def closed(self):
        """Whether the server ends the connection; what it said is dropped."""
        try:
            while self.sock.recv(65536):
                pass
            return True
        except TimeoutError:
            return False
        except ConnectionError:
            return True


@pytest.fixture
def milter(daemon):
    return daemon(access=ACCESS, features="[access_db, blocklist_recipients]")


def test_lookups(milter):
    with Client(milter.map_socket) as c:
        assert c.ask("access connect:192.0.2") == "OK RELAY"
        assert c.ask("access Connect:192.0.2") == "OK RELAY"
        assert c.ask("access to:nobody") == "NOTFOUND "
        assert c.ask("relayers 192.0.2.4") == "NOTFOUND "
        assert c.ask("relayers host.example") == "NOTFOUND "
        assert c.ask("nonsense x") == "PERM no such map"
        assert c.ask("") == "PERM no key in the request"


def test_many_requests_on_a_connection(milter):
    with Client(milter.map_socket) as c:
        for _ in range(2000):
            assert c.ask("access connect:192.0.2") == "OK RELAY"
        # All at once, and in pieces.
        c.send(netstring("access connect:192.0.2") * 200)
        for _ in range(200):
            assert c.netstring() == "OK RELAY"
        for byte in netstring("access connect:192.0.2"):
            c.send(bytes([byte]))
        assert c.netstring() == "OK RELAY"


def test_a_client_that_has_shut_its_side_gets_its_answers(milter):
    with Client(milter.map_socket) as c:
        c.send(netstring("access connect:192.0.2") * 3 + b"5:half")
        c.sock.shutdown(socket.SHUT_WR)
        assert [c.netstring() for _ in range(3)] == ["OK RELAY"] * 3
        assert c.closed()


@pytest.mark.parametrize("bad", [
    b"x", b":", b"01:x,", b"3:abcd", b"-1:,", b"5000:", b"99999999999999999999:",
    b"GET / HTTP/1.0\r\n\r\n", b"\0" * 100, b"3:abc;"])
def test_a_bad_netstring_is_the_end(milter, bad):
    with Client(milter.map_socket) as c:
        c.send(bad)
        assert c.netstring().startswith("PERM ")
        assert c.closed()


def test_length_limits(milter):
    with Client(milter.map_socket) as c:
        assert c.ask("access " + "x" * 4089) == "NOTFOUND "
    with Client(milter.map_socket) as c:
        assert c.ask("access " + "x" * 4090).startswith("PERM ")
        assert c.closed()


def test_random_bytes(milter):
    """Whatever comes, the server lives and the next client is served."""
    rng = random.Random(20261121)
    for n in range(400):
        data = bytes(rng.choices(
            b"0123456789:,relays \0\n\xff" if n % 2 else range(256),
            k=rng.randrange(1, 300)))
        path = milter.map_socket if n % 3 else milter.policy_socket
        with Client(path) as c:
            try:
                c.send(data)
                if n % 5 == 0:
                    c.sock.shutdown(socket.SHUT_WR)
                    assert c.closed()
            except OSError:
                pass
    with Client(milter.map_socket) as c:
        assert c.ask("access connect:192.0.2") == "OK RELAY"


def test_a_random_key_is_a_question(milter):
    rng = random.Random(4)
    with Client(milter.map_socket) as c:
        for _ in range(500):
            key = bytes(rng.choices(range(256), k=rng.randrange(0, 200)))
            for name in (b"relayers ", b"relayers_postfix ", b"access "):
                assert c.ask(name + key) in ("NOTFOUND ", "OK z")


def test_slow_clients_are_cut_off_and_stop_nobody(unstarted):
    milter = unstarted(access=ACCESS, relay="  client_timeout: 500ms\n  max_clients: 50")
    milter.start()
    slow = [Client(milter.map_socket) for _ in range(40)]
    for c in slow:
        c.send(b"22:acc")
    begin = time.monotonic()
    with Client(milter.map_socket) as c:
        assert c.ask("access connect:192.0.2") == "OK RELAY"
    assert time.monotonic() - begin < 0.4
    trickle = slow[0]
    try:
        for byte in b"ess connect:192.0":     # each byte in time, the whole not
            time.sleep(0.1)
            trickle.send(bytes([byte]))
    except OSError:
        pass
    assert time.monotonic() - begin < 3
    assert all(c.closed() for c in slow)
    with Client(milter.map_socket) as c:        # rest between requests is fine
        assert c.ask("access connect:192.0.2") == "OK RELAY"
        time.sleep(0.8)
        assert c.ask("access connect:192.0.2") == "OK RELAY"


def test_a_client_that_does_not_read(unstarted):
    milter = unstarted(access="big\t" + "v" * 900 + "\n",
                  relay="  client_timeout: 500ms")
    milter.start()
    with Client(milter.map_socket) as c:
        c.sock.settimeout(0.5)
        try:
            for _ in range(100_000):
                c.send(netstring("access big"))
        except OSError:
            pass
        with Client(milter.map_socket) as other:
            assert other.ask("access big").startswith("OK vvv")
        time.sleep(1)
        c.sock.settimeout(5)
        assert c.closed()


def test_more_clients_than_there_is_room_for(unstarted):
    milter = unstarted(access=ACCESS, relay="  max_clients: 20")
    milter.start()
    clients = []
    for _ in range(60):
        c = Client(milter.map_socket)
        assert c.ask("access connect:192.0.2") == "OK RELAY"
        clients.append(c)
    assert sum(c.closed() for c in clients[:40]) == 40
    assert clients[-1].ask("access connect:192.0.2") == "OK RELAY"


def test_forty_clients_at_the_same_time(milter):
    answers = []

    def work():
        with Client(milter.map_socket, timeout=20) as c:
            for _ in range(100):
                answers.append(c.ask("access connect:192.0.2"))

    threads = [threading.Thread(target=work) for _ in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == ["OK RELAY"] * 4000


def test_policy_delegation(milter):
    here = {"protocol_state": "RCPT", "sender": "a@example.net",
            "recipient": "bob@example.org", "client_name": "unknown"}
    far = dict(here, recipient="friend@remote.example")
    with Client(milter.policy_socket) as c:
        assert c.action(**here, client_address="198.51.100.1") == "DUNNO"
        assert c.action(**far, client_address="198.51.100.1").startswith("550 5.7.1 ")
        assert c.action(**far, client_address="192.0.2.4") == "OK"
        assert c.action(**far, client_address="198.51.100.1", sasl_method="PLAIN",
                        sasl_username="alice") == "OK"
        assert c.action(**dict(far, protocol_state="DATA"),
                        client_address="198.51.100.1") == "DUNNO"
        assert c.action(**far).startswith("550 ")      # no address is not local
        assert c.action(request="other", **far).startswith("DEFER_IF_PERMIT 4.3.0")
        assert c.action(**dict(here, recipient="gone@example.org"),
                        client_address="192.0.2.4").startswith("550 5.2.1")


def test_a_map_that_breaks_is_temp_and_4xx(unstarted):
    """The access map becomes unreadable under a running milter."""
    import os
    from harness.sendmail import makemap
    milter = unstarted(relay="  access_optional: false")
    conf = open(milter.conf).read().replace("access_type: text", "access_type: db")
    milter.write("postern.yaml", conf)
    assert makemap(milter.dir + "/access", ACCESS).returncode == 0
    milter.start()
    with Client(milter.map_socket) as c:
        assert c.ask("access connect:192.0.2") == "OK RELAY"
        for damage in (b"", b"#!/bin/sh\n" * 1000, None):
            if damage is None:
                os.unlink(milter.dir + "/access.db")
            else:
                with open(milter.dir + "/access.db", "wb") as f:
                    f.write(damage)
            assert c.ask("access connect:192.0.2").startswith("TEMP ")
            with milter.client() as m:
                code = m.mail("<a@example.net>").code
                if code == 0:
                    code = m.rcpt("<friend@remote.example>").code
                assert code == 451
            with Client(milter.policy_socket) as p:
                assert p.action(protocol_state="RCPT", client_address="192.0.2.4",
                                sender="a@b.c", recipient="x@remote.example"
                                ).startswith("451 4.3.0 ")
        makemap(milter.dir + "/access", ACCESS)
        net.wait_for(lambda: c.ask("access connect:192.0.2") == "OK RELAY", 5)
