"""A chain of milters edits the header of mail in Postfix as the same milters
do in a row.  CHAIN_SEED=N repeats a run."""
import os
import random
import re
import shutil
import subprocess
import tempfile

import pytest

from harness import net, program, smtp
from harness.postfix import Postfix
from harness.seeds import seeds

SEEDS = seeds("CHAIN_SEED", 20260623, 20260702)
MESSAGES = 25
MILTERS = (1, 2, 3)
NAMES = ["X-A", "x-a", "X-B", "Subject", "Comments"]
MAIN = """smtpd_milters = {milters}
milter_default_action = tempfail
"""


class Words:
    """One message; the same seed, the same words."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def order(self):
        r = self.random
        name, value = r.choice(NAMES), r.choice(("one", "two words"))
        index = r.choice((1, 1, 2, 3))
        return r.choice([f"add {name} {value}", f"chg {index} {name} {value}",
                         f"del {index} {name}", f"del {index} {name}",
                         f"ins {r.choice((0, 1, 2, 5, 40))} {name} {value}"])

    def orders(self):
        """Postfix takes a body in one piece only, with nothing in between."""
        body = [r"body new\r\n"] * self.random.randrange(2)
        return "|".join([self.order() for _ in range(self.random.randrange(5))] + body)

    def message(self, mark):
        r = self.random
        lines = [f"X-Do-{n}: {self.orders()}" for n in MILTERS]
        lines += [f"{r.choice(NAMES)}: v{n}" for n in range(r.randrange(6))]
        lines += [f"X-Mark: {mark}", "From: <a@example.net>", "To: <b@example.org>",
                  "Date: Thu, 1 Jan 2026 00:00:00 +0000", f"Message-Id: <{mark}@example.net>"]
        return "\r\n".join(lines + ["", "body", ""])


class Side:
    """Postfix, with the milters by themselves or as a chain."""

    def __init__(self, site, groups):
        self.dir = f"{site}/{len(groups)}"
        os.makedirs(self.dir)
        self.log = self.dir + "/seen"
        self.processes, milters = [], []
        for group in groups:
            path = f"{self.dir}/m{len(milters)}.sock"
            self.processes.append(subprocess.Popen(
                [program("chain-milters"), "unix:" + path, self.log, "ours", *map(str, group)],
                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            net.wait_listening(path, self.processes[-1])
            os.chmod(path, 0o666)
            milters.append("unix:" + path)
        self.sink = smtp.Sink()
        self.mta = Postfix(self.dir, main=MAIN.format(milters=", ".join(milters)),
                           sink=self.sink.port).start()

    def stop(self):
        self.mta.stop()
        for process in self.processes:
            process.terminate()
            assert process.wait(10) == 0

    def send(self, text, mark):
        """-> the message that arrived, and what the milters saw of it"""
        with smtp.Client(self.mta.port) as c:
            c("EHLO client.example.net")
            answer = c.send("<a@example.net>", ["<b@example.org>"], text)[-1]
            assert answer.code == 250, answer + self.mta.log()[-1500:]
        got = self.sink.wait(f"X-Mark: {mark}\r")["text"]
        with open(self.log) as f:
            seen = [line for line in f if f"X-Mark: {mark} " in line]
        return re.sub(r"(?m)^Received: .*\n([ \t].*\n)*", "", got), sorted(seen)


@pytest.fixture
def sides(resolver):
    site = tempfile.mkdtemp(prefix="postern-chain.")
    os.chmod(site, 0o755)
    both = [Side(site, groups) for groups in ([(1,), (2,), (3,)], [MILTERS])]
    yield both
    for side in both:
        side.stop()
    shutil.rmtree(site)


def test_same_edits_in_postfix(sides):
    alone, chain = sides
    for seed in SEEDS:
        for number in range(MESSAGES):
            mark = f"{seed}.{number}"
            text = Words(mark).message(mark)
            expected = alone.send(text, mark)
            assert chain.send(text, mark) == expected, f"CHAIN_SEED={seed}: {text}"
            assert len(expected[1]) == 2, "milters 2 and 3 see the header"
