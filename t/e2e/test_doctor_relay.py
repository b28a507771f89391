"""postern check: hosts that strangers may send through, asked of sendmail."""
import os

import pytest

from harness import doctor, smtp
from harness.host import SUBMIT
from harness.net import HOST
from harness.sendmail import Sendmail, run_m4

PROMISCUOUS = "FEATURE(`promiscuous_relay')dnl\n"


def relays(mta):
    """Whether the daemon itself takes such a mail from a stranger."""
    with mta:
        return smtp.ask_relay(mta.port, "203.0.113.77",
                              sender="<someone@postern-check.invalid>",
                              rcpt="<victim@postern-check.invalid>").code == 250


@pytest.mark.parametrize("mc,options,hint", [
    (PROMISCUOUS, {}, "203.0.113.77, MAIL FROM:<someone@"),
    ("", {"access": "Connect:203\tRELAY\n"}, "203.0.113.77"),
    ("", {"access": "To:invalid\tRELAY\n"}, "203.0.113.77"),
    ("", {"relay_domains": ["198.51"]}, "198.51.100.77"),
    ("", {"relay_domains": ["invalid"]}, "203.0.113.77"),
    ("", {"access": "Connect:IPv6:2001:db8\tRELAY\n"}, "IPv6:2001:db8"),
    ("FEATURE(`relay_local_from')dnl\n", {}, f"MAIL FROM:<postmaster@{HOST}>"),
    ("FEATURE(`loose_relay_check')dnl\n", {"relay_domains": ["partner.example"]},
     "RCPT TO:<victim%postern-check.invalid@partner.example>"),
])
def test_an_open_relay(site, resolver, mc, options, hint):
    resolver.forget()
    mta = Sendmail(site, mc=mc + "FEATURE(`accept_unresolvable_domains')dnl\n", **options)
    finding = doctor.check(mta).only("open-relay")
    assert hint in finding["cause"]
    assert finding["line"] == doctor.line_of(mta, "Scheck_rcpt")


def test_it_is_what_the_daemon_does(site, resolver):
    mc = "FEATURE(`accept_unresolvable_domains')dnl\n"
    resolver.forget()
    closed = Sendmail(site + "/closed", mc=mc)
    assert not relays(closed) and doctor.check(closed).of("open-relay") == []
    open_one = Sendmail(site + "/open", mc=mc + PROMISCUOUS)
    assert relays(open_one)
    assert len(doctor.check(open_one).of("open-relay")) == 1


def test_a_sendmail_that_cannot_be_asked_is_no_good_sign(site, resolver):
    mta = Sendmail(site)
    finding = doctor.check(mta, sendmail=site + "/none").only("open-relay")
    assert finding["file"] == site + "/none" and "could not be asked" in finding["cause"]
    assert "No such file" in finding["cause"]


def test_promiscuous_relay(site, resolver):
    mta = Sendmail(site, mc=PROMISCUOUS)
    finding = doctor.check(mta).only("promiscuous-relay")
    with open(mta.cf, encoding="latin1") as f:
        assert "promiscuous_relay.m4" in f.readlines()[finding["line"] - 1]


def test_promiscuous_relay_in_our_own_settings(site, resolver):
    mta = Sendmail(site)
    finding = doctor.check(mta, conf="relay:\n  features: [access_db, promiscuous_relay]\n"
                           ).only("promiscuous-relay")
    assert (finding["file"], finding["line"]) == (mta.dir + "/postern.yaml", 2)
    assert "relay-milter ignores" in finding["cause"]


def test_promiscuous_relay_without_the_remarks(site, resolver):
    mta = Sendmail(site, mc=PROMISCUOUS)
    with open(mta.cf, encoding="latin1") as f:
        mta.write("sendmail.cf", "".join(x for x in f if not x.startswith("#")))
    finding = doctor.check(mta).only("promiscuous-relay")
    assert finding["line"] == doctor.line_of(mta, "SBasic_check_rcpt")


@pytest.mark.parametrize("text,found", [
    ("VERSIONID(`x')\n" + PROMISCUOUS, 1), ("dnl " + PROMISCUOUS, 0), ("# " + PROMISCUOUS, 0)])
def test_promiscuous_relay_that_is_to_come(site, resolver, text, found):
    mta = Sendmail(site)
    path = mta.write("sendmail.mc", text)
    findings = doctor.check(mta).of("promiscuous-relay")
    assert [(f["file"], f["line"]) for f in findings] == [(path, 2)] * found


@pytest.mark.parametrize("mechanisms,options,found", [
    ("PLAIN LOGIN", "A y", 1), ("SCRAM-SHA-256 LOGIN", "", 1),
    ("PLAIN LOGIN", "A p y", 0), ("SCRAM-SHA-256", "A", 0)])
def test_passwords_without_tls(site, resolver, mechanisms, options, found):
    mc = f"define(`confAUTH_MECHANISMS', `{mechanisms}')dnl\n"
    if options:
        mc += f"define(`confAUTH_OPTIONS', `{options}')dnl\n"
    mta = Sendmail(site, mc=mc)
    findings = doctor.check(mta).of("plain-without-tls")
    assert len(findings) == found
    for finding in findings:
        assert finding["line"] == doctor.line_of(
            mta, "O AuthOptions" if options else "O AuthMechanisms")


def submit_cf(mta, site, hub="[127.0.0.1]"):
    text = SUBMIT.replace("[127.0.0.1]", hub)
    for key, value in {"dir": mta.dir, "host": HOST, "port": mta.port}.items():
        text = text.replace("{%s}" % key, str(value))
    return mta.write("submit.cf", run_m4(site, mta.write("submit.mc", text)))


def test_submission_around_the_milters(site, resolver):
    ports = ("DAEMON_OPTIONS(`Name=MSA, Port=587, I=virus-milter')dnl\n"
             "DAEMON_OPTIONS(`Name=NONE, Port=588, I=')dnl\n"
             "DAEMON_OPTIONS(`Name=ALL, Port=589')dnl\n")
    mta = Sendmail(site, mc="FEATURE(`postern')dnl\n" + ports)
    by_place = {(f["file"], f["line"]): f["cause"]
                for f in doctor.check(mta).of("submission-bypass")}
    assert sorted(by_place) == sorted([
        (mta.cf, doctor.line_of(mta, "O DaemonPortOptions=Name=MSA")),
        (mta.cf, doctor.line_of(mta, "O DaemonPortOptions=Name=NONE")),
        (mta.dir + "/submit.cf", 0)])
    assert "without relay-milter, filter-milter" in by_place[
        mta.cf, doctor.line_of(mta, "O DaemonPortOptions=Name=MSA")]
    submit_cf(mta, site)
    assert len(doctor.check(mta).of("submission-bypass")) == 2
    path = submit_cf(mta, site, hub="mail.elsewhere.example")
    found = [f for f in doctor.check(mta).of("submission-bypass") if f["file"] == path]
    assert found[0]["line"] == doctor.line_of(mta, "D{MTAHost}", "submit.cf")
    assert "mail.elsewhere.example" in found[0]["cause"]
    os.unlink(path)
