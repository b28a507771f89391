"""vsmtprelay through relay-milter's control socket: the same output as on the
file itself, and what only a process that stays can tell."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import pytest

from harness import net, program, server


class Host:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="postern-socket.")
        os.chmod(self.dir, 0o755)
        self.db = self.dir + "/relayers.db"
        self.conf = self.dir + "/postern.yaml"
        self.control = self.dir + "/control.sock"
        for name in ("local-host-names", "relay-domains"):
            open(os.path.join(self.dir, name), "w").close()
        with open(self.conf, "w") as f:
            f.write(f"mail_dir: {self.dir}\nstate_dir: {self.dir}\n"
                    f"relay:\n  socket: unix:{self.dir}/relay.sock\n"
                    "  domain: mx.example.org\n  features: []\n"
                    f"  control_socket: unix:{self.control}\n"
                    "  relayers: {window: 0}\n")
        self.milter = None

    def start(self):
        self.milter = subprocess.Popen(
            [program("relay-milter"), "-f", "-c", self.conf],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        net.wait_for(lambda: os.path.exists(self.control), 10, self.milter,
                     "relay-milter does not start")

    def stop(self):
        if self.milter:
            self.milter.terminate()
            self.milter.wait(10)
            self.milter = None

    def run(self, *args, where=None, stdin=""):
        where = ["-s", self.control] if where is None else where
        return subprocess.run([program("vsmtprelay"), *where, *args],
                              input=stdin, capture_output=True, text=True,
                              timeout=60)


@pytest.fixture
def host():
    h = Host()
    h.start()
    yield h
    h.stop()
    shutil.rmtree(h.dir)


# More than go into one answer, twice; once where each takes its time.
GRANTS = 55_000 if "asan" in os.environ.get("POSTERN_BIN", "") else 110_000

CALLS = [
    ("add", "10.11.12.13", "906502527"), ("add", "2001:DB8::5", "7"),
    ("add", "192.0.2.0/24", "8", "--user", "b b", "--reason", "x"),
    ("add", "198.51.100.1", "4102444800"),
    ("list",), ("list", "10"), ("dump",), ("dump", "--json"),
    ("list", "--makemap"), ("list", "--user", "b b"), ("export",),
    ("show", "192.0.2.7"), ("show", "203.0.113.1"), ("delete", "203.0.113.1"),
    ("add", "192.0.2.300"), ("add", "::/0"), ("expire", "--dry-run"),
    ("delete", "10.11.12.13"), ("verify",), ("expire",), ("dump",),
]


def test_same_output_as_on_the_file(host):
    other = host.dir + "/other.db"
    for call in CALLS:
        asked = host.run(*call)
        alone = host.run(*call, where=["-f", other])
        # What is said of the end depends on the window, which -f knows not.
        end = re.compile(r"# (valid|expired).*")
        assert (asked.returncode, end.sub("", asked.stdout), asked.stderr) == \
            (alone.returncode, end.sub("", alone.stdout), alone.stderr), call


def test_in_force_at_once_and_soon_in_the_file(host):
    assert host.run("add", "192.0.2.1", where=["-c", host.conf]).returncode == 0
    assert "192.0.2.1" in host.run("list").stdout
    net.wait_for(lambda: "192.0.2.1" in host.run(
        "list", where=["-f", host.db]).stdout, 10, host.milter,
        "not in the file")
    # What is done to the file is taken over within a second or so.
    assert host.run("delete", "192.0.2.1",
                    where=["-f", host.db]).returncode == 0
    net.wait_for(lambda: host.run("list").stdout == "", 10, host.milter,
                 "still granted")


def test_import_and_dump_in_parts(host):
    pin = 4102444800  # 2100: no window ends while the test runs
    lines = "".join(
        f"10.{n // 65536}.{n // 256 % 256}.{n % 256}\t{pin} user=u{n}\n"
        for n in range(GRANTS))
    r = host.run("import", stdin=lines)
    assert (r.returncode, r.stderr) == (0, "")
    assert json.loads(host.run("stats", "--json").stdout)["grants"] == GRANTS
    assert host.run("dump", "--makemap").stdout == lines
    assert host.run("list", "--user", f"u{GRANTS - 1}").stdout == ""
    assert host.run("expire").returncode == 0       # pins stay
    old = host.run("list", "--newer", "1", "--user", "u7")
    assert (old.returncode, old.stdout) == (0, "")
    host.run("import", stdin=lines.replace(str(pin), "7"))
    last = host.run("list", "--makemap", "--user", f"u{GRANTS - 1}").stdout
    assert last == lines.splitlines(True)[-1].replace(str(pin), "7")
    assert host.run("expire").returncode == 0
    assert host.run("dump").stdout == ""


def test_dump_of_a_foreign_file(host):
    host.stop()
    makemap = subprocess.run(
        [server("sendmail", "usr/sbin/makemap"), "-C", "/dev/null", "hash",
         host.db], input="192.0.2.1\t7\nuser x\n192.0.2.2 OK\n", text=True)
    assert makemap.returncode == 0
    host.start()
    assert host.run("dump").stdout == host.run(
        "dump", where=["-f", host.db]).stdout == (
        "# timestamp (UTC): Thu Jan  1 00:00:07 1970\n192.0.2.1\t7\n"
        "# no timestamp\n192.0.2.2\tOK\n# no timestamp\nuser\tx\n")
    assert host.run("add", "192.0.2.2", "8").returncode == 0
    assert host.run("delete", "192.0.2.1").returncode == 0
    assert host.run("dump", "--makemap").stdout == "192.0.2.2\t8\nuser\tx\n"


def test_watch(host):
    watching = subprocess.Popen(
        [program("vsmtprelay"), "-s", host.control, "watch"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    now = str(int(time.time()))
    host.run("add", "192.0.2.1", now, "--user", "bob")
    host.run("delete", "192.0.2.1")
    lines = [watching.stdout.readline() for _ in range(2)]
    assert re.fullmatch(r"\S+Z added 192\.0\.2\.1\t\d+ user=bob\n", lines[0])
    assert re.fullmatch(r"\S+Z removed 192\.0\.2\.1\t\d+ user=bob\n", lines[1])
    host.stop()
    _, err = watching.communicate(timeout=20)
    assert watching.returncode in (73, 75) and "control.sock" in err
    r = host.run("watch", where=["-f", host.db])
    assert r.returncode == 69


def test_without_relay_milter_the_file(host):
    host.run("add", "192.0.2.1")
    host.stop()
    r = host.run("list", where=["-c", host.conf])
    assert r.returncode == 0 and "192.0.2.1\t" in r.stdout
    assert host.run("add", "192.0.2.2", where=["-c", host.conf]).returncode == 0
    host.start()
    assert "192.0.2.2\t" in host.run("list").stdout
