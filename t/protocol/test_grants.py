"""Grants in a relay-milter that runs: control socket, logins, window, crash."""
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from harness import net, program, server
from test_login_sockets import Anvil
from test_maps import Client

FAR = "<friend@remote.example>"
CLIENT, SIX = "192.0.2.4", "2001:db8:1:2::7"


def vsmtprelay(milter, *args):
    done = subprocess.run(
        [program("vsmtprelay"), "-s", milter.control_socket, *args], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
    return done.returncode, done.stdout + done.stderr


def control(milter, **request):
    """One question on the control socket."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(milter.control_socket)
        s.sendall(json.dumps(request).encode() + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            more = s.recv(65536)
            assert more
            line += more
    return json.loads(line)


def relays(milter, address=CLIENT):
    with milter.client(address=address) as m:
        assert m.mail("<a@example.net>").kind == "continue"
        return m.rcpt(FAR).kind == "continue"


def looked_up(milter, address=CLIENT, name="relayers"):
    with Client(milter.map_socket) as c:
        return c.ask(f"{name} {address}")


def test_a_grant_is_seen_everywhere_at_once(daemon):
    milter = daemon()
    assert not relays(milter) and looked_up(milter) == "NOTFOUND "
    assert vsmtprelay(milter, "add", CLIENT)[0] == 0
    assert relays(milter)
    assert abs(int(looked_up(milter)[3:]) - time.time()) < 5
    assert looked_up(milter, name="relayers_postfix") == "OK OK"
    with Client(milter.policy_socket) as c:
        assert c.action(protocol_state="RCPT", client_address=CLIENT,
                        sender="a@b.c", recipient=FAR[1:-1]) == "OK"
    assert not relays(milter, "192.0.2.5")
    assert vsmtprelay(milter, "delete", CLIENT)[0] == 0
    assert not relays(milter) and looked_up(milter) == "NOTFOUND "


def test_networks_and_spellings(daemon):
    milter = daemon()
    assert vsmtprelay(milter, "add", "2001:db8:1:2::/64")[0] == 0
    assert vsmtprelay(milter, "add", "198.51.100.0/24")[0] == 0
    assert relays(milter, SIX) and not relays(milter, "2001:db8:1:3::7")
    assert relays(milter, "198.51.100.77")
    for spelling in (SIX, "IPv6:2001:db8:1:2:0:0:0:7", "ipv6:2001:DB8:1:2::7"):
        assert looked_up(milter, spelling).startswith("OK ")


def test_the_window_and_its_reload(daemon):
    milter = daemon(relay="  relayers: {window: 2s}")
    vsmtprelay(milter, "add", CLIENT)
    assert relays(milter)
    net.wait_for(lambda: not relays(milter), 5)
    assert looked_up(milter) == "NOTFOUND "
    milter.configure(relay="  relayers: {window: 1h}")
    assert control(milter, command="reload") == {"ok": True}
    vsmtprelay(milter, "add", CLIENT, str(int(time.time()) - 600))
    assert relays(milter)


def test_kill_9_loses_no_grant(unstarted):
    milter = unstarted()
    for n in range(10):
        milter.start()
        for earlier in range(n):
            assert relays(milter, f"192.0.2.{earlier}")
        assert vsmtprelay(milter, "add", f"192.0.2.{n}")[0] == 0
        milter.process.kill()
        milter.process.wait()
    milter.start()


def test_relayers_db_is_written_for_sendmail(daemon):
    milter = daemon()
    vsmtprelay(milter, "add", CLIENT)
    milter.stop()
    done = subprocess.run([program("vsmtprelay"), "-f", milter.dir + "/relayers.db",
                           "dump"], text=True, stdout=subprocess.PIPE)
    assert CLIENT in done.stdout


def test_a_foreign_file_in_place_of_relayers_db_is_left_alone(unstarted):
    milter = unstarted()
    milter.write("relayers.db", "#!/bin/sh\necho precious\n")
    done = subprocess.run([program("relay-milter"), "-f", "-c", milter.conf],
                          text=True, stderr=subprocess.PIPE, timeout=10)
    assert done.returncode == 78
    assert "relayers.db: is not a Berkeley DB file" in done.stderr
    with open(milter.dir + "/relayers.db") as f:
        assert "precious" in f.read()


def test_status_and_reload(daemon):
    milter = daemon(access="192.0.2.4\tRELAY\n")
    vsmtprelay(milter, "add", "192.0.2.9")
    with milter.client():
        status = control(milter, command="status")
    assert status["ok"] and status["pid"] == milter.process.pid
    assert status["config"] == milter.conf and status["sessions"] == 1
    assert status["relayers"]["grants"] == 1
    assert relays(milter)
    milter.write("access", "")
    assert control(milter, command="reload") == {"ok": True}
    assert not relays(milter)
    milter.write("postern.yaml", "x: 1\ny: 2\n")
    answer = control(milter, command="reload")
    assert not answer["ok"] and answer["exit"] == 78
    assert answer["error"].count("unknown setting") == 2
    assert control(milter, command="nonsense")["exit"] == 64
    milter.configure(relay=f"  max_clients: 7")
    assert control(milter, command="reload") == {"ok": True}
    milter.said("relay.max_clients has changed: restart")


def test_only_some_may_use_the_control_socket(unstarted):
    milter = unstarted(relay="  control_socket_group: smmsp\n  socket_mode: 0666")
    milter.start()
    info = os.stat(milter.control_socket)
    assert stat.S_IMODE(info.st_mode) == 0o660
    assert stat.S_IMODE(os.stat(milter.map_socket).st_mode) == 0o666

    def as_alice():
        os.setgroups([])
        os.setgid(2001)
        os.setuid(2001)

    done = subprocess.run([program("vsmtprelay"), "-s", milter.control_socket,
                           "add", CLIENT], preexec_fn=as_alice,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode != 0 and b"Permission denied" in done.stderr
    assert not relays(milter)


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"[1]\n", b"{" * 100 + b"\n",
                                  b'{"command":7}\n', b'{"command":"add"}\n',
                                  b'{"command":"add","address":"0.0.0.0/0"}\n',
                                  b"\xff\xfe\n", b'{"command":"list","minutes":-1}\n'])
def test_nonsense_on_the_control_socket(daemon, line):
    milter = daemon()
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(milter.control_socket)
        s.sendall(line)
        answer = json.loads(s.recv(65536))
    assert not answer["ok"] and answer["exit"] in (64, 65)


def test_store_none(daemon):
    milter = daemon(relay="  relayers: {store: none}")
    assert not relays(milter) and looked_up(milter) == "NOTFOUND "
    code, said = vsmtprelay(milter, "add", CLIENT)
    assert code == 64 and "store: none" in said
    assert not os.path.exists(milter.dir + "/relayers.db")


def report(port, secret, **fields):
    body = {"login": "bob", "protocol": "pop3", "success": True, "mech": "PLAIN",
            "policy_reject": False, "remote": CLIENT, "real": CLIENT, **fields}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/dovecot?command=report",
        json.dumps(body).encode(), {"X-Relay-Auth": secret})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as e:
        return e.code


def with_login(unstarted, more=""):
    port = net.free_port()
    milter = unstarted()
    milter.write("secret", "correct horse battery\n")
    os.chmod(milter.dir + "/secret", 0o600)
    milter.configure(relay=f"""
  relayers: {{window: 1h, trusted_proxies: [203.0.113.0/24]}}
  login:
    listen: 127.0.0.1:{port}
    secret_file: {milter.dir}/secret
    datagram_socket: unix:{milter.dir}/login.sock
    dict_socket: unix:{milter.dir}/dict.sock
""" + more)
    return milter.start(), port


def test_a_reported_login_opens_the_relay(unstarted):
    milter, port = with_login(unstarted)
    secret = "correct horse battery"
    assert report(port, "wrong") == 403
    assert report(port, secret, success=False) == 200
    assert not relays(milter)
    assert report(port, secret) == 200
    assert relays(milter)
    assert "user=bob" in vsmtprelay(milter, "show", CLIENT)[1]
    # IPv6: the address, and the /64 that the host moves in.
    assert report(port, secret, remote=SIX, real=SIX) == 200
    assert relays(milter, SIX) and relays(milter, "2001:db8:1:2:ffff::1")
    assert not relays(milter, "2001:db8:1:3::1")
    # What nobody may open the relay for.
    for protected in ("127.0.0.1", "203.0.113.7", "::1"):
        assert report(port, secret, remote=protected, real=protected) == 200
    assert looked_up(milter, "203.0.113.7") == "NOTFOUND "
    assert looked_up(milter, "127.0.0.1") == "NOTFOUND "
    milter.said("login: client=192.0.2.4 user=bob service=pop3 source=auth-policy")
    logins = control(milter, command="status")["logins"]
    assert logins["auth-policy"]["logins"] >= 3
    assert logins["auth-policy"]["refused"] == 1
    assert secret not in milter.stderr()


def test_a_datagram_opens_the_relay(unstarted):
    milter, _ = with_login(unstarted)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(b"postern-login 1\nip=192.0.2.4\nuser=bob\nservice=imap\n",
                 milter.dir + "/login.sock")
    net.wait_for(lambda: relays(milter), 5)
    assert milter.stop()[0] == 0
    assert not [f for f in os.listdir(milter.dir) if f.endswith(".sock")]
    milter.start()
    assert relays(milter)


DICT = """
import os, socket, sys, time
os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[3]))
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"H3\\t2\\t0\\t\\trelayers\\nB1\\tbob\\n"
          b"S1\\tshared/last-login/%s/bob\\t%d\\nC1\\n"
          % (sys.argv[2].encode(), time.time()))
