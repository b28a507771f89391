"""kill -9 of vsmtprelay and relay-milter at random, with several writers:
relayers.db stays whole and no acknowledged grant is lost."""
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from harness import program, server

MAKEMAP = server("sendmail", "usr/sbin/makemap")
RNG = random.Random(20261121)


@pytest.fixture
def folder():
    path = tempfile.mkdtemp(prefix="postern-kill.", dir="/dev/shm")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


def entries(folder):
    """Keys that sendmail would find."""
    r = subprocess.run([MAKEMAP, "-C", "/dev/null", "-u", "hash",
                        os.path.join(folder, "relayers.db")],
                       capture_output=True, text=True)
    assert r.returncode == 0, r
    return {line.split("\t")[0] for line in r.stdout.splitlines()}


def check(folder, acknowledged, listed=None):
    db = os.path.join(folder, "relayers.db")
    subprocess.run(["db5.3_verify", "-q", db], check=True)
    have = entries(folder) if listed is None else listed
    lost = acknowledged - have
    assert not lost, f"{len(lost)} lost: {sorted(lost)[:5]}"


def test_vsmtprelay_100_times(folder):
    db = os.path.join(folder, "relayers.db")
    relay = [program("vsmtprelay"), "-f", db]
    text = "".join(f"10.9.{n // 256}.{n % 256} 5\n" for n in range(1000))
    subprocess.run([*relay, "import"], input=text, text=True, check=True)
    # Killed within the time that a few adds take here: some get through.
    start = time.monotonic()
    subprocess.run([*relay, "add", "10.8.0.1", "7"], check=True)
    longest = max(0.02, 6 * (time.monotonic() - start))
    acknowledged, kills, lock = entries(folder), 0, threading.Lock()
    stop = threading.Event()

    def writer(w):
        nonlocal kills
        n = 0
        while not stop.is_set():
            addr = f"10.{w}.{n // 256}.{n % 256}"
            n += 1
            adding = subprocess.Popen([*relay, "add", addr, "7"],
                                      stderr=subprocess.DEVNULL)
            try:
                code = adding.wait(RNG.random() * longest)
            except subprocess.TimeoutExpired:
                adding.kill()
                code = adding.wait()
            with lock:
                if code == 0:
                    acknowledged.add(addr)
                elif code == -9:
                    kills += 1
                else:
                    raise AssertionError(code)

    threads = [threading.Thread(target=writer, args=(w,)) for w in range(3)]
    for t in threads:
        t.start()
    end = time.monotonic() + 150
    while kills < 100 and time.monotonic() < end:
        time.sleep(0.2)
    stop.set()
    for t in threads:
        t.join()
    assert kills >= 100
    assert len(acknowledged) > 1010
    check(folder, acknowledged)
    assert not [f for f in os.listdir(folder)
                if f not in ("relayers.db", "relayers.db.new",
                             "__db.relayers.db.new")]
    # The next change takes away what a killed one left.
    subprocess.run([*relay, "add", "192.0.2.1"], check=True)
    assert os.listdir(folder) == ["relayers.db"]


class Asking(threading.Thread):
    """Adds grants through the control socket until the server is gone."""

    def __init__(self, path, w, round_, pause=0):
        super().__init__()
        self.path, self.w, self.round, self.pause = path, w, round_, pause
        self.acknowledged = set()

    def run(self):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(self.path)
                answers = s.makefile("rb")
                for n in range(65536):
                    addr = f"10.{self.w * 60 + self.round}." \
                           f"{n // 256}.{n % 256}"
                    request = {"command": "add", "address": addr, "ticks": 7}
                    s.sendall(json.dumps(request).encode() + b"\n")
                    if not json.loads(answers.readline()).get("ok"):
                        return
                    self.acknowledged.add(addr)
                    time.sleep(self.pause)
        except (OSError, ValueError):
            pass  # killed


def configure(folder):
    """-> (postern.yaml, control socket)"""
    conf = os.path.join(folder, "postern.yaml")
    control = os.path.join(folder, "control.sock")
    with open(conf, "w") as f:
        f.write(f"mail_dir: {folder}\nstate_dir: {folder}\n"
                f"relay:\n  socket: unix:{folder}/relay.sock\n"
                "  domain: mx.example.org\n  features: []\n"
                f"  control_socket: unix:{control}\n"
                "  relayers: {window: 0}\n")
    for name in ("local-host-names", "relay-domains"):
        open(os.path.join(folder, name), "w").close()
    return conf, control


