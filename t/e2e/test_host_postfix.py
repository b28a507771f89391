"""posternpostfix(7): each command of the page, typed in order beside Postfix."""
import os
import shutil
import signal
import subprocess

import pytest

from harness import BIN, TOP, net, server, smtp
from harness.postfix import Postfix

HERE = "<bob@example.org>"


def commands():
    with open(os.path.join(TOP, "man/posternpostfix.7"), encoding="ascii") as f:
        return [line[2:].strip().replace("\\e", "\\") for line in f if line.startswith("# ")]


@pytest.fixture
def host(site, resolver, sink):
    """Postfix as it comes, and nothing of ours."""
    net.forget_postern()
    shutil.rmtree("/etc/mail", ignore_errors=True)
    with Postfix(site, sink=sink.port) as mta:
        yield mta
        pid_file = "/run/postern/relay.pid"
        if os.path.exists(pid_file):
            with open(pid_file, encoding="ascii") as f:
                os.kill(int(f.read()), signal.SIGTERM)
            net.wait_for(lambda: not os.path.exists(pid_file))


def typed(mta, line):
    tree = server("postfix", "usr/")
    env = dict(os.environ, MAIL_CONFIG=mta.dir + "/etc",
               LD_LIBRARY_PATH=tree + "lib/postfix",
               PATH=f"{BIN}:{tree}sbin:/usr/sbin:/usr/bin:/sbin:/bin")
    done = subprocess.run(["sh", "-c", line], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, (line, done.stdout)
    return done.stdout


def test_every_command_of_the_page(host):
    assert smtp.ask_relay(host.port, "192.0.2.4").code in (454, 550, 554)
    said = {line: typed(host, line) for line in commands()}
    assert len(said) == 13
    with open("/etc/mail/local-host-names", encoding="ascii") as f:
        assert f.read().split() == ["example.org", "localhost"]
    assert "192.0.2.4" in said["vsmtprelay dump"]
    assert "may relay" in said[commands()[-1]]
    net.wait_for(host.greets)
    net.wait_for(lambda: smtp.ask_relay(host.port, "192.0.2.4").code == 250,
                 message="Postfix does not ask the map")
    assert smtp.ask_relay(host.port, "192.0.2.5").code in (454, 550, 554)
    assert smtp.ask_relay(host.port, "192.0.2.5", rcpt=HERE).code == 250
