"""postern check: what is wrong with a host that has Postfix."""
import os
import time

import pytest

from harness import doctor
from harness.postfix import Postfix
from harness.relay_milter import RelayMilter
from harness.sendmail import Sendmail, makemap

GOOD = """smtpd_milters = unix:{relay}
non_smtpd_milters = $smtpd_milters
milter_default_action = tempfail
smtpd_relay_restrictions = permit_mynetworks,
    # who has logged in
    permit_sasl_authenticated
    reject_unauth_destination
"""
MASTER = """# name type private unpriv chroot wakeup maxproc command
smtp       inet  n - {chroot} - - smtpd
pickup     unix  n - n 60 1 pickup
"""
SCANNING = "virus: {socket: unix:/run/postern/virus.sock, deadline: 4m}\n" \
           "relay: {socket: unix:/run/postern/relay.sock}\n" \
           "filter: {socket: unix:/run/postern/filter.sock}\n"
THREE = "unix:/run/postern/relay.sock, unix:/run/postern/virus.sock"


class Host:
    """A folder with a main.cf and a master.cf; no sendmail.cf."""

    def __init__(self, site, main, master=MASTER.replace("{chroot}", "n")):
        self.dir = site + "/etc"
        os.makedirs(self.dir, exist_ok=True)
        self.main = self.write("main.cf", "mail_owner = postfix\n" + main)
        self.master = self.write("master.cf", master)

    def write(self, name, text):
        with open(f"{self.dir}/{name}", "w", encoding="ascii") as f:
            f.write(text)
        return f"{self.dir}/{name}"

    def check(self, conf=SCANNING, *args):
        return doctor.check(self, "--main-cf", self.main, *args, conf=conf)


def line(host, text, name="main.cf"):
    return doctor.line_of(host, text, name)


def test_a_sound_host(site, resolver):
    milter = RelayMilter(site, Sendmail(site).dir)
    with open(milter.conf, encoding="ascii") as f:
        conf = f.read()
    with milter:
        os.chmod(milter.socket, 0o666)
        host = Host(site, GOOD.replace("{relay}", milter.socket))
        said = host.check(conf)
        assert (said.code, said.all) == (0, []), said.all
        # So does the file of a Postfix that runs.
        with Postfix(site, main=GOOD.replace("{relay}", milter.socket)) as mta:
            host.main, host.dir = mta.dir + "/etc/main.cf", mta.dir + "/etc"
            assert mta.greets() and host.check(conf).all == []


@pytest.mark.parametrize("main,names,where", [
    ("milter_default_action = accept\nsmtpd_milters = unix:/a, unix:/b\n",
     {"fail-open": 2}, "smtpd_milters"),
    ("smtpd_milters = { unix:/a, default_action=accept }, unix:/b\n",
     {"fail-open": 1}, "smtpd_milters"),
    ("smtpd_milters = unix:/a\n", {}, ""),
    ("milter_default_action = reject\nsmtpd_milters = unix:/a\n",
     {"wrong-flag": 1}, "smtpd_milters"),
    ("smtpd_milters = unix:/run/postern/virus.sock unix:/run/postern/relay.sock\n",
     {"filter-order": 1}, "smtpd_milters"),
    (f"smtpd_milters = {THREE}\nmilter_content_timeout = 2m\n", {"short-timeout": 1},
     "smtpd_milters"),
    (f"smtpd_milters = {THREE}\nmilter_content_timeout = 1h\n", {}, ""),
    (f"smtpd_milters = {THREE}\n", {}, ""),
    ("smtpd_milters = { unix:/run/postern/virus.sock, content_timeout=100s }\n",
     {"short-timeout": 1}, "smtpd_milters"),
    ("smtpd_milters = inet:localhost:8891, inet:[::1]:8892, inet:192.0.2.9:8893\n",
     {"inet-loopback": 2}, "smtpd_milters"),
    ("smtpd_milters = inet:mx.example.org:8891\n", {"inet-loopback": 1}, "smtpd_milters"),
])
def test_how_milters_are_asked(site, main, names, where):
    host = Host(site, main)
    said = host.check()
    for name in ("fail-open", "wrong-flag", "filter-order", "short-timeout", "inet-loopback"):
        found = said.of(name)
        assert len(found) == names.get(name, 0), (name, found)
        for one in found:
            assert (one["file"], one["line"]) == (host.main, line(host, where))


def test_chroot_and_rights(site, resolver):
    """smtpd finds sockets below its queue directory, if it is in a chroot."""
    os.makedirs(site + "/queue/run")
    os.makedirs(site + "/closed", 0o700)
    main = (f"queue_directory = {site}/queue\ncompatibility_level = 3.6\n"
            f"smtpd_milters = unix:{site}/sock, unix:run/below.sock, unix:{site}/closed/sock\n")
    sound = Host(site, main).check().of("socket-unreachable")
    assert len(sound) == 1 and "runs as postfix, may not connect" in sound[0]["cause"]
    jailed = Host(site, main, MASTER.replace("{chroot}", "y")).check()
    causes = [f["cause"] for f in jailed.of("socket-unreachable")]
    assert len(causes) == 2 and all("chroot" in c for c in causes)
    assert f"{site}/queue{site}/sock" in causes[0]
    # Before Postfix 3.0 a chroot was the default.
    old = Host(site, main.replace("3.6", "0"), MASTER.replace("{chroot}", "-"))
    assert len(old.check().of("socket-unreachable")) == 2


