"""`postern check` on a mail directory of the test's own."""
import json
import socket
import subprocess
import threading

import pytest

from harness import program
from harness.sendmail import SENDMAIL


FILTER = "INPUT_MAIL_FILTER(`{name}', `S={socket}, F=T, T=C:2s;S:2s;R:2s;E:5m')dnl\n"


class Findings:
    """What it found, by name; `code` is its exit code."""

    def __init__(self, done):
        self.code, self.errors = done.returncode, done.stderr
        self.all = [json.loads(line) for line in done.stdout.splitlines()]

    def names(self):
        return sorted({f["kind"] for f in self.all})

    def of(self, name):
        return [f for f in self.all if f["kind"] == name]

    def only(self, name):
        """The one finding of that name, whole."""
        found = self.of(name)
        assert len(found) == 1, (name, self.all, self.errors)
        assert found[0]["cause"] and found[0]["cure"] and found[0]["file"], found
        return found[0]


def check(mta, *args, conf="", within=(), sendmail=SENDMAIL):
    """Looks at the configuration of a harness.sendmail.Sendmail.

    conf    text of postern.yaml
    within  a command that runs the one behind it
    """
    path = mta.write("postern.yaml", conf)
    done = subprocess.run([*within, program("postern"), "check", "--json", "--config", path,
                           "--mail-dir", mta.dir, "--sendmail", sendmail, *args],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    return Findings(done)


def line_of(mta, text, name="sendmail.cf"):
    """Number of the one line of the file that begins with `text`."""
    with open(f"{mta.dir}/{name}", encoding="latin1") as f:
        found = [n for n, line in enumerate(f, 1) if line.startswith(text)]
    assert len(found) == 1, (text, found)
    return found[0]


def milter(name, path):
    return FILTER.replace("{name}", name).replace("{socket}", f"unix:{path}")


class Listener(threading.Thread):
    """A unix socket that takes connections and says `answer`, or nothing."""

    def __init__(self, path, answer=None):
        super().__init__(daemon=True)
        self.answer, self.peers = answer, []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(8)
        self.start()

    def run(self):
        while True:
            try:
                peer = self.server.accept()[0]
                self.peers.append(peer)
                if self.answer is not None:
                    peer.recv(1024)
                    peer.sendall(self.answer)
                    peer.close()
            except OSError:
                if self.server.fileno() < 0:
                    return

    def close(self):
        for one in (self.server, *self.peers):
            one.close()


@pytest.fixture
def listeners():
    made = []

    def listen(path, answer=None):
        made.append(Listener(path, answer))
        return path
    yield listen
    for one in made:
        one.close()
