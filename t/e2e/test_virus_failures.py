"""Whatever fails, nothing unscanned is taken for clean and nothing is lost."""
import os
import random
import shutil
import signal
import subprocess
import threading
import time

import pytest

from harness import milter_client, net, program, smtp, virus
from harness.sendmail import Sendmail
from harness.virus_gate import alone as gate, ask, asked, infected  # noqa: F401


def big(size=400_000):
    return virus.message(("r.bin", random.Random(1).randbytes(size)))


def is_tempfail(reply):
    return reply.text.startswith("451 4.7.1")


# --- the ways in which libclamav says clean and is not ---

def test_folder_for_unpacking_is_gone(gate):
    milter = gate(virus="  workers: 1")
    assert ask(milter, infected()).code == 550
    shutil.rmtree(milter.dir + "/tmp")
    assert is_tempfail(ask(milter, infected("other")))
    milter.said("status=error")
    begin = time.monotonic()
    assert is_tempfail(ask(milter, virus.message(("p", b"harmless"))))
    assert time.monotonic() - begin < 20  # nobody waits for what does not come
    os.mkdir(milter.dir + "/tmp")
    os.chmod(milter.dir + "/tmp", 0o755)
    milter.said("signatures loaded", 2, timeout=60)
    assert ask(milter, infected("mended")).code == 550


def test_folder_for_unpacking_is_full(gate):
    milter = gate(virus="  temp_size: 64K")
    assert is_tempfail(ask(milter, big()))
    milter.said("status=error action=tempfail")


LIMITS = [("recursion: 3", lambda: ("x.zip", virus.nested_zip(b"x" * 99, 9))),
          ("files: 5", lambda: ("x.zip", virus.zipped(*[(f"{i}", b"%d" % i) for i in range(40)]))),
          ("scan_size: 100K", lambda: ("x.zip", virus.zipped(
              *[(f"{i}", random.Random(i).randbytes(60000)) for i in range(5)]))),
          ("file_size: 50K", lambda: ("x.zip", virus.zipped(("x", bytes(60000))))),
          ("scan_time: 100ms", lambda: ("x.bin", random.Random(2).randbytes(25_000_000)))]


@pytest.mark.parametrize("limit,made", LIMITS, ids=[l[0].split(":")[0] for l in LIMITS])
def test_every_limit_is_told(gate, limit, made):
    milter = gate(virus="  actions: {limits: reject}\n  limits: {%s}" % limit)
    reply = ask(milter, virus.message(made()))
    assert reply.text.startswith("550 5.7.1 Message cannot be scanned completely: "
                                 "Heuristics.Limits.Exceeded"), milter.stderr()


def test_engine_is_not_ready(gate, site):
    milter = gate(wait=False, virus="  deadline: 2s\n  workers: 1",
                  signatures=[("bad.ndb", "this is no signature\n")])
    assert is_tempfail(ask(milter, virus.message(text="harmless")))
    os.unlink(milter.database + "/bad.ndb")
    milter.said("signatures loaded", timeout=40)
    assert ask(milter, infected()).code == 550


def test_a_set_without_eicar_is_refused(gate):
    milter = gate(virus="  workers: 1")
    os.unlink(milter.database + "/test.hsb")
    with open(milter.database + "/test.ndb", "w") as f:
        f.write("Clam.Code:0:*:%s\n" % virus.clam()[0x40:0x70].hex())
    milter.process.send_signal(signal.SIGHUP)
    milter.said("self-test: EICAR test file is called clean")
    assert ask(milter, infected()).code == 550


def test_clamd_has_lost_its_folder(gate, site):
    """clamav-milter takes EICAR for clean then."""
    os.mkdir(site + "/clamd.tmp")
    os.chmod(site + "/clamd.tmp", 0o777)
    clamd = virus.clamd(site, "clamd", virus.database(site + "/db"), temp=site + "/clamd.tmp")
    try:
        milter = gate(wait=False, virus=f"  engine: clamd\n  clamd: {{servers: ['unix:{site}/clamd']}}")
        assert ask(milter, infected()).code == 550
        assert ask(milter, virus.message(text="harmless")).kind == "continue"
        shutil.rmtree(site + "/clamd.tmp")
        assert is_tempfail(ask(milter, infected("other")))
        milter.said("calls the EICAR test file in a mail clean")
        assert is_tempfail(ask(milter, virus.message(text="also harmless")))
    finally:
        clamd.kill()
        clamd.wait()


# --- what one answer could hide ---

