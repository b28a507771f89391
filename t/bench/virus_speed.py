#!/usr/bin/env python3
"""virus-milter beside clamav-milter with clamd, on the same signatures.

    t/bench/virus_speed.py [SECONDS [CONNECTIONS...]]

Both serve the same messages in turns; the database is synthetic, of the size
and kinds of a real one.  For each kind of traffic and number of connections
(1, 8 and 32 unless given) prints a line on stderr, and one JSON object on
stdout:

    {"name": "virus", "signatures": 355000, "results": [{"traffic": "...",
     "connections": 8, "ours": {"messages_per_s": N, "p50_ms": N, "p99_ms": N,
     "cpu_us": N, "rss_mib": N}, "peer": {...}, "ratio": R, "cpu_ratio": R,
     "aim": A, "met": true}, ...], "reload": {...}, "workers_and_threads":
     {...}, "met": true}

Last come latencies while signatures are loaded anew, and what forked workers
cost against threads.  cpu_us is the processor time per message of all processes
of the milter and its scanner; rss_mib counts pages that workers share once
(Pss).  `ratio` is ours over the peer's messages, `cpu_ratio` the peer's
processor time over ours.
"""
import json
import os
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
from harness import net, program, virus  # noqa: E402
from harness.virus_corpora import signatures, traffics  # noqa: E402
from harness.virus_load import Side, memory_of, percentile  # noqa: E402

TURNS = 2


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


def judged(row, measured, aim, at_least=True):
    """Adds the aim to a row, and whether it is met."""
    row.update(aim=aim, met=measured >= aim if at_least else measured <= aim)
    return f"aim {'>=' if at_least else '<='} {aim} {'met' if row['met'] else 'NOT MET'}"


def compare(ours, peer, connections, seconds):
    results = []
    for traffic in traffics():
        for number in connections:
            for turn in range(TURNS):
                # New is what no other row of the table has sent, either.
                seed = 17 + turn * 500_000 + number * 10**9
                for side in (ours, peer) if turn % 2 else (peer, ours):
                    side.run(traffic, number, seconds, seed)
            a, b = ours.figures(), peer.figures()
            row = {"traffic": traffic.name, "connections": number, "ours": a, "peer": b,
                   "ratio": round(a["messages_per_s"] / b["messages_per_s"], 2),
                   "cpu_ratio": round(b["cpu_us"] / a["cpu_us"], 2)}
            verdict = judged(row, row["ratio"], traffic.aim)
            results.append(row)
            print(f"{traffic.name:40} {number:3} ours {a['messages_per_s']:8} /s"
                  f" {a['p50_ms']:7} {a['p99_ms']:7} ms {a['cpu_us']:7} us {a['rss_mib']:4} MiB"
                  f"   peer {b['messages_per_s']:8} /s {b['p50_ms']:7} {b['p99_ms']:7} ms"
                  f" {b['cpu_us']:7} us {b['rss_mib']:4} MiB"
                  f"   x{row['ratio']} cpu x{row['cpu_ratio']} ({verdict})",
                  file=sys.stderr, flush=True)
    return results


def during_reload(name, side, loaded, seconds):
    """Latencies with 8 connections, calm and while signatures are loaded anew,
    in turns, and memory before, at most, and after.

    loaded  waits until the new signatures serve; none: not to be known
    """
    traffic, calm, busy, lasted = traffics()[0], [], [], []
    before = memory_of(side.pids)
    most = [before]
    for turn in range(TURNS + 1):
        took = side.run(traffic, 8, seconds, 91_000_000 + turn * 500_000)
        calm.append(percentile([t for _, t in took], 99))
        span = []

        def reload():
            span.append(time.monotonic())
            side.reload()

            def watch():
                loaded()
                span.append(time.monotonic())
                most.append(memory_of(side.pids))
            threading.Thread(target=watch).start()
        took = side.run(traffic, 8, 4 * seconds, 95_000_000 + turn * 500_000, meanwhile=reload)
        net.wait_for(lambda: len(span) == 2, 300, message="not loaded")
        lasted.append(span[1] - span[0])
        busy.append(percentile([t for begin, t in took if span[0] <= begin <= span[1]], 99))
    side.figures()
    time.sleep(2)
    ratios = sorted(b / c for b, c in zip(busy, calm))
    row = {"calm_p99_ms": round(1000 * statistics.median(calm), 2),
           "reload_p99_ms": round(1000 * statistics.median(busy), 2),
           "ratio": round(ratios[len(ratios) // 2], 2), "seconds": round(max(lasted), 1),
           "mib": [round(m) for m in (before, max(most), memory_of(side.pids))]}
    verdict = judged(row, row["ratio"], 1.5, at_least=False)
    print(f"reload, {name}: {row} ({verdict})", file=sys.stderr, flush=True)
    return row


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
    verdict = judged(result, result["cpu_ratio"], 1.1, at_least=False)
    print(f"workers against threads: {result} ({verdict})", file=sys.stderr, flush=True)
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
        served = [1]

        def next_set():
            served[0] += 1
            milter.said("signatures loaded", served[0], timeout=300)
        results = compare(ours, peer, connections, seconds)
        reloads = {}
        for name, side, done in (("ours", ours, next_set), ("peer", peer,
                                                            lambda: time.sleep(2 * seconds))):
            reloads[name] = during_reload(name, side, done, seconds)
        models = model(directory, milter.database, seconds)
    finally:
        milter.stop()
        for process in peers:
            process.kill()
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)
    met = all(row["met"] for row in [*results, reloads["ours"], models])
    print("all aims met" if met else "NOT all aims met", file=sys.stderr)
    print(json.dumps({"name": "virus", "signatures": count, "results": results,
                      "reload": reloads, "workers_and_threads": models, "met": met}))


if __name__ == "__main__":
    main()
