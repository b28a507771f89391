"""What the milters tell a service manager."""
import os
import signal
import socket
import subprocess
import time

import pytest

from harness import milter_client as mc
from harness import net, program

CONF = """mail_dir: {dir}
state_dir: {dir}/state
relay: {{socket: 'unix:{dir}/relay.sock', access_optional: true}}
filter: {{socket: 'unix:{dir}/filter.sock'}}
"""


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0"))
        self.socket.settimeout(20)

    def next(self):
        return self.socket.recv(4096).decode().splitlines()

    def within(self, seconds):
        """What comes in this time."""
        end, found = time.monotonic() + seconds, []
        while time.monotonic() < end:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                found += self.next()
            except socket.timeout:
                break
        return found


@pytest.fixture
def start(site):
    os.mkdir(site + "/state")
    for name in ("local-host-names", "relay-domains", "postern.yaml"):
        with open(f"{site}/{name}", "w", encoding="ascii") as f:
            f.write(CONF.format(dir=site) if name == "postern.yaml" else "")
    started = []

    def run(name, notify, *flags, **environment):
        started.append(subprocess.Popen(
            [program(name), "-c", site + "/postern.yaml", *flags],
            env=dict(os.environ, NOTIFY_SOCKET=notify, **environment),
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE))
        return started[-1]
    yield run
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.communicate()


@pytest.mark.parametrize("name", ["relay", "filter"])
@pytest.mark.parametrize("abstract", [False, True])
def test_ready_when_it_serves_and_stopping(site, start, name, abstract):
    address = f"@{site}/notify" if abstract else site + "/notify"
    manager = Manager(address)
    process = start(name + "-milter", address, "-f")
    assert manager.next() == ["READY=1", f"MAINPID={process.pid}",
                              f"STATUS=serving unix:{site}/{name}.sock"]
    # It is true.
    with mc.Milter(f"{site}/{name}.sock") as m:
        m.negotiate()
    # No watchdog was asked for.
    assert manager.within(0.3) == []
    process.terminate()
    assert manager.next() == ["STOPPING=1"]
    assert process.wait(10) == 0


def test_in_the_background_the_child_is_the_main_process(site, start):
    manager = Manager(site + "/notify")
    process = start("relay-milter", site + "/notify")
    told = manager.next()
    assert process.wait(10) == 0
    pid = int(told[1].partition("=")[2])
    assert told[0] == "READY=1" and pid != process.pid
    os.kill(pid, signal.SIGTERM)
    assert manager.next() == ["STOPPING=1"]


def test_the_watchdog_hears_while_the_milter_answers(site, start):
    manager = Manager(site + "/notify")
    process = start("relay-milter", site + "/notify", "-f", WATCHDOG_USEC="400000")
    assert manager.next()[0] == "READY=1"
    for _ in range(4):
        assert manager.next() == ["WATCHDOG=1"]
    # Nobody can reach it any more: the manager is left to think the worst.
    os.rename(site + "/relay.sock", site + "/gone.sock")
    manager.within(0.3)
    assert manager.within(1) == []
    os.rename(site + "/gone.sock", site + "/relay.sock")
    assert manager.next() == ["WATCHDOG=1"]
    process.send_signal(signal.SIGSTOP)
    manager.within(0.3)
    assert manager.within(1) == []


def test_the_watchdog_of_another_process_is_not_ours(site, start):
    manager = Manager(site + "/notify")
    start("relay-milter", site + "/notify", "-f", WATCHDOG_USEC="100000", WATCHDOG_PID="1")
    assert manager.next()[0] == "READY=1"
    assert manager.within(0.5) == []


def test_a_manager_that_is_gone_holds_up_nothing(site, start):
    process = start("relay-milter", site + "/nobody", "-f", WATCHDOG_USEC="100000")
    net.wait_listening(site + "/relay.sock", process)
    with mc.Milter(site + "/relay.sock") as m:
        m.negotiate()
    process.terminate()
    assert process.wait(10) == 0
