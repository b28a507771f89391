"""A chain of milters does what the same milters do as filters in a row.

Milters that obey the mail are put before real sendmail, once each by itself
and once as a chain.  Generated dialogs must give the same replies, the same
messages in the queue, and each milter must have seen the same.
CHAIN_SEED=N repeats a run.
"""
import os
import random
import shutil
import subprocess
import tempfile

import pytest

from harness import mail_queue, net, program, smtp
from harness.seeds import seeds
from harness.sendmail import Sendmail

SEEDS = seeds("CHAIN_SEED", 20260611, 80734139)
DIALOGS = 60
MILTERS = (1, 2, 3)
NAMES = ["X-A", "x-a", "X-B", "X-C", "Subject", "Comments", "Received", "Date", "From",
         "Message-Id", "Reply-To", "Return-Path", "Full-Name"]
VALUES = ["one", "two words", " led by a blank", r"folded\n\tvalue", "caf\xe9", "x" * 300, ""]
BODIES = [r"new\r\n", r"bare\nLF\r\rCR\r\n", "", r"\r\r\n", r"no end", r"a\r\n.\r\nb\r\n"]


class Words:
    """What one dialog says; the same seed, the same words.

    again    whether EHLO may come in the middle of a message, which libmilter
             hides from a milter that does not answer MAIL
    """

    def __init__(self, seed, again=True):
        self.random = random.Random(seed)
        self.again = again

    def often(self, chance):
        return self.random.random() < chance

    def action(self, stages, actions=("refuse", "later", "accept", "discard", "throw")):
        r = self.random
        return f"{r.choice(MILTERS)}-{r.choice(stages)}-{r.choice(actions)}"

    def helo(self):
        stages = ("helo", "helo", "data", "header", "eoh", "body")
        return "client." + (self.action(stages) + "." if self.often(0.25) else "") + "example.net"

    def name(self):
        """Some names often, so that milters meet at the same fields."""
        return self.random.choice(NAMES[:3] if self.often(0.6) else NAMES)

    def address(self, stage, domain):
        name = self.random.choice("abcd")
        told = "." + self.action((stage,)) if self.often(0.12) else ""
        return f"<{name}{told}@{domain}>"

    def order(self):
        r = self.random
        name, value = self.name(), r.choice(VALUES)
        index = r.choice((0, 1, 1, 1, 2, 3))
        # An empty field of sendmail's own names cannot be told from a deleted one.
        added = value if name[0] in "XxSC" else value or "one"
        return r.choice([
            f"add {name} {added}", f"add {name} {value or 'one'}",
            f"ins {r.choice((0, 1, 1, 2, 9, 12, 99))} {name} {value}",
            f"chg {index} {name} {value}", f"chg {index} {name} {value}",
            f"del {index} {name}", f"del {index} {name}",
            f"body {r.choice(BODIES)}", "to <added@example.org>",
            f"not <{r.choice('abcd')}@example.org>", f"hold reason {r.randrange(9)}"])

    def orders(self):
        all_ = [self.order() for _ in range(self.random.randrange(7))]
        if self.often(0.1):
            all_.append(self.random.choice(("refuse", "later", "discard", "accept", "throw")))
        return "|".join(all_)

    def message(self):
        r = self.random
        lines = [f"X-Do-{n}: {self.orders()}" for n in MILTERS if self.often(0.8)]
        for _ in range(r.randrange(8)):
            value = r.choice(VALUES[:5]).replace(r"\n\t", "\r\n\t").strip()
            lines.append(f"{self.name()}:{r.choice(('', ' ', '  '))}{value}")
        r.shuffle(lines)
        body = [r.choice(("text", "", "..", "caf\xe9", "y" * 100))
                for _ in range(r.choice((0, 1, 5)))]
        if self.often(0.05):    # several chunks of the protocol
            body += ["z" * r.randrange(900)] * 200
        return "\r\n".join(lines + [""] + body + [""])

    def dialog(self):
        """Commands, and messages as (text,)."""
        said = ["EHLO " + self.helo()]
        for _ in range(self.random.randrange(1, 5)):
            said.append("MAIL FROM:" + self.address("mail", "example.net"))
            said += ["RCPT TO:" + self.address("rcpt", "example.org")
                     for _ in range(self.random.randrange(1, 4))]
            if self.often(0.1):
                said.append(self.random.choice(
                    ("RSET", "EHLO " + self.helo() if self.again else "RSET", "NOOP")))
            said.append((self.message(),))
        return said


class Side:
    """sendmail, with the milters by themselves or as a chain."""

    def __init__(self, site, shape, groups):
        self.dir = f"{site}/{len(groups)}"
        os.makedirs(self.dir)
        self.log = self.dir + "/seen"
        self.processes = []
        mc = ""
        for group in groups:
            name = "m" + "".join(map(str, group))
            socket = f"{self.dir}/{name}.sock"
            self.processes.append(subprocess.Popen(
                [program("chain-milters"), "unix:" + socket, self.log, shape,
                 *map(str, group)], stdin=subprocess.DEVNULL,
                stderr=open(self.dir + "/stderr", "a")))
            net.wait_listening(socket, self.processes[-1])
            mc += f"INPUT_MAIL_FILTER(`{name}', `S=unix:{socket}, F=T, T=S:20s;R:20s')dnl\n"
        self.mta = Sendmail(self.dir, mc=mc).start()
        # The connection that start() has waited with may have come so far.
        try:
            net.wait_for(self.all_closed, 1)
        except TimeoutError:
            pass

    def stop(self):
        self.mta.stop()
        for process in self.processes:
            process.terminate()
            assert process.wait(10) == 0

    def talk(self, dialog):
        """-> replies, what is in the queue, what each milter has seen"""
        with open(self.log, "w"):
            pass
        with smtp.Client(self.mta.port) as c:
            replies = c.follow(dialog)
        # The MTA does not wait for all that it says.
        net.wait_for(self.all_closed, 10)
        return [mail_queue.plain(r) for r in replies], mail_queue.take(self.mta), [
            [line for line in self.seen().splitlines() if line.startswith(f"{n} ")]
            for n in MILTERS]

    def all_closed(self):
        return all(f"{n} close" in self.seen() for n in MILTERS)

    def seen(self):
        with open(self.log, encoding="latin1") as f:
            return f.read()


@pytest.fixture(scope="module", params=["ours", "all"])
def sides(request, resolver):
    site = tempfile.mkdtemp(prefix="postern-chain.")
    os.chmod(site, 0o755)
    both = [Side(site, request.param, groups)
            for groups in ([(1,), (2,), (3,)], [MILTERS])]
    yield request.param, *both
    for side in both:
        side.stop()
    shutil.rmtree(site)


@pytest.mark.parametrize("which", range(len(SEEDS)))
def test_same_as_filters_in_a_row(sides, which):
    seed = SEEDS[which]
    shape, alone, chain = sides
    accepted = held = 0
    for number in range(DIALOGS):
        dialog = Words(f"{seed}.{number}", shape == "all").dialog()
        expected, got = alone.talk(dialog), chain.talk(dialog)
        if got != expected:
            # A MAIL that needs no answer may be left unread by a milter that
            # the MTA hangs up on at once.  What truly differs differs again.
            expected, got = alone.talk(dialog), chain.talk(dialog)
        assert got == expected, f"CHAIN_SEED={seed}, dialog {number}: {dialog}"
        queue = expected[1]
        accepted += len(queue)
        held += sum(kind == "h" for kind, _, _ in queue)
    assert accepted > DIALOGS / 2 and held, "too little has come so far as the queue"
