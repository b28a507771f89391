"""FEATURE(`postern') and the FEATUREs of each milter, by real m4 and sendmail."""
import os
import re
import shutil
import subprocess

import pytest

from harness import TOP, net, program, smtp
from harness.host import Host
from harness.relay_milter import RelayMilter
from harness.sendmail import SENDMAIL, Sendmail, cf_dir
from harness.virus import VirusMilter, eicar, message

RUN = "/run/postern"


def m4(site, lines):
    """-> (the cf file's X lines and filters, what m4 complained of)"""
    tree = cf_dir(site)
    done = subprocess.run(["m4", "-D_CF_DIR_=" + tree, tree + "m4/cf.m4", "-"],
                          input=f"OSTYPE(`linux')dnl\n{lines}\nMAILER(`smtp')dnl\n",
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    found = re.findall(r"(?m)^(?:X|O InputMailFilters=|O DaemonPortOptions=).*", done.stdout)
    return found, done.stderr


def test_postern_turns_all_on_in_order(site):
    found, said = m4(site, "FEATURE(`postern')dnl")
    assert said == ""
    assert found[-4:] == [
        "O InputMailFilters=relay-milter, virus-milter, filter-milter",
        "Xrelay-milter, S=unix:/run/postern/relay.sock, F=T, T=C:30s;S:30s;R:30s;E:5m",
        "Xvirus-milter, S=unix:/run/postern/virus.sock, F=T, T=C:30s;S:30s;R:30s;E:5m",
        "Xfilter-milter, S=unix:/run/postern/filter.sock, F=T, T=C:30s;S:30s;R:30s;E:5m"]


def test_postern_in_one_pass(site):
    found, said = m4(site, "FEATURE(`postern', `one-pass')dnl")
    assert said == ""
    assert found[-2:] == [
        "O InputMailFilters=postern-milter",
        "Xpostern-milter, S=unix:/run/postern/postern.sock, F=T, T=C:30s;S:30s;R:30s;E:6m"]


def displays():
    """The .mc lines that postern-m4(7) shows, one text a display."""
    with open(os.path.join(TOP, "man/postern-m4.7"), encoding="ascii") as f:
        blocks = f.read().split("\n.Bd -literal")[1:]
    return [block.partition("\n")[2].partition("\n.Ed")[0] for block in blocks]


def test_what_the_page_shows_is_so(site):
    same, example = displays()
    assert m4(site, same) == m4(site, "FEATURE(`postern')dnl")
    assert m4(site, "FEATURE(`postern', `one-pass')dnl") == m4(
        site, "FEATURE(`postern_relay', `socket')dnl\nFEATURE(`postern_one_pass')dnl")
    found, said = m4(site, example)
    assert said == ""
    assert found[-3:] == [
        "O InputMailFilters=relay-milter, virus-milter",
        "Xrelay-milter, S=unix:/run/postern/relay.sock, F=T, T=C:30s;S:30s;R:30s;E:5m",
        "Xvirus-milter, S=unix:/run/postern/virus.sock, F=T, T=C:30s;S:30s;R:30s;E:11m"]


@pytest.mark.parametrize("lines,expected", [
    ("FEATURE(`postern_one_pass', `local:/o', `4', `300s')",
     "S=local:/o, F=4, T=C:30s;S:30s;R:30s;E:360s"),
    ("FEATURE(`postern', `virus')", "S=unix:/run/postern/virus.sock, F=T, "
                                    "T=C:30s;S:30s;R:30s;E:5m"),
    ("FEATURE(`postern_virus', `local:/v', `4', `10m')",
     "S=local:/v, F=4, T=C:30s;S:30s;R:30s;E:11m"),
    ("FEATURE(`postern_virus', `', `', `90s')", "S=unix:/run/postern/virus.sock, "
                                                "F=T, T=C:30s;S:30s;R:30s;E:150s"),
    ("FEATURE(`postern_relay_milter', `inet:9@192.0.2.1')",
     "S=inet:9@192.0.2.1, F=T, T=C:30s;S:30s;R:30s;E:5m"),
])
def test_own_sockets_and_timeouts(site, lines, expected):
    found, said = m4(site, lines)
    assert said == ""
    assert [line.partition(", ")[2] for line in found if line[0] == "X"] == [expected]


@pytest.mark.parametrize("lines,error", [
    ("FEATURE(`postern', `relay spam')", "unknown: spam"),
    ("FEATURE(`postern_virus', `', `R')", "F=R would lose mail"),
    ("FEATURE(`postern_relay_milter', `', `X')", "F=X would lose mail"),
    ("FEATURE(`postern_virus', `/run/x')", "not a socket: /run/x"),
    ("FEATURE(`postern_virus', `', `', `1h')", "not minutes or seconds: 1h"),
    ("FEATURE(`postern_virus', `', `', `m')", "not minutes or seconds: m"),
    ("FEATURE(`postern_virus', `', `', `90 s')", "not minutes or seconds: 90 s"),
    ("FEATURE(`postern', `one-pass virus')", "name nothing else"),
    ("FEATURE(`postern_one_pass', `', `', `x')", "not minutes or seconds: x"),
    ("FEATURE(`postern_ports', `local')", "inet or inet6, not local"),
])
def test_what_would_fail_open_is_refused(site, lines, error):
    assert re.search(r"\*\*\* ERROR: .*" + re.escape(error), m4(site, lines)[1])


def test_what_is_slow_or_out_of_order_is_told(site):
    said = m4(site, "FEATURE(`postern_virus', `inet:3333@127.0.0.1')")[1]
    assert "WARNING: virus-milter: an inet socket costs 40 ms" in said
    said = m4(site, "INPUT_MAIL_FILTER(`x', `S=unix:/x')\nFEATURE(`postern')")[1]
    assert "WARNING: FEATURE(`postern') after INPUT_MAIL_FILTER" in said


def test_the_ports(site):
    found, said = m4(site, "FEATURE(`postern_ports', `inet')")
    assert said == ""
    assert found[:3] == ["O DaemonPortOptions=Name=MTA, Family=inet, Port=smtp",
                         "O DaemonPortOptions=Name=MSA, Family=inet, Port=submission, M=Ea",
                         "O DaemonPortOptions=Name=ALT, Family=inet, Port=5190, M=E"]


@pytest.fixture
def milters(site, resolver):
    """Both at the sockets that FEATURE(`postern') names; site/mail is theirs."""
    if os.path.islink(RUN):
        os.unlink(RUN)
    shutil.rmtree(RUN, ignore_errors=True)
    relay = RelayMilter(site, site + "/mail", relay="  trust_auth_mech: [PLAIN, LOGIN]")
    virus = VirusMilter(site)
    os.symlink(relay.dir, RUN)
    virus.start("-p", "unix:" + RUN + "/virus.sock")
    with open(site + "/filter.yaml", "w") as f:
        f.write(f"filter: {{site_rc: {site}/filterrc, dev_null: reject,"
                f" socket: unix:{RUN}/filter.sock}}\n")
    with open(site + "/filterrc", "w") as f:
        f.write(":0\n* ^Subject: unwanted\n/dev/null\n")
    filter_milter = subprocess.Popen(
        [program("filter-milter"), "-f", "-c", site + "/filter.yaml"],
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    net.wait_listening(RUN + "/filter.sock", filter_milter)
    yield relay
    filter_milter.terminate()
    filter_milter.wait(10)
    virus.stop()
    relay.stop()
    os.unlink(RUN)


def send(port, data, user=None, rcpt="<friend@remote.example>", source="192.0.2.4"):
    with smtp.Client(port, source) as c:
        c("EHLO c.example.net")
        if user:
            assert c.login(user, "secret").code == 235
        mail = c("MAIL FROM:<joe@example.net>")
        if mail.code >= 400:
            return mail
        to = c("RCPT TO:" + rcpt)
        if to.code >= 400:
            return to
        c("DATA")
        return c(data.replace("\r\n.", "\r\n..") + "\r\n.")


def test_one_line_gives_relay_control_and_scanning(site, sink, milters):
    infected = message(("e.com", eicar()))
    clean = message(("a.txt", b"plain text")).replace("Subject: test", "Subject: all of it")
    with Sendmail(site, mc="FEATURE(`postern')dnl", users={"alice": "secret"},
                  sink=sink.port) as mta:
        milters.start()
        assert send(mta.port, clean).startswith("550 5.7.1")
        assert send(mta.port, infected, rcpt="<bob@example.org>").code == 550
        assert send(mta.port, clean, rcpt="<bob@example.org>").code == 250
        assert "X-Virus-Status: clean" in sink.wait("Subject: all of it")["text"]
        unwanted = clean.replace("Subject: all of it", "Subject: unwanted")
        assert send(mta.port, unwanted, rcpt="<bob@example.org>").code == 550
        assert send(mta.port, clean.replace("all of it", "relayed"), "alice").code == 250
        assert "friend@remote.example" in sink.wait("Subject: relayed")["rcpt"][0]


def test_while_a_milter_is_down_mail_is_deferred(site, sink, milters):
    with Sendmail(site, mc="FEATURE(`postern')dnl", sink=sink.port) as mta:
        reply = send(mta.port, "Subject: x\r\n\r\nx\r\n", rcpt="<bob@example.org>")
        assert reply.startswith("451 4.3.2"), reply


def test_f4_closes_the_door_while_the_milter_is_down(site):
    """421 at the greeting, as postern-m4(7) says; one that is up opens it."""
    with Sendmail(site, mc="FEATURE(`postern_filter', `unix:{dir}/f.sock', `4')dnl") as mta:
        with smtp.Client(mta.port) as c:
            assert c.greeting.code == 421
        with open(site + "/postern.yaml", "w", encoding="ascii") as f:
            f.write(f"filter: {{socket: unix:{mta.dir}/f.sock}}\n")
        milter = subprocess.Popen([program("filter-milter"), "-f", "-c", f.name],
                                  stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            net.wait_listening(mta.dir + "/f.sock", milter)
            with smtp.Client(mta.port) as c:
                assert c.greeting.code == 220
        finally:
            milter.terminate()
            milter.wait(10)


def test_every_port_asks_the_milters(site, sink, milters):
    """587 wants a password and 5190 is 25 once more; mail on each is scanned."""
    infected = message(("e.com", eicar()))
    with Sendmail(site, mc="FEATURE(`postern')dnl\nFEATURE(`postern_ports', `inet')dnl\n",
                  users={"alice": "secret"}, sink=sink.port):
        milters.start()
        for port in (25, 587, 5190):
            net.wait_listening(port)
            to_us, to_others = ("<bob@example.org>", "<friend@remote.example>")
            stranger = {25: (250, 550), 5190: (250, 550), 587: (530, 530)}[port]
            clean = message(("a.txt", b"x")).replace("Subject: test", f"Subject: port {port}")
            assert (send(port, clean, rcpt=to_us).code,
                    send(port, clean, rcpt=to_others).code) == stranger
            assert send(port, clean, "alice", to_others).code == 250
            assert send(port, infected, "alice", to_us).code == 550
            assert "X-Virus-Status: clean" in sink.wait(f"Subject: port {port}")["text"]


def test_what_is_submitted_by_sendmail_t_is_scanned_too(site, sink, milters, log):
    to_sink = "define(`MAIL_HUB', `relay:[127.0.0.1]')dnl\n" \
              f"define(`RELAY_MAILER_ARGS', `TCP $h {sink.port}')dnl\n"
    with Host(site, mc=to_sink + "FEATURE(`postern')dnl\n") as host:
        host.write("relay-domains", "")
        code, said = host.make("all", "install")
        assert code == 0, said
        milters.start()         # reads access.db of the host
        code, said = host.restart("start-mta")
        assert code == 0, said

        def submit(subject, *parts):
            text = message(*parts).replace("To: <b@example.org>", "To: <bob@example.org>")
            text = text.replace("Subject: test", "Subject: " + subject)
            done = subprocess.run([SENDMAIL, "-C", host.path("submit.cf"), "-t", "-i",
                                   "-Ac", "-f", "alice@example.org"],
                                  input=text.replace("\r\n", "\n").encode("latin1"))
            return done.returncode

        assert submit("submitted clean", ("a.txt", b"plain")) == 0
        m = sink.wait("Subject: submitted clean")
        assert m, "\n".join(log.lines[-14:])
        assert "X-Virus-Status: clean" in m["text"]
        # Whoever submits is told at once.
        assert submit("submitted infected", ("e.com", eicar())) == os.EX_UNAVAILABLE
        assert log.grep("mailer=relay.*dsn=5.7.1.*stat=")
        assert submit("last one", ("a.txt", b"plain")) == 0
        assert sink.wait("Subject: last one")
        assert not [m for m in sink.messages
                    if re.search("(?m)^Subject: submitted infected", m["text"])
                    and "Action: failed" not in m["text"]]
