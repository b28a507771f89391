"""virus-milter alone and before real sendmail, and mail to ask them with."""
import threading

import pytest

from harness import milter_client, smtp, virus
from harness.sendmail import Sendmail


@pytest.fixture
def gate(site, sink, resolver):
    """gate(virus=...): virus-milter and sendmail; returns both."""
    made = []

    def make(signatures=(), users=None, loads=True, **settings):
        milter = virus.VirusMilter(site, signatures=signatures, **settings)
        milter.start(wait=loads)
        mta = Sendmail(site, mc=milter.mc(), sink=sink.port, users=users).start()
        made.extend([mta, milter])
        return milter, mta

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def alone(site):
    """alone(virus=...): a virus-milter that runs, without an MTA."""
    made = []

    def make(wait=True, **settings):
        made.append(virus.VirusMilter(site, **settings).start(wait=wait))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def ask(milter, text, timeout=60):
    """The milter's answer to a message, at its end."""
    head, _, body = text.partition("\r\n\r\n")
    with milter_client.Milter(milter.socket, timeout=timeout) as m:
        m.negotiate()
        m.connect("c.example.net", "192.0.2.4", client_addr="192.0.2.4")
        m.mail("<a@example.net>", i="q1")
        m.rcpt("<b@example.org>")
        for line in head.split("\r\n"):
            m.header(*line.split(": ", 1))
        m.eoh()
        for at in range(0, len(body), 60000):
            m.body(body[at:at + 60000])
        return m.eom(i="q1")


def asked(milter, text, timeout=60):
    """The same in a thread; call the result to get the answer."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(ask(milter, text, timeout)))
    thread.start()

    def answer():
        thread.join(timeout)
        return answers[0]
    return answer


def send(mta, text, rcpts=("<b@example.org>",), sender="<a@example.net>", source=None, **login):
    """The last reply of the whole dialogue."""
    with smtp.Client(mta.port, *([source] if source else [])) as c:
        c("EHLO client.example.net")
        if login:
            assert c.login(login["user"], login["password"]).code == 235
        return c.send(sender, rcpts, text)[-1]


def infected(mark="Hello.", *more):
    return virus.message(("e.zip", virus.nested_zip(virus.eicar(), 2)), *more, text=mark)