def start_milter(conf, control):
    if os.path.exists(control):
        os.unlink(control)
    return subprocess.Popen([program("relay-milter"), "-f", "-c", conf],
                            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_socket(control, milter):
    end = time.monotonic() + 20
    while not os.path.exists(control) and time.monotonic() < end:
        assert milter.poll() is None
        time.sleep(0.002)


def dumped(conf):
    listed = subprocess.run(
        [program("vsmtprelay"), "-c", conf, "dump", "--makemap"],
        capture_output=True, text=True, check=True).stdout
    return {line.split("\t")[0] for line in listed.splitlines()}


def test_relay_milter_50_times_under_load(folder):
    """As many adds as the socket takes."""
    conf, control = configure(folder)
    acknowledged = set()
    for round_ in range(50):
        milter = start_milter(conf, control)
        wait_for_socket(control, milter)
        askers = [Asking(control, w, round_) for w in range(2)]
        for a in askers:
            a.start()
        time.sleep(RNG.random() * 0.25)
        milter.kill()
        milter.wait()
        for a in askers:
            a.join()
            acknowledged |= a.acknowledged
        if round_ % 10 == 9:
            check(folder, acknowledged, dumped(conf))
    assert len(acknowledged) > 1000
    # With the first change of vsmtprelay the journal is in the file.
    subprocess.run([program("vsmtprelay"), "-c", conf, "add", "192.0.2.1"],
                   check=True)
    check(folder, acknowledged)


class Both:
    """One folder, a relay-milter that is killed and started again, and
    writers that are killed too: they ask it when it is there, and else work
    on the file and on what it left in its journal."""

    def __init__(self, folder, kills):
        self.folder, self.wanted = folder, kills
        self.conf, self.control = configure(folder)
        self.kills = {"relay-milter": 0, "vsmtprelay": 0}
        self.acknowledged, self.lock = set(), threading.Lock()
        self.failed = []
        self.end = time.monotonic() + 240

    def over(self):
        return bool(self.failed) or time.monotonic() > self.end or \
            min(self.kills.values()) >= self.wanted

    def add(self, *addresses):
        with self.lock:
            self.acknowledged.update(addresses)

    def keeper(self):
        """Starts and kills relay-milter, at times before it is up."""
        rng = random.Random(1)
        while not self.over():
            milter = start_milter(self.conf, self.control)
            if rng.random() < 0.8:
                wait_for_socket(self.control, milter)
            time.sleep(rng.random() * 0.1)
            milter.kill()
            milter.wait()
            self.kills["relay-milter"] += 1
            if self.kills["relay-milter"] % 25 == 0:
                self.look()
            time.sleep(rng.random() * 0.03)

    def look(self):
        """The file is whole at any time, whoever is at work."""
        with self.lock:
            known = set(self.acknowledged)
        check(self.folder, known, dumped(self.conf))

    def writer(self, w):
        """One vsmtprelay after the other."""
        rng = random.Random(100 + w)
        for n in range(65536):
            if self.over():
                return
            address = f"10.{w}.{n // 256}.{n % 256}"
            adding = subprocess.Popen(
                [program("vsmtprelay"), "-c", self.conf, "add", address, "7"],
                stderr=subprocess.PIPE)
            try:
                code = adding.wait(rng.random() * 0.05)
            except subprocess.TimeoutExpired:
                adding.kill()
                code = adding.wait()
            error = adding.stderr.read().decode()
            adding.stderr.close()
            if code == 0:
                self.add(address)
            elif code == -9:
                self.kills["vsmtprelay"] += 1
            else:       # relay-milter was killed before it answered
                assert code in (73, 75) and self.control in error, error

    def asker(self, w):
        """Through the socket, on one connection as long as it lasts."""
        for round_ in range(10000):
            if self.over():
                return
            asking = Asking(self.control, w, round_ % 60, 0.002)
            asking.run()
            self.add(*asking.acknowledged)
            time.sleep(0.005)

    def guarded(self, what, *args):
        def run():
            try:
                what(*args)
            except BaseException as e:
                self.failed.append(repr(e))
        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def run(self):
        threads = [self.guarded(self.keeper), self.guarded(self.asker, 2),
                   self.guarded(self.writer, 0), self.guarded(self.writer, 1)]
        for thread in threads:
            thread.join()
        assert not self.failed, self.failed


def test_both_500_times(folder):
    """Fewer under the address sanitizer, where each start takes its time."""
    each = 50 if "asan" in os.environ.get("POSTERN_BIN", "") else 250
    both = Both(folder, each)
    both.run()
    assert min(both.kills.values()) >= each, both.kills
    assert len(both.acknowledged) > each
    subprocess.run([program("vsmtprelay"), "-c", both.conf, "add", "192.0.2.1"],
                   check=True)
    check(folder, both.acknowledged)
    # And relay-milter has them all.
    milter = start_milter(both.conf, both.control)
    wait_for_socket(both.control, milter)
    assert both.acknowledged <= dumped(both.conf)
    milter.terminate()
    assert milter.wait(10) == 0
    check(folder, both.acknowledged)
