"""virus-milter before real Postfix: what the client is told, what is held."""
import glob
import os

import pytest

from harness import net, smtp, virus
from harness.postfix import Postfix
from harness.virus_gate import infected


@pytest.fixture
def hosts(site, sink, resolver):
    """hosts(virus=...): virus-milter and Postfix."""
    made = []

    def make(**settings):
        milter = virus.VirusMilter(site, **settings).start()
        os.chmod(milter.socket, 0o666)  # Postfix connects as its own user
        mta = Postfix(site, main=f"smtpd_milters = unix:{milter.socket}\n"
                      "milter_default_action = tempfail\n", sink=sink.port).start()
        made.extend([mta, milter])
        return milter, mta

    yield make
    for one in made:
        one.stop()


def send(mta, text, rcpts=("<b@example.org>",)):
    with smtp.Client(mta.port) as c:
        c("EHLO client.example.net")
        return c.send("<a@example.net>", rcpts, text)[-1]


def held(mta):
    return [path for path in glob.glob(mta.dir + "/queue/hold/**", recursive=True)
            if os.path.isfile(path)]


def test_infected_is_refused_and_clean_has_its_header(hosts, sink):
    milter, mta = hosts()
    reply = send(mta, infected())
    assert reply.startswith("550 5.7.1 Message refused: Eicar-Test-Signature.UNOFFICIAL found")
    forged = "X-Virus-Status: clean, believe me\r\n"
    assert send(mta, virus.message(("p.bin", b"harmless"), text="pf-clean",
                                   headers=forged)).code == 250
    got = sink.wait("pf-clean")["text"]
    assert got.count("X-Virus-Status:") == 1 and "X-Virus-Status: clean\r\n" in got
    assert "X-Virus-Scanned: ClamAV 1." in got.replace("\r\n\t", " ")
    # The queue id is known at the end of the message, and logged.
    line = [l for l in milter.stderr().splitlines() if "status=infected" in l][0]
    assert " NOQUEUE" not in line and f": {mta_id(mta)}" in line


def mta_id(mta):
    """The queue id of the message that the milter refused."""
    lines = [l for l in mta.log().splitlines() if "milter-reject: END-OF-MESSAGE" in l]
    return lines[0].split("]: ")[1].split(":")[0]


def test_quarantined_mail_is_on_hold(hosts, sink):
    milter, mta = hosts(virus="  actions: {infected: quarantine}\n")
    assert send(mta, infected("pf-held")).code == 250
    net.wait_for(lambda: len(held(mta)) == 1, 10, message="nothing is on hold")
    with open(held(mta)[0], "rb") as f:
        assert b"pf-held" in f.read()
    assert not sink.wait("pf-held", timeout=1)
    net.wait_for(lambda: "milter-hold: END-OF-MESSAGE" in mta.log(), 10, message=mta.log())


def test_actions_that_deliver(hosts, sink):
    milter, mta = hosts(virus=(
        "  actions: {infected: strip}\n"
        "  groups:\n    - {name: lab, recipients: ['*@lab.example.org'], infected: tag}\n"
        "    - {name: bin, recipients: ['re:bin[0-9]+@.*'], infected: discard}\n"))
    assert send(mta, infected("pf-strip")).code == 250
    got = sink.wait("pf-strip")["text"]
    assert "A part of this message was removed" in got and "base64" not in got
    milter.configure("  actions: {infected: discard}\n")
    milter.reload()
    milter.said("reloaded")
    assert send(mta, infected("pf-gone")).code == 250
    assert not sink.wait("pf-gone", timeout=1)
    # Recipients of one group are taken off, those of another get the mail.
    milter.configure("  groups:\n    - {name: bin, recipients: ['re:bin[0-9]+@.*'],"
                     " infected: discard}\n    - {name: tag, infected: tag}\n")
    milter.reload()
    milter.said("reloaded", 2)
    assert send(mta, infected("pf-both"), ("<bin7@example.org>", "<b@example.org>")).code == 250
    got = sink.wait("pf-both")
    assert len(got["rcpt"]) == 1 and "<b@" in got["rcpt"][0]
    assert "Subject: [infected (Eicar" in got["text"].replace("\r\n\t", " ")


def test_mail_waits_while_there_is_no_scanner(hosts, sink):
    milter, mta = hosts(virus="  deadline: 2s\n  workers: 1\n")
    for name in os.listdir(milter.database):
        os.unlink(f"{milter.database}/{name}")
    milter.stop()
    assert 400 <= send(mta, virus.message(text="pf-down")).code < 500  # no milter
    milter.start(wait=False)  # and no signatures
    os.chmod(milter.socket, 0o666)
    reply = send(mta, virus.message(text="pf-none"))
    assert reply.startswith("451 4.7.1"), reply
    virus.database(milter.database)
    milter.said("signatures loaded", 2, timeout=60)
    assert send(mta, virus.message(text="pf-again")).code == 250
    assert sink.wait("pf-again")
    assert not sink.wait("pf-none", timeout=1) and not sink.wait("pf-down", timeout=1)
