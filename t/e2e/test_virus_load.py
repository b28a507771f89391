"""Many messages at once: none holds up another, the MTA does not give up, and
what is too much gets a 451."""
import os
import random
import signal
import socket
import threading
import time

from harness import milter_client, net, smtp, virus
from harness.sendmail import Sendmail
from harness.virus_gate import alone as gate, ask, asked, infected  # noqa: F401


def until_eom(milter, text, client="192.0.2.4"):
    """A message whose end has not been told yet."""
    head, _, body = text.partition("\r\n\r\n")
    m = milter_client.Milter(milter.socket, timeout=60)
    m.negotiate()
    m.connect("c.example.net", client, client_addr=client)
    m.mail("<a@example.net>", i="q1")
    m.rcpt("<b@example.org>")
    for line in head.split("\r\n"):
        m.header(*line.split(": ", 1))
    m.eoh()
    m.body(body)
    return m


def test_many_at_the_same_instant(gate):
    """61 messages end in the same instant; one of them, whose scan takes 20 s,
    holds up none of the others."""
    milter = gate(virus="  workers: 2\n  cache: 0")
    _, workers = milter.workers(2)
    os.kill(workers[0], signal.SIGSTOP)
    threading.Timer(20, os.kill, (workers[0], signal.SIGCONT)).start()
    texts = [virus.message(text=f"message {i}") if i % 2 else infected(f"message {i}")
             for i in range(61)]
    waiting = [until_eom(milter, text) for text in texts]
    ready, took, codes = threading.Barrier(61), [], []

    def end(i):
        ready.wait()
        begin = time.monotonic()
        reply = waiting[i].eom(i="q1")
        took.append(time.monotonic() - begin)
        codes.append((i % 2, reply.code))
    threads = [threading.Thread(target=end, args=(i,)) for i in range(61)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for m in waiting:
        m.sock.close()
    took.sort()
    # One after the other they take less than a second; who is behind the slow
    # one would take 20.
    assert len(took) == 61 and took[59] < 8 and took[60] > 15, took[-3:]
    assert took[30] < 4, took
    assert set(codes) == {(0, 550), (1, 0)}


def test_what_is_too_much_is_refused_at_once(gate):
    milter = gate(virus="  workers: 1\n  max_waiting: 3\n  cache: 0\n  deadline: 1m")
    _, [worker] = milter.workers(1)
    os.kill(worker, signal.SIGSTOP)
    first = [asked(milter, infected(f"message {i}")) for i in range(4)]  # 1 scanned, 3 wait
    net.wait_for(lambda: '"waiting":3' in status(milter), 10, message="they do not wait")
    begin = time.monotonic()
    assert ask(milter, infected("one more")).text.startswith("451 4.7.1")
    assert time.monotonic() - begin < 2
    milter.said("too many messages wait for a scan")
    os.kill(worker, signal.SIGCONT)
    assert [answer().code for answer in first] == [550] * 4


def test_who_waits_too_long_is_refused(gate):
    milter = gate(virus="  workers: 1\n  cache: 0\n  deadline: 2s")
    _, [worker] = milter.workers(1)
    os.kill(worker, signal.SIGSTOP)
    busy = asked(milter, infected("busy"))
    time.sleep(0.3)
    begin = time.monotonic()
    assert ask(milter, infected("waits")).text.startswith("451 4.7.1")
    assert 1.5 < time.monotonic() - begin < 5
    assert busy().text.startswith("451 4.7.1")  # its worker hangs for good


def heavy_zip():
    """Takes longer to scan than the tests allow."""
    page = b"<html>" + b'<script>var a=1;</script><a href="http://x.example/">' * 60000
    return virus.zipped(*((f"{i}.html", page) for i in range(3)))


def test_one_deadline_for_all_parts(gate):
    milter = gate(virus="  workers: 1\n  deadline: 3s\n  actions: {infected: strip}\n"
                        "  limits: {scan_time: 1s}\n")
    heavy = heavy_zip()
    text = virus.message(("e.com", virus.eicar()),
                         *((f"{i}.zip", heavy) for i in range(12)))
    begin = time.monotonic()
    reply = ask(milter, text)
    assert time.monotonic() - begin < 8
    assert reply.kind == "continue"
    body = b"".join(data for letter, data in reply.edits if letter == "b")
    assert body.startswith(b"A part of this message was removed: infected") and b"--" not in body
    assert "status=infected action=strip" in milter.stderr()
    assert int(milter.stderr().rsplit(" ms=", 1)[1].split()[0]) > 2000


def test_our_own_mail_goes_first(gate):
    milter = gate(virus="  workers: 1\n  cache: 0\n  deadline: 1m")
    _, [worker] = milter.workers(1)
    os.kill(worker, signal.SIGSTOP)
    order, threads = [], []

    def one(name, client):
        m = until_eom(milter, virus.message(text=name), client)
        m.eom(i="q1")
        order.append(name)
        m.sock.close()
    names = ["busy", "out1", "out2", "out3", "ours"]
    for n, name in enumerate(names):
        threads.append(threading.Thread(target=one, args=(
            name, "127.0.0.1" if name == "ours" else "192.0.2.4")))
        threads[-1].start()
        if n:
            net.wait_for(lambda: f'"waiting":{n}' in status(milter), 10, message=name)
        else:
            net.wait_for(lambda: '"idle":0' in status(milter), 10, message=name)
    os.kill(worker, signal.SIGCONT)
    for thread in threads:
        thread.join(30)
    assert order.index("ours") <= 1, order


def status(milter):
    """The answer of the control socket as it stands."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(milter.control)
        s.sendall(b'{"command":"status"}\n')
        return s.makefile().readline()


def test_eight_large_messages_at_once(site, sink, resolver, gate):
    """sendmail waits 10 s for a reply by default; these take longer together."""
    milter = gate(virus="  workers: 2")
    codes = []
    with Sendmail(site, mc=milter.mc(), sink=sink.port) as mta:
        def one(i):
            data = random.Random(i).randbytes(18_000_000)  # 24 MiB in base64
            with smtp.Client(mta.port, timeout=150) as c:
                c("EHLO c")
                codes.append(c.send("<a@example.net>", ["<b@example.org>"],
                                    virus.message(("r.bin", data), text=f"large {i}."))[-1].code)
        threads = [threading.Thread(target=one, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(160)
    assert codes == [250] * 8
    assert milter.stderr().count("status=clean") == 8
    net.wait_for(lambda: sum("large " in m["text"][:3000] for m in sink.messages) == 8, 30,
                 message="not all arrived")
    del sink.messages[:]  # others search in them


def test_the_mta_is_kept_waiting(site, sink, resolver, gate):
    milter = gate(virus="  workers: 1")
    with Sendmail(site, mc=milter.mc("C:5m;S:10s;R:3s;E:1m"), sink=sink.port) as mta:
        _, [worker] = milter.workers(1)
        os.kill(worker, signal.SIGSTOP)
        threading.Timer(7, os.kill, (worker, signal.SIGCONT)).start()
        with smtp.Client(mta.port, timeout=40) as c:
            c("EHLO c")
            assert c.send("<a@example.net>", ["<b@example.org>"], infected())[-1].code == 550
