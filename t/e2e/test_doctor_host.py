"""postern check: servers, maps, files and rights of a broken host."""
import os
import shutil
import signal
import subprocess
import time

import pytest

from harness import doctor, net, server, smtp
from harness.doctor import listeners, milter     # noqa: F401
from harness.relay_milter import RelayMilter
from harness.sendmail import Sendmail, makemap

RUN_AS = "define(`confRUN_AS_USER', `smmsp')dnl\n"


def test_milters_that_do_not_answer(site, resolver, listeners):
    hung = listeners(site + "/hung.sock")
    rude = listeners(site + "/rude.sock", b"220 mx.example.org ESMTP\r\n")
    shut = listeners(site + "/shut.sock", b"")
    mta = Sendmail(site)
    good = RelayMilter(site, mta.dir)
    lines = [milter("good", good.socket), milter("down", site + "/none.sock"),
             milter("hung", hung), milter("rude", rude), milter("shut", shut)]
    with good:
        mta = Sendmail(site + "/two", mc="".join(lines))
        start = time.monotonic()
        said = doctor.check(mta)
        assert time.monotonic() - start < 12
    causes = {f["cause"].split()[0]: f for f in said.of("milter-silent")}
    assert sorted(causes) == ["down", "hung", "rude", "shut"]
    assert "No such file" in causes["down"]["cause"]
    assert "no answer in 5 s" in causes["hung"]["cause"]
    assert "does not speak the milter protocol" in causes["rude"]["cause"]
    assert "it closed the connection" in causes["shut"]["cause"]
    for name, finding in causes.items():
        assert finding["line"] == doctor.line_of(mta, "X" + name)


def test_sockets_that_the_user_of_sendmail_cannot_reach(site, resolver, listeners):
    for name in ("closed", "shared", "open"):
        os.mkdir(f"{site}/{name}", 0o755)
        os.chmod(listeners(f"{site}/{name}/sock", b""), 0o666)
    os.chmod(site + "/closed", 0o700)
    os.chmod(site + "/shared", 0o775)
    os.chmod(site + "/open/sock", 0o666)
    mode = listeners(site + "/mode.sock", b"")
    os.chmod(mode, 0o600)
    lines = [milter(n, f"{site}/{n}/sock") for n in ("closed", "shared", "open")]
    mta = Sendmail(site + "/two", mc=RUN_AS + "".join(lines) + milter("mode", mode))
    found = {f["line"]: f for f in doctor.check(mta).of("socket-unreachable")}
    by = {n: found.get(doctor.line_of(mta, "X" + n)) for n in
          ("closed", "shared", "open", "mode")}
    assert by["open"] is None
    for name in ("closed", "mode"):
        assert "runs as smmsp, may not connect" in by[name]["cause"]
    assert f"{site}/shared" in by["shared"]["cause"] and "unsafe" in by["shared"]["cause"]


def test_maps(site, resolver):
    lines = ["Kgone hash -T<TMPF> {dir}/gone", "Ksilent hash -o {dir}/silent",
             "Ktorn hash {dir}/torn", "Kfine hash -o {dir}/fine",
             "Kcdb cdb -o {dir}/nocdb", "Kregex regex -a<X> ^x",
             "FL/{dir}/noclass", "FM-o /{dir}/optional"]
    mta = Sendmail(site, access="Connect:192.0.2.4\tREJECT\n",
                   local_config="\n".join(lines))
    for name in ("fine", "torn"):
        makemap(f"{mta.dir}/{name}", "a\tb\n")
    os.truncate(mta.dir + "/torn.db", 5000)
    before = os.stat(mta.dir + "/access.db").st_mtime - 60
    os.utime(mta.dir + "/access.db", (before, before))
    mta.write("aliases", "postmaster: root\n")
    makemap(mta.dir + "/aliases", "postmaster root\n")
    said = doctor.check(mta)
    stale = said.only("stale-map")
    assert stale["file"] == mta.dir + "/access" and "access.db" in stale["cause"]
    unreadable = {f["line"]: f["cause"] for f in said.of("unreadable-map")}
    assert sorted(unreadable) == sorted(doctor.line_of(mta, k) for k in
                                        ("Kgone", "Ktorn", "FL"))
    assert "No such file" in unreadable[doctor.line_of(mta, "Kgone")]
    missing = {f["line"] for f in said.of("missing-map")}
    assert missing == {doctor.line_of(mta, "Ksilent"), doctor.line_of(mta, "Kcdb")}


def test_a_map_that_the_user_of_sendmail_cannot_read(site, resolver):
    mta = Sendmail(site, mc=RUN_AS)
    os.chmod(mta.dir + "/access.db", 0o600)
    makemap(mta.dir + "/aliases", "postmaster root\n")
    os.chmod(mta.dir + "/aliases.db", 0o644)
    finding = doctor.check(mta).only("unreadable-map")
    assert finding["line"] == doctor.line_of(mta, "Kaccess")
    assert "Permission denied" in finding["cause"]


