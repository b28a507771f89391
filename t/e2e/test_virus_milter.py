"""virus-milter before real sendmail: what the client is told, what arrives."""
import email
import json
import signal

import pytest

from harness import milter_client, net, virus
from harness.virus_gate import gate, infected, send  # noqa: F401


def test_infected_mail_is_refused_with_its_name(gate, sink):
    milter, mta = gate()
    assert send(mta, infected()) == (
        "550 5.7.1 Message refused: Eicar-Test-Signature.UNOFFICIAL found")
    line = milter.stderr().splitlines()[-1]
    assert "status=infected action=reject signature=Eicar-Test-Signature.UNOFFICIAL" in line
    with open(milter.decisions) as f:
        decision = json.loads(f.readlines()[-1])
    assert decision["verdict"] == "reject" and decision["code"] == 550
    assert decision["why"]["policy"] == "virus"


def test_clean_mail_passes_with_its_headers(gate, sink):
    _, mta = gate()
    forged = ("X-Virus-Status: clean, believe me\r\nx-virus-scanned: yes\r\n"
              "X-Virus-Status: really\r\n")
    text = virus.message(("p.bin", b"harmless"), text="mark-clean", headers=forged)
    assert send(mta, text).code == 250
    got = sink.wait("mark-clean")["text"]
    assert got.count("X-Virus-Status:") == 1 and "X-Virus-Status: clean\r\n" in got
    assert "believe me" not in got and "x-virus-scanned" not in got
    assert "X-Virus-Scanned: ClamAV 1." in got and "signatures" in got


ACTIONS = [
    ("accept", 250, "X-Virus-Status: infected (Eicar-Test-Signature.UNOFFICIAL)"),
    ("tag", 250, "Subject: [infected (Eicar-Test-Signature.UNOFFICIAL)] test"),
    ("strip", 250, "A part of this message was removed: infected"),
    ("quarantine", 250, None), ("discard", 250, None),
    ("tempfail", 451, None), ("reject", 550, None)]


@pytest.mark.parametrize("action,code,header", ACTIONS, ids=[a[0] for a in ACTIONS])
def test_actions(gate, sink, action, code, header):
    _, mta = gate(virus=f"  actions: {{infected: {action}}}")
    assert send(mta, f"X-Mark: {action}\r\n" + infected()).code == code
    got = sink.wait("X-Mark: " + action, timeout=10 if header else 1)
    assert (got is None) == (header is None)
    if header:
        assert header in got["text"]
    if action == "strip":
        mail = email.message_from_string(got["text"])
        assert [p.get_content_type() for p in mail.get_payload()] == ["text/plain"] * 2
        assert "Hello." in mail.get_payload(0).get_payload()
        assert "removed" in mail.get_payload(1).get_payload()
    if action == "quarantine":
        import glob
        assert glob.glob(mta.dir + "/mqueue/hf*")


def test_stripping_keeps_the_rest(gate, sink):
    _, mta = gate(virus="  actions: {infected: strip, protected: strip}")
    inner = virus.message(("a.com", virus.eicar()), text="inner text")
    outer = ("X-Mark: nested\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
             'Content-Type: multipart/mixed;\r\n\tboundary="outer b"\r\n\r\npreamble\r\n'
             "--outer b\r\n" + inner[inner.index("Content-Type"):] + "\r\n"
             "--outer b\r\nContent-Type: text/html\r\n\r\n<p>kept</p>\r\n--outer b--\r\n")
    assert send(mta, outer).code == 250
    mail = email.message_from_string(sink.wait("X-Mark: nested")["text"])
    assert [p.get_content_type() for p in mail.walk()] == [
        "multipart/mixed", "multipart/mixed", "text/plain", "text/plain", "text/html"]
    whole = mail.as_string()
    assert "inner text" in whole and "<p>kept</p>" in whole and "base64" not in whole
    # No parts: the notice takes the place of all.
    assert send(mta, "X-Mark: plain\r\n\r\n" + virus.eicar().decode() + "\r\n").code == 250
    got = sink.wait("X-Mark: plain")["text"]
    assert "Content-Type: text/plain; charset=us-ascii" in got and "EICAR" not in got


def test_recipients_of_other_groups(gate, sink):
    milter, mta = gate(virus=(
        "  groups:\n"
        "    - {name: lab, recipients: ['*@lab.example.org'], infected: tag}\n"
        "    - {name: bin, recipients: ['*@bin.example.org'], infected: discard}\n"))
    both = ("<x@lab.example.org>", "<y@bin.example.org>")
    assert send(mta, infected("mark-both"), both).code == 250
    got = sink.wait("mark-both")
    assert [r for r in got["rcpt"] if "lab" in r] and not [r for r in got["rcpt"] if "bin" in r]
    assert "removed=<y@bin.example.org>" in milter.stderr()
    # One answer for all: the strictest.
    assert send(mta, infected("mark-all"), both + ("<z@example.org>",)).code == 550
    assert "recipients=differ" in milter.stderr()


