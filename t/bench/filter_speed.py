#!/usr/bin/env python3
"""The recipe engine and filter-milter beside procmail and maildrop.

    t/bench/filter_speed.py [SECONDS]

The same rules, header conditions that do not match and a last one that does,
as procmailrc and as a maildrop filter; 10 to 10,000 of them over messages of
4 KiB, 64 KiB and 1 MiB.  procmail and maildrop are one process a message, as
sendmail starts them.  filter-milter runs beside a null milter that asks for
the same steps.  Prints a table on stderr and one JSON object on stdout:

    {"name": "filter", "engine": [{"recipes": N, "bytes": N, "engine": N,
     "procmail": N, "maildrop": N, "ratio": R, "aim": A}, ...],
     "milter": [{"connections": N, "null": N, "filter": N, "ratio": R,
     "aim": 0.7}], "growth": G, "growth_aim": 3, "pathological": P,
     "pathological_aim": 5}

messages/s; growth is the cost of 10,000 recipes against 1,000, pathological
the cost of nested stars on one letter against a plain pattern.
"""
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("POSTERN_BIN", os.path.join(TOP, "build", "bin"))
SERVERS = os.path.join(TOP, "build", "servers")
PROCMAIL = os.path.join(SERVERS, "procmail/usr/bin/procmail")
MAILDROP = os.path.join(SERVERS, "maildrop/usr/bin/maildrop")
AIMS = {100: 100, 1000: 200, 10000: 500}
SIZES = (4096, 65536, 1 << 20)
TURNS = 5


def program(name):
    return os.path.join(BIN, name)


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o600)
    return path


def words(chance, size):
    names = ["word%d" % chance.randrange(5000) for _ in range(2000)]
    out = ""
    while len(out) < size:
        out += " ".join(chance.choices(names, k=10)) + "\n"
    return out[:size - 1] + "\n"


