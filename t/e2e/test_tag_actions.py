"""Entries of access.db with the tags Virus: and Filter:."""
import os

import pytest

from harness import virus
from harness.filter import FilterMilter
from harness.milter_client import opened
from harness.sendmail import makemap

ENTRIES = """\
{tag}:free@example.org	OK
{tag}:gone@example.org	DISCARD
{tag}:own@example.org	550 5.7.9 Not for him
{tag}:wait@example.org	ERROR:4.2.9:450 Come back
{tag}:hold@example.org	QUARANTINE:for the boss
{tag}:typo@example.org	YESPLEASE
{tag}:free.example.net	OK
{tag}:192.0.2.66	OK
{tag}:bad.example.net	REJECT
"""
PLAIN = b"plain words\r\n"


def ask(milter, *rcpts, body=PLAIN, address="192.0.2.4", name="client.example.com"):
    with opened(milter.socket, address=address, name=name, timeout=60) as m:
        m.mail("<a@example.net>", i="q1")
        answers = [m.rcpt(f"<{r}>" if "@" in r else f"<{r}@example.org>") for r in rcpts]
        assert all(answer is None or answer.kind == "continue" for answer in answers)
        return m.message([("Subject", "x"), ("X-Procmail-Folder", "forged")], [body])


def edits(reply, letter):
    return [data.rstrip(b"\0").decode() for kind, data in reply.edits if kind == letter]


@pytest.fixture
def filter_milter(site):
    """Whose recipes refuse everything."""
    milter = FilterMilter(site, rc=":0\n{ REJECT=recipes }\n")
    makemap(milter.dir + "/access", ENTRIES.format(tag="Filter"))
    milter.start()
    yield milter
    assert milter.stop() == 0, milter.stderr()[-2000:]


@pytest.fixture
def virus_milter(site):
    made = []

    def make(**settings):
        milter = virus.VirusMilter(site, **settings)
        makemap(site + "/tags", ENTRIES.format(tag="Virus"))
        made.append(milter.start())
        return milter

    yield make
    for milter in made:
        milter.stop()


def test_filter_actions(filter_milter):
    def said(*rcpts, **client):
        reply = ask(filter_milter, *rcpts, **client)
        return reply.text or reply.kind
    assert said("other") == "550 5.7.1 recipes"
    assert said("free") == "continue"
    assert said("gone") == "discard"
    assert said("own") == "550 5.7.9 Not for him"
    assert said("wait") == "450 4.2.9 Come back"
    assert said("typo").startswith("451 4.7.1 ")
    filter_milter.said("Filter:typo@example.org: is not understood")
    held = ask(filter_milter, "hold")
    assert edits(held, "q") == ["filter: for the boss"]
    assert said("other", address="192.0.2.66") == "continue"
    assert said("other", name="mx.free.example.net") == "continue"
    assert said("other", name="bad.example.net") == "550 5.7.1 Refused by a mail filter"
    # What is said of the recipient comes first; of what he leads to.
    assert said("other%example.org@free.example.net") == "550 5.7.1 recipes"
    assert said("own%example.org@example.org") == "550 5.7.9 Not for him"
    assert said("free%example.org@example.org") == "550 5.7.1 recipes"
    assert said('"own"@example.org.') == "550 5.7.9 Not for him"
    assert said("free", name="bad.example.net") == "continue"
    assert said("own", address="192.0.2.66") == "550 5.7.9 Not for him"
    filter_milter.said("Filter:own@example.org\"")


def test_filter_recipients_who_disagree(filter_milter):
    reply = ask(filter_milter, "free", "gone")
    assert reply.kind == "continue" and edits(reply, "-") == ["<gone@example.org>"]
    # A folder that the sender named is taken off, whoever is exempt.
    assert len(edits(reply, "m")) == 1
    assert ask(filter_milter, "free", "own").text.startswith("451 4.7.1 Recipients")
    filter_milter.said("recipients=\"differ, apart\"")


def test_an_exempt_message_may_be_large(filter_milter):
    filter_milter.configure("  max_message: 1K\n")
    filter_milter.reload()
    filter_milter.said("reloaded")
    large = b"0123456789abcde\r\n" * 100
    assert ask(filter_milter, "other", body=large).code == 552
    assert ask(filter_milter, "free", "other", body=large).code == 552
    assert ask(filter_milter, "free", body=large).kind == "continue"


def test_a_filter_map_that_cannot_be_read(filter_milter):
    path = filter_milter.dir + "/access.db"
    with open(path, "r+b") as f:
        f.write(b"torn" * 16)
    assert ask(filter_milter, "free").code == 451
    os.unlink(path)  # nobody asked for it
    assert ask(filter_milter, "free").text == "550 5.7.1 recipes"


def test_virus_actions(virus_milter, site):
    milter = virus_milter(virus=f"  skip: {{access: {site}/tags}}\n")

    def said(*rcpts, body=virus.eicar(), **client):
        reply = ask(milter, *rcpts, body=body, **client)
        return reply.text or reply.kind
    assert said("other").startswith("550 5.7.1 ")
    assert said("free") == "continue"
    assert said("gone") == "discard"
    assert said("own") == "550 5.7.9 Not for him"
    assert said("wait") == "450 4.2.9 Come back"
    assert said("typo").startswith("451 4.7.1 ")
    milter.said("Virus:typo@example.org: is not understood")
    held = ask(milter, "hold", body=virus.eicar())
    assert edits(held, "q")[0].startswith("virus: infected (Eicar")
    assert edits(held, "q")[0].endswith(" (for the boss)")
    assert said("other", address="192.0.2.66") == "continue"
    assert said("other", name="mx.free.example.net") == "continue"
    assert said("other@free.example.net") == "continue"
    assert said("other%example.org@free.example.net").startswith("550 5.7.1 ")
    assert said("free%example.org@free.example.net") == "continue"
    # Clean mail is accepted whatever the action.
    for rcpt in ("gone", "own", "wait", "hold", "typo"):
        assert said(rcpt, body=PLAIN) == "continue"
    # The one who is exempt keeps his copy where another's is thrown away.
    reply = ask(milter, "gone", "free", body=virus.eicar())
    assert reply.kind == "continue" and edits(reply, "-") == ["<gone@example.org>"]
    milter.said("rule=access")


def test_virus_recipients_with_other_entries_are_split(virus_milter, site):
    milter = virus_milter(virus=f"  recipients: split\n  skip: {{access: {site}/tags}}\n")
    with opened(milter.socket, timeout=60) as m:
        m.mail("<a@example.net>", i="q1")
        answers = [m.rcpt(f"<{name}@example.org>") for name in ("free", "own", "other", "free")]
        assert [answer.code for answer in answers] == [0, 452, 452, 0]
        assert m.message([("Subject", "x")], [virus.eicar()]).kind == "continue"
