"""postern-milter in Postfix does what the three milters do there in a row.
ONE_PASS_SEED=N repeats a run."""
import os
import re

import pytest

from harness import mail_queue, net, smtp
from harness.one_pass import WORDS, Gate
from harness.postfix import Postfix
from harness.seeds import seeds
from test_one_pass import ACCESS, CLIENTS, RC, RELAY, USERS, VIRUS, dialogs, known, same

SEEDS = seeds("ONE_PASS_SEED", 20260624)
DIALOGS = 30
# It relays for all and waits for nobody: the milter decides.
MAIN = """mynetworks = 0.0.0.0/0
smtpd_milters = {milters}
milter_default_action = tempfail
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000
smtpd_client_restrictions =
"""
# Postfix asks no milter behind one that has quarantined, which the one in place
# of three cannot know of: the last of them alone does it here.
OTHER_ACCESS = ACCESS.replace("QUARANTINE:held by access", "ERROR:4.2.1:450 mailbox full")
OTHER_VIRUS = VIRUS.replace("infected: quarantine", "infected: tag")
BUSY = ("maildrop", "incoming", "active", "deferred")


class PostfixGate(Gate):
    """The milters and a Postfix that asks them."""

    def __init__(self, site, words):
        super().__init__(site, words, rc=RC, users=USERS, relay=RELAY,
                         virus=OTHER_VIRUS)
        self.write("mail/access", OTHER_ACCESS)
        self.sink = smtp.Sink()
        self.mta = Postfix(site, sink=self.sink.port, main=MAIN.format(
            milters=", ".join("unix:" + m.socket for m in self.milters)))

    def start(self):
        for milter in self.milters:
            milter.start()
            os.chmod(milter.socket, 0o666)
        self.mta.start()
        return self

    def queued(self, *names):
        """Paths of the messages in these queues."""
        return [os.path.join(folder, name) for queue in names for folder, _, files in
                os.walk(f"{self.mta.dir}/queue/{queue}") for name in files]

    def arrived(self):
        """-> what the sink got, and how many are held"""
        net.wait_for(lambda: not self.queued(*BUSY), 60, message="mail stays in the queue")
        got, self.sink.messages[:] = list(self.sink.messages), []
        held = self.queued("hold")
        for path in held:
            os.unlink(path)
        return sorted((m["rcpt"], plain(m["text"], self)) for m in got), len(held)

    def talk(self, client, dialog):
        """-> replies, and what became of the mail"""
        with smtp.Client(self.mta.port, client) as c:
            replies = c.follow(dialog)
        return [plain(r, self) for r in replies], self.arrived()


def plain(text, gate):
    """Without queue ids, times and what else differs from time to time."""
    text = re.sub(r"(?m)^Received: .*\n([ \t].*\n)*", "", text)
    text = re.sub(r"(?m)^Message-Id: .*\n", "", text)
    return known(mail_queue.plain(without_ids(text)), gate)


def without_ids(text):
    return re.sub(r"\b[0-9A-F]{8,12}\b", "QUEUEID", text)


def lines(found):
    return {name: list(map(without_ids, texts)) for name, texts in found.items()}


@pytest.fixture
def gates(site, resolver):
    for client in CLIENTS[1:]:
        resolver.client(client, "client.example.net")
    made = [PostfixGate(f"{site}/{len(words)}", words) for words in (WORDS, ("postern",))]
    for gate in made:
        gate.start()
    yield made
    for gate in made:
        gate.stop()


def test_same_in_postfix(gates, site):
    three, one = gates
    accepted = 0
    for client, dialog, what in dialogs(SEEDS, DIALOGS, site):
        if ":" in client:       # Postfix listens on IPv4 here
            client = CLIENTS[1]
        expected, got = three.talk(client, dialog), one.talk(client, dialog)
        for part, other in zip(expected, got):
            assert other == part, what
        accepted += len(expected[1][0]) + expected[1][1]
    assert accepted > len(SEEDS) * DIALOGS / 4
    same(lines(three.log()), lines(one.log()))
    same(lines(three.decisions()), lines(one.decisions()))