def test_mail_that_goes_past_the_milters(site):
    master = MASTER.replace("{chroot}", "n") + (
        "submission inet n - n - - smtpd\n  -o syslog_name=postfix/submission\n"
        "  -o smtpd_milters=\nsmtps inet n - n - - smtpd\n"
        "  -o { smtpd_milters = unix:/run/postern/relay.sock }\n")
    host = Host(site, f"smtpd_milters = {THREE}\n", master)
    found = {(f["file"], f["line"]): f["cause"] for f in host.check().of("submission-bypass")}
    assert sorted(found) == sorted([
        (host.master, line(host, "submission", "master.cf")),
        (host.master, line(host, "smtps", "master.cf")), (host.main, 0)])
    assert "without unix:/run/postern/virus.sock" in found[
        host.master, line(host, "smtps", "master.cf")]
    assert "virus.sock" in found[host.main, 0] and "relay.sock" not in found[host.main, 0]


@pytest.mark.parametrize("main,found", [
    ("smtpd_relay_restrictions =\n", 1),
    ("smtpd_relay_restrictions = permit_mynetworks, permit\n", 1),
    ("smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = $own\n"
     "own = permit_mynetworks, reject_unauth_destination\n", 0),
    ("", 0),
    ("smtpd_relay_restrictions = permit_mynetworks, defer_unauth_destination\n", 0),
])
def test_restrictions_that_stop_nobody(site, main, found):
    assert len(Host(site, main).check().of("open-relay")) == found


@pytest.mark.parametrize("main,found", [
    ("mynetworks = 127.0.0.0/8, 0.0.0.0/0\n", 1), ("mynetworks = [::]/0 192.0.2.0/24\n", 1),
    ("mynetworks = 10.0.0.0/8 [fe80::]/64\n", 0), ("mynetworks_style = class\n", 1)])
def test_networks_that_hold_strangers(site, main, found):
    assert len(Host(site, main).check().of("promiscuous-relay")) == found


def test_passwords(site, resolver):
    auth = "smtpd_sasl_auth_enable = yes\n"
    plain = Host(site, auth).check().only("plain-without-tls")
    assert plain["line"] == 2
    for cure in ("smtpd_tls_auth_only = yes\n", "smtpd_tls_security_level = encrypt\n",
                 "smtpd_sasl_security_options = noanonymous, noplaintext\n"):
        assert Host(site, auth + cure).check().of("plain-without-tls") == []
    master = MASTER.replace("{chroot}", "n") + (
        "submission inet n - n - - smtpd\n  -o smtpd_sasl_auth_enable=yes\n")
    found = Host(site, "", master).check().only("plain-without-tls")
    assert found["file"].endswith("master.cf") and "submission" in found["cause"]
    host = Host(site, auth + f"smtpd_tls_auth_only = yes\ncyrus_sasl_config_path = {site}\n")
    with open(site + "/smtpd.conf", "w", encoding="ascii") as f:
        f.write(f"pwcheck_method: saslauthd\nsaslauthd_path: {site}/none\n")
    assert "none/mux: connect" in host.check().only("saslauthd-down")["cause"]


def test_maps_and_files(site):
    for name in ("stale", "fine"):
        makemap(f"{site}/{name}", "a b\n")
        with open(f"{site}/{name}", "w", encoding="ascii") as f:
            f.write("a b\n")
    later = time.time() + 60
    os.utime(site + "/stale", (later, later))
    os.utime(site + "/fine", (1, 1))
    os.chmod(site + "/fine", 0o666)
    host = Host(site, f"virtual_alias_maps = hash:{site}/stale, proxy:btree:{site}/gone\n"
                f"transport_maps = hash:{site}/fine\nalias_maps = hash:$alias_file\n"
                f"alias_file = {site}/aliases\n")
    said = host.check()
    assert said.only("stale-map")["file"] == site + "/stale"
    assert {f["line"] for f in said.of("unreadable-map")} == {
        line(host, "virtual_alias_maps"), line(host, "alias_maps")}
    assert site + "/fine" in {f["file"] for f in said.of("world-writable")}


def test_grants_that_nothing_takes_out(site):
    makemap(site + "/relayers", "192.0.2.4\t906502527\n")
    host = Host(site, f"mynetworks = 127.0.0.1/32 hash:{site}/relayers\n")
    conf = f"relay: {{relayers: {{file: {site}/relayers.db}}}}\n"
    assert host.check(conf).only("no-expire")["line"] == line(host, "mynetworks")
    with open(site + "/tab", "w", encoding="ascii") as f:
        f.write("*/5 * * * * root vsmtprelay expire 30\n")
    assert host.check(conf, "--crontab", site + "/tab").of("no-expire") == []


def test_signatures(site, resolver):
    host = Host(site, "smtpd_milters = unix:/run/postern/virus.sock\n")
    said = host.check(f"virus: {{socket: unix:/run/postern/virus.sock, database: {site}/none}}\n")
    assert "no virus signatures" in said.only("old-signatures")["cause"]
