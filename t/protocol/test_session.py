"""What a session answers: verdict by stage, and messages kept apart."""
import json

import pytest

from harness import milter_client as mc

ACCESS = """Connect:198.51.100.1\tREJECT
Connect:198.51.100.2\tDISCARD
Connect:198.51.100.3\tERROR:4.7.1:450 come again
Connect:198.51.100.4\tQUARANTINE:held by address
Connect:203.0.113\tRELAY
From:reject@example.com\tREJECT
From:later@example.com\tERROR:4.7.1:"451 later"
From:drop@example.com\tDISCARD
From:hold@example.com\tQUARANTINE:held by sender
From:percent@example.com\tERROR:5.7.1:"550 100%s sure"
From:example.net\tOK
To:full@example.org\tERROR:4.2.2:"452 full"
To:gone@example.org\tREJECT
"""
FEATURES = "[access_db, blocklist_recipients]"
HERE, FAR = "<bob@example.org>", "<friend@remote.example>"


@pytest.fixture
def milter(daemon):
    return daemon(access=ACCESS, features=FEATURES)


def test_only_what_is_needed_is_asked_for(milter):
    with mc.Milter(milter.socket) as m:
        m.negotiate()
        assert m.protocol & (mc.NO_DATA | mc.NO_HEADERS | mc.NO_EOH | mc.NO_BODY
                             | mc.NO_UNKNOWN) == (
            mc.NO_DATA | mc.NO_HEADERS | mc.NO_EOH | mc.NO_BODY | mc.NO_UNKNOWN)
        assert not m.protocol & (mc.NO_CONNECT | mc.NO_HELO | mc.NO_MAIL |
                                 mc.NO_RCPT | mc.RCPT_REJ | mc.NR_MAIL | mc.NR_RCPT)
        assert m.protocol & mc.NR_CONNECT and m.protocol & mc.NR_HELO
        assert m.actions == mc.QUARANTINE | mc.SET_SYMLIST
        assert "{client_resolve}" in m.symbols["connect"]
        assert "{auth_type}" in m.symbols["mail"]
        assert all(len(names) <= 50 for names in m.symbols.values())


@pytest.mark.parametrize("actions, protocol, version", [
    (0x0F, 0x3F, 2), (0x3F, 0x7F, 2), (0xFF, 0x3FF, 6), (0x1FF, 0, 6),
    (0x1DF, mc.ALL_PROTOCOL, 6)])
def test_an_mta_that_can_do_less_is_served(milter, actions, protocol, version):
    with mc.Milter(milter.socket) as m:
        m.negotiate(actions, protocol, version)
        assert m.protocol & ~protocol == 0 or protocol == 0
        m.connect("c.example.net", "198.51.100.1", client_addr="198.51.100.1")
        m.helo("c")
        assert m.mail("<a@example.net>").text.startswith("550 5.7.1")


# client address, sender, recipient -> stage that answers, kind, start of text
MATRIX = [
    ("192.0.2.4", "<a@example.net>", HERE, None, "continue", ""),
    ("203.0.113.9", "<a@example.net>", FAR, None, "continue", ""),
    ("192.0.2.4", "<a@example.net>", FAR, "rcpt", "reply", "550 5.7.1 Relaying denied"),
    ("198.51.100.1", "<a@example.net>", HERE, "mail", "reply", "550 5.7.1 Access denied"),
    ("198.51.100.3", "<a@example.net>", HERE, "mail", "reply", "450 4.7.1 come again"),
    ("198.51.100.2", "<a@example.net>", HERE, "mail", "discard", ""),
    ("198.51.100.4", "<a@example.net>", HERE, None, "continue", ""),
    ("192.0.2.4", "<reject@example.com>", HERE, "mail", "reply", "550 5.7.1 Access denied"),
    ("192.0.2.4", "<later@example.com>", HERE, "mail", "reply", "451 4.7.1 later"),
    ("192.0.2.4", "<drop@example.com>", HERE, "mail", "discard", ""),
    ("192.0.2.4", "<percent@example.com>", HERE, "mail", "reply", "550 5.7.1 100%%s sure"),
    ("192.0.2.4", "<a@example.net>", "<full@example.org>", "rcpt", "reply", "452 4.2.2 full"),
    ("192.0.2.4", "<a@example.net>", "<gone@example.org>", "rcpt", "reply", "550 5.2.1"),
]


@pytest.mark.parametrize("address, sender, rcpt, stage, kind, text", MATRIX)
def test_action_by_stage(milter, address, sender, rcpt, stage, kind, text):
    with milter.client(address=address) as m:
        for _ in range(2):      # the second message as the first
            got, at = m.mail(sender, i="q1"), "mail"
            if got.kind == "continue":
                got, at = m.rcpt(rcpt, i="q1"), "rcpt"
            assert (got.kind, at if stage else None) == (kind, stage), got
            assert got.text.startswith(text)
            if kind == "continue":
                assert m.message().kind == "continue"