def test_skipping(gate, sink):
    _, mta = gate(virus="  skip: {authenticated: yes}", users={"ann": "secret"})
    assert send(mta, infected("mark-skip1")).code == 550
    assert send(mta, infected("mark-skip2"), user="ann", password="secret").code == 250
    assert "X-Virus-Status: not scanned" in sink.wait("mark-skip2")["text"]


def test_attachments_and_signature_rules(gate, sink):
    _, mta = gate(virus=(
        "  attachments:\n    - {name: ['*.scr'], action: reject, reason: no programs}\n"
        "  signatures:\n    - {match: 'Clam.*', action: accept, reason: test file}\n"))
    text = virus.message(("a.zip", virus.zipped(("in/side.SCR", b"MZ" + bytes(200)))))
    assert send(mta, text) == "550 5.7.1 Attachment not accepted: in/side.SCR (no programs)"
    assert send(mta, virus.message(("c.exe", virus.clam()), text="mark-rule")).code == 250
    assert "infected (Clam.Code.UNOFFICIAL)" in sink.wait("mark-rule")["text"]


def test_what_is_called_what(gate, sink, site):
    _, mta = gate(virus="  max_message: 200K\n  limits: {recursion: 5}\n"
                        "  actions: {limits: tempfail, protected: reject}\n")
    locked = virus.encrypted_zip(site, "x.txt", b"secret words")
    assert send(mta, virus.message(("l.zip", locked))) == (
        "550 5.7.1 Encrypted content is not accepted here")
    assert send(mta, virus.message(("b", bytes(300000)))).code == 552
    deep = virus.message(("d.zip", virus.nested_zip(b"x" * 100, 20)))
    assert send(mta, deep) == ("451 4.7.1 Message refused for now: limits "
                               "(Heuristics.Limits.Exceeded.MaxRecursion)")


def test_line_ends_hide_nothing(site):
    """sendmail refuses a bare CR by itself; other MTAs hand it over."""
    head, _, body = virus.message(("e.com", virus.eicar())).partition("\r\n\r\n")
    with virus.VirusMilter(site) as milter:
        for end in ("\r\n", "\r", "\n"):
            with milter_client.Milter(milter.socket) as m:
                m.negotiate()
                m.connect("c.example.net", "192.0.2.4", client_addr="192.0.2.4")
                m.mail("<a@example.net>", i="q1")
                m.rcpt("<b@example.org>")
                for line in head.split("\r\n"):
                    m.header(*line.split(": ", 1))
                m.eoh()
                m.body(body.replace("\r\n", end))
                assert m.eom(i="q1").text.startswith("550 5.7.1"), repr(end)


def test_verdicts_are_remembered_until_the_signatures_change(gate, sink):
    milter, mta = gate(virus="  watch: 1s")
    text = virus.message(("p.bin", b"to be a worm"), text="mark-reload")
    assert send(mta, text).code == 250
    assert send(mta, "Subject: other\r\n" + text).code == 250
    virus.database(milter.database, [(
        "more.ndb", "Worm.New:0:*:" + b"to be a worm".hex() + "\n")])
    milter.said("signatures loaded", 2)
    assert send(mta, text) == "550 5.7.1 Message refused: Worm.New.UNOFFICIAL found"


def test_broken_signatures_are_not_taken(gate, sink):
    milter, mta = gate()
    with open(milter.database + "/bad.ndb", "w") as f:
        f.write("this is no signature\n")
    milter.process.send_signal(signal.SIGHUP)
    milter.said("bad.ndb")
    assert send(mta, infected()).code == 550
    assert send(mta, virus.message(text="mark-still")).code == 250


def test_configuration_is_reloaded(gate, sink):
    milter, mta = gate()
    milter.configure("  actions: {infected: tag}\n  limits: {recursion: 9}")
    milter.process.send_signal(signal.SIGHUP)
    milter.said("reloaded")
    assert send(mta, infected("mark-newconf")).code == 250
    milter.configure("  actions: {infected: burn}")
    milter.process.send_signal(signal.SIGHUP)
    milter.said("the old configuration stays")
    assert send(mta, infected("mark-oldconf")).code == 250


def test_clamd_servers(gate, site, sink):
    database = virus.database(site + "/db")
    port = net.free_port()
    servers = [virus.clamd(site, "a", database), virus.clamd(site, "b", database, tcp=port)]
    try:
        milter, mta = gate(loads=False, virus=(
            f"  engine: clamd\n  cache: 0\n"
            f"  clamd: {{servers: ['unix:{site}/a', 'inet:{port}@127.0.0.1'], probe: 1s}}"))
        for i in range(4):  # each server twice
            assert send(mta, infected(f"m{i}")).code == 550
            assert send(mta, virus.message(text=f"mark-clamd{i}")).code == 250
            assert "X-Virus-Scanned: ClamAV 1." in sink.wait(f"mark-clamd{i}")["text"]
        servers[0].kill()
        servers[0].wait()
        for i in range(3):
            assert send(mta, infected(f"n{i}")).code == 550
        milter.said("connect:")
        servers[1].kill()
        servers[1].wait()
        assert send(mta, virus.message(text="mark-none")).code == 451
        servers[0] = virus.clamd(site, "a", database)
        assert send(mta, infected("again")).code == 550
    finally:
        for process in servers:
            process.kill()
            process.wait()
