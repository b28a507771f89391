"""A pool of clamd: who hangs, who is set up to see less, and what status says."""
import os
import signal
import subprocess
import time

import pytest

from harness import net, program, virus
from harness.virus_gate import alone, ask, infected  # noqa: F401


@pytest.fixture
def pool(site, alone):
    """pool(number, settings): that many clamds; returns them and the milter."""
    servers = []

    def make(number=2, settings="", virus_settings="", **conf):
        database = virus.database(site + "/db")
        servers.extend(virus.clamd(site, f"c{i}", database, **conf) for i in range(number))
        sockets = ", ".join(f"'unix:{site}/c{i}'" for i in range(number))
        return servers, alone(wait=False, virus=(
            f"  engine: clamd\n  cache: 0\n{virus_settings}\n"
            f"  clamd: {{servers: [{sockets}], probe: 1s{settings}}}\n"))

    yield make
    for server in servers:
        server.kill()
        server.wait()


def asked_status(milter):
    def run(word):
        return subprocess.run([program("postern"), "virus", word, "-c", milter.conf],
                              stdout=subprocess.PIPE, text=True)
    return (run("status").returncode == 0,
            "postern_virus_ready 1\n" in run("metrics").stdout)


def becomes(milter, ready):
    net.wait_for(lambda: asked_status(milter) == (ready, ready), 20, milter.process,
                 f"ready is not {ready}")


def timed(milter, text):
    begin = time.monotonic()
    return ask(milter, text), time.monotonic() - begin


def test_servers_that_hang(pool):
    """One costs no message, all of them no more than virus.deadline."""
    servers, milter = pool(virus_settings="  deadline: 8s")
    becomes(milter, True)  # before any mail
    os.kill(servers[0].pid, signal.SIGSTOP)
    for n in range(3):
        reply, took = timed(milter, virus.message(text=f"one hangs {n}"))
        assert reply.kind == "continue" and took < 8, (reply, took)
    assert asked_status(milter) == (True, True)
    os.kill(servers[1].pid, signal.SIGSTOP)
    reply, took = timed(milter, infected("all hang"))
    assert reply.text.startswith("451 4.7.1") and took < 10, (reply, took)
    becomes(milter, False)
    for server in servers:
        os.kill(server.pid, signal.SIGCONT)
    becomes(milter, True)
    milter.said("answers again")
    assert ask(milter, infected("back")).code == 550


def test_servers_that_are_dead(pool):
    """Without any mail the status tells."""
    servers, milter = pool(1)
    becomes(milter, True)
    servers[0].kill()
    servers[0].wait()
    becomes(milter, False)


@pytest.mark.parametrize("alerts, missing", [
    (["AlertEncrypted"], "calls a zip that is too deep clean: clamd.conf needs AlertExceedsMax"),
    (["AlertExceedsMax"], "calls an encrypted zip clean: clamd.conf needs AlertEncrypted")])
def test_a_clamd_that_does_not_tell_what_it_did_not_see(pool, alerts, missing):
    _, milter = pool(1, alerts=alerts)
    deep = virus.message(("d.zip", virus.nested_zip(virus.eicar(), 30)))
    assert ask(milter, deep).text.startswith("451 4.7.1")
    milter.said(missing)
    assert asked_status(milter) == (False, False)


def test_what_is_encrypted_need_not_be_told(pool):
    _, milter = pool(1, alerts=["AlertExceedsMax"],
                     virus_settings="  detect: {encrypted: no}\n  actions: {limits: reject}")
    becomes(milter, True)
    assert ask(milter, virus.message(text="harmless")).kind == "continue"
    deep = virus.message(("d.zip", virus.nested_zip(virus.eicar(), 30)))
    assert "Heuristics.Limits.Exceeded" in ask(milter, deep).text
