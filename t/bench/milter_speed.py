#!/usr/bin/env python3
"""relay-milter beside a milter that does nothing.

    t/bench/milter_speed.py [SECONDS]

Both serve the same load from bench-milter-load with 1, 8 and 64 connections,
in turns (null, relay, relay, null, ...), so that what the machine does
meanwhile meets both.  null and relay are the medians of all turns, ratio that
of the ratios within a turn.  Prints a table on stderr and one JSON object on
stdout:

    {"name": "milter", "aim": 0.9, "results": [{"connections": 1, "null": N,
     "relay": N, "ratio": R, "null_us": N, "relay_us": N}, ...]}

null_us and relay_us are the processor time of each for a message, which tells
more than the ratio on a machine that is busy with other things.

relay-milter decides by an access map of 1,000 entries, relay-domains and an
empty relayers.db, and logs as it does by default.
"""
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("POSTERN_BIN", os.path.join(TOP, "build", "bin"))
TURNS = 12      # runs of each milter for each number of connections
MESSAGES = 10   # on one connection

CONF = """mail_dir: {dir}
state_dir: {dir}/state
relay:
  socket: unix:{dir}/relay.sock
  domain: mx.example.org
  access_type: text
  features: [access_db, blocklist_recipients]
"""


def program(name):
    return os.path.join(BIN, name)


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def start(command, socket):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while not os.path.exists(socket):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{command[0]} does not start")
        time.sleep(0.01)
    time.sleep(0.3)
    return process


def load(socket, connections, seconds):
    done = subprocess.run(
        [program("bench-milter-load"), socket, str(connections), str(seconds),
         str(MESSAGES)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)["messages_per_s"]


def cpu_us(process):
    """Processor time that a process has used."""
    with open(f"/proc/{process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


def measure(sockets, processes, connections, seconds):
    """-> {name: messages/s, name_us: CPU, "ratio": relay to null}"""
    runs = {name: [] for name in sockets}
    cpu = {name: [] for name in sockets}
    for turn in range(TURNS):
        order = list(sockets) if turn % 2 else list(reversed(sockets))
        for name in order:
            before = cpu_us(processes[name])
            rate = load(sockets[name], connections, seconds)
            runs[name].append(rate)
            cpu[name].append((cpu_us(processes[name]) - before) /
                             max(1, rate * seconds))
    got = {name: statistics.median(values) for name, values in runs.items()}
    for name, values in cpu.items():
        got[name + "_us"] = round(statistics.median(values), 1)
    got["ratio"] = statistics.median(
        relay / null for null, relay in zip(runs["null"], runs["relay"]))
    return got


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    base = tempfile.mkdtemp(prefix="postern-bench.")
    os.mkdir(base + "/state")
    write(base + "/postern.yaml", CONF.format(dir=base))
    write(base + "/access", "".join(f"spammer{n}.example\tREJECT\n"
                                    for n in range(1000)))
    write(base + "/local-host-names", "example.org\n")
    write(base + "/relay-domains", "backup.example\n")
    sockets = {"null": base + "/null.sock", "relay": base + "/relay.sock"}
    running = []
    try:
        running = [
            start([program("bench-null-milter"), "unix:" + sockets["null"]],
                  sockets["null"]),
            start([program("relay-milter"), "-f", "-c", base + "/postern.yaml"],
                  sockets["relay"])]
        results = []
        processes = dict(zip(sockets, running))
        print("connections   null msg/s  relay msg/s  ratio  null us  relay us",
              file=sys.stderr)
        for connections in (1, 8, 64):
            got = measure(sockets, processes, connections, seconds)
            print(f"{connections:11} {got['null']:12.0f} {got['relay']:12.0f}"
                  f"  {got['ratio']:.3f} {got['null_us']:8.1f}"
                  f" {got['relay_us']:9.1f}", file=sys.stderr)
            results.append({"connections": connections, **got,
                            "ratio": round(got["ratio"], 3)})
        print(json.dumps({"name": "milter", "aim": 0.9, "results": results}))
    finally:
        for process in running:
            process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
