"""What the worst rc file of a user can do: nothing to anybody else."""
import os
import threading
import time

import pytest

from harness.filter import FilterMilter
from harness.milter_client import opened
from harness.sendmail import makemap

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
        return m.message([("Subject", subject)],
                         [body[at:at + 60000] for at in range(0, len(body), 60000)])


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


# The address sanitizer keeps what is freed for a while.
KEPT = 512 << 20 if "asan" in os.environ.get("POSTERN_BIN", "") else 0


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
    assert len(replies) == 4
    assert all(reply.kind == "continue" or reply.code == 451 for reply in replies)
    # Two processors are shared by all; a limit of hers would show in seconds.
    assert sorted(waits)[5] < 1.5, waits
    assert memory(milter.process) - before < (200 << 20) + KEPT


def test_passwords_of_access_db(milter):
    makemap(milter.dir + "/access", 'AuthInfo:mx.example.net\t"U:us" "P:open-sesame"\n'
            "TLS_Srv:mx.example.net\tVERIFY\nFrom:bad.example\tREJECT\n")
    asks = "".join(f'LOOKUP="access {key}"\nTAG="X-Found: <$FOUND>"\n' for key in (
        "AuthInfo:mx.example.net", "authinfo:a.mx.example.net", "TLS_Srv:mx.example.net",
        " AuthInfo:mx.example.net", "From:bad.example"))
    milter.user("alice", asks)
    found = header(judge(milter, "alice"), "X-Found")
    assert found == ["<>"] * 4 + ["<REJECT>"]
    # Recipes of the site ask with what the sender wrote.
    milter.write("filterrc", asks)
    assert header(judge(milter, "carol"), "X-Found") == ["<>"] * 2 + [
        "<VERIFY>", "<>", "<REJECT>"]


@pytest.mark.parametrize("rc", ["EXITCODE=67\n", "EXITCODE=75\n", "HOST\n",
                                "EXITCODE=77\nHOST=other\n", ":0\n/dev/null\n",
                                "EXITCODE=67\n:0\n/dev/null\n", "REJECT=no\n",
                                "TEMPFAIL=no\n", "QUARANTINE=no\n", ":0\n! a@b.example\n",
                                "TAG='X: y'\n", ":0 fhw\n| formail -A 'X: y'\n", ":0\nbox\n"])
def test_what_users_may_not_do_is_left_out(site, rc):
    milter = FilterMilter(site, filter="  user_actions: []\n", users={"alice": rc})
    with milter:
        reply = judge(milter, "alice")
        assert reply.kind == "continue" and reply.edits == [], reply
        milter.said("sers may not ")


def test_files_that_are_no_files(milter):
    path = milter.dir + "/rc/alice.rc"
    fifo = milter.dir + "/rc/more"
    os.mkfifo(fifo)
    os.chown(fifo, 2001, 2001)
    milter.user("alice", f"INCLUDERC={fifo}\nINCLUDERC=/proc/self/environ\n"
                f"INCLUDERC=/dev/zero\nSWITCHRC=/proc/self/fd/0\nTAG='X-End: yes'\n")
    start = time.monotonic()
    assert header(judge(milter, "alice"), "X-End") == ["yes"]
    os.unlink(path)
    assert judge(milter, "alice").edits == []
    os.mkfifo(path)
    os.chown(path, 2001, 2001)
    assert judge(milter, "alice").edits == []
    milter.said("is not a regular file")
    os.unlink(path)
    os.mkdir(path)
    assert judge(milter, "alice").edits == []
    os.rmdir(path)
    with open(path, "w") as f:  # a terabyte that takes no room
        f.truncate(1 << 40)
    os.chown(path, 2001, 2001)
    assert judge(milter, "alice").edits == []
    milter.said("is longer than")
    assert time.monotonic() - start < 10


def answers(milter, *names):
    """What each recipient hears, and what the message does, if any is left."""
    with opened(milter.socket, timeout=30) as m:
        m.mail("<s@example.net>", i="q1")
        replies = [m.rcpt(f"<{name}{DOMAIN}>").code or 250 for name in names]
        if 250 not in replies:
            return replies, None
        reply = m.message([("Subject", "x")], [b"body\r\n"])
        return replies, reply.code or 250


@pytest.mark.parametrize("differ", ["apart", "together"])
def test_who_refuses_for_now_holds_nobody_up(milter, differ):
    milter.configure(f"  differ: {differ}\n")
    milter.reload()
    milter.said("reloaded")
    milter.user("alice", "TEMPFAIL=never\n")
    assert answers(milter, "alice", "bob") == ([250, 250], 451)
    assert answers(milter, "alice", "bob") == ([250, 452], 451)
    assert answers(milter, "alice", "bob") == ([452, 250], 250)
    # Bob has it; she is asked as before.
    assert answers(milter, "alice") == ([250], 451)
    assert answers(milter, "alice") == ([250], 451)


def test_whose_answer_changes_holds_nobody_up(milter):
    """Each try has another queue id, by which recipes can tell."""
    milter.user("alice", "TAG=\"X-Id: $QUEUE_ID\"\nTEMPFAIL=$QUEUE_ID\n")
    milter.user("bob", ":0\n* QUEUE_ID ?? [02468]$\n{ TEMPFAIL=$QUEUE_ID }\n"
                "TEMPFAIL=never\n")
    left = ["alice", "bob", "carol"]
    for n in range(20):
        with opened(milter.socket, timeout=30) as m:
            m.mail("<s@example.net>", i=f"q{n}")
            taken = [name for name in left if not m.rcpt(f"<{name}{DOMAIN}>").code]
            if taken and not m.message([("Subject", "x")], [b"body\r\n"]).code:
                left = [name for name in left if name not in taken]
    assert left == ["alice", "bob"]


def test_a_user_has_one_processor_at_most(milter):
    """However many addresses and messages he has."""
    milter.user("alice", "A=$RECIPIENT\n" + COSTLY["states"])
    body = (b"ab" * 400 + b"\r\n") * 1000
    start, cpu = time.monotonic(), cpu_seconds(milter.process)
    names = [f"alice+{n}" for n in range(10)]
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(judge(milter, *names, body=body)))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reply.code for reply in replies] == [451] * 4
    # 400 ms for each message, one after the other, and what reading them costs.
    assert time.monotonic() - start < 6
    assert cpu_seconds(milter.process) - cpu < 4


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_headers_that_grow(milter):
    milter.user("alice", "LINEBUF=65000\nA=" + "x" * 2000 + "\n" + "A=$A$A\n" * 4 +
                ':0 fhw\n| formail -A "X-Long: $A"\n' * 5000)
    before = memory(milter.process)
    reply = judge(milter, "alice")
    assert sum(len(data) for _, data in reply.edits) < 4 << 20
    assert memory(milter.process) - before < (200 << 20) + KEPT
