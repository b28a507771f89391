"""check_sendmail with real sendmail, saslauthd, milters and Dovecot."""
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import net, program, server
from harness.dovecot import Dovecot
from harness.host import Host
from harness.relay_milter import RelayMilter
from harness.virus import alive

SASLAUTHD = server("sasl", "usr/sbin/saslauthd")


def milter_line(path, name="relay-milter"):
    return f"INPUT_MAIL_FILTER(`{name}', `S=unix:{path}, F=T, T=S:2s;R:2s;E:5m')dnl\n"


def up(host):
    for command in (host.make("all", "install"), host.restart("-q", "start")):
        assert command[0] == 0, command[1]


@pytest.fixture
def host(site, resolver):
    with Host(site) as h:
        up(h)
        yield h


def line(said, name):
    """state and the rest of the line of one item"""
    found = re.search(rf"(?m)^{re.escape(name)} +(\w+) *(.*)$", said)
    assert found, said
    return found[1], found[2]


def test_all_is_fine(host):
    code, said = host.check()
    assert code == 0, said
    assert line(said, "sendmail MTA") == (
        "running", f"pid {host.pid()}".ljust(12) + f"accepting connections ({host.port})")
    assert "Queue runner@00:30:00 for " + host.path("clientmqueue") in said
    assert len(said.splitlines()) == 2
    assert host.check("-q") == (0, "")
    code, said = host.check("--json")
    assert [i["state"] for i in json.loads(said)] == ["running", "running"]
    assert json.loads(said)[0]["pid"] == host.pid()


def test_what_is_down_is_started_and_told_once(host):
    host.stop()
    net.wait_for(lambda: not alive(host.pid()))
    code, said = host.check("-n")
    assert code == 2 and line(said, "sendmail MTA")[0] == "DOWN", said
    assert not alive(host.pid())
    code, said = host.check("-q")
    assert code == 1, said
    state, rest = line(said, "sendmail MTA")
    assert state == "STARTED" and rest.startswith(f"pid {host.pid()} ")
    assert "was: no such process" in rest
    assert line(said, "sendmail MSP queue")[0] == "STARTED"
    assert host.check("-q") == (0, "")


def test_a_hung_daemon_is_replaced(host):
    hung = host.pid()
    os.kill(hung, signal.SIGSTOP)
    code, said = host.check(BANNER_TIMEOUT="1")
    assert code == 1 and "no answer in 1 s" in line(said, "sendmail MTA")[1], said
    assert not alive(hung) and alive(host.pid())


def test_a_broken_configuration_is_not_started(host):
    host.stop()
    net.wait_for(lambda: not alive(host.pid()))
    os.chmod(host.path("sendmail.cf"), 0o644)
    host.write("sendmail.cf", host.read("sendmail.cf") + "Rthis is no rule\n")
    code, said = host.check()
    assert code == 2, said
    assert line(said, "sendmail MTA")[0] == "DOWN"
    assert "not started: sendmail cannot read" in said and "line " in said


def test_the_queue_by_cron_needs_no_process(host):
    host.restart("stop-mspq")
    cron = host.write("cron", "*/20 * * * * smmsp sendmail cron-msp\n")
    code, said = host.check(CRON=cron)
    assert code == 0 and line(said, "sendmail MSP queue") == ("running", "via cron")
    host.write("cron", "#*/20 * * * * smmsp sendmail cron-msp\n")
    assert host.check("-n", CRON=cron)[0] == 2


def test_a_port_that_is_not_served_is_named(host):
    other = net.free_port()
    os.chmod(host.path("sendmail.cf"), 0o644)
    host.write("sendmail.cf", host.read("sendmail.cf") +
               f"O DaemonPortOptions=Name=X, Port={other}, Addr=127.0.0.1\n")
    code, said = host.check("-n")
    assert code == 2
    assert f"connect port {other}: Connection refused" in said
    code, said = host.check()       # a new daemon listens there
    assert code == 1, said
    assert f"({host.port}, {other})" in host.check()[1]


