"""The libmilter layer by itself: every action at every stage, and its life."""
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from harness import milter_client as mc
from harness import net, program
from harness.layer import FAILED, TestMilter, milter, walk  # noqa: F401

STAGES = ["connect", "helo", "mail", "rcpt", "data", "header", "eoh", "body", "eom"]
EARLY = ("connect", "helo")
CONTENT = ("header", "eoh", "body")


# action -> (kind, text) of the reply, {stage} filled in
ACTIONS = {
    "proceed": ("continue", ""),
    "accept": ("accept", ""),
    "discard": ("discard", ""),
    "refuse": ("reply", "554 5.7.9 no 100%% {stage}"),
    "refuse4": ("reply", "452 4.2.1 later {stage}"),
    "refuse421": ("reply", "421 4.7.0 closing"),
    "refuse2": ("reply", FAILED),
    "lines": ("reply", "550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three"),
    "throw": ("reply", FAILED),
    "throwint": ("reply", FAILED),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("stage", STAGES)
def test_action_by_stage(milter, stage, action):
    kind, text = ACTIONS[action]
    at = stage
    if stage in EARLY and kind != "accept" and (stage == "connect" or kind == "discard"):
        at = "mail"     # where the MTA takes it, with its text
    if milter.args and stage in EARLY:
        at = "mail"     # the first stage that answers
    if milter.args and stage in CONTENT:
        at = "eom"
    with mc.Milter(milter.socket) as m:
        m.negotiate()
        where, reply = walk(m, f"{stage}={action}")
        assert (where, reply.kind, reply.text) == (
            None if kind == "continue" else at, kind, text.format(stage=stage))


def test_what_waits_since_connect_concerns_every_message(milter):
    with mc.Milter(milter.socket) as m:
        m.negotiate()
        m.connect("connect=refuse4", "192.0.2.4")
        m.helo("c")
        for _ in range(3):
            assert m.mail("<a@example.net>").code == 452
            m.helo("again")


@pytest.mark.parametrize("stage", CONTENT)
def test_what_failed_in_one_message_is_not_said_of_the_next(milter, stage):
    with mc.Milter(milter.socket) as m:
        m.negotiate()
        assert walk(m, f"{stage}=throw")[1].text == FAILED
        m.mail("<a@example.net>")
        assert m.rcpt("<b@example.org>").kind == "continue"
        assert m.eom().kind == "continue"


def test_skip_is_for_body_chunks(milter):
    with mc.Milter(milter.socket) as m:
        m.negotiate()
        where, reply = walk(m, "body=skip")
        assert milter.args or (where, reply.kind) == ("body", "skip")
        assert milter.args or m.eom().kind == "continue"
        assert not milter.args or (where, reply.kind) == (None, "continue")
    with mc.Milter(milter.socket) as m:
        m.negotiate()
        assert walk(m, "rcpt=skip;mail=skip;connect=skip")[0] is None


@pytest.mark.parametrize("action, edit", [
    ("header", ("h", b"X-Test\x001\0")), ("quarantine", ("q", b"held\0"))])
def test_edits_at_the_end_only(milter, action, edit):
    with mc.Milter(milter.socket) as m:
        m.negotiate()
        assert walk(m, f"eom={action}")[1].edits == [edit]
    with mc.Milter(milter.socket) as m:
        m.negotiate()
        assert walk(m, f"mail={action}")[0] == "mail"   # refused by libmilter


def test_what_was_thrown_is_logged(milter):
    with mc.Milter(milter.socket) as m:
        m.negotiate()
        walk(m, "rcpt=throw")
    net.wait_for(lambda: "scripted: thrown in rcpt" in milter.said(), 5)


def test_pauses_between_commands_change_threads(milter):
    clients = []
    for n in range(8):
        m = mc.Milter(milter.socket).negotiate()
        m.connect("rcpt=refuse" if n % 2 else "", "192.0.2.4")
        clients.append(m)
    for step in ("mail", "rcpt"):
        for m in clients:
            time.sleep(0.02)
            kind = getattr(m, step)("<a@example.net>").kind
            refused = step == "rcpt" and m in clients[1::2]
            assert kind == ("reply" if refused else "continue")


def test_hup_two_hundred_times_with_sessions_open(milter):
    """SIGHUP is libmilter's word for stop; here it must never be."""
    before = len(re.findall("reloaded", milter.said()))
    clients = [mc.Milter(milter.socket).negotiate() for _ in range(3)]
    for m in clients:
        m.connect("rcpt=refuse", "192.0.2.4")
        m.helo("c")
    for n in range(200):
        milter.process.send_signal(signal.SIGHUP if n % 3 else signal.SIGUSR1)
        m = clients[n % 3]
        assert m.mail("<a@example.net>").kind == "continue"
        assert m.rcpt("<b@example.org>").code == 554
        m.abort()
        if n % 20 == 0:
            with mc.Milter(milter.socket) as fresh:
                fresh.negotiate()
                assert walk(fresh, "")[0] is None
    assert milter.process.poll() is None
    net.wait_for(lambda: len(re.findall("reloaded", milter.said())) > before, 5)
    for m in clients:
        m.close()


@pytest.mark.parametrize("open_sessions", [0, 3])
def test_stop_in_under_a_second(open_sessions):
    one = TestMilter().start()
    clients = [mc.Milter(one.socket).negotiate() for _ in range(open_sessions)]
    for m in clients:
        m.connect("mail=sleep:5000", "192.0.2.4")
    if clients:
        clients[0].send(b"M", b"<a@example.net>\0")     # a handler that hangs
        time.sleep(0.1)
    assert one.stop() < 1.0
    assert os.listdir(one.dir) == ["stderr"]
    shutil.rmtree(one.dir)


def test_the_second_instance_refuses(milter):
    done = subprocess.run(
        [program("test-milter"), "unix:" + milter.socket, milter.pid_file],
        stderr=subprocess.PIPE, timeout=10)
    assert done.returncode == 69
    assert b"already running, pid %d" % milter.process.pid in done.stderr
    done = subprocess.run(
        [program("test-milter"), "unix:" + milter.socket, milter.pid_file + "2"],
        stderr=subprocess.PIPE, timeout=10)
    assert done.returncode == 69 and b"another process listens" in done.stderr
    with mc.Milter(milter.socket) as m:
        m.negotiate()


def test_a_crashed_instance_is_replaced():
    one = TestMilter().start()
    for _ in range(5):
        one.process.send_signal(signal.SIGKILL)
        one.process.wait(10)
        assert os.path.exists(one.socket) and os.path.exists(one.pid_file)
        one.start()
        with mc.Milter(one.socket) as m:
            m.negotiate()
    one.stop()
    assert os.listdir(one.dir) == ["stderr"]
    shutil.rmtree(one.dir)


def test_a_file_in_the_place_of_the_socket_stays():
    one = TestMilter()
    with open(one.socket, "w") as f:
        f.write("mine")
    done = subprocess.run(
        [program("test-milter"), "unix:" + one.socket, one.pid_file],
        stderr=subprocess.PIPE, timeout=10)
    assert done.returncode == 78 and b"not a socket" in done.stderr
    with open(one.socket) as f:
        assert f.read() == "mine"
    shutil.rmtree(one.dir)


GARBAGE = [b"", b"\0", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\1?",
           b"\0\0\0\1O", b"\0\0\0\5O\0\0\0\1", b"GET / HTTP/1.0\r\n\r\n",
           b"\x7f\xff\xff\xffO", bytes(range(256)) * 40]


def test_garbage_bytes(milter):
    for garbage in GARBAGE:
        with mc.Milter(milter.socket) as m:
            m.sock.sendall(garbage)
    for data in (b"", b"c", b"c\0", b"c\0" b"4", b"c\0" b"4\0\0", b"c\0" b"4\0\0x",
                 b"c\0" b"4\0\0x\0", b"c\0Z\0\0x\0", b"c\0" b"6\0\0fe80::%eth0\0",
                 b"\0L\0\0" + b"x" * 5000 + b"\0"):
        with mc.Milter(milter.socket) as m:
            m.negotiate()
            m.send(b"C", data)
    for command in (b"H", b"M", b"R", b"L", b"U", b"D", b"B"):
        for data in (b"", b"x", b"\0", b"\0\0\0", b"\xff" * 70000):
            with mc.Milter(milter.socket) as m:
                m.negotiate()
                m.connect("", "192.0.2.4")
                try:
                    m.send(command, data)
                except ConnectionError:
                    pass    # too much: libmilter hangs up before it has all
    with mc.Milter(milter.socket) as m:
        m.negotiate()
        assert walk(m, "")[0] is None
    assert milter.process.poll() is None
