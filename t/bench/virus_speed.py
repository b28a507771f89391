#!/usr/bin/env python3
"""virus-milter beside clamav-milter with clamd, on the same signatures.

    t/bench/virus_speed.py [SECONDS [CONNECTIONS...]]

Both serve the same messages in turns; the database is synthetic, of the size
and kinds of a real one.  For each kind of traffic and number of connections
(1, 8 and 32 unless given) prints a line on stderr, and one JSON object on
stdout:

    {"name": "virus", "signatures": 355000, "results": [{"traffic": "...",
     "connections": 8, "ours": {"messages_per_s": N, "p50_ms": N, "p99_ms": N,
     "cpu_us": N, "rss_mib": N}, "peer": {...}, "ratio": R, "aim": A}, ...],
     "reload": {...}, "workers_and_threads": {...}}

Last come latencies while signatures are loaded anew, and what forked workers
cost against threads.  cpu_us is the processor time per message of all processes of the milter and
its scanner; rss_mib counts pages that workers share once (Pss).
"""
import glob
import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import milter_client, net, program, virus  # noqa: E402

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
    """Messages of one kind; `make(n)` -> (headers, body) of the n-th.

    rate  about how many a second there may be, to be made beforehand; 1: they
          are all the same
    """

    def __init__(self, name, aim, make, rate=1000):
        self.name, self.aim, self.make, self.rate = name, aim, make, rate


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

    def new_zip(n):
        data = random.Random(n).randbytes(49152)  # 64K in base64
        head, _, body = parts_of(str(n), virus.zipped(("a.bin", data)))
        return head, body

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
            Traffic("every byte new, text 64K", 1.3, fresh(65536), 400),
            Traffic("every byte new, text 1M", 1.3, fresh(1 << 20), 30),
            Traffic("every byte new, zip 64K", 1.3, new_zip, 80),
            Traffic("new headers and text, same attachment", 2, same_attachment),
            Traffic("same body, other headers", 25, same_body, 4000),
            Traffic("identical, clean", 5, identical(zipped), 1),
            Traffic("identical, infected", 25, identical(bad), 1)]


# --- the load ---

def segments(m, made):
    """A message as an MTA sends it on this connection: pieces after each of
    which a reply comes.  What is not asked for is left out.  Made beforehand,
    so that the load costs little beside what is measured."""
    head, body = made
    data = body.encode("latin1")
    steps = [(b"M", b"<a@example.net>\0"), (b"R", b"<b@example.org>\0"), (b"T", b"")]
    for line in head.split("\r\n"):
        steps.append((b"L", "{}\0{}\0".format(*line.split(": ", 1)).encode("latin1")))
    steps.append((b"N", b""))
    steps += [(b"B", data[at:at + 65000]) for at in range(0, len(data), 65000)]
    out = [milter_client.packet(b"D", b"Mi\0q\0")]
    for command, text in steps + [(b"E", b"")]:
        leave_out, no_reply = milter_client.STEPS[command]
        if not m.protocol & leave_out:
            out[-1] += milter_client.packet(command, text)
            if not m.protocol & no_reply:
                out.append(b"")
    return out[:-1]


def client(socket, make, first, seconds, ahead, same, ready, out):
    """Messages one after the other on one connection; sends their times.

    ahead  messages that are made before the clock runs
    same   they are sent over and over
    """
    took = []
    with milter_client.Milter(socket, timeout=120) as m:
        m.negotiate()
        m.connect("c.example.net", "192.0.2.4", client_addr="192.0.2.4")
        m.helo("c.example.net")
        waiting = [segments(m, make(first + i)) for i in range(ahead)]
        ready.wait(300)
        end = time.monotonic() + seconds
        n = 0
        while time.monotonic() < end:
            pieces = waiting[n % ahead] if same or n < ahead else segments(m, make(first + n))
            n += 1
            begin = time.monotonic()
            for piece in pieces:
                m.sock.sendall(piece)
                reply = m.reply()
            took.append(time.monotonic() - begin)
            assert reply.kind != "tempfail" and reply.code != 451, reply
    out.put(took)


def load(socket, traffic, connections, seconds, seed, meanwhile=None):
    """-> [seconds of each message]"""
    out, ready = multiprocessing.Queue(), multiprocessing.Barrier(connections + 1)
    ahead = max(2, int(traffic.rate * seconds / connections))
    clients = [multiprocessing.Process(
        target=client, args=(socket, traffic.make, seed + i * 1_000_000, seconds,
                             ahead, traffic.rate == 1, ready, out))
        for i in range(connections)]
    for process in clients:
        process.start()
    ready.wait(300)
    if meanwhile:
        meanwhile()
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
    """A milter under load, with all it needs.

    reload  makes it load its signatures again
    """

    def __init__(self, socket, pids, reload):
        self.socket, self.pids, self.reload, self.runs = socket, pids, reload, []

    def run(self, traffic, connections, seconds, seed, meanwhile=None):
        before = cpu_of(self.pids)
        took = load(self.socket, traffic, connections, seconds, seed, meanwhile)
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


def during_reload(ours, peer, seconds):
    """Latencies with 8 connections, without and with a reload meanwhile, and
    memory before, at most, and after."""
    traffic, out = traffics()[0], {}
    for name, side in (("ours", ours), ("peer", peer)):
        side.run(traffic, 8, seconds, 91_000_000)
        calm = side.figures()
        most = [calm["rss_mib"]]
        stop = threading.Event()

        def watch():
            while not stop.wait(0.2):
                most.append(memory_of(side.pids))
        watcher = threading.Thread(target=watch)
        watcher.start()
        side.run(traffic, 8, seconds + 5, 92_000_000, meanwhile=side.reload)
        stop.set()
        watcher.join()
        busy = side.figures()
        out[name] = {"calm_p99_ms": calm["p99_ms"], "reload_p99_ms": busy["p99_ms"],
                     "ratio": round(busy["p99_ms"] / calm["p99_ms"], 2),
                     "mib": [calm["rss_mib"], round(max(most)), round(memory_of(side.pids))]}
        print(f"reload, {name}: {out[name]} (aim 1.5)", file=sys.stderr, flush=True)
    return out


def model(directory, database, seconds):
    """Threads in one process and as many workers, on the same files."""
    paths = []
    for i in range(40):
        head, body = traffics()[1].make(5_000_000 + i)
        paths.append(f"{directory}/model.{i}")
        with open(paths[-1], "w") as f:
            f.write("Received: by x; Thu, 1 Jan 1970 00:00:00 +0000\r\n" + head + "\r\n\r\n" + body)
    done = subprocess.run([program("bench-scan-model"), database, str(seconds), "2", *paths],
                          stdout=subprocess.PIPE, check=True)
    result = json.loads(done.stdout)
    print(f"workers against threads: {result} (aim 1.1)", file=sys.stderr, flush=True)
    return result


def ask_clamd(socket_path, word):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(socket_path)
        s.sendall(b"z" + word + b"\0")
        s.recv(100)


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
        ours = Side(milter.socket, [milter.process.pid],
                    lambda: milter.process.send_signal(signal.SIGHUP))
        peer = Side(directory + "/peer.sock", [p.pid for p in peers],
                    lambda: ask_clamd(directory + "/clamd", b"RELOAD"))
        results = compare(ours, peer, connections, seconds)
        reloads = during_reload(ours, peer, seconds)
        models = model(directory, milter.database, seconds)
    finally:
        milter.stop()
        for process in peers:
            process.kill()
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)
    print(json.dumps({"name": "virus", "signatures": count, "results": results,
                      "reload": reloads, "workers_and_threads": models}))


if __name__ == "__main__":
    main()
