"""What the worst rc file of a user can do: nothing to anybody else."""
import os
import threading
import time

import pytest

from harness.filter import FilterMilter
from harness.milter_client import opened

DOMAIN = "@example.org"


@pytest.fixture
def milter(site):
    made = FilterMilter(site, filter="  user_time: 400ms\n").start()
    yield made
    assert made.stop() == 0, made.stderr()[-2000:]


def judge(milter, *names, body=b"body\r\n", subject="x"):
    """The reply to a message to these users."""
    with opened(milter.socket, timeout=30) as m:
        m.mail("<s@example.net>", i="q1")
        for name in names:
            m.rcpt(f"<{name}{DOMAIN}>")
        return m.message([("Subject", subject)], [body])


def header(reply, name):
    """Values of header fields that the milter adds."""
    values = [data.rstrip(b"\0").split(b"\0") for letter, data in reply.edits if letter == "h"]
    return [value.strip().decode() for key, value in values if key == name.encode()]


@pytest.mark.parametrize("word", ["INCLUDERC", "SWITCHRC"])
def test_the_file_of_another(milter, word):
    path = milter.user("alice", "WORD=open-sesame\n:0\n* ^Subject: mine\n{ REJECT=mine }\n")
    # It is known and in use when the other one names it.
    assert judge(milter, "alice", subject="mine").text == "550 5.7.1 mine"
    milter.user("bob", f'TAG="X-Word: <$WORD>"\n{word}={path}\nTAG="X-Word: <$WORD>"\n'
                ":0\n* WORD ?? .\n{ REJECT=read }\n")
    reply = judge(milter, "bob", subject="mine")
    assert reply.kind == "continue" and header(reply, "X-Word") == ["<>", "<>"]
    milter.said("belongs to somebody else")
    assert judge(milter, "alice", subject="mine").text == "550 5.7.1 mine"


def test_links_to_the_file_of_another(milter):
    secret = milter.write("rc/secret", "WORD=open-sesame\n")
    theirs = milter.user("alice", "WORD=open-sesame\n")
    os.link(secret, milter.dir + "/rc/hard.rc")
    os.link(theirs, milter.dir + "/rc/hers.rc")
    os.symlink(secret, milter.dir + "/rc/soft.rc")
    os.symlink(milter.dir + "/rc", milter.dir + "/rc/way")
    for name in ("hard.rc", "hers.rc", "soft.rc", "way/secret", "../rc/secret", "."):
        milter.user("bob", f"INCLUDERC={milter.dir}/rc/{name}\nTAG=\"X-Word: <$WORD>\"\n")
        assert header(judge(milter, "bob"), "X-Word") == ["<>"], name
    # His own name for a file of root, or of hers, is not his file either.
    for target in (secret, theirs):
        os.unlink(milter.dir + "/rc/bob.rc")
        assert judge(milter, "bob").edits == []
        os.link(target, milter.dir + "/rc/bob.rc")
        assert judge(milter, "bob").edits == [], target


RUN = ("| /usr/bin/touch {0}", "`/usr/bin/touch {0}`", "* ? /usr/bin/touch {0}",
       "TRAP=\"/usr/bin/touch {0}\"", "SENDMAIL=/usr/bin/touch\n:0\n! {0}",
       ":0 fw\n| /usr/bin/touch {0}", "A=| /usr/bin/touch {0}",
       ":0\n| formail -s /usr/bin/touch {0}", ":0 fw\n| formail -A X: | touch {0}")


@pytest.mark.parametrize("line", RUN)
def test_no_program_runs(milter, line):
    canary = milter.dir + "/canary"
    prefix = ":0\n" if line[0] in "|*A" else ""
    milter.user("alice", prefix + line.format(canary) + "\nbox\n")
    assert judge(milter, "alice").kind == "continue"
    milter.said("rc/alice.rc:")
    assert not os.path.exists(canary)


def test_what_variables_make_of_a_line_runs_nothing_either(milter):
    canary = milter.dir + "/canary"
    milter.user("alice", f"T='/usr/bin/touch {canary}'\nF='formail;touch {canary}'\nO=-C{canary}\n"
                ":0 fw\n| $T\n:0 fw\n| $F\n:0\n* $ ? $T\n{ }\nB=`$T`\n:0 c\n! $O\n"
                'TAG="X-End: reached"\n')
    reply = judge(milter, "alice")
    assert header(reply, "X-End") == ["reached"] or "rc/alice.rc:" in milter.stderr()
    assert not os.path.exists(canary)
    assert not [data for letter, data in reply.edits if letter == "+"]


def nested(depth):
    return ":0\n{\n" * depth + "A=b\n" + "}\n" * depth


LARGE = {"groups in groups": ":0\n* x" + "(" * 1000 + ")" * 1000 + "\nbox\n",
         "blocks in blocks": nested(1000),
         "too many recipes": ":0\nbox\n" * 20_001,
         "too many conditions": ":0\n" + "* a\n" * 1000 + "box\n",
         "a long file": "\n" * 300_000}


@pytest.mark.parametrize("name", sorted(LARGE))
def test_files_that_are_too_much_are_refused(milter, name):
    milter.user("alice", LARGE[name])
    start = time.monotonic()
    assert judge(milter, "alice").kind == "continue"
    milter.said("rc/alice.rc")
    assert time.monotonic() - start < 5
    assert judge(milter, "bob").kind == "continue"


def memory(process):
    """Bytes of memory that a process has had at most."""
    with open(f"/proc/{process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) << 10


DOUBLING = "LINEBUF=99999999\nA=xxxxxxxxxxxxxxxx\n" + "A=$A$A\n" * 64
COSTLY = {
    "doubling": DOUBLING + "".join(f"V{n}=$A\n" for n in range(5000)),
    "doubling in a condition": DOUBLING + ":0\n* $ ($A)*($A)*\n{ }\n" * 50,
    "including itself": "INCLUDERC={path}\nINCLUDERC={path}\n",
    "switching to itself": "SWITCHRC={path}\n",
    "clones of clones": ":0 c\n{\n" * 20 + "}\n" * 20,
    "forwards without end": "".join(f":0 c\n! a{n}@b.example\n" for n in range(200)),
    "states": "".join(f":0 B\n* (a|b)*a{'(a|b)' * 60}{n}\n/dev/null\n" for n in range(200)),
    "scores with the rest of the line": ":0 B\n* 1^1 a\\/(.*c)?\n{ }\n" * 50,
}


@pytest.mark.parametrize("name", sorted(COSTLY))
def test_files_that_cost_much_cost_only_their_user(milter, name):
    path = milter.dir + "/rc/alice.rc"
    milter.user("alice", COSTLY[name].replace("{path}", path))
    body = (b"ab" * 400 + b"\r\n") * 1000
    before = memory(milter.process)
    replies, waits = [], []

    def hers():
        replies.append(judge(milter, "alice", body=body))

    threads = [threading.Thread(target=hers) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        start = time.monotonic()
        assert judge(milter, "bob").kind == "continue"
        waits.append(time.monotonic() - start)
    for thread in threads:
        thread.join()
    assert all(reply.kind == "continue" or reply.code == 451 for reply in replies)
    # Two processors are shared by all; a limit of hers would show in seconds.
    assert sorted(waits)[5] < 1.5, waits
    assert memory(milter.process) - before < 200 << 20
