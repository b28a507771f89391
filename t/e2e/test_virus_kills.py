"""Everything is killed at random under load, 200 times in all: each message is
delivered once or refused, none passes unscanned, none is lost.  Killed are
scanner parents, workers, milters and clamds, each of them often."""
import collections
import os
import random
import re
import signal
import threading
import time

from harness import net, smtp, virus
from harness.sendmail import Sendmail
from harness.virus_gate import alone as gate, infected  # noqa: F401


def until_answered(port, text):
    """Sends as MTAs do: again after a 4xx or a lost connection."""
    code = 0
    while code // 100 not in (2, 5):
        try:
            with smtp.Client(port, timeout=60) as c:
                c("EHLO c")
                code = c.send("<a@example.net>", ["<b@example.org>"], text)[-1].code
        except OSError:
            pass
        time.sleep(0.05)
    return code


class Load:
    """Clients that send infected and clean messages in turn until stop()."""

    def __init__(self, port, prefix, number=6):
        self.port, self.prefix, self.running = port, prefix, True
        self.wrong, self.done = [], []
        self.threads = [threading.Thread(target=self.client, args=(i,)) for i in range(number)]
        for thread in self.threads:
            thread.start()

    def client(self, number):
        n = 0
        while self.running:
            n += 1
            mark, bad = f"{self.prefix}-{number}-{n}.", n % 2
            text = infected(mark) if bad else virus.message(text=mark)
            code = until_answered(self.port, text)
            if (code // 100 == 5) != bool(bad):
                self.wrong.append((mark, code))
            self.done.append((mark, bad))

    def stop(self):
        self.running = False
        for thread in self.threads:
            thread.join(120)

    def check(self, sink):
        """Each clean message arrived once, each infected one never."""
        assert not self.wrong
        want = collections.Counter(mark for mark, bad in self.done if not bad)

        def arrived():
            return collections.Counter(
                mark for m in list(sink.messages)
                for mark in re.findall(rf"^({self.prefix}-\d+-\d+\.)\r$", m["text"], re.M))
        net.wait_for(lambda: arrived() == want, 30, message="not what was taken")


def kill_at_random(number, victims, revive):
    """Kills that many processes; victims() -> kind -> those that run.  Returns
    how many of each kind it were."""
    chance, kills = random.Random(7), collections.Counter()
    while kills.total() < number:
        time.sleep(chance.uniform(0.05, 0.3))
        kind = chance.choice(sorted(victims()))
        victim = chance.choice(net.wait_for(lambda: victims()[kind], 10, message=kind))
        try:
            os.kill(victim, signal.SIGKILL)
            kills[kind] += 1
        except ProcessLookupError:
            continue
        revive(victim)
    return kills


def test_kill_at_random_under_load(site, sink, resolver, gate):
    """Parent, workers and milter, 150 times."""
    milter = gate(virus="  workers: 2\n  cache: 0")
    with Sendmail(site, mc=milter.mc(), sink=sink.port) as mta:
        load = Load(mta.port, "load")

        def victims():
            everything = milter.descendants()
            return {"worker": [w for _, workers in everything for w in workers],
                    "parent": [s for s, _ in everything], "milter": [milter.process.pid]}

        def revive(victim):
            if victim == milter.process.pid:
                milter.process.wait()
                milter.start(wait=False)
        kills = kill_at_random(150, victims, revive)
        load.stop()
        assert len(load.done) > 50 and min(kills.values()) >= 30 and len(kills) == 3, kills
        load.check(sink)


def test_kill_clamd_at_random_under_load(site, sink, resolver, gate):
    """Two clamds and the milter, 50 times."""
    database = virus.database(site + "/db")
    clamds = {}

    def clamd(name):
        clamds[name] = virus.clamd(site, name, database)
    for name in ("c1", "c2"):
        clamd(name)
    milter = gate(wait=False, virus=(
        "  engine: clamd\n  cache: 0\n"
        f"  clamd: {{servers: ['unix:{site}/c1', 'unix:{site}/c2'], probe: 1s}}"))
    try:
        with Sendmail(site, mc=milter.mc(), sink=sink.port) as mta:
            load = Load(mta.port, "pool")

            def revive(victim):
                for name, process in clamds.items():
                    if process.pid == victim:
                        process.wait()
                        return clamd(name)
                milter.process.wait()
                return milter.start(wait=False)
            kills = kill_at_random(50, lambda: {
                "clamd": [p.pid for p in clamds.values()], "milter": [milter.process.pid]}, revive)
            load.stop()
            assert len(load.done) > 30 and min(kills.values()) >= 15 and len(kills) == 2, kills
            load.check(sink)
    finally:
        for process in clamds.values():
            process.kill()
            process.wait()