print(s.makefile().readline())
"""


def test_a_dict_report_opens_the_relay_if_it_is_believed(unstarted):
    milter, _ = with_login(unstarted, "    believe: [alice, '65534']\n")
    for address, uid, believed in (("192.0.2.11", 0, True),
                                   ("192.0.2.12", 2001, True),
                                   ("192.0.2.13", 65534, True),
                                   ("192.0.2.14", 2002, False)):
        said = subprocess.run(
            [sys.executable, "-c", DICT, milter.dir + "/dict.sock", address,
             str(uid)], text=True, stdout=subprocess.PIPE, check=True).stdout
        assert said.startswith("O1")    # whoever asks is answered
        assert relays(milter, address) == believed
    milter.said("login: dict: report refused: uid 2002")
    assert control(milter, command="status")["logins"]["dict"]["refused"] == 1


def test_a_long_imap_session_keeps_its_grant(unstarted):
    """Anvil names the sessions: they renew what a login opened, and open
    nothing by themselves."""
    milter = unstarted()
    anvil = Anvil(milter.dir + "/anvil", [b"imap/192.0.2.4/bob\t77\t1",
                                          b"imap/192.0.2.5/bob\t78\t1",
                                          b"imap/192.0.2.6/eve\t79\t1"])

    def serve():
        while True:
            try:
                anvil.serve()
            except (OSError, AssertionError):
                return

    threading.Thread(target=serve, daemon=True).start()
    milter.configure(relay=f"""
  relayers: {{window: 3s}}
  login: {{anvil_socket: '{milter.dir}/anvil', anvil_interval: 1s}}
