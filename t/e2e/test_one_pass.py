"""postern-milter does what the three milters do in a row: the same replies,
the same mail, the same lines in the log.  ONE_PASS_SEED=N repeats a run."""
import random

import pytest

from harness import mail_queue, smtp, virus
from harness.one_pass import WORDS, Gate
from harness.seeds import seeds

SEEDS = seeds("ONE_PASS_SEED", 20260622, 20260701)
DIALOGS = 40
CLIENTS = ("127.0.0.1", "192.0.2.4", "198.51.100.8", "2001:db8::4")
ACCESS = """From:spam@example.net REJECT
From:later@example.net ERROR:4.7.1:450 not now
From:gone@example.net DISCARD
To:held@example.org QUARANTINE:held by access
Connect:198.51.100 ERROR:5.7.1:550 not from there
Connect:192.0.2 RELAY
"""
# In the .mc file nothing: what relay-milter says is its own.
RELAY = "  features: [access_db, blocklist_recipients, delay_checks]"
VIRUS = """  actions: {infected: reject, protected: tag}
  disclaimer: {text: "Scanned.", direction: out}
  groups:
    - {name: tagged, recipients: ['tag@*'], infected: tag}
    - {name: stripped, recipients: ['strip@*'], infected: strip}
    - {name: held, recipients: ['keep@*'], infected: quarantine}
    - {name: dropped, recipients: ['drop@*'], infected: discard}
"""
# What stands in the header and body that the virus scan has left.
RC = r"""
:0
* ^X-Virus-Status: infected
* ^Subject:.*judge
{ REJECT="550 5.7.1 the recipe sees the scan" }
:0 B
* A part of this message was removed
{ TAG="X-Recipe: it was removed" }
:0
* ^Subject: null
/dev/null
:0
* ^Subject: hold
{ QUARANTINE="look at this" }
:0
* ^Subject: later
{ TEMPFAIL="Come back" }
:0
* ^Subject: away
! other@example.org
:0 fhw
* ^Subject: edit
| formail -A "X-Added: one" -I "X-Virus-Status: mine" -i "Subject: new" -I "X-Gone:"
:0 fhw
* ^Subject: scanned
| formail -I "X-Virus-Scanned:" -A "X-Virus-Status: second"
:0
* ^Subject: folder
work
"""
USERS = {"alice": ":0\n* ^Subject: user\n{ REJECT=mine }\n",
         "bob": ":0\n* ^Subject: user\n! away@example.org\n"}
SUBJECTS = ["plain", "judge", "null", "hold", "later", "away", "edit", "scanned", "folder", "user"]
FORGED = ["X-Virus-Status: clean\r\n", "X-Virus-Scanned: yes\r\n", "x-gone: a\r\n",
          "X-Virus-Status: really\r\n", "X-Procmail-Folder: forged\r\n"]
RCPTS = ("alice", "bob", "tag", "strip", "keep", "drop", "held", "carol")


class Words:
    """What one dialog says; the same seed, the same words."""

    def __init__(self, seed, locked):
        self.random = random.Random(seed)
        self.locked = locked

    def message(self):
        r = self.random
        names = r.choice(([], ["text"], ["eicar"], ["eicar", "text"], ["locked"]))
        files = {"text": ("t.txt", b"harmless"), "locked": ("l.zip", self.locked),
                 "eicar": ("e.zip", virus.nested_zip(virus.eicar(), 2))}
        forged = "".join(r.sample(FORGED, r.randrange(4)))
        text = virus.message(*(files[n] for n in names), text="one\r\ntwo", headers=forged)
        return text.replace("Subject: test", f"Subject: {r.choice(SUBJECTS)}")

    def text(self):
        """A message, or what else may stand between DATA and the dot."""
        r = self.random
        if r.random() < 0.75:
            return self.message()
        subject = f"Subject: {r.choice(SUBJECTS)}\r\n"
        body = r.choice(("", "\r\n", "caf\xe9\r\n", ".\r\n..\r\n", "x" * 70000 + "\r\n"))
        return r.choice((
            "\r\n" + body, body, subject, subject + "\r\n" + body,
            subject * 2 + "X-Virus-Status:\r\n\r\n" + body,
            "Subject: a\r\n b\r\n\tjudge hold\r\n\r\n" + body,
            f"X-Long: {'y' * 3000}\r\n{subject}\r\n{body}")).replace("\r\n.", "\r\n..")

    def dialog(self):
        r = self.random
        said = [r.choice(("EHLO client.example.net",) * 4 + ("HELO client", "NOOP"))]
        for _ in range(r.randrange(1, 4)):
            sender = r.choice(("a",) * 6 + ("spam", "later", "gone"))
            said.append(f"MAIL FROM:<{sender}@example.net>" if r.random() < 0.85 else
                        r.choice(("MAIL FROM:<>", "MAIL FROM:<a@example.net> SIZE=900",
                                  "MAIL FROM:<a@example.net> BODY=8BITMIME")))
            for _ in range(r.randrange(1, 4)):
                domain = r.choice(("example.org",) * 5 + ("remote.example",))
                said.append(f"RCPT TO:<{r.choice(RCPTS)}@{domain}>")
            if r.random() < 0.15:
                said.append(r.choice(("RSET", "NOOP", "VRFY alice", "EHLO other.example.net")))
            if r.random() < 0.95:
                said.append((self.text(),))
        return r.choice(CLIENTS), said


def talk(gate, client, dialog):
    """-> replies, and what is in the queue"""
    with smtp.Client(gate.mta.port, client) as c:
        replies = c.follow(dialog)
    return ([mail_queue.plain(r) for r in replies],
            [tuple(known(t, gate) for t in m) for m in mail_queue.take(gate.mta)])


def known(text, gate):
    """Without the time of the scan, which Anti-Virus headers may tell."""
    return text.replace(gate.site, "SITE")


@pytest.fixture
def gates(site, resolver):
    for client in CLIENTS[1:]:
        resolver.client(client, "client.example.net")
    made = {}
    for name, words in (("three", WORDS), ("one", ("postern",))):
        # The MTA relays for all and knows no access: the milter decides.
        made[name] = Gate(f"{site}/{name}", words, rc=RC, users=USERS, relay=RELAY, virus=VIRUS,
                          mc="FEATURE(`promiscuous_relay')dnl\n", access=None)
        made[name].write("mail/access", ACCESS)
        made[name].start()
    yield made["three"], made["one"]
    for gate in made.values():
        gate.stop()


def same(three, one):
    """Compares lines by program, so that the first that differs is shown."""
    assert three.keys() == one.keys()
    for name, lines in three.items():
        for number, (line, other) in enumerate(zip(lines, one[name])):
            assert other == line, (name, number)
        assert len(one[name]) == len(lines), name
        assert len(lines) > DIALOGS / 4, f"{name} has said too little"


def dialogs(seeds_, count, site):
    """-> client, dialog, and how to have it again"""
    locked = virus.encrypted_zip(site, "in.txt", b"secret text")
    for seed in seeds_:
        for number in range(count):
            client, dialog = Words(f"{seed}.{number}", locked).dialog()
            yield client, dialog, f"ONE_PASS_SEED={seed}, dialog {number} from {client}: {dialog}"


def test_same_as_three_in_a_row(gates, site):
    three, one = gates
    accepted = 0
    for client, dialog, what in dialogs(SEEDS, DIALOGS, site):
        replies, queue = talk(three, client, dialog)
        assert talk(one, client, dialog) == (replies, queue), what
        accepted += len(queue)
    assert accepted > len(SEEDS) * DIALOGS / 4
    same(three.log(), one.log())
    same(three.decisions(), one.decisions())
