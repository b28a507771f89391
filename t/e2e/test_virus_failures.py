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


@pytest.fixture
def gate(site):
    """gate(virus=...): a virus-milter that runs."""
    made = []

    def make(wait=True, **settings):
        made.append(virus.VirusMilter(site, **settings).start(wait=wait))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def ask(milter, text, timeout=60):
    """The milter's answer to a message, at its end."""
    head, _, body = text.partition("\r\n\r\n")
    with milter_client.Milter(milter.socket, timeout=timeout) as m:
        m.negotiate()
        m.connect("c.example.net", "192.0.2.4", client_addr="192.0.2.4")
        m.mail("<a@example.net>", i="q1")
        m.rcpt("<b@example.org>")
        for line in head.split("\r\n"):
            m.header(*line.split(": ", 1))
        m.eoh()
        for at in range(0, len(body), 60000):
            m.body(body[at:at + 60000])
        return m.eom(i="q1")


def asked(milter, text, timeout=60):
    """The same in a thread; call the result to get the answer."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(ask(milter, text, timeout)))
    thread.start()

    def answer():
        thread.join(timeout)
        return answers[0]
    return answer


def infected(mark=""):
    return virus.message(("e.zip", virus.zipped(("e.com", virus.eicar()))), text=mark)


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
    assert is_tempfail(ask(milter, virus.message(("p", b"harmless"))))


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


def test_many_at_the_same_instant(gate):
    """One scan that hangs does not hold up 60 messages that end together."""
    milter = gate(virus="  workers: 2\n  cache: 0")
    _, workers = milter.workers(2)
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    stuck = [asked(milter, virus.message(text=f"stuck {i}")) for i in range(2)]
    time.sleep(0.5)
    os.kill(workers[0], signal.SIGCONT)
    ready = threading.Barrier(60)
    took, codes = [], []

    def one(i):
        text = virus.message(text=f"message {i}") if i % 2 else infected(f"message {i}")
        ready.wait()
        begin = time.monotonic()
        reply = ask(milter, text)
        took.append(time.monotonic() - begin)
        codes.append((i % 2, reply.code))
    threads = [threading.Thread(target=one, args=(i,)) for i in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    os.kill(workers[1], signal.SIGCONT)
    assert [s().code for s in stuck] == [0, 0]
    assert len(took) == 60 and max(took) < 8, max(took)
    assert set(codes) == {(0, 550), (1, 0)}


def test_the_mta_is_kept_waiting(site, sink, resolver, gate):
    milter = gate(virus="  workers: 1")
    with Sendmail(site, mc=milter.mc("C:5m;S:10s;R:3s;E:1m"), sink=sink.port) as mta:
        _, [worker] = milter.workers(1)
        os.kill(worker, signal.SIGSTOP)
        threading.Timer(7, os.kill, (worker, signal.SIGCONT)).start()
        with smtp.Client(mta.port, timeout=40) as c:
            c("EHLO c")
            assert c.send("<a@example.net>", ["<b@example.org>"], infected())[-1].code == 550


# --- the sandbox ---

@pytest.mark.parametrize("user", ["root", "alice"])
def test_a_captured_worker_can_do_nothing(site, user):
    os.chmod(site, 0o777)
    command = [program("virus-scanner"), "--probe", "all", "-t", site]
    if user != "root":
        command = ["setpriv", "--reuid", user, "--clear-groups", *command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    got = dict(line.split(": ") for line in done.stdout.splitlines())
    assert done.returncode == 0, (got, done.stderr)
    for what in ("socket", "connect", "exec", "fork", "kill", "ptrace"):
        assert got[what] == "SIGSYS", got
    assert got["memory"] == "ENOMEM" and got["unpack"] == "allowed"
    assert got["write"] == "EACCES" and got["read"] == "EACCES"


def test_nothing_is_left_behind(gate):
    milter = gate(virus="  workers: 2")
    scanner, workers = milter.workers(2)
    milter.stop(signal.SIGKILL)
    net.wait_for(lambda: not any(virus.alive(p) for p in [scanner, *workers]),
                 10, message="processes outlive the milter")
    milter.start(wait=False)
    milter.said("signatures loaded", 2)
    milter.workers(2)
    left = {name.split(".")[1] for name in os.listdir(milter.dir + "/tmp")}
    assert left == {str(milter.descendants()[0][0])}


# --- all at once ---

def test_kill_at_random_under_load(site, sink, resolver, gate):
    """Clients send until they have an answer that is no 4xx."""
    milter = gate(virus="  workers: 2\n  cache: 0")
    wrong, done = [], []
    with Sendmail(site, mc=milter.mc(), sink=sink.port) as mta:
        stop = time.monotonic() + 15

        def client(number):
            n = 0
            while time.monotonic() < stop:
                n += 1
                mark, bad = f"load-{number}-{n}.", n % 2
                text = infected(mark) if bad else virus.message(text=mark)
                code = 0
                while code // 100 not in (2, 5):
                    try:
                        with smtp.Client(mta.port, timeout=60) as c:
                            c("EHLO c")
                            code = c.send("<a@example.net>", ["<b@example.org>"], text)[-1].code
                    except OSError:
                        pass
                    time.sleep(0.05)
                if (code // 100 == 5) != bool(bad):
                    wrong.append((mark, code))
                done.append((mark, bad))
        threads = [threading.Thread(target=client, args=(i,)) for i in range(6)]
        for thread in threads:
            thread.start()
        chance, kills = random.Random(7), 0
        while time.monotonic() < stop - 1:
            time.sleep(chance.uniform(0.1, 0.4))
            everything = milter.descendants()
            pids = [p for s, w in everything for p in w] + [s for s, _ in everything]
            victim = chance.choice(pids + [milter.process.pid])
            try:
                os.kill(victim, signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                continue
            if victim == milter.process.pid:
                milter.process.wait()
                milter.start(wait=False)
        for thread in threads:
            thread.join(90)
        assert not wrong
        assert kills > 20 and len(done) > 30, (kills, len(done))
        for mark, bad in done:
            if not bad:
                assert sink.wait(mark.replace(".", r"\."), timeout=20), mark
        texts = "".join(m["text"] for m in sink.messages)
        for mark, bad in done:
            assert texts.count("\n" + mark) == (0 if bad else 1), mark
