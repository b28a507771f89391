"""`postern check` on a mail directory of the test's own."""
import json
import subprocess

from harness import program
from harness.sendmail import SENDMAIL


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