@pytest.mark.parametrize("address, sender, reason", [
    ("198.51.100.4", "<a@example.net>", b"held by address"),
    ("192.0.2.4", "<hold@example.com>", b"held by sender"),
    ("198.51.100.4", "<hold@example.com>", b"held by sender")])
def test_quarantine_is_done_at_the_end(milter, address, sender, reason):
    with milter.client(address=address) as m:
        for _ in range(2):
            assert m.mail(sender).kind == "continue"
            assert m.rcpt(HERE).kind == "continue"
            done = m.message()
            assert done.kind == "continue"
            assert done.edits == [("q", reason + b"\0")]


# Codes that refuse nothing.  sendmail sends them to the client as they are, and
# goes on as if the command had been refused: the client believes otherwise.
NO_REFUSALS = ["250 fine", "ERROR:2.1.5:250 fine", 'ERROR:"250 2.1.5 fine"',
               "ERROR:5.7.1:250 fine", "220 x", "354 go ahead", "350 x", "200 x"]


@pytest.mark.parametrize("value", NO_REFUSALS)
@pytest.mark.parametrize("key", ["Connect:192.0.2.4", "From:example.net", "To:example.org"])
def test_a_code_that_refuses_nothing_is_a_refusal(daemon, key, value):
    milter = daemon(access=f"{key}\t{value}\n", features=FEATURES)
    with milter.client(address="192.0.2.4") as m:
        for _ in range(2):
            got = m.mail("<a@example.net>")
            if key.startswith("To:"):
                assert got.kind == "continue"
                got = m.rcpt(HERE)
            assert got.kind == "reply", got
            assert got.text[0] in "45" and got.text[3] == " ", got


def test_quarantine_that_the_mta_does_not_know_is_4xx(milter):
    with mc.Milter(milter.socket) as m:
        m.negotiate(actions=0x1FF & ~mc.QUARANTINE)
        m.connect("c", "192.0.2.4")
        m.mail("<hold@example.com>")
        m.rcpt(HERE)
        assert m.message().text.startswith("451 4.3.0")


def test_a_quarantine_does_not_reach_the_next_message(milter):
    with milter.client() as m:
        m.mail("<hold@example.com>")
        m.rcpt(HERE)
        assert m.message().edits
        m.mail("<a@example.net>")
        m.rcpt(HERE)
        assert not m.message().edits


def test_one_refused_recipient_leaves_the_others(milter):
    with milter.client() as m:
        for _ in range(50):
            assert m.mail("<a@example.net>").kind == "continue"
            assert [m.rcpt(r).kind for r in (HERE, FAR, HERE)] == [
                "continue", "reply", "continue"]
            assert m.message().kind == "continue"


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "header", "body"])
def test_abort_everywhere(milter, stage):
    with mc.Milter(milter.socket) as m:
        # All stages, as an MTA that cannot leave out any.
        m.negotiate(protocol=0)
        m.connect("c", "192.0.2.4", client_addr="192.0.2.4")
        m.helo("c")
        for _ in range(20):
            m.mail("<hold@example.com>")
            if stage != "mail":
                m.rcpt(HERE)
            if stage in ("data", "header", "body"):
                m.data()
            if stage in ("header", "body"):
                m.header("Subject", "x")
            if stage == "body":
                m.eoh()
                m.body("x\r\n")
            m.abort()
            m.mail("<a@example.net>")
            assert m.rcpt(FAR).text.startswith("550 5.7.1")
            assert m.rcpt(HERE).kind == "continue"
            assert not m.message().edits


def test_helo_again_ends_a_message(milter):
    with milter.client() as m:
        m.mail("<hold@example.com>")
        m.abort()
        m.helo("again")
        m.mail("<a@example.net>")
        m.rcpt(HERE)
        assert not m.message().edits


def test_a_refused_mail_is_followed_by_a_good_one(milter):
    """After a refusal libmilter sends no abort: MAIL alone must start anew."""
    with milter.client() as m:
        for _ in range(20):
            assert m.mail("<reject@example.com>").code == 550
            assert m.mail("<a@example.net>").kind == "continue"
            assert m.rcpt(HERE).kind == "continue"
            assert m.message().kind == "continue"


def test_a_new_connection_on_the_same_socket(milter):
    """SMFIC_QUIT_NC after a message: another client, nothing left of the first."""
    for address, code in (("198.51.100.1", 550), ("203.0.113.7", 0)):
        with milter.client(address="203.0.113.9") as m:
            m.mail("<hold@example.com>")
            assert m.rcpt(FAR).kind == "continue"
            assert m.message().edits
            m.quit_new_connection()
            m.connect("c", address, client_addr=address)
            m.helo("c")
            assert m.mail("<a@example.net>").code == code
            if not code:
                m.rcpt(HERE)
                assert not m.message().edits