def test_paths_that_anybody_may_change(site, resolver):
    mta = Sendmail(site, mc=milter("relay-milter", site + "/run/relay.sock"))
    os.mkdir(site + "/run")
    os.chmod(site + "/run", 0o777)
    os.chmod(mta.dir + "/relay-domains", 0o666)
    said = doctor.check(mta)
    assert {f["file"] for f in said.of("world-writable")} == {
        site + "/run", mta.dir + "/relay-domains"}
    # sendmail itself trusts a sticky folder only where it is told to.
    with open(mta.cf, encoding="latin1") as f:
        text = f.read()
    mta.write("sendmail.cf", text.replace("TrustStickyBit,", ""))
    assert "/tmp" in {f["file"] for f in doctor.check(mta).of("world-writable")}


def test_a_host_name_without_a_dot(site, resolver):
    mta = Sendmail(site)
    assert doctor.check(mta).of("host-name") == []
    path = mta.write("run", "#!/bin/sh\nhostname short && exec \"$@\"\n", 0o755)

    def on_short_host(hosts):
        with open("/etc/hosts", encoding="ascii") as f:
            before = f.read()
        try:
            with open("/etc/hosts", "w", encoding="ascii") as f:
                f.write(hosts)
            return doctor.check(mta, within=["unshare", "--uts", path])
        finally:
            with open("/etc/hosts", "w", encoding="ascii") as f:
                f.write(before)

    start = time.monotonic()
    said = on_short_host("127.0.0.1 localhost\n127.0.1.1 short\n")
    assert time.monotonic() - start < 20
    finding = said.only("host-name")
    assert "called short" in finding["cause"] and "60 s" in finding["cause"]
    assert finding["file"] == "/etc/hosts"
    # Either the first name or an alias may have the dot.
    for line in ("short.example.org short", "short short.example.org"):
        assert on_short_host(f"127.0.1.1 {line}\n").of("host-name") == []


@pytest.fixture
def sasl(site):
    """A host whose passwords saslauthd checks, and saslauthd, not started."""
    os.mkdir(site + "/auth")
    mta = Sendmail(site, users={"alice": "secret"})
    mta.write("sasl/Sendmail.conf", "pwcheck_method: saslauthd\n"
              f"saslauthd_path: {site}/auth\nmech_list: PLAIN LOGIN\n")
    return mta


def test_saslauthd(site, resolver, sasl):
    down = doctor.check(sasl).only("saslauthd-down")
    assert down["file"] == sasl.dir + "/sasl/Sendmail.conf"
    assert "auth/mux: connect: No such file" in down["cause"]
    saslauthd = subprocess.Popen(
        [server("sasl", "usr/sbin/saslauthd"), "-d", "-a", "shadow", "-m",
         site + "/auth", "-n", "1"], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        net.wait_listening(site + "/auth/mux", saslauthd)
        said = doctor.check(sasl)
        assert not said.of("saslauthd-down") + said.of("saslauthd-hung")
        saslauthd.send_signal(signal.SIGSTOP)
        hung = doctor.check(sasl).only("saslauthd-hung")
        assert "no answer in 3 s" in hung["cause"]
    finally:
        saslauthd.send_signal(signal.SIGCONT)
        saslauthd.kill()
        saslauthd.wait()


def test_a_sound_host_and_what_the_group_may_write(site, resolver):
    """No finding where all is well; and sendmail itself shuns a socket in a
    folder that its group may change."""
    mta = Sendmail(site)
    relay = RelayMilter(site, mta.dir)
    shutil.rmtree(mta.dir)
    mta = Sendmail(site, mc=f"FEATURE(`postern_relay', `unix:{relay.map_socket}')dnl\n"
                   f"FEATURE(`postern_relay_milter', `unix:{relay.socket}')dnl\n")
    makemap(mta.dir + "/aliases", "postmaster root\n")
    mta.write("submit.cf", "D{MTAHost}[127.0.0.1]\n")
    with open(relay.conf, encoding="ascii") as f:
        conf = f.read()
    with relay, mta:
        said = doctor.check(mta, conf=conf)
        assert (said.code, said.all) == (0, []), said.all
        assert mail(mta.port).code == 250
        os.chmod(relay.dir, 0o775)
        assert relay.dir in doctor.check(mta, conf=conf).only("socket-unreachable")["cause"]
        assert mail(mta.port).startswith("451 4.3.2")


def mail(port):
    with smtp.Client(port, "192.0.2.4") as c:
        c("EHLO c.example.net")
        return c("MAIL FROM:<joe@example.net>")
