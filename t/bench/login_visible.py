#!/usr/bin/env python3
"""From a POP3 login to the grant: what it costs, and when it can be seen.

    t/bench/login_visible.py [LOGINS]

A real Dovecot reports to relay-milter (contrib/dovecot, auth policy) that
holds 1,000 and 1,000,000 grants.  Each login with the hook has a twin on a
Dovecot without it, now before and now after; the moment the client has read
+OK, relay-milter's socketmap is asked whether that address may relay.  Each
login comes from an address of its own.  Needs root: it runs in namespaces of
its own.  Prints a line for each size on stderr and one JSON object on stdout:

    {"name": "login", "aim": {"visible": 0.99, "extra_ms": 0.3},
     "results": [{"grants": 1000, "logins": 400, "visible": 1.0,
     "plain_ms": N, "hooked_ms": N, "extra_ms": N}, ...]}

extra_ms is the median of what a login took longer than its twin.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "t"))
from harness import net, program  # noqa: E402
from harness.dovecot import Dovecot, Pop3  # noqa: E402
from harness.hooks import HOOKS  # noqa: E402
from harness.sendmail import MAKEMAP  # noqa: E402

SIZES = (1_000, 1_000_000)
WARM_UP = 20

CONF = """mail_dir: {dir}
state_dir: {dir}/state
relay:
  socket: unix:{dir}/relay.sock
  map_socket: unix:{dir}/map.sock
  control_socket: unix:{dir}/control.sock
  pid_file: {dir}/relay.pid
  domain: mx.example.org
  access_type: text
  login:
    listen: 127.0.0.1:21580
    secret_file: {dir}/secret
"""


def start_milter(dir, grants):
    now = int(time.time())
    lines = "".join(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}\t{now}\n"
                    for i in range(grants))
    subprocess.run([MAKEMAP, "-C", "/dev/null", "hash", dir + "/relayers"],
                   input=lines.encode(), check=True, stderr=subprocess.DEVNULL)
    os.makedirs(dir + "/state", exist_ok=True)
    for name, text in (("access", ""), ("local-host-names", ""),
                       ("relay-domains", ""), ("postern.yaml", CONF.format(dir=dir))):
        with open(os.path.join(dir, name), "w") as f:
            f.write(text)
    process = subprocess.Popen([program("relay-milter"), "-f", "-c",
                                dir + "/postern.yaml"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    net.wait_listening(dir + "/map.sock", process, 60)
    return process


class Map:
    """The milter's socketmap."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)

    def has(self, address):
        text = f"relayers {address}".encode()
        self.sock.sendall(b"%d:%s," % (len(text), text))
        return b"OK" in self.sock.recv(1000)


def login(port, source):
    """-> milliseconds until +OK"""
    with Pop3(source, port=port) as client:
        start = time.perf_counter()
        assert client.login("alice", "secret").startswith("+OK")
        return (time.perf_counter() - start) * 1000


def measure(dir, plain, grants, logins):
    hook = HOOKS[0]
    config = hook.config(dir)
    milter = start_milter(dir, grants)
    times, seen = ([], []), 0
    try:
        with Dovecot(dir, extra_config=config) as hooked:
            grant = Map(dir + "/map.sock")
            for i in range(-WARM_UP, logins):
                n = i + WARM_UP
                source = f"198.18.{n >> 8}.{n & 255}"
                assert not grant.has(source)
                if i % 2:
                    without = login(plain.pop3_port, source)
                took = login(hooked.pop3_port, source)
                visible = grant.has(source)
                if not i % 2:
                    without = login(plain.pop3_port, source)
                if i >= 0:
                    seen += visible
                    times[0].append(without)
                    times[1].append(took)
    finally:
        milter.send_signal(signal.SIGTERM)
        milter.wait(30)
    extra = statistics.median(b - a for a, b in zip(*times))
    without, took = map(statistics.median, times)
    return {"grants": grants, "logins": logins, "visible": seen / logins,
            "plain_ms": round(without, 3), "hooked_ms": round(took, 3),
            "extra_ms": round(extra, 3)}


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp(prefix="postern-bench.", dir="/tmp")
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def main():
    if not net.in_own_network():
        os.execv(TOP + "/t/own-network", ["own-network", sys.executable,
                                          os.path.abspath(__file__), *sys.argv[1:]])
    net.enter()
    logins = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    results = []
    with folder() as there, \
            Dovecot(there, pop3_port=1110, imap_port=1143) as plain:
        for grants in SIZES:
            with folder() as dir:
                results.append(measure(dir, plain, grants, logins))
            print("login: {grants} grants, {visible:.0%} visible at +OK, "
                  "{extra_ms:+.2f} ms on {plain_ms} ms".format(**results[-1]),
                  file=sys.stderr)
    print(json.dumps({"name": "login", "aim": {"visible": 0.99, "extra_ms": 0.3},
                      "results": results}))


if __name__ == "__main__":
    main()