def test_smtp_auth_relays_by_macro_only(milter):
    with milter.client() as m:
        m.mail("<a@example.net>", i="q1", auth_type="PLAIN", auth_authen="alice")
        assert m.rcpt(FAR).kind == "continue"
        m.message()
        # What one message was allowed the next one is not.
        m.mail("<a@example.net>", i="q2")
        assert m.rcpt(FAR).code == 550
        m.abort()
        m.mail("<a@example.net>", i="q3", auth_type="CRAM-MD5", auth_authen="alice")
        assert m.rcpt(FAR).code == 550


@pytest.mark.parametrize("argument", [
    "<friend@remote.example> SIZE=1000", "friend@remote.example",
    "<@example.org:friend@remote.example>", "<friend%remote.example@example.org>",
    '<"friend@remote.example"@example.org>', "<remote.example!friend@example.org>"])
def test_no_spelling_of_a_recipient_relays(milter, argument):
    with milter.client() as m:
        m.mail("<a@example.net>")
        assert m.rcpt(argument).code == 550


@pytest.mark.parametrize("name", ["localhost", "probe.example.net", "unknown"])
def test_a_client_without_an_address(milter, name):
    """Local submission by `sendmail -bs` relays; an unknown family does not."""
    with mc.Milter(milter.socket) as m:
        m.negotiate()
        m.connect(name)
        m.helo("c")
        assert m.mail("<a@example.net>").kind == "continue"
        assert m.rcpt(HERE).kind == "continue"
        far = m.rcpt(FAR)
        assert far.kind == ("continue" if name == "localhost" else "reply")


def test_addresses_of_every_family(milter):
    for address, code in (("203.0.113.7", 0), ("2001:db8::1", 550),
                          ("::ffff:203.0.113.7", 0), ("127.0.0.1", 0), ("::1", 0)):
        with mc.Milter(milter.socket) as m:
            m.negotiate()
            m.connect("c", address)
            m.helo("c")
            m.mail("<a@example.net>")
            assert m.rcpt(FAR).code == code, address


def test_postfix_sends_fewer_macros(milter):
    """No {client_resolve}; the name is "unknown", the queue id comes late."""
    with mc.Milter(milter.socket) as m:
        m.negotiate()
        m.connect("unknown", "192.0.2.9", j="mx.example.org",
                  daemon_name="mx.example.org", v="Postfix 3.7")
        m.helo("c")
        m.mail("<a@example.net>", mail_addr="a@example.net")
        assert m.rcpt(HERE).kind == "continue"
        assert m.rcpt(FAR).text.startswith("550 5.7.1")


def test_lone_close_and_half_sessions(milter):
    for steps in range(5):
        for _ in range(20):
            m = mc.Milter(milter.socket)
            if steps > 0:
                m.negotiate()
            if steps > 1:
                m.connect("c", "192.0.2.4")
            if steps > 2:
                m.mail("<a@example.net>")
            if steps > 3:
                m.rcpt(HERE)
            m.close()
    with milter.client() as m:
        assert m.mail("<a@example.net>").kind == "continue"


def test_test_mode_decides_and_changes_nothing(daemon):
    milter = daemon("-t", access=ACCESS, features=FEATURES)
    with milter.client(address="198.51.100.1") as m:
        assert m.mail("<reject@example.com>", i="qTest").kind == "continue"
        assert m.rcpt(FAR).kind == "continue"
        assert not m.message().edits
    milter.said("qTest: relay: test mode: verdict=reject")
    with open(milter.decisions) as f:
        last = [json.loads(line) for line in f][-1]
    assert last["test"] is True and last["verdict"] == "reject"


def test_log_line_and_decision(milter):
    with milter.client(name="bad\nname.example") as m:
        m.mail("<a@example.net>", i="14ABCdef000001")
        m.rcpt('<x@remote.example"\r\n forged: yes>')
    milter.said("14ABCdef000001: relay: verdict=reject stage=rcpt "
                'reply="550 5.7.1')
    assert "\nrelay-milter: forged" not in milter.stderr()
    assert "\\r\\n forged: yes" in milter.stderr()
    with open(milter.decisions) as f:
        all_decisions = [json.loads(line) for line in f]
    last = all_decisions[-1]
    assert last["queue_id"] == "14ABCdef000001" and last["id"]
    assert last["stage"] == "rcpt" and last["code"] == 550
    assert last["client"]["addr"] == "192.0.2.4" and last["why"]["rule"]
    assert last["rcpt"] == '<x@remote.example"\r\n forged: yes>'


def test_secrets_stay_out_of_the_log(milter):
    with milter.client() as m:
        m.mail("<a@example.net>", auth_type="PLAIN", auth_authen="alice",
               auth_ssf="0")
        m.rcpt(FAR)
        m.data()
        m.message(headers=[("X-Password", "hush-hush")])
    with open(milter.decisions) as f:
        assert "hush-hush" not in f.read() + milter.stderr()
