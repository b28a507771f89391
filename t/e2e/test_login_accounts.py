"""Whether a login still exists, asked of the real libraries."""
import os
import subprocess

import pytest

from harness import program, server

SASLPASSWD = server("sasl", "usr/sbin/saslpasswd2")
HOST = "mx.example.org"


class Check:
    def __init__(self, *args):
        self.process = subprocess.Popen(
            [program("account-check"), *args], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)

    def timed(self, user):
        self.process.stdin.write(user + "\n")
        self.process.stdin.flush()
        answer, took = self.process.stdout.readline().rstrip("\n").split("\t")
        return answer, float(took)

    def __call__(self, user):
        return self.timed(user)[0]


class Sasl:
    """A configuration and a sasldb of the test's own."""

    def __init__(self, site, conf="pwcheck_method: auxprop\n"):
        self.dir, self.db = site, site + "/sasldb2"
        self.write(conf + f"auxprop_plugin: sasldb\nsasldb_path: {self.db}\n")

    def write(self, text):
        with open(self.dir + "/Sendmail.conf", "w") as f:
            f.write(text)

    def add(self, user, realm):
        subprocess.run([SASLPASSWD, "-p", "-c", "-f", self.db, "-u", realm, user],
                       input="secret\n", text=True, check=True)

    def delete(self, user, realm):
        subprocess.run([SASLPASSWD, "-d", "-f", self.db, "-u", realm, user],
                       check=True)

    def check(self, *args):
        return Check("sasl", "folders=" + self.dir, "host=" + HOST, *args)


@pytest.fixture
def sasl(site):
    return Sasl(site)


def test_sasl_users_come_and_go(sasl):
    sasl.add("alice", "example.org")
    sasl.add("bob", HOST)
    with sasl.check() as check, sasl.check("realm=example.org") as in_realm:
        for _ in range(3):
            assert check("alice@example.org") == "exists"
            assert check("bob") == check("bob@" + HOST) == "exists"
            assert check("alice") == check("carol") == "gone"
            assert check("alice@" + HOST) == "gone"
            assert in_realm("alice") == "exists"
            assert in_realm("bob") == "gone"
        sasl.delete("alice", "example.org")
        assert check("alice@example.org") == "gone"
        sasl.add("alice", "example.org")
        assert check("alice@example.org") == "exists"


def test_a_missing_or_unreadable_sasldb_says_nothing_about_users(sasl):
    with sasl.check() as check:
        assert check("alice").startswith("error: " + sasl.db)
        with open(sasl.db, "w") as f:
            f.write("this is no database\n" * 100)
        assert check("alice").startswith("error: ")
        os.unlink(sasl.db)
        sasl.add("alice", HOST)
        assert check("alice") == "exists"
        os.unlink(sasl.db)
        assert check("alice").startswith("error: ")


def test_a_hanging_library_is_given_up(sasl):
    """libsasl2 has no deadline; opening a pipe blocks it for ever."""
    os.mkfifo(sasl.db)
    with sasl.check("timeout_ms=200") as check:
        for user in ("u1", "u2", "u3", "u4"):
            answer, took = check.timed(user)
            assert answer == f"error: sasl Sendmail: no answer about {user} in time"
            assert 0.2 <= took < 2
        # All four threads hang: the next does not even wait.
        answer, took = check.timed("u5")
        assert answer.endswith("no answer about u5 in time") and took < 0.1


@pytest.mark.parametrize("method", ["saslauthd", "auxprop saslauthd", "alwaystrue"])
def test_what_cannot_know_users_is_refused(site, method):
    """sasl_user_exists would crash in the saslauthd verifier."""
    sasl = Sasl(site, f"pwcheck_method: {method}\n")
    with sasl.check() as check:
        assert check.process.wait(10) == 1
        assert check.process.stderr.read() == (
            f"{site}/Sendmail.conf: pwcheck_method: {method}: only auxprop can "
            "tell whether a user exists\n")


def test_no_configuration_means_auxprop(site):
    with Check("sasl", "folders=" + site, "host=" + HOST) as check:
        assert check("alice") == "error: /etc/sasldb2: No such file or directory"


@pytest.fixture
def passwd_file():
    """The test's own /etc/passwd, put back afterwards."""
    with open("/etc/passwd") as f:
        text = f.read()
    yield text
    if os.path.exists("/etc/passwd"):
        os.unlink("/etc/passwd")
    with open("/etc/passwd", "w") as f:
        f.write(text)


def test_users_of_the_system(passwd_file):
    with Check("passwd", "realm=example.org") as check:
        assert check("alice") == check("alice@example.org") == "exists"
        assert check("alice@other.org") == check("nobody-here") == "gone"
        lines = [line for line in passwd_file.splitlines(True)
                 if not line.startswith("alice:")]
        with open("/etc/passwd", "w") as f:
            f.writelines(lines)
        assert check("alice") == "gone"
        os.unlink("/etc/passwd")
        assert check("alice").startswith("error: passwd: ")


def test_a_hanging_name_service_is_given_up(passwd_file):
    os.unlink("/etc/passwd")
    os.mkfifo("/etc/passwd")
    with Check("passwd", "timeout_ms=200") as check:
        answer, took = check.timed("alice")
        assert answer == "error: passwd: no answer about alice in time"
        assert 0.2 <= took < 2


def test_keys_of_a_real_map(site):
    subprocess.run([server("sendmail", "usr/sbin/makemap"), "-C", "/dev/null",
                    "hash", site + "/users"], input=b"alice x\n", check=True)
    with Check("map", f"map={site}/users", "realm=example.org") as check:
        assert check("alice") == check("Alice@Example.ORG") == "exists"
        assert check("bob") == "gone"
        with open(site + "/users.db", "w") as f:
            f.write("torn")
        assert check("alice").startswith("error: ")
