#!/usr/bin/env python3
"""virus-milter beside clamav-milter with clamd, on the same signatures.

    t/bench/virus_speed.py [SECONDS [CONNECTIONS...]]

Both serve the same messages in turns; the database is synthetic, of the size
and kinds of a real one.  For each kind of traffic and number of connections
(1, 8 and 32 unless given) prints a line on stderr, and one JSON object on
stdout:

    {"name": "virus", "signatures": 355000, "results": [{"traffic": "...",
     "connections": 8, "ours": {"messages_per_s": N, "p50_ms": N, "p99_ms": N,
     "cpu_us": N, "rss_mib": N}, "peer": {...}, "ratio": R, "aim": A}, ...]}

cpu_us is the processor time per message of all processes of the milter and
its scanner; rss_mib counts pages that workers share once (Pss).
"""
import glob
import json
import multiprocessing
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import milter_client, net, virus  # noqa: E402

TURNS = 2
WORDS = [("word%d" % i).encode() for i in range(3000)]


def signatures(directory, scale=1):
    """80k static and 20k wildcard patterns, 200k and 50k hashes, 5k logical."""
    chance = random.Random(3)
    text = {"s.ndb": [], "s.hsb": [], "s.mdb": [], "s.ldb": []}
    for i in range(80000 // scale):
        text["s.ndb"].append(f"S.{i}:0:*:{chance.randbytes(16).hex()}")
    for i in range(20000 // scale):
        a, b = chance.randbytes(8).hex(), chance.randbytes(8).hex()
        text["s.ndb"].append(f"W.{i}:0:*:{a}*{b}")
    for i in range(200000 // scale):
        text["s.hsb"].append(f"{chance.randbytes(32).hex()}:{1000 + i % 90000}:H.{i}:73")
    for i in range(50000 // scale):
        text["s.mdb"].append(f"{512 * (1 + i % 400)}:{chance.randbytes(16).hex()}:M.{i}")
    for i in range(5000 // scale):
        a, b = chance.randbytes(8).hex(), chance.randbytes(8).hex()
        text["s.ldb"].append(f"L.{i};Engine:81-255,Target:0;0&1;{a};{b}")
    virus.database(directory, [(n, "\n".join(lines) + "\n") for n, lines in text.items()])
    return sum(map(len, text.values()))


def words(chance, size):
    out = b""
    while len(out) < size:
        out += b" ".join(chance.choices(WORDS, k=12)) + b"\r\n"
    return out[:size]


class Traffic:
    """Messages of one kind; `make(n)` -> (headers, body) of the n-th."""

    def __init__(self, name, aim, make):
        self.name, self.aim, self.make = name, aim, make


def parts_of(text, attachment):
    return virus.message(("a.zip", attachment), text=text).partition("\r\n\r\n")


def traffics():
    plain = words(random.Random(1), 4096).decode()
    zipped = virus.zipped(("a.txt", words(random.Random(2), 65536)))
    bad = virus.zipped(("a.txt", words(random.Random(2), 4096)), ("e.com", virus.eicar()))

    def fresh(size):
        def make(n):
            chance = random.Random(n)
            return ("Subject: %d\r\nMIME-Version: 1.0" % n, words(chance, size).decode())
        return make

    def same_attachment(n):
        head, _, body = parts_of(words(random.Random(n), 500).decode(), zipped)
        return f"X-N: {n}\r\n" + head, body

    def same_body(n):
        head, _, body = parts_of("same", zipped)
        return f"X-N: {n}\r\n" + head, body

    def identical(attachment):
        head, _, body = parts_of(plain, attachment)
        return lambda n: (head, body)
    return [Traffic("every byte new, text 4K", 1.3, fresh(4096)),
            Traffic("every byte new, text 64K", 1.3, fresh(65536)),
            Traffic("new headers and text, same attachment", 2, same_attachment),
            Traffic("same body, other headers", 25, same_body),
            Traffic("identical, clean", 5, identical(zipped)),
            Traffic("identical, infected", 25, identical(bad))]


# --- the load ---

def ask(m, made):
    head, body = made
    m.mail("<a@example.net>", i="q")
    m.rcpt("<b@example.org>")
    for line in head.split("\r\n"):
        m.header(*line.split(": ", 1))
    m.eoh()
    for at in range(0, len(body), 65000):
        m.body(body[at:at + 65000])
    return m.eom(i="q")


def client(socket, make, first, seconds, out):
    """Messages one after the other on one connection; sends their times."""
    took = []
    with milter_client.Milter(socket, timeout=120) as m:
        m.negotiate()
        m.connect("c.example.net", "192.0.2.4", client_addr="192.0.2.4")
        m.helo("c.example.net")
        end = time.monotonic() + seconds
        n = first
        while time.monotonic() < end:
            made = make(n)
            begin = time.monotonic()
            reply = ask(m, made)
            took.append(time.monotonic() - begin)
            assert reply.kind != "tempfail" and reply.code != 451, reply
            n += 1
    out.put(took)


def load(socket, traffic, connections, seconds, seed):
    """-> [seconds of each message]"""
    out = multiprocessing.Queue()
    clients = [multiprocessing.Process(
        target=client, args=(socket, traffic.make, seed + i * 1_000_000, seconds, out))
        for i in range(connections)]
    for process in clients:
        process.start()
    took = [t for _ in clients for t in out.get(timeout=300)]
    for process in clients:
        process.join()
    return took


# --- what is measured ---

def tree(pids):
    """These processes and all below them."""
    found, grown = set(pids), True
    parents = [virus.process_state(s)[1:] for s in glob.glob("/proc/[0-9]*/stat")]
    while grown:
        more = {pid for parent, pid in parents if parent in found} - found
        found |= more
        grown = bool(more)
    return found


def cpu_of(pids):
    total = 0
    for pid in tree(pids):
        try:
            with open(f"/proc/{pid}/stat") as f:
                words_ = f.read().rpartition(")")[2].split()
            total += int(words_[11]) + int(words_[12])
        except OSError:
            pass
    return total / os.sysconf("SC_CLK_TCK")


def memory_of(pids):
    kib = 0
    for pid in tree(pids):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                kib += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass
    return kib / 1024


class Side:
    """A milter under load, with all it needs."""

    def __init__(self, socket, pids):
        self.socket, self.pids, self.runs = socket, pids, []

    def run(self, traffic, connections, seconds, seed):
        before = cpu_of(self.pids)
        took = load(self.socket, traffic, connections, seconds, seed)
        self.runs.append((len(took) / seconds, took, (cpu_of(self.pids) - before) / len(took)))

    def figures(self):
        took = sorted(t for run in self.runs for t in run[1])
        result = {"messages_per_s": round(statistics.median(r[0] for r in self.runs), 1),
                  "p50_ms": round(1000 * took[len(took) // 2], 2),
                  "p99_ms": round(1000 * took[len(took) * 99 // 100], 2),
                  "cpu_us": round(1e6 * statistics.median(r[2] for r in self.runs)),
                  "rss_mib": round(memory_of(self.pids))}
        self.runs = []
        return result


def start_peer(directory, database):
    conf = (f"Foreground yes\nDatabaseDirectory {database}\nLocalSocket {directory}/clamd\n"
            f"TemporaryDirectory {directory}\nAlertExceedsMax yes\nAlertEncrypted yes\n")
    with open(directory + "/clamd.conf", "w") as f:
        f.write(conf)
    with open(directory + "/milter.conf", "w") as f:
        f.write(f"Foreground yes\nMilterSocket unix:{directory}/peer.sock\n"
                f"ClamdSocket unix:{directory}/clamd\nOnInfected Reject\n"
                f"AddHeader Replace\nTemporaryDirectory {directory}\n")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    clamd = subprocess.Popen([virus.CLAMD, "-c", directory + "/clamd.conf"], **quiet)
    net.wait_listening(directory + "/clamd", clamd, timeout=120)
    milter = subprocess.Popen([virus.CLAMAV_MILTER, "-c", directory + "/milter.conf"], **quiet)
    net.wait_listening(directory + "/peer.sock", milter)
    return [clamd, milter]


def compare(ours, peer, connections, seconds):
    results = []
    for traffic in traffics():
        for number in connections:
            for turn in range(TURNS):
                for side in (ours, peer) if turn % 2 else (peer, ours):
                    side.run(traffic, number, seconds, 17 + turn * 500_000)
            a, b = ours.figures(), peer.figures()
            ratio = round(a["messages_per_s"] / b["messages_per_s"], 2)
            results.append({"traffic": traffic.name, "connections": number, "ours": a,
                            "peer": b, "ratio": ratio, "aim": traffic.aim})
            print(f"{traffic.name:40} {number:3} ours {a['messages_per_s']:8} /s"
                  f" {a['p50_ms']:7} {a['p99_ms']:7} ms {a['cpu_us']:7} us"
                  f"   peer {b['messages_per_s']:8} /s {b['p50_ms']:7} {b['p99_ms']:7} ms"
                  f" {b['cpu_us']:7} us   x{ratio} (aim {traffic.aim})",
                  file=sys.stderr, flush=True)
    return results


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3
    connections = [int(n) for n in sys.argv[2:]] or [1, 8, 32]
    directory = tempfile.mkdtemp(prefix="postern-bench.")
    os.chmod(directory, 0o755)
    peers, milter = [], virus.VirusMilter(directory)
    try:
        count = signatures(milter.database)
        peers = start_peer(directory, milter.database)
        milter.configure("", "")
        milter.start(wait=False)
        milter.said("signatures loaded", timeout=120)
        results = compare(Side(milter.socket, [milter.process.pid]),
                          Side(directory + "/peer.sock", [p.pid for p in peers]),
                          connections, seconds)
    finally:
        milter.stop()
        for process in peers:
            process.kill()
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)
    print(json.dumps({"name": "virus", "signatures": count, "results": results}))


if __name__ == "__main__":
    main()
