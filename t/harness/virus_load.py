"""Load on a milter, and what it costs its processes."""
import glob
import multiprocessing
import os
import statistics
import time

from harness import milter_client, virus


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
    """Messages one after the other on one connection; sends when each began
    (time.monotonic) and how long it took.

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
            took.append((begin, time.monotonic() - begin))
            assert reply.kind != "tempfail" and reply.code != 451, reply
    out.put(took)


def load(socket, traffic, connections, seconds, seed, meanwhile=None):
    """-> [(begin, seconds) of each message]"""
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
        return took

    def figures(self):
        took = [seconds for run in self.runs for _, seconds in run[1]]
        result = {"messages_per_s": round(statistics.median(r[0] for r in self.runs), 1),
                  "p50_ms": round(1000 * percentile(took, 50), 2),
                  "p99_ms": round(1000 * percentile(took, 99), 2),
                  "cpu_us": round(1e6 * statistics.median(r[2] for r in self.runs)),
                  "rss_mib": round(memory_of(self.pids))}
        self.runs = []
        return result


def percentile(values, percent):
    return sorted(values)[len(values) * percent // 100]
