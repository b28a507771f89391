"""Everybody gets his copy, once: redirects, aliases, twins, and a filter-milter
that is killed."""
import collections
import os
import random
import re
import signal
import subprocess
import threading
import time

import pytest

from harness import net, smtp
from harness.filter import FilterMilter
from harness.sendmail import SENDMAIL, Sendmail


@pytest.fixture
def gate(site, sink, resolver):
    """gate(rc=..., users=..., aliases=...): filter-milter before sendmail."""
    made = []

    def make(aliases="", **settings):
        milter = FilterMilter(site, **settings).start()
        mta = Sendmail(site, mc=milter.mc(), sink=sink.port)
        mta.write("aliases", aliases)
        if aliases:
            subprocess.run([SENDMAIL, "-C", mta.cf, "-bi"], check=True,
                           stdout=subprocess.DEVNULL)
        made.extend([mta.start(), milter])
        return milter, mta

    yield make
    for one in made:
        one.stop()


def bare(rcpt):
    return rcpt.split("<")[1].split("@")[0]


def send(mta, mark, *names, sender="<a@example.net>"):
    text = f"Subject: {mark}\r\nTo: x@example.org\r\n\r\nbody\r\n"
    with smtp.Client(mta.port) as c:
        c("EHLO client.example.net")
        return c.send(sender, [f"<{name}@example.org>" for name in names], text)


def until_all_went(mta, mark, *names):
    """As MTAs do: those who hear 4xx are tried again.  -> (tries, refused)"""
    left, tries, refused = list(names), 0, []
    while left:
        tries += 1
        assert tries < 20, left
        replies = [r.code for r in send(mta, mark, *left)]
        rcpts, end = replies[-2 - len(left):-2], replies[-1]
        if 250 not in rcpts:
            continue
        taken = [name for name, code in zip(left, rcpts) if code == 250]
        if end // 100 == 5:
            refused += taken
        if end // 100 in (2, 5):
            left = [name for name in left if name not in taken]
    return tries, refused


def copies(sink, mark, times):
    """Who got a message, once that many copies and no more have come."""
    def got():
        return sorted(bare(r) for m in list(sink.messages)
                      if f"Subject: {mark}\r" in m["text"] for r in m["rcpt"])
    net.wait_for(lambda: len(got()) >= times, 10, message=f"{mark}: {got()}")
    time.sleep(0.3)
    return got()


USERS = {"alice": ":0\n* ^Subject: redirect\n! bob@example.org\n"
                  ":0 c\n* ^Subject: copy\n! bob@example.org\n"
                  ":0\n* ^Subject: gone\n/dev/null\n"
                  ":0\n* ^Subject: both\n! bob@example.org carol@example.org\n"
                  ":0\n* ^Subject: self\n! alice@example.org\n"
                  ":0\n* ^Subject: out\n! x@example.net\n",
         "bob": ":0\n* ^Subject: (both|out)\n! alice@example.org\n"}

CASES = [  # mark, recipients, who gets it
    ("redirect", ["alice"], ["bob"]),
    ("redirect", ["alice", "bob"], ["bob"]),
    ("redirect", ["bob", "alice", "carol"], ["bob", "carol"]),
    ("redirect", ["alice", "ALICE", "alice"], ["bob"]),
    ("copy", ["alice", "bob"], ["alice", "bob"]),
    ("copy", ["alice"], ["alice", "bob"]),
    ("gone", ["alice", "bob"], ["bob"]),
    ("gone", ["alice"], []),
    ("both", ["alice", "bob"], ["alice", "bob", "carol"]),
    ("self", ["alice", "bob"], ["alice", "bob"]),
    ("out", ["alice", "bob"], ["alice", "x"]),
]


def test_copies(gate, sink):
    _, mta = gate(users=USERS)
    for n, (kind, rcpts, want) in enumerate(CASES):
        mark = f"{kind} copies {n}"
        assert send(mta, mark, *rcpts)[-1].code == 250, mark
        assert copies(sink, mark, len(want)) == want, mark


def test_recipients_that_are_aliases(gate, sink):
    rc = (":0\n* RECIPIENT ?? ^^(team|one|nobody)@\n"
          "{\n:0\n* ^Subject: gone\n/dev/null\n"
          ":0\n* ^Subject: away\n! carol@example.org\n}\n")
    _, mta = gate(rc=rc, aliases="team: alice, bob\none: alice\n")
    for kind, want in (("gone", ["dave"]), ("away", ["carol", "dave"]), ("plain", None)):
        for name in ("team", "one"):
            mark = f"{kind} alias {name}"
            assert send(mta, mark, name, "dave")[-1].code == 250
            members = ["alice", "bob", "dave"] if name == "team" else ["alice", "dave"]
            assert copies(sink, mark, len(want or members)) == (want or members), mark


def test_each_gets_what_his_recipes_say(gate, sink):
    """Twelve recipients, six kinds of answers, one message."""
    kinds = {"no": "REJECT=no", "later": ":0\n* ^X-Never: y\nbox", "tag": "TAG='X-Tag: one'",
             "null": ":0\n/dev/null", "away": ":0\n! away@example.org", "box": ":0\nbox"}
    domain = "".join(f":0\n* RECIPIENT ?? ^^{kind}\n{{\n{text}\n}}\n"
                     for kind, text in kinds.items())
    milter, mta = gate(domains={"example.org": domain})
    names = [kind + n for n in "12" for kind in kinds]
    tries, refused = until_all_went(mta, "kinds", *names)
    assert sorted(refused) == ["no1", "no2"] and tries <= 6
    want = ["away", "box1", "box2", "later1", "later2", "tag1", "tag2"]
    got = copies(sink, "kinds", len(want))
    assert got == want
    for m in sink.messages:
        if "Subject: kinds\r" in m["text"]:
            who = {bare(r) for r in m["rcpt"]}
            assert ("X-Tag: one" in m["text"]) == bool(who & {"tag1", "tag2"}), who
            assert ("X-Procmail-Folder: box" in m["text"]) == bool(who & {"box1", "box2"}), who


def test_killed_at_any_moment(gate, sink):
    """Nothing is lost, and nobody gets two, while filter-milter dies and comes
    back 30 times."""
    milter, mta = gate(users=USERS)
    chance, done, running = random.Random(11), [], True

    def client(number):
        n = 0
        while running:
            n += 1
            mark = f"redirect killed {number}-{n}."
            while True:
                try:
                    if send(mta, mark, "alice", "bob", "carol")[-1].code == 250:
                        break
                except OSError:
                    pass
                time.sleep(0.02)
            done.append(mark)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        time.sleep(chance.uniform(0.02, 0.2))
        os.kill(milter.process.pid, signal.SIGKILL)
        milter.process.wait()
        milter.start()
    running = False
    for thread in threads:
        thread.join(60)
    want = collections.Counter((mark, name) for mark in done for name in ("bob", "carol"))

    def got():
        return collections.Counter(
            (re.search(r"Subject: (.*)\r", m["text"])[1], bare(r))
            for m in list(sink.messages) if "Subject: redirect killed" in m["text"]
            for r in m["rcpt"])
    assert len(done) > 40
    net.wait_for(lambda: sum(got().values()) >= sum(want.values()), 30)
    time.sleep(0.5)
    assert got() == want
