"""postern check: INPUT_MAIL_FILTER lines that lose mail, or let it pass."""
import subprocess

import pytest

from harness import doctor, program
from harness.sendmail import Sendmail

GOOD = "C:30s;S:30s;R:30s;E:5m"


def milter(name, flag="F=T", times="T=" + GOOD, socket=None):
    socket = socket or f"unix:/run/postern/{name}.sock"
    fields = ", ".join(f for f in ("S=" + socket, flag, times) if f)
    return f"INPUT_MAIL_FILTER(`{name}', `{fields}')dnl\n"


def found(site, *lines, conf=""):
    mta = Sendmail(site, mc="".join(lines))
    return mta, doctor.check(mta, conf=conf)


def test_a_filter_without_a_flag_fails_open(site):
    mta, said = found(site, milter("relay-milter"), milter("virus-milter", flag=""))
    finding = said.only("fail-open")
    assert finding["file"] == mta.cf
    assert finding["line"] == doctor.line_of(mta, "Xvirus-milter")
    assert "virus-milter" in finding["cause"] and "F=T" in finding["cure"]
    assert said.code == 1


def test_each_filter_without_a_flag_is_told(site):
    mta, said = found(site, milter("relay-milter", flag=""), milter("virus-milter"),
                      milter("foreign", flag="", times=""), milter("filter-milter", flag="F="))
    assert {f["line"] for f in said.of("fail-open")} == {
        doctor.line_of(mta, "X" + n) for n in ("relay-milter", "foreign", "filter-milter")}


@pytest.mark.parametrize("times,short", [
    ("T=E:180", 0), ("T=E:180s", 0), ("T=E:3m", 0), ("T=E:1h", 0), ("T=S:1m;E:2m59s", 1),
    ("T=e:2m", 1), ("T=S:1m", 0), ("T=C:5m;S:1s", 0), ("T=E:0", 1)])
def test_timeouts_in_all_units(site, times, short):
    _, said = found(site, milter("virus-milter", times=times),
                    conf="virus: {deadline: 179s}\n")
    assert len(said.of("short-timeout")) == short


@pytest.mark.parametrize("flag", ["R", "X"])
def test_a_flag_that_loses_mail(site, flag):
    mta, said = found(site, milter("relay-milter", flag="F=" + flag),
                      milter("foreign", flag="F=4"))
    finding = said.only("wrong-flag")
    assert finding["line"] == doctor.line_of(mta, "Xrelay-milter")
    assert "F=" + flag in finding["cause"]


def test_filters_out_of_order(site):
    mta, said = found(site, milter("virus-milter"), milter("other"),
                      milter("relay-milter"), milter("filter-milter"))
    finding = said.only("filter-order")
    assert finding["line"] == doctor.line_of(mta, "O InputMailFilters")
    assert "relay-milter comes after virus-milter" in finding["cause"]


def test_filters_are_known_by_their_sockets(site):
    _, said = found(site, milter("guard", socket="unix:/run/scan.sock"),
                    milter("first", socket="local:/run/relay.sock"),
                    conf="relay: {socket: unix:/run/relay.sock}\n"
                         "virus: {socket: unix:/run/scan.sock}\n")
    assert "first comes after guard" in said.only("filter-order")["cause"]


def test_a_timeout_shorter_than_the_scan(site):
    mta, said = found(site, milter("relay-milter", times="T=E:1s"),
                      milter("virus-milter", times="T=C:1m;E:2m"),
                      milter("filter-milter", times=""),
                      conf="filter: {time: 50s}\nvirus:\n  deadline: 3m\n")
    finding = said.only("short-timeout")
    assert finding["line"] == doctor.line_of(mta, "Xvirus-milter")
    assert f"virus.deadline ({mta.dir}/postern.yaml:3) is 180s" in finding["cause"]
    assert finding["cure"] == "write T=E:240s"


@pytest.mark.parametrize("socket,slow", [
    ("inet:8891@127.0.0.1", 1), ("inet:8891@localhost", 1), ("inet6:8891@[::1]", 1),
    ("inet6:8891@::1", 1), ("inet:8891@127.0.0.2", 1), ("inet:8891@mx.example.org", 1),
    ("inet:8891@MX", 1), ("inet:8891@other.example.org", 0),
    ("inet:8891@192.0.2.9", 0), ("/run/postern/relay.sock", 0)])
def test_tcp_to_this_host_is_slow(site, socket, slow):
    _, said = found(site, milter("relay-milter", socket=socket))
    assert len(said.of("inet-loopback")) == slow


def test_the_feature_is_without_fault(site):
    _, said = found(site, "FEATURE(`postern')dnl\n")
    for name in ("fail-open", "wrong-flag", "filter-order", "short-timeout",
                 "inet-loopback"):
        assert said.of(name) == []


def test_text_for_people(site):
    mta, _ = found(site, milter("virus-milter", flag=""))
    done = subprocess.run([program("postern"), "check", "--mail-dir", mta.dir],
                          stdout=subprocess.PIPE, text=True)
    line = doctor.line_of(mta, "Xvirus-milter")
    assert done.returncode == 1
    assert (f"{mta.cf}:{line}: fail-open: virus-milter has no F=: mail passes it "
            "unseen while it is down; write F=T\n") in done.stdout


def test_without_a_configuration_there_is_nothing_to_look_at(site):
    done = subprocess.run([program("postern"), "check", "--mail-dir", site],
                          stderr=subprocess.PIPE, text=True)
    assert done.returncode == 66
    assert site + "/sendmail.cf: No such file" in done.stderr
