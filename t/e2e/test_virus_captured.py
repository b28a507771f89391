"""Workers that a message has taken over: what they try is stopped, and the
mail survives.  And workers of a milter that is not root."""
import os
import subprocess
import threading
import time

import pytest

from harness import net, program, virus
from harness.virus_gate import ask, infected

KILLED = {"socket": "SIGSYS", "exec": "SIGSYS", "fork": "SIGSYS", "kill": "SIGSYS",
          "crash": "SIGSEGV", "memory": "SIGABRT", "hang": "SIGALRM"}
# No capability and no user namespace is left to whoever runs so.
CONFINED = ["setpriv", "--reuid", "alice", "--regid", "alice", "--clear-groups", "unshare", "--user",
            "--map-current-user", "--keep-caps", "sh", "-c",
            "echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --ambient-caps=-all"
            ' --inh-caps=-all --bounding-set=-all "$@"', "confined"]
ALICE = ["setpriv", "--reuid", "alice", "--regid", "alice", "--clear-groups"]


@pytest.fixture
def captured(site):
    """captured(virus=..., before=...): a milter whose workers obey X-Captured."""
    made = []

    def make(before=(), user=None, **settings):
        settings["virus"] = (f"  scanner: {site}/scanner\n  workers: 1\n  cache: 0\n"
                             + settings.get("virus", ""))
        with open(site + "/scanner", "w") as f:
            f.write(f"#!/bin/sh\nLD_PRELOAD={program('captured.so')}"
                    f" exec {program('virus-scanner')} \"$@\"\n")
        os.chmod(site + "/scanner", 0o755)
        milter = virus.VirusMilter(site, **settings)
        if user:
            for path in (milter.dir, milter.dir + "/tmp"):
                os.chown(path, net.USERS[user], net.USERS[user])
        made.append(milter.start(under=before))
        return milter

    yield make
    for one in made:
        one.stop()


def order(word, text=None):
    return f"X-Captured: {word}\r\n" + (text or infected(word))


@pytest.mark.parametrize("word", KILLED)
def test_a_captured_worker_costs_one_retry(captured, word):
    milter = captured(virus="  limits: {scan_time: 1s}\n  worker_memory: 100M\n")
    _, [worker] = milter.workers(1)
    # The next worker scans the same message.
    assert ask(milter, order("once " + word)).code == 550
    milter.said(f"scanner worker {worker} has ended: {KILLED[word]}")
    # Whoever does it twice is not scanned, and not taken.
    clean = virus.message(text="nothing in it")
    assert ask(milter, order("always " + word, clean)).text.startswith("451 4.7.1")
    milter.said("status=error")
    assert ask(milter, infected("after")).code == 550
    assert ask(milter, virus.message(text="after")).kind == "continue"


def test_a_captured_worker_cannot_write_elsewhere(captured):
    milter = captured()
    assert ask(milter, order("always write")).code == 550
    assert not os.path.exists("/tmp/captured")


def unpacked(milter):
    """Bytes below the workers' folders, as this process sees them."""
    total = 0
    for top, _, files in os.walk(milter.dir + "/tmp"):
        for name in files:
            try:
                total += os.lstat(os.path.join(top, name)).st_blocks * 512
            except OSError:
                pass
    return total


@pytest.mark.parametrize("before,user", [((), None), (ALICE, "alice")], ids=["root", "alice"])
def test_a_full_tmpfs_hurts_one_message(captured, before, user):
    milter = captured(before=before, user=user, virus="  temp_size: 2M\n")
    assert "no tmpfs" not in milter.stderr()
    # EICAR in a zip: its part would be written where nothing can be.
    assert ask(milter, order("always fill")).text.startswith("451 4.7.1")
    milter.said("error=\"unpacking: write: No space left on device")
    assert unpacked(milter) == 0  # the mounts are the scanner's own
    assert ask(milter, infected("after")).code == 550


def test_without_namespaces_folders_are_measured(captured):
    milter = captured(before=CONFINED, user="alice", virus="  temp_size: 2M\n")
    milter.said("no tmpfs (unshare: ")
    assert ask(milter, infected("before")).code == 550
    most, done = [0], []
    reply = None

    def watch():
        while not done:
            most.append(unpacked(milter))
            time.sleep(0.01)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        reply = ask(milter, order("always fill"))
    finally:
        done.append(True)
        watcher.join()
    assert reply.text.startswith("451 4.7.1"), reply
    milter.said("has ended: it has unpacked more than virus.temp_size", 2)
    assert 2e6 < max(most) < 500e6, max(most)
    net.wait_for(lambda: unpacked(milter) == 0, 10, message="not removed")
    assert ask(milter, infected("after")).code == 550
    assert milter.stderr().count("no tmpfs") == 1


@pytest.mark.parametrize("before,tmpfs", [((), "yes"), (ALICE, "yes"), (CONFINED, "no")],
                         ids=["root", "alice", "confined"])
def test_the_sandbox_holds_for_everybody(site, before, tmpfs):
    os.chmod(site, 0o777)
    done = subprocess.run([*before, program("virus-scanner"), "--probe", "all", "-t", site],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    got = dict(line.split(": ") for line in done.stdout.splitlines())
    assert done.returncode == 0, (got, done.stderr)
    for what in ("socket", "connect", "exec", "fork", "kill", "ptrace"):
        assert got[what] == "SIGSYS", got
    assert got["memory"] == "ENOMEM" and got["unpack"] == "allowed"
    assert got["write"] == "EACCES" and got["read"] == "EACCES"
    assert got["tmpfs"] == tmpfs
