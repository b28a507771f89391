"""What vsmtprelay makes of names, bad calls and missing rights."""
import os
import shutil
import socket
import subprocess
import tempfile

import pytest

from harness import program
from harness.relayers import Host


@pytest.fixture
def host():
    path = tempfile.mkdtemp(prefix="postern-vsmtprelay.")
    yield Host(path)
    shutil.rmtree(path)


def test_the_name_may_be_without_db(host):
    name = host.db[:-3]
    assert host.run("list", where=["-f", name]).stderr == \
        f"vsmtprelay: {host.db}: No such file or directory\n"
    assert host.run("add", "192.0.2.1", "5",
                    where=["-f", name]).returncode == 0
    assert os.listdir(host.dir) == ["relayers.db"]
    # The text that makemap reads lies beside it as a rule.
    with open(name, "w") as f:
        f.write(host.ok("dump"))
    r = host.run("list", "--makemap", where=["-f", name])
    assert (r.returncode, r.stdout) == (0, "192.0.2.1\t5\n")
    os.rename(host.db, host.dir + "/other")
    r = host.run("list", "--makemap", where=["-f", host.dir + "/other"])
    assert (r.returncode, r.stdout) == (0, "192.0.2.1\t5\n")


@pytest.mark.parametrize("args,code", [
    (["frobnicate"], 64), (["add"], 64), (["delete"], 64), (["show"], 64),
    (["list", "x"], 64), (["expire", "-5"], 64), (["list", "1", "2"], 64),
    (["add", "192.0.2.1", "--for", "2"], 64), (["--frob", "list"], 64),
    (["add", "192.0.2.1", "--for", "0s"], 64),
    (["add", "192.0.2.1", "--for", "2y"], 64),
    (["list", "--json", "--makemap"], 64),
    (["add", "192.0.2.300"], 65), (["add", "example.net"], 65),
    (["add", "192.0.2.1", "soon"], 65), (["add", "192.0.2.1", "1e5"], 65),
    (["add", "192.0.2.1", "253402300800"], 65), (["add", "::/0"], 65),
    (["delete", "192.0.2.300"], 65), (["show", "192.0.2"], 65),
    (["add", "192.0.2.1", "--user", "u" * 1000], 65),
    (["add", "192.0.2.1", "--service", "ftp"], 64),
    (["expire", "9" * 20], 64), (["list", "--newer", "-1"], 64),
    (["import", "/nonexistent"], 73), (["import", "/tmp"], 73)])
def test_bad_calls(host, args, code):
    r = host.run(*args)
    assert r.returncode == code, r
    assert r.stdout == "" and r.stderr.startswith("vsmtprelay: ")
    assert all(len(line) < 100 + len(" ".join(args)) for line in
               r.stderr.splitlines()), r
    assert not os.path.exists(host.db)


@pytest.mark.parametrize("args,what", [
    (["import", "/nonexistent"], "/nonexistent: No such file or directory"),
    (["import", "/tmp"], "/tmp: Is a directory"),
    (["expire", "x"], "n: x: not a number of minutes"),
    (["expire", "-3"], "n: -3: not a number of minutes"),
    (["list", "--newer", "1h"], "--newer: 1h: not a number of minutes"),
    (["add", "192.0.2.1", "--service", "ftp"],
     "--service: ftp not in {pop3,imap}")])
def test_what_is_said_of_bad_calls(host, args, what):
    assert host.run(*args).stderr.splitlines()[0] == "vsmtprelay: " + what


def test_permissions(host):
    """Those of files are 73, as sysexits(3) has it; that of a socket is 77."""
    host.ok("add", "192.0.2.1", "5")
    os.chmod(host.dir, 0o755)
    os.chmod(host.db, 0o600)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
              program("vsmtprelay")]
    path = os.path.join(host.dir, "closed.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()
        os.chmod(path, 0o600)
        for where, name, code in ("-f", host.db, 73), ("-s", path, 77):
            r = subprocess.run([*nobody, where, name, "list"],
                               capture_output=True, text=True)
            assert (r.returncode, r.stderr) == (
                code, f"vsmtprelay: {name}: Permission denied\n")
