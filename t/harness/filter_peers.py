"""Rules and messages for measuring recipe engines, and the peers that run the
same rules: procmail, maildrop's mailfilter and Pigeonhole's sieve-test, each
one process a message, as an MTA starts a delivery agent."""
import json
import os
import random
import shutil
import subprocess

from harness import SERVERS, program

FIELDS = ("Subject", "From", "To", "Cc", "List-Id", "X-Mailer")
UID = 65534     # of nobody, as which sieve-test runs


def write(path, text, mode=0o644):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def words(size):
    """Lines of words; the same for the same size."""
    chance = random.Random(1)
    names = ["word%d" % chance.randrange(5000) for _ in range(2000)]
    out = ""
    while len(out) < size:
        out += " ".join(chance.choices(names, k=10)) + "\n"
    return out[:size - 1] + "\n"


def message(size):
    """A message of that many bytes."""
    head = "".join(
        f"{name}: {value}\n" for name, value in (
            ("Received", "from client.example.net (client.example.net [192.0.2.4])\n"
             "\tby mx.example.org; Sun, 22 Nov 2026 01:02:03 +0000"),
            ("From", "Some Body <somebody@example.net>"),
            ("To", "alice@example.org"), ("Cc", "list@lists.example.org"),
            ("Subject", "a message of the usual kind"),
            ("Message-ID", "<20261122010203.12345@example.net>"),
            ("Date", "Sun, 22 Nov 2026 01:02:03 +0000"), ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=us-ascii")))
    return head + "\n" + words(size - len(head) - 1)


def conditions(count):
    """[(field, word)]: `count` that do not hold for message() but the last."""
    return [(FIELDS[n % len(FIELDS)], f"offer{n * 7919 % 100003}")
            for n in range(count - 1)] + [("Subject", "usual")]


def procmail_rules(count):
    return "DEFAULT=/dev/null\n" + "".join(
        f":0\n* ^{field}:.*{word}\n/dev/null\n" for field, word in conditions(count))


def maildrop_rules(count):
    return "".join(f"if (/^{field}:.*{word}/)\n{{\n\tto \"/dev/null\"\n}}\n"
                   for field, word in conditions(count)) + "to \"/dev/null\"\n"


def sieve_rules(count):
    return "".join(f'if header :contains "{field}" "{word}" {{ discard; stop; }}\n'
                   for field, word in conditions(count)) + "discard;\n"


class Peers:
    """The programs, with their rules in a folder that everybody may read."""

    def __init__(self, base):
        self.base = base
        self.env = dict(os.environ)
        # Settings come from the environment, not from a doveconf in /usr/bin.
        self.env.update(DOVECONF_ENV="1", USER="nobody", HOME=base, MAIL_UID=str(UID),
                        MAIL_GID=str(UID), FIRST_VALID_UID="1", MAIL=f"maildir:{base}/mail",
                        LD_LIBRARY_PATH=":".join(os.path.join(SERVERS, tree, folder) for
                                                 tree, folder in (
            ("maildrop", "usr/lib"), ("maildrop", "usr/lib/x86_64-linux-gnu"),
            ("dovecot", "usr/lib/dovecot"), ("sieve", "usr/lib/dovecot"))))
        self.procmail = os.path.join(SERVERS, "procmail/usr/bin/procmail")
        # A copy: the loader gives a setgid program no other folders of libraries.
        self.maildrop = shutil.copyfile(os.path.join(SERVERS, "maildrop/usr/bin/maildrop"),
                                        base + "/maildrop")
        os.chmod(self.maildrop, 0o755)
        self.sieve = os.path.join(SERVERS, "sieve/usr/bin")

    def prepare(self, count):
        """-> (rc file of ours and procmail, {peer: command})"""
        rc = write(f"{self.base}/rc{count}", procmail_rules(count), 0o600)
        filters = write(f"{self.base}/mf{count}", maildrop_rules(count), 0o600)
        script = write(f"{self.base}/s{count}.sieve", sieve_rules(count))
        # Compiled beforehand, as the delivery agent of Dovecot finds it.
        subprocess.run([self.sieve + "/sievec", script], env=self.env, check=True,
                       stdout=subprocess.DEVNULL)
        return rc, {"procmail": ["MESSAGE", self.procmail, rc],
                    "maildrop": ["MESSAGE", self.maildrop, filters],
                    "sieve": ["/dev/null", self.sieve + "/sieve-test", script, "MESSAGE"]}

    def rate(self, seconds, command, mail):
        """Messages a second of a peer's command."""
        stdin, *rest = [mail if word == "MESSAGE" else word for word in command]
        return rate(self.env, seconds, "--spawn", stdin, *rest)


def rate(env, *arguments):
    done = subprocess.run([program("bench-filter-engine"), *map(str, arguments)],
                          stdout=subprocess.PIPE, text=True, check=True, env=env)
    return json.loads(done.stdout)["messages_per_s"]
