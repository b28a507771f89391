"""The libmilter layer when much happens at once."""
import shutil
import threading
import time

import pytest

from harness import milter_client as mc
from harness.layer import FAILED, TestMilter, milter, walk  # noqa: F401


def together(milter, sessions, script):
    """Seconds until each session has its reply to MAIL, all sent at once."""
    clients = []
    for _ in range(sessions):
        m = mc.Milter(milter.socket, timeout=60).negotiate()
        m.connect(script, "192.0.2.4")
        m.helo("c")
        clients.append(m)
    time.sleep(0.05)
    begin = time.monotonic()
    for m in clients:
        m.send(b"M", b"<a@example.net>\0")
    took = []
    threads = [threading.Thread(target=lambda m=m: (
        m.reply(), took.append(time.monotonic() - begin))) for m in clients]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for m in clients:
        m.close()
    return took


def test_sixty_slow_steps_in_the_same_instant(milter):
    """Debian's libmilter runs two of them at a time; a kick starts the rest.

    Without kicks sixty steps of 0.4 s would take twelve seconds.
    """
    took = together(milter, 60, "mail=slow:400")
    assert len(took) == 60
    assert max(took) < 2, sorted(took)


def test_sixty_quick_sessions_in_the_same_instant(milter):
    assert max(together(milter, 60, "")) < 2


@pytest.mark.parametrize("manner, told", [("all", "mail"), ("mute", "data")])
def test_more_handlers_than_may_be_at_work(manner, told):
    """Those beyond are told 451 at once, or where the milter answers next; the
    others end as they would have."""
    one = TestMilter(manner, "4").start()
    replies = []

    def session():
        with mc.Milter(one.socket) as m:
            m.negotiate()
            begin = time.monotonic()
            replies.append((walk(m, "mail=slow:1000"), time.monotonic() - begin))

    threads = [threading.Thread(target=session) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [took for (stage, reply), took in replies if stage is not None]
    assert {(stage, reply.text) for (stage, reply), _ in replies if stage} == {
        (told, FAILED)}
    assert 4 <= len(replies) - len(refused) <= 8 and max(refused) < 0.9
    assert "too many handlers at work" in one.said()
    with mc.Milter(one.socket) as m:
        m.negotiate()
        assert walk(m, "")[0] is None
    one.stop()
    shutil.rmtree(one.dir)


def test_a_busy_moment_is_over_with_its_message():
    """A recipient that was missed while nobody answers costs the message, and
    nothing of what comes after it on the same connection."""
    one = TestMilter("mute", "1").start()
    busy = mc.Milter(one.socket).negotiate()
    busy.connect("body=sleep:600", "192.0.2.4")
    busy.mail("<a@example.net>")
    busy.rcpt("<b@example.org>")
    busy.data()
    busy.header("Subject", "x")
    busy.eoh()
    with mc.Milter(one.socket) as m:
        m.negotiate()
        m.connect("", "192.0.2.4")
        m.mail("<a@example.net>")
        m.rcpt("<a@example.org>")
        busy.body("x")
        time.sleep(0.2)
        m.rcpt("<b@example.org>")
        time.sleep(0.6)
        m.rcpt("<c@example.org>")
        assert m.data().text == FAILED
        m.mail("<a@example.net>")
        m.rcpt("<b@example.org>")
        assert m.message().kind == "continue"
    assert "too many handlers at work" in one.said()
    busy.close()
    one.stop()
    shutil.rmtree(one.dir)
