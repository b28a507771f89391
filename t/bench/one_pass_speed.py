#!/usr/bin/env python3
"""Real sendmail with three milters, with postern-milter, and with none.

    t/bench/one_pass_speed.py [MESSAGES]

Clients send clean mail, each message another one, so that no verdict is
remembered; sendmail writes it into its queue.  The three set-ups take turns,
each turn in another order.  A rate is the median of all turns, `ratio` that of
one against three within a turn, and `added_ms` what the milters add to a
message on one connection.  Prints a table on stderr and one JSON object on
stdout:

    {"name": "one_pass", "results": [{"connections": 1, "bytes": N,
     "none": RATE, "three": RATE, "one": RATE, "ratio": R,
     "added_ms": {"three": T, "one": T}, "cpu_ms": {"none": T, ...}}, ...]}

Rates are messages a second.  cpu_ms is the processor time of sendmail, the
milters and the scanner for a message, which tells more than the rates on a
machine that is busy with other things.  The signatures are few, so that what is measured
is the way of mail through the milters and not libclamav.
"""
import glob
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time

from harness import dns, net, smtp
from harness.one_pass import WORDS, Gate

TURNS = 5
LOADS = [(1, 2_000), (1, 200_000), (8, 2_000), (8, 200_000)]
KINDS = {"none": (), "three": WORDS, "one": ("postern",)}
RC = ":0\n* ^Subject: unwanted\n/dev/null\n\n:0 B\n* secret word\n{ REJECT=\"no\" }\n"


def message(size, number):
    line = ("%08d " % number) + "x" * 60 + "\r\n"
    return f"Subject: number {number}\r\nTo: b@example.org\r\n\r\n" + line * (size // len(line))


def client(port, size, numbers, failures):
    try:
        with smtp.Client(port, timeout=60) as c:
            c("EHLO client.example.net")
            for number in numbers:
                answer = c.send("<a@example.net>", ["<b@example.org>"],
                                message(size, number))[-1]
                if answer.code != 250:
                    failures.append(answer)
    except OSError as e:
        failures.append(e)


def cpu_ms(gate):
    """Processor time that sendmail and the milters have used, with children."""
    times, parents = {}, {}
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(stat) as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        pid = int(stat.split("/")[2])
        parents[pid] = int(fields[1])
        times[pid] = sum(map(int, fields[11:15])) * 1000 / os.sysconf("SC_CLK_TCK")
    ours = {gate.mta.process.pid} | {m.process.pid for m in gate.milters}
    while True:
        more = {pid for pid, parent in parents.items() if parent in ours} - ours
        if not more:
            return sum(times[pid] for pid in ours)
        ours |= more


def rate(gate, connections, size, messages):
    """-> messages a second, ms of processor time for each; the queue is emptied."""
    base, failures = random.randrange(10 ** 7), []
    each = max(1, messages // connections)
    threads = [threading.Thread(target=client, args=(
        gate.mta.port, size, range(base + n * each, base + (n + 1) * each), failures))
        for n in range(connections)]
    used, begin = cpu_ms(gate), time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took = time.monotonic() - begin
    if failures:
        raise RuntimeError(f"mail was not taken: {failures[0]}")
    queue = gate.mta.dir + "/mqueue/"
    for name in os.listdir(queue):
        os.unlink(queue + name)
    time.sleep(0.1)     # the daemon fetches its children
    return each * connections / took, (cpu_ms(gate) - used) / (each * connections)


def compare(gates, connections, size, messages):
    turns = []
    for turn in range(TURNS):
        names = list(KINDS)
        random.Random(turn).shuffle(names)
        turns.append({name: rate(gates[name], connections, size, messages)
                      for name in names})
    def middle(of):
        return statistics.median(of(t) for t in turns)

    rates = {name: round(middle(lambda t: t[name][0]), 1) for name in KINDS}
    added = {name: round(middle(lambda t: 1000 * connections *
                                (1 / t[name][0] - 1 / t["none"][0])), 2)
             for name in ("three", "one")}
    return {"connections": connections, "bytes": size, **rates,
            "ratio": round(middle(lambda t: t["one"][0] / t["three"][0]), 3),
            "added_ms": added,
            "cpu_ms": {name: round(middle(lambda t: t[name][1]), 2) for name in KINDS}}


def show(rows):
    columns = ["connections", "bytes", "none/s", "three/s", "one/s", "one/three",
               "three +ms", "one +ms", "none cpu", "three cpu", "one cpu"]
    print("".join(f"{name:>12}" for name in columns), file=sys.stderr)
    for row in rows:
        cells = [row["connections"], row["bytes"], row["none"], row["three"], row["one"],
                 row["ratio"], *row["added_ms"].values(), *row["cpu_ms"].values()]
        print("".join(f"{cell:12}" for cell in cells), file=sys.stderr)


def main():
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    net.enter()
    dns.Dns()
    site = tempfile.mkdtemp(prefix="postern-bench.")
    os.chmod(site, 0o755)
    gates = {}
    try:
        for name, words in KINDS.items():
            gates[name] = Gate(f"{site}/{name}", words, rc=RC, relay="  features: []",
                               virus="  cache: 0", access=None).start()
        rows = [compare(gates, connections, size,
                        max(connections, messages // (1 if size < 100_000 else 5)))
                for connections, size in LOADS]
    finally:
        for gate in gates.values():
            gate.stop()
        shutil.rmtree(site, ignore_errors=True)
    show(rows)
    print(json.dumps({"name": "one_pass", "results": rows}))


if __name__ == "__main__":
    main()