""")
    milter.start()
    vsmtprelay(milter, "add", CLIENT, "--user", "bob")
    vsmtprelay(milter, "add", "192.0.2.6", "--user", "bob")
    end = time.monotonic() + 4.5
    while time.monotonic() < end:
        assert relays(milter)
        time.sleep(0.1)
    assert not relays(milter, "192.0.2.5")      # no login was seen
    assert not relays(milter, "192.0.2.6")      # another's grant
    anvil.lines = []
    net.wait_for(lambda: not relays(milter), 10)
    anvil.sock.shutdown(socket.SHUT_RDWR)


def test_the_secret_must_be_one(unstarted):
    milter = unstarted()
    for secret, mode, words in ((None, 0, "No such file"), ("", 0o600, ""),
                                ("correct horse battery\n", 0o644, "")):
        if secret is not None:
            milter.write("secret", secret)
            os.chmod(milter.dir + "/secret", mode)
        milter.configure(relay="  login: {listen: '127.0.0.1:%d', secret_file: %s}"
                         % (net.free_port(), milter.dir + "/secret"))
        for flags in (["-n"], ["-f"]):
            done = subprocess.run(
                [program("relay-milter"), *flags, "-c", milter.conf], text=True,
                stderr=subprocess.PIPE, timeout=10)
            assert done.returncode == 78, (secret, mode)
            assert f"{milter.conf}:11: relay.login.secret_file: " in done.stderr
            assert words in done.stderr


def test_a_followed_log_opens_the_relay(unstarted):
    milter = unstarted()
    log = milter.dir + "/maillog"
    milter.write("maillog", "")
    milter.configure(relay="  login: {follow: [{file: %s, format: courier}]}" % log)
    milter.start()
    stamp = time.strftime("%b %e %H:%M:%S")
    with open(log, "a") as f:
        f.write(f"{stamp} mx pop3d: LOGIN, user=bob, ip=[::ffff:{CLIENT}], "
                "port=[40000], protocol=POP3\n")
    net.wait_for(lambda: relays(milter), 5)
    assert control(milter, command="status")["logins"]["log " + log]["logins"] == 1


def test_an_unknown_log_format(unstarted):
    milter = unstarted(relay="  login: {follow: [{file: /var/log/x, format: exim9}]}")
    for flags in (["-n"], ["-f"]):
        done = subprocess.run([program("relay-milter"), *flags, "-c", milter.conf],
                              text=True, stderr=subprocess.PIPE, timeout=10)
        assert done.returncode == 78
        assert f"{milter.conf}:11: relay.login.follow[0].format: " in done.stderr


def test_a_grant_of_an_account_that_is_gone(unstarted):
    """check: map; what is gone does not count, what cannot be told is 4xx."""
    from harness.sendmail import makemap
    milter = unstarted()
    users = milter.dir + "/users"
    makemap(users, "bob\tx\nalice\tx\n")
    milter.configure(relay=f"  accounts: {{check: map, map: {users}, cache: 0}}")
    milter.start()
    vsmtprelay(milter, "add", CLIENT, "--user", "bob")
    vsmtprelay(milter, "add", "192.0.2.5", "--user", "mallory")
    vsmtprelay(milter, "add", "192.0.2.6")
    assert relays(milter) and relays(milter, "192.0.2.6")
    assert not relays(milter, "192.0.2.5")
    assert "192.0.2.5" not in vsmtprelay(milter, "dump")[1]
    with open(users + ".db", "wb") as f:
        f.write(b"no map any more")
    with milter.client() as m:
        m.mail("<a@example.net>")
        assert m.rcpt(FAR).code == 451
        assert m.rcpt("<bob@example.org>").kind == "continue"
    assert looked_up(milter).startswith("TEMP ")
    makemap(users, "alice\tx\n")
    net.wait_for(lambda: not relays(milter), 5)
    assert looked_up(milter) == "NOTFOUND "


@pytest.mark.parametrize("accounts, name", [
    ("{check: map, map: /nonexistent/users}", "relay.accounts.map"),
    ("{check: sasl, sasl_path: /nonexistent}", "relay.accounts.sasl_path")])
def test_accounts_that_cannot_be_asked(unstarted, accounts, name):
    milter = unstarted(relay="  accounts: " + accounts)
    done = subprocess.run([program("relay-milter"), "-f", "-c", milter.conf],
                          text=True, stderr=subprocess.PIPE, timeout=10)
    assert done.returncode == 78
    assert f"{milter.conf}:11: {name}: " in done.stderr
    assert not os.path.exists(milter.dir + "/relayers.db")


@pytest.fixture
def redis(tmp_path):
    """A Redis of the test's own on a unix socket: (socket, process)."""
    path = str(tmp_path) + "/redis.sock"
    process = subprocess.Popen(
        [server("redis", "usr/bin/redis-server"), "--port", "0", "--unixsocket", path,
         "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    net.wait_listening(path, process)
    yield path, process
    process.kill()
    process.wait()


def test_grants_shared_through_redis(unstarted, redis):
    path, process = redis
    hosts = [unstarted(relay="  relayers: {store: redis, url: 'redis+unix:%s'}" % path)
             for _ in range(2)]
    for host in hosts:
        host.start()
    assert vsmtprelay(hosts[0], "add", CLIENT)[0] == 0
    assert relays(hosts[0])
    net.wait_for(lambda: relays(hosts[1]), 5)
    assert not relays(hosts[1], "192.0.2.99")
    # Redis hangs: what this host knows counts, and of others it cannot be told.
    process.send_signal(signal.SIGSTOP)
    begin = time.monotonic()
    assert relays(hosts[0])
    with hosts[1].client(address="192.0.2.99") as m:
        m.mail("<a@example.net>")
        assert m.rcpt(FAR).code == 451
        assert m.rcpt("<bob@example.org>").kind == "continue"
    assert looked_up(hosts[1], "192.0.2.99").startswith("TEMP ")
    assert time.monotonic() - begin < 5
    for host in hosts:
        code, took = host.stop()
        assert code == 0 and took < 1.0
    process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("relayers", [
    "{store: redis, url: 'http://x'}", "{store: redis, url_file: /nonexistent}"])
def test_a_redis_that_cannot_be_named(unstarted, relayers):
    milter = unstarted(relay="  relayers: " + relayers)
    done = subprocess.run([program("relay-milter"), "-f", "-c", milter.conf],
                          text=True, stderr=subprocess.PIPE, timeout=10)
    assert done.returncode == 78
    assert f"{milter.conf}:11: relay.relayers.url" in done.stderr