def test_a_forgiven_signature_hides_no_other(gate):
    """The first match ends a scan, so a false alarm could be a virus's cloak."""
    milter = gate(virus="  signatures:\n    - {match: 'Good.*', action: accept}\n",
                  signatures=[("good.ndb", "Good.Tool:0:*:%s\n" % b"a good tool".hex())])
    good = ("a.txt", b"this is a good tool, not a bad one")
    assert ask(milter, virus.message(good)).kind == "continue"
    both = virus.message(good, ("e.zip", virus.zipped(("e.com", virus.eicar()))))
    assert ask(milter, both).text.startswith("550 5.7.1 Message refused: Eicar")


def test_old_signatures(gate):
    milter = gate(virus="  max_age: 10d")
    assert ask(milter, virus.message(text="first")).kind == "continue"
    assert "older than" not in milter.stderr()
    for name in os.listdir(milter.database):
        os.utime(os.path.join(milter.database, name), (1e9, 1e9))
    milter.process.send_signal(signal.SIGHUP)
    milter.said("signatures loaded", 2)
    for text in ("second", "third"):
        assert ask(milter, virus.message(text=text)).kind == "continue"
    milter.said("the signatures are older than virus.max_age")
    assert milter.stderr().count("older than virus.max_age") == 1
    milter.configure("  max_age: 10d\n  stale: tempfail")
    milter.process.send_signal(signal.SIGHUP)
    milter.said("reloaded", 2)
    assert is_tempfail(ask(milter, virus.message(text="fourth")))


# --- workers that misbehave ---

def test_worker_dies_in_a_scan(gate):
    milter = gate(virus="  workers: 1")
    _, [worker] = milter.workers(1)
    os.kill(worker, signal.SIGSTOP)
    answer = asked(milter, infected())
    time.sleep(0.3)
    os.kill(worker, signal.SIGKILL)
    assert answer().code == 550
    milter.said(f"scanner worker {worker} has ended: SIGKILL")


def test_worker_hangs(gate):
    milter = gate(virus="  workers: 1\n  limits: {scan_time: 500ms}")
    _, [worker] = milter.workers(1)
    os.kill(worker, signal.SIGSTOP)
    begin = time.monotonic()
    assert ask(milter, infected()).code == 550
    assert time.monotonic() - begin < 12


def test_worker_takes_too_much_memory(gate):
    milter = gate(virus="  worker_memory: 1M\n  limits: {scan_time: 20s}\n  workers: 1\n"
                        "  self_test: clean", wait=False)
    milter.said("virus:")
    assert is_tempfail(ask(milter, big(3_000_000))) or "self-test" in milter.stderr()


def test_scanner_dies(gate):
    milter = gate(virus="  workers: 2")
    scanner, workers = milter.workers(2)
    os.kill(scanner, signal.SIGKILL)
    assert ask(milter, infected()).code == 550
    net.wait_for(lambda: not any(virus.alive(w) for w in workers),
                 5, message="workers outlive their parent")


def test_sizes(gate):
    milter = gate(virus="  workers: 2\n  worker_memory: 2G\n  limits: {file_size: 200M}\n"
                        "  max_message: 150M")
    assert ask(milter, "Subject: x\r\n\r\nx").kind == "continue"
    assert ask(milter, "Subject: x\r\n\r\n").kind == "continue"
    line = b"A" * 998 + b"\r\n"
    lines = (100 << 20) // len(line)
    for last, code in ((b"end\r\n", 0), (virus.eicar() + b"\r\n", 550)):
        with milter_client.Milter(milter.socket, timeout=200) as m:
            m.negotiate()
            m.connect("c.example.net", "192.0.2.4", client_addr="192.0.2.4")
            m.mail("<a@example.net>", i="q1")
            m.rcpt("<b@example.org>")
            m.header("Subject", "large")
            m.header("MIME-Version", "1.0")
            m.header("Content-Type", "multipart/mixed; boundary=b")
            m.eoh()
            m.body(b"--b\r\nContent-Type: application/octet-stream\r\n\r\n")
            for _ in range(lines // 60):
                m.body(line * 60)
            m.body(b"\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + last + b"--b--\r\n")
            reply = m.eom(i="q1")
            assert reply.code == code, (reply, milter.stderr()[-2000:])


def test_nothing_is_left_behind(gate):
    milter = gate(virus="  workers: 2")
    scanner, workers = milter.workers(2)
    milter.stop(signal.SIGKILL)
    net.wait_for(lambda: not any(virus.alive(p) for p in [scanner, *workers]),
                 10, message="processes outlive the milter")
    milter.start(wait=False)
    milter.said("signatures loaded", 2)
    milter.workers(2)
    left = {tuple(name.split(".")[:2]) for name in os.listdir(milter.dir + "/tmp")}
    assert left == {("postern-scan", str(milter.descendants()[0][0])),
                    ("postern-set", str(milter.process.pid))}