def message(size):
    head = "".join(
        f"{name}: {value}\n" for name, value in (
            ("Received", "from client.example.net (client.example.net [192.0.2.4])\n"
             "\tby mx.example.org; Sun, 22 Nov 2026 01:02:03 +0000"),
            ("From", "Some Body <somebody@example.net>"),
            ("To", "alice@example.org"), ("Cc", "list@lists.example.org"),
            ("Subject", "a message of the usual kind"),
            ("Message-ID", "<20261122010203.12345@example.net>"),
            ("Date", "Sun, 22 Nov 2026 01:02:03 +0000"), ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=us-ascii")))
    return head + "\n" + words(random.Random(1), size - len(head) - 1)


def rules(count):
    """-> (procmailrc, maildrop filter) of `count` rules; the last one holds."""
    procmail, maildrop = "DEFAULT=/dev/null\n", ""
    fields = ("Subject", "From", "To", "Cc", "List-Id", "X-Mailer")
    for n in range(count - 1):
        field, word = fields[n % len(fields)], f"offer{n * 7919 % 100003}"
        procmail += f":0\n* ^{field}:.*{word}\n/dev/null\n"
        maildrop += f"if (/^{field}:.*{word}/)\n{{\n\tto \"/dev/null\"\n}}\n"
    return (procmail + ":0\n* ^Subject:.*usual\n/dev/null\n",
            maildrop + "if (/^Subject:.*usual/)\n{\n\tto \"/dev/null\"\n}\nto \"/dev/null\"\n")


def rate(*arguments):
    done = subprocess.run([program("bench-filter-engine"), *map(str, arguments)],
                          stdout=subprocess.PIPE, text=True, check=True,
                          env=dict(os.environ, LD_LIBRARY_PATH=os.path.join(
                              SERVERS, "maildrop/usr/lib") + ":" + os.path.join(
                              SERVERS, "maildrop/usr/lib/x86_64-linux-gnu")))
    return json.loads(done.stdout)["messages_per_s"]


def engines(base, seconds):
    results = []
    print("recipes   bytes     engine   procmail   maildrop   x procmail  aim",
          file=sys.stderr)
    # A copy: the loader gives a setgid program no other folders of libraries.
    maildrop = shutil.copyfile(MAILDROP, base + "/maildrop")
    os.chmod(maildrop, 0o755)
    mails = {size: write(f"{base}/m{size}", message(size)) for size in SIZES}
    for count in (10, 100, 1000, 10000):
        procmail_rc, maildrop_rc = rules(count)
        rc = write(f"{base}/rc{count}", procmail_rc)
        filters = write(f"{base}/mf{count}", maildrop_rc)
        for size in SIZES:
            runs = {"engine": [], "procmail": [], "maildrop": []}
            for _ in range(3):
                runs["engine"].append(rate(seconds, rc, mails[size]))
                runs["procmail"].append(rate(seconds, "--spawn", mails[size], PROCMAIL, rc))
                runs["maildrop"].append(rate(seconds, "--spawn", mails[size], maildrop,
                                             filters))
            got = {name: statistics.median(values) for name, values in runs.items()}
            ratio = statistics.median(a / b for a, b in zip(runs["engine"],
                                                            runs["procmail"]))
            aim = AIMS.get(count) if size == SIZES[0] else None
            results.append({"recipes": count, "bytes": size, **got,
                            "ratio": round(ratio, 1), "aim": aim})
            print(f"{count:7} {size:7} {got['engine']:10.0f} {got['procmail']:10.0f}"
                  f" {got['maildrop']:10.0f} {ratio:12.1f}  {aim or ''}", file=sys.stderr)
    return results, mails


def pathological(base, seconds):
    """Nested stars over 1 MiB of one letter against a plain pattern there."""
    mail = write(base + "/letters", "Subject: x\n\n" + ("a" * 4095 + "\n") * 256)
    plain = write(base + "/plain", ":0 B\n* a[b-c]+d\n/dev/null\n")
    nested = write(base + "/nested", ":0 B\n* ((a*)*(a|aa)*)*[b-c]\n/dev/null\n")
    return statistics.median(rate(seconds, plain, mail) / rate(seconds, nested, mail)
                             for _ in range(TURNS))


def start(command, socket):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 20
    while not os.path.exists(socket):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{command[0]} does not start")
        time.sleep(0.01)
    time.sleep(0.3)
    return process


def milters(base, seconds, mail):
    """filter-milter with 100 recipes, and the null milter, in turns."""
    accepting = rules(100)[0].replace(":0\n* ^Subject:.*usual\n/dev/null\n", "")
    os.chmod(write(base + "/filterrc", accepting), 0o644)
    write(base + "/postern.yaml", f"mail_dir: {base}\nfilter:\n"
          f"  socket: unix:{base}/filter.sock\n  site_rc: {base}/filterrc\n")
    sockets = {"null": base + "/null.sock", "filter": base + "/filter.sock"}
    running = [start([program("bench-null-milter"), "unix:" + sockets["null"], "message"],
                     sockets["null"]),
               start([program("filter-milter"), "-f", "-c", base + "/postern.yaml"],
                     sockets["filter"])]
    results = []
    try:
        print("connections   null msg/s  filter msg/s  ratio  (aim 0.7)", file=sys.stderr)
        for connections in (1, 8, 64):
            runs = {name: [] for name in sockets}
            for turn in range(TURNS):
                for name in sorted(sockets, reverse=bool(turn % 2)):
                    done = subprocess.run(
                        [program("bench-milter-load"), sockets[name], str(connections),
                         str(seconds), "10", mail], stdout=subprocess.PIPE, text=True,
                        check=True)
                    runs[name].append(json.loads(done.stdout)["messages_per_s"])
            ratio = statistics.median(f / n for n, f in zip(runs["null"], runs["filter"]))
            got = {name: statistics.median(values) for name, values in runs.items()}
            print(f"{connections:11} {got['null']:12.0f} {got['filter']:13.0f}  {ratio:.3f}",
                  file=sys.stderr)
            results.append({"connections": connections, **got, "ratio": round(ratio, 3),
                            "aim": 0.7})
    finally:
        for process in running:
            process.terminate()
            process.wait()
    return results


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    base = tempfile.mkdtemp(prefix="postern-bench.")
    os.chmod(base, 0o755)
    try:
        results, mails = engines(base, seconds)
        speed = {(one["recipes"], one["bytes"]): one["engine"] for one in results}
        growth = speed[1000, 4096] / speed[10000, 4096]
        worst = pathological(base, seconds)
        print(f"10,000 against 1,000 recipes: {growth:.2f} times the cost (aim 3)\n"
              f"nested stars on one letter: {worst:.2f} times a plain pattern (aim 5)",
              file=sys.stderr)
        print(json.dumps({"name": "filter", "engine": results,
                          "milter": milters(base, seconds, mails[4096]),
                          "growth": round(growth, 2), "growth_aim": 3,
                          "pathological": round(worst, 2), "pathological_aim": 5}))
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
