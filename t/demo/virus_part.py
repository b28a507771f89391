"""What virus-milter does, shown on real sendmail and real libclamav."""
import os
import signal
import threading
import time

from harness import smtp, virus
from harness.sendmail import Sendmail

SIGNATURE = "Eicar-Test-Signature.UNOFFICIAL"


def mail(mta, text):
    """The last reply and how long all took."""
    begin = time.monotonic()
    with smtp.Client(mta.port, timeout=60) as client:
        client("EHLO client.example.net")
        reply = client.send("<ann@example.net>", ["<joe@example.org>"], text)[-1]
    return reply, time.monotonic() - begin


def infected(mark):
    return virus.message(("photos.zip", virus.nested_zip(virus.eicar(), 3)), text=mark)


def verdicts(mta, sink, title, show):
    title("A virus in a zip in a zip in a zip, in a base64 attachment")
    reply, _ = mail(mta, infected("look at these"))
    show("client", "DATA with photos.zip", reply, reply.code == 550 and SIGNATURE in reply)
    title("A clean message, with headers that claim to be ours")
    forged = "X-Virus-Status: trust me\r\n"
    reply, _ = mail(mta, virus.message(("a.txt", b"harmless"), text="demo-clean", headers=forged))
    show("client", "DATA with a.txt", reply, reply.code == 250)
    text = (sink.wait("demo-clean") or {"text": ""})["text"]
    ours = "\n".join(l for l in text.splitlines() if l.startswith("X-Virus"))
    show("example.org", "has it, with these headers", ours.replace("\n", "\n" + " " * 18),
         "X-Virus-Status: clean" in ours and "trust me" not in text)


def reload(mta, milter, title, show):
    title("New signatures while mail flows")
    outbreak = virus.message(("w.txt", b"a worm that is new today"), text="hi")
    reply, _ = mail(mta, outbreak)
    show("client", "a worm that nobody knows yet", reply, reply.code == 250)
    answers, stop = [], threading.Event()

    def flow():
        while not stop.is_set():
            answers.append(mail(mta, virus.message(text=f"message {len(answers)}")))
    clients = [threading.Thread(target=flow) for _ in range(3)]
    for client in clients:
        client.start()
    virus.database(milter.database, [(
        "new.ndb", "Worm.New:0:*:" + b"a worm that is new today".hex() + "\n")])
    milter.process.send_signal(signal.SIGHUP)
    milter.said("signatures loaded", 2)
    time.sleep(0.5)
    stop.set()
    for client in clients:
        client.join()
    slowest = max(took for _, took in answers)
    show("clients", f"{len(answers)} messages meanwhile",
         f"all taken, the slowest in {slowest:.1f} s" if all(
             r.code == 250 for r, _ in answers) else "not all were taken",
         all(r.code == 250 for r, _ in answers) and slowest < 5)
    reply, _ = mail(mta, outbreak)
    show("client", "the same worm again", reply, reply.code == 550 and "Worm.New" in reply)


def kill(mta, milter, title, show):
    title("The scanner's worker is killed in the middle of a scan")
    _, [worker] = milter.workers(1)
    os.kill(worker, signal.SIGSTOP)  # so that the scan surely has not ended
    answers = []
    client = threading.Thread(target=lambda: answers.append(mail(mta, infected("again"))[0]))
    client.start()
    time.sleep(1)
    os.kill(worker, signal.SIGKILL)
    milter.said(f"scanner worker {worker} has ended: SIGKILL")
    show("postmaster", f"kill -9 {worker}", "it is gone, another takes over",
         not virus.alive(worker))
    client.join()
    show("client", "DATA, sent before that", answers[0], SIGNATURE in answers[0])


def story(site, sink, title, show):
    """All of it; title() and show() print."""
    os.mkdir(site + "/scanned")
    milter = virus.VirusMilter(site, virus="  workers: 1\n  cache: 0\n")
    with milter, Sendmail(site + "/scanned", mc=milter.mc(), sink=sink.port) as mta:
        verdicts(mta, sink, title, show)
        reload(mta, milter, title, show)
        kill(mta, milter, title, show)