class Sasl:
    """saslauthd of its own, with sendmail's SASL file that names it."""

    def __init__(self, host):
        self.host, self.dir = host, host.path("saslauthd")
        os.makedirs(self.dir, exist_ok=True)
        os.makedirs(host.path("sasl"), exist_ok=True)
        host.write("sasl/Sendmail.conf", "pwcheck_method: saslauthd\n"
                   f"saslauthd_path: {self.dir}/mux\nmech_list: PLAIN LOGIN\n")
        self.command = f"{SASLAUTHD} -a shadow -n 2 -m {self.dir}"

    def pid(self):
        return self.host.pid("saslauthd/saslauthd.pid")

    def check(self, *args):
        return self.host.check(*args, START_SASLAUTHD=self.command)

    def family(self):
        with open(f"/proc/{self.pid()}/task/{self.pid()}/children") as f:
            return [self.pid(), *map(int, f.read().split())]

    def stop(self):
        if self.pid():
            for pid in self.family():
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def sasl(site, resolver):
    with Host(site) as h:
        h.set_mc("define(`confAUTH_MECHANISMS', `PLAIN LOGIN CRAM-MD5')dnl\n",
                 f"ESASL_CONF_PATH={h.dir}/sasl")
        s = Sasl(h)
        up(h)
        yield s
        s.stop()


def test_saslauthd_is_started_when_down_and_replaced_when_hung(sasl, log):
    code, said = sasl.check("-n")
    assert code == 2 and "mux: No such file or directory" in line(said, "saslauthd")[1]
    code, said = sasl.check()
    assert code == 1 and line(said, "saslauthd")[0] == "STARTED", said
    code, said = sasl.check()
    assert code == 0, said
    assert line(said, "saslauthd") == (
        "running", f"pid {sasl.pid()}".ljust(12) + "answers; mechanisms: PLAIN LOGIN")
    # Hung: connects, and never says a word.
    hung = sasl.family()
    for pid in hung:
        os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    code, said = sasl.check("-n")
    assert code == 2 and "no answer in 3 s" in said
    assert time.monotonic() - start < 6
    code, said = sasl.check()
    assert code == 1 and "was: no answer in 3 s" in said, said
    assert not any(map(alive, hung))
    assert sasl.check("-q") == (0, "")
    # No password was tried: nothing of ours looks like a failed login.
    assert not log.grep("saslauthd.*auth failure.*user=[^\\]]")


def test_a_milter_must_negotiate(site, resolver):
    relay = RelayMilter(site, site + "/mail")
    with Host(site) as host:
        host.set_mc(milter_line(relay.socket))
        host.write("relay-domains", "")
        up(host)
        relay.start()
        code, said = host.check()
        assert code == 0, said
        assert line(said, "relay-milter")[1].strip() == \
            f"answers at unix:{relay.socket}, milter protocol 6"
        relay.process.send_signal(signal.SIGSTOP)
        code, said = host.check("-n", BANNER_TIMEOUT="20")
        relay.process.send_signal(signal.SIGCONT)
        assert code == 2 and line(said, "relay-milter")[0] == "DOWN"
        assert "no answer in 5 s" in said
        relay.stop()
        code, said = host.check()
        assert code == 2 and "nothing is known that starts it" in said, said
        again = f"{program('relay-milter')} -c {relay.conf}"
        code, said = host.check(START_MILTER_relay_milter=again)
        assert code == 1 and line(said, "relay-milter")[0] == "STARTED", said
        os.kill(int(host.read("../relay/relay.pid")), signal.SIGTERM)


def greet(listener):
    """A server, but no milter."""
    while True:
        with listener.accept()[0] as peer:
            peer.recv(4096)
            peer.sendall(b"220 hello\r\n" * 9)


def test_what_is_no_milter_is_down(site, resolver):
    path = site + "/x.sock"
    with Host(site) as host, socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen(5)
        threading.Thread(target=greet, args=(s,), daemon=True).start()
        host.set_mc(milter_line(path, "x"))
        up(host)
        code, said = host.check("-n")
        assert code == 2 and "does not speak the milter protocol" in said, said


