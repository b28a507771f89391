"""filter-milter before real sendmail, and mail to ask them with."""
import pytest

from harness import smtp
from harness.filter import FilterMilter
from harness.sendmail import Sendmail


@pytest.fixture
def gate(site, sink, resolver):
    """gate(rc=..., filter=..., users=...): filter-milter and sendmail."""
    made = []

    def make(rc="", **settings):
        milter = FilterMilter(site, rc=rc, **settings).start()
        mta = Sendmail(site, mc=milter.mc(), sink=sink.port).start()
        made.extend([mta, milter])
        return milter, mta

    yield make
    for one in made:
        one.stop()


def send(mta, text="Subject: test\r\n\r\nbody\r\n", rcpts=("<alice@example.org>",),
         sender="<a@example.net>"):
    with smtp.Client(mta.port) as c:
        c("EHLO client.example.net")
        return c.send(sender, rcpts, text)[-1]


def replies(mta, text, rcpts, sender="<a@example.net>"):
    """All replies: MAIL, RCPTs, DATA, end."""
    with smtp.Client(mta.port) as c:
        c("EHLO client.example.net")
        return c.send(sender, rcpts, text)


def mail(mark, head=""):
    return f"{head}Subject: {mark}\r\nTo: x@example.org\r\n\r\nbody of {mark}\r\n"


def rcpts_of(sink, mark, times=1, timeout=10):
    """Recipients of all copies of a message that arrived."""
    with sink.changed:
        sink.changed.wait_for(lambda: sum(
            len(m["rcpt"]) for m in sink.messages if f"Subject: {mark}\r" in m["text"])
            >= times, timeout)
        # The hub that all local mail goes to gets its own name as domain.
        return sorted(r.replace("@[127.0.0.1]", "@example.org") for m in sink.messages if f"Subject: {mark}\r" in m["text"]
                      for r in m["rcpt"])
