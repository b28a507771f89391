#!/usr/bin/env python3
"""The recipe engine and filter-milter beside procmail, maildrop and sieve.

    t/bench/filter_speed.py [SECONDS]

Five parts, all in turns within this one run, so that what the machine does
meanwhile meets everybody:

engine        the same rules, header conditions of which the last one holds, 10
              to 10,000 of them over 4 KiB, 64 KiB and 1 MiB.  The peers are
              one process a message, as an MTA starts a delivery agent.
growth        what 10,000 recipes cost a message against 1,000.
linear        what a byte costs in 1 MiB against one in 64 KiB, for each way to
              look at all of a message.
pathological  1 MiB of one letter: nested stars and the like against a plain
              pattern, in conditions, scores, with \\/ and in a user's file.
milter        filter-milter with 100 recipes beside a null milter that asks for
              the same steps.

A table on stderr, with a verdict for each aim; on stdout one JSON object with
a list for each part, whose members have "aim" and "met" where there is an aim,
and {"met": true|false} for all of them.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import net, program  # noqa: E402
from harness.filter_peers import Peers, message, procmail_rules, rate, write  # noqa: E402

COUNTS = (10, 100, 1000, 10000)
SIZES = (4096, 65536, 1 << 20)
TIMES_PROCMAIL = {100: 100, 1000: 200, 10000: 500}
GROWTH, LINEAR, PATHOLOGICAL, MILTER = 3, 2, 5, 0.7
PAIRS = 3       # turns of each comparison
TURNS = 7       # of the milters

# Rules that look at every byte.
READERS = {
    "pattern": ":0 B\n* word[0-9]+zz\n/dev/null\n",
    "pattern, header and body": ":0 HB\n* ^nowhere.*(to|be)+seen\n/dev/null\n",
    "score": ":0 B\n* 1^1 (word[0-9]*7 )\n* -999999999^0\n/dev/null\n",
    "MATCH": ":0 B\n* word1\\/.*word.*zz\n/dev/null\n",
    "user's file": ":0 B\n* word[0-9]+zz\n/dev/null\n",
    "decoded (U)": ":0 BU\n* word[0-9]+zz\n/dev/null\n",
    "formail": ":0 fhw\n| formail -I 'X-Seen: yes'\n",
}
PATTERNS = {
    "nested stars": "((a*)*(a|aa)*)*[b-c]",
    "stars of plusses": "(((a+)+)+)+b",
    "alternatives": "(a|aa|aaa|aaaa)*b",
    "many dots": ".*.*.*.*.*b",
    "optional letters": "(a?)(a?)(a?)(a?)(a?)(a?)(a?)(a?)aaaaaaaab",
    "two to the 16 states": "(a|b)*a" + "(a|b)" * 16 + "c",
}
PLAIN = "a[b-c]+d"
WAYS = {"condition": ([], "* {}"), "score": ([], "* 1^1 {}"), "MATCH": ([], "* {}\\/b"),
        "user's file": (["--user"], "* {}"), "user's score": (["--user"], "* 1^1 {}")}


def told(row, name, measured, aim, at_least=True):
    """Adds the verdict of an aim to a row, and prints it."""
    met = measured >= aim if at_least else measured <= aim
    row.update(aim=aim, met=met)
    print(f"{name:44} {measured:9.2f}  aim {'>=' if at_least else '<='} {aim:<5}"
          f" {'met' if met else 'MISSED'}", file=sys.stderr, flush=True)
    return row


def ratio(over, under):
    return statistics.median(a / b for a, b in zip(over, under))


def engine(peers, mails, seconds):
    rows = []
    print(f"{'recipes':>7} {'bytes':>8} {'engine':>9} {'procmail':>9} {'maildrop':>9}"
          f" {'sieve':>9} {'x procmail':>11}", file=sys.stderr)
    for count in COUNTS:
        rc, commands = peers.prepare(count)
        for size, mail in mails.items():
            runs = {name: [] for name in ("engine", *commands)}
            for _ in range(PAIRS):
                runs["engine"].append(rate(None, seconds, rc, mail))
                for name, command in commands.items():
                    runs[name].append(peers.rate(seconds, command, mail))
            got = {name: round(statistics.median(values), 2) for name, values in runs.items()}
            times = round(ratio(runs["engine"], runs["procmail"]), 1)
            print(f"{count:7} {size:8} " + " ".join(f"{value:9.0f}" for value in got.values())
                  + f" {times:11.1f}", file=sys.stderr, flush=True)
            rows.append({"recipes": count, "bytes": size, **got, "times_procmail": times})
    for row in rows:
        if row["bytes"] == SIZES[0] and row["recipes"] in TIMES_PROCMAIL:
            told(row, f"engine x procmail, {row['recipes']} recipes", row["times_procmail"],
                 TIMES_PROCMAIL[row["recipes"]])
    return rows


def growth(base, mails, seconds):
    rows = []
    for size, mail in mails.items():
        pairs = [[rate(None, seconds, f"{base}/rc{count}", mail) for count in (1000, 10000)]
                 for _ in range(PAIRS)]
        times = round(statistics.median(few / many for few, many in pairs), 2)
        rows.append(told({"bytes": size, "times": times},
                         f"10,000 recipes against 1,000, {size} bytes", times, GROWTH, False))
    return rows


def linear(base, mails, seconds):
    """Cost of a byte, 1 MiB against 64 KiB: both are far more than a start."""
    rows = []
    small, large = SIZES[1:]
    for name, rules in READERS.items():
        rc = write(f"{base}/reader", rules, 0o600)
        how = ["--user"] if name == "user's file" else []
        times = round(statistics.median(
            rate(None, seconds, *how, rc, mails[small]) * small
            / (rate(None, seconds, *how, rc, mails[large]) * large)
            for _ in range(PAIRS)), 2)
        rows.append(told({"rules": name, "times": times}, f"a byte of 1 MiB: {name}", times,
                         LINEAR, False))
    return rows


def pathological(base, seconds):
    rows = []
    mail = write(base + "/letters", "Subject: x\n\n" + "a" * (1 << 20) + "\n")
    for way, (how, condition) in WAYS.items():
        def cost(pattern):
            rc = write(base + "/hard", f":0 B\n{condition.format(pattern)}\n/dev/null\n", 0o600)
            return 1 / rate(None, seconds, *how, rc, mail)
        for name, pattern in PATTERNS.items():
            times = round(statistics.median(cost(pattern) / cost(PLAIN)
                                            for _ in range(PAIRS)), 2)
            rows.append(told({"way": way, "pattern": pattern, "times": times},
                             f"{way}: {name}", times, PATHOLOGICAL, False))
    return rows


def start(command, socket):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    net.wait_for(lambda: os.path.exists(socket), 20, process, f"{command[0]} does not start")
    time.sleep(0.3)
    return process


def load(socket, connections, seconds, mail):
    done = subprocess.run([program("bench-milter-load"), socket, str(connections),
                           str(seconds), "10", mail], stdout=subprocess.PIPE, text=True,
                          check=True)
    return json.loads(done.stdout)["messages_per_s"]


def milter(base, mails, seconds):
    """filter-milter with 100 recipes, and the null milter, in turns."""
    accepting = procmail_rules(101).replace(":0\n* ^Subject:.*usual\n/dev/null\n", "")
    write(base + "/filterrc", accepting)
    write(base + "/postern.yaml", f"mail_dir: {base}\nfilter:\n"
          f"  socket: unix:{base}/filter.sock\n  site_rc: {base}/filterrc\n")
    sockets = {"null": base + "/null.sock", "filter": base + "/filter.sock"}
    running = [start([program("bench-null-milter"), "unix:" + sockets["null"], "message"],
                     sockets["null"]),
               start([program("filter-milter"), "-f", "-c", base + "/postern.yaml"],
                     sockets["filter"])]
    rows = []
    try:
        for connections in (1, 8, 64):
            runs = {name: [] for name in sockets}
            for turn in range(TURNS):
                for name in sorted(sockets, reverse=bool(turn % 2)):
                    runs[name].append(load(sockets[name], connections, seconds, mails[SIZES[0]]))
            times = round(ratio(runs["filter"], runs["null"]), 3)
            got = {name: round(statistics.median(values)) for name, values in runs.items()}
            rows.append(told({"connections": connections, **got, "ratio": times},
                             f"filter-milter, {connections} connections"
                             f" ({got['filter']} of {got['null']}/s)", times, MILTER))
    finally:
        for process in running:
            process.terminate()
            process.wait()
    return rows


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.3
    base = tempfile.mkdtemp(prefix="postern-bench.")
    os.chmod(base, 0o755)
    try:
        mails = {size: write(f"{base}/m{size}", message(size)) for size in SIZES}
        parts = {"engine": engine(Peers(base), mails, seconds),
                 "growth": growth(base, mails, seconds),
                 "linear": linear(base, mails, seconds),
                 "pathological": pathological(base, seconds / 2),
                 "milter": milter(base, mails, seconds)}
        met = all(row.get("met", True) for rows in parts.values() for row in rows)
        print("all aims met" if met else "NOT all aims met", file=sys.stderr)
        print(json.dumps({"name": "filter", "met": met, **parts}))
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