def test_dovecot_must_greet(host, site):
    asked = {"DOVECOT": "yes", "DOVECOT_PORTS": "110 143", "BANNER_TIMEOUT": "1"}
    with Dovecot(site) as dovecot:
        asked["DOVECOT_PID_FILE"] = master = f"{dovecot.dir}/run/master.pid"
        code, said = host.check("-n", **asked)
        assert code == 0 and "greets on 110, 143" in line(said, "dovecot")[1], said
    code, said = host.check("-n", **asked)
    assert code == 2 and f"no such process; pid file {master}" in said, said


def test_grants_must_be_whole(host):
    ours = {"VSMTPRELAY": program("vsmtprelay")}
    assert host.check("-n", **ours)[0] == 0     # there are none
    path = host.path("relayers.db")
    subprocess.run([program("vsmtprelay"), "-f", path, "add", "192.0.2.4"], check=True,
                   stdout=subprocess.DEVNULL)
    code, said = host.check("-n", **ours)
    assert code == 0 and line(said, "relayers.db") == ("running", f"whole, {path}"), said
    os.truncate(path, 5000)
    code, said = host.check(**ours)
    assert code == 2 and line(said, "relayers.db")[0] == "DOWN", said
    assert "vsmtprelay verify --repair" in said
    assert host.check("-n", RELAYERS="no", **ours)[0] == 0


def test_signatures_must_be_new(host, site):
    folder = site + "/signatures"
    asked = {"SIGNATURES": folder}
    code, said = host.check("-n", **asked)
    assert code == 2 and "No such file" in line(said, "signatures")[1], said
    os.mkdir(folder)
    for name in ("main.cvd", "freshclam.dat"):
        with open(f"{folder}/{name}", "w") as f:
            f.write("x")
    assert host.check("-n", **asked)[0] == 0
    old = time.time() - 9 * 86400
    os.utime(folder + "/main.cvd", (old, old))
    code, said = host.check(**asked)
    assert code == 2 and "the newest are 9 days old" in said, said
    assert "freshclam has to fetch newer ones" in said
    assert host.check("-n", SIGNATURES_DAYS="10", **asked)[0] == 0
    assert host.check("-n", SIGNATURES_DAYS="0", **asked)[0] == 0


def test_signatures_count_where_mail_is_scanned(site, resolver):
    with Host(site) as host:
        host.set_mc(milter_line(site + "/none.sock", "virus-milter"))
        up(host)
        ours = {"POSTERN": program("postern")}
        assert "signatures" in host.check("-n", **ours)[1]


def clamd_that_says(path, answer):
    """Serves two questions."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4)

    def serve():
        for _ in range(2):
            with listener.accept()[0] as peer:
                peer.recv(64)
                peer.sendall(answer)
    threading.Thread(target=serve, daemon=True).start()


def test_signatures_of_clamd(site, resolver):
    """clamd tells their age; it may run where no folder of this host is."""
    young, old = site + "/young.sock", site + "/old.sock"
    conf = site + "/postern.yaml"
    with open(site + "/postern", "w", encoding="ascii") as f:
        f.write(f"#!/bin/sh\nshift\nexec {program('postern')} config --config {conf} \"$@\"\n")
    os.chmod(site + "/postern", 0o755)
    clamd_that_says(young, time.strftime("ClamAV 1.4.6/2/%a %b %d %H:%M:%S %Y").encode() + b"\0")
    clamd_that_says(old, b"ClamAV 1.4.6/1/Mon Jan  2 03:04:05 2023\0")
    with Host(site) as host:
        # Known by its socket, whatever sendmail.cf calls it.
        host.set_mc(milter_line(site + "/scan.sock", "scan"))
        up(host)
        for servers, told in ((young, "0 days old"), (old, "days old"),
                              (site + "/none", "No such file")):
            with open(conf, "w", encoding="ascii") as f:
                f.write(f"virus: {{socket: 'unix:{site}/scan.sock', engine: clamd,\n"
                        f"        clamd: {{servers: ['unix:{servers}']}}}}\n")
            said = host.check("-n", POSTERN=site + "/postern")[1]
            state, rest = line(said, "signatures")
            assert told in rest and (state == "running") == (servers == young), said


def test_usage(host):
    for args in (["-x"], ["file"]):
        code, said = host.check(*args)
        assert code == os.EX_USAGE and said.startswith("usage: "), args
    assert host.check("-h")[0] == 0
