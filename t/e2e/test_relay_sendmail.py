"""relay-milter and real sendmail together: the guard, its failures, its log."""
import json
import os
import signal
import time

import pytest

from harness import net, smtp
from harness.relay_milter import RelayMilter, vsmtprelay
from harness.sendmail import Sendmail, makemap

FAR = "<friend@remote.example>"
HERE = "<bob@example.org>"
CLIENT, OTHER, SIX = "192.0.2.4", "198.51.100.8", "2001:db8::7"
AUTH = "\n  trust_auth_mech: [PLAIN, LOGIN]"


@pytest.fixture
def names(resolver):
    resolver.forget()
    resolver.client(CLIENT, "a.example.net")
    resolver.client(SIX, "six.example.net")


def socket_feature(milter):
    return f"FEATURE(`postern_relay', `unix:{milter.map_socket}')dnl\n"


def pair(site, relay="", mc=None, **options):
    """A relay-milter and a sendmail that uses it as milter and as map."""
    milter = RelayMilter(site, site + "/mail", relay=relay)
    mc = socket_feature(milter) if mc is None else mc
    mta = Sendmail(site, mc=mc + milter.mc(), **options)
    return milter, mta


def grant(milter, address, *more):
    code, out, err = vsmtprelay("-s", milter.control_socket, "add", address, *more)
    assert code == 0, out + err


def decisions(milter):
    with open(milter.decisions) as f:
        return [json.loads(line) for line in f]


def test_a_grant_opens_the_relay_for_its_address_only(site, names, sink, log):
    milter, mta = pair(site, sink=sink.port)
    with milter, mta:
        assert smtp.ask_relay(mta.port, CLIENT).code == 550
        grant(milter, CLIENT)
        grant(milter, SIX)
        assert smtp.ask_relay(mta.port, CLIENT).code == 250
        assert smtp.ask_relay(mta.port, SIX).code == 250
        assert smtp.ask_relay(mta.port, OTHER).code == 550
        assert vsmtprelay("-s", milter.control_socket, "delete", CLIENT)[0] == 0
        assert smtp.ask_relay(mta.port, CLIENT).code == 550
        with smtp.Client(mta.port, SIX) as c:
            c("EHLO c")
            assert c.send("<a@example.com>", [FAR],
                          "Subject: granted\r\n\r\nhi\r\n")[-1].code == 250
    assert sink.wait("granted")


def test_the_grant_runs_out_by_the_window(site, names, sink):
    milter, mta = pair(site, relay="\n  relayers: {window: 2s}", sink=sink.port)
    with milter, mta:
        grant(milter, CLIENT)
        assert smtp.ask_relay(mta.port, CLIENT).code == 250
        time.sleep(2.2)
        assert smtp.ask_relay(mta.port, CLIENT).code == 550


def test_the_hash_file_is_enough_for_sendmail(site, names, sink):
    """FEATURE(postern_relay) on relayers.db: vsmtprelay and sendmail, no daemon."""
    mta = Sendmail(site, mc="FEATURE(`postern_relay')dnl", sink=sink.port)
    with mta:
        db = mta.dir + "/relayers.db"
        assert vsmtprelay("-f", db, "add", CLIENT)[0] == 0
        assert vsmtprelay("-f", db, "add", SIX)[0] == 0
        assert smtp.ask_relay(mta.port, CLIENT).code == 250
        assert smtp.ask_relay(mta.port, SIX).code == 250
        assert smtp.ask_relay(mta.port, OTHER).code == 550
        assert vsmtprelay("-f", db, "expire")[0] == 0
        assert smtp.ask_relay(mta.port, CLIENT).code == 550


def test_the_milter_judges_sendmails_own_maps(site, names, sink):
    access = "Connect:198.51.100\tRELAY\nTo:partner.example\tRELAY\n"
    milter, mta = pair(site, access=access, relay_domains=["backup.example"],
                       sink=sink.port)
    with milter, mta:
        assert smtp.ask_relay(mta.port, OTHER).code == 250
        assert smtp.ask_relay(mta.port, CLIENT, rcpt="<x@partner.example>").code == 250
        assert smtp.ask_relay(mta.port, CLIENT, rcpt="<x@a.backup.example>").code == 250
        assert smtp.ask_relay(mta.port, CLIENT, rcpt=HERE).code == 250
        assert smtp.ask_relay(mta.port, CLIENT).code == 550


def test_smtp_auth_relays_through_both(site, names, sink):
    milter, mta = pair(site, relay=AUTH, users={"alice": "secret"}, sink=sink.port)
    with milter, mta, smtp.Client(mta.port, OTHER) as c:
        c("EHLO c")
        assert c.login("alice", "secret").code == 235
        assert c.send("<a@example.com>", [FAR])[-1].code == 250


@pytest.mark.parametrize("features", [
    "", "\n  features: [access_db, promiscuous_relay, relayers_auth]"])
def test_promiscuous_relay_is_still_no_open_relay(site, names, sink, log, features):
    milter, mta = pair(site, mc="FEATURE(`promiscuous_relay')dnl\n",
                       relay=AUTH + features,
                       users={"alice": "secret"}, sink=sink.port)
    with milter, mta:
        for client in (CLIENT, OTHER, SIX):
            reply = smtp.ask_relay(mta.port, client)
            assert reply.startswith("550 5.7.1 ") and "Relaying denied" in reply
            assert smtp.ask_relay(mta.port, client, rcpt=HERE).code == 250
        for trick in ("<friend%remote.example@example.org>",
                      "<@example.org:friend@remote.example>",
                      '<"friend@remote.example"@example.org>',
                      "<remote.example!friend@example.org>"):
            code = smtp.ask_relay(mta.port, OTHER, rcpt=trick).code
            assert code == 550, trick
        grant(milter, CLIENT)
        assert smtp.ask_relay(mta.port, CLIENT).code == 250
        with smtp.Client(mta.port, OTHER) as c:
            c("EHLO c")
            c.login("alice", "secret")
            c("MAIL FROM:<a@example.com>")
            assert c("RCPT TO:" + FAR).code == 250


def test_a_message_to_several_is_judged_for_each(site, names, sink):
    milter, mta = pair(site, mc="FEATURE(`promiscuous_relay')dnl\n", sink=sink.port)
    with milter, mta, smtp.Client(mta.port, OTHER) as c:
        c("EHLO c")
        for _ in range(3):      # many messages a connection
            replies = c.send("<a@example.com>", [HERE, FAR, "<carol@example.org>"])
            assert [r.code for r in replies] == [250, 250, 550, 250, 354, 250]
        c("RSET")


def test_every_decision_is_logged_with_its_queue_id(site, names, sink, log):
    milter, mta = pair(site, mc="FEATURE(`promiscuous_relay')dnl\n", sink=sink.port)
    with milter, mta:
        smtp.ask_relay(mta.port, OTHER, rcpt="<logged@remote.example>")
        line = log.wait(r"relay-milter.*logged@remote\.example")[0]
        theirs = log.wait(r"sendmail\[.*logged@remote\.example.*reject=550")[0]
        queue_id = theirs.split("]: ", 1)[1].split(":")[0]
        assert line.split("]: ", 1)[1].startswith(queue_id + ": "), line
    found = [d for d in decisions(milter) if d.get("code") == 550]
    assert found and found[-1]["why"]["policy"] == "relay"
    assert found[-1]["queue_id"] == queue_id


def stop(milter):
    milter.stop()


def kill(milter):
    milter.stop(signal.SIGKILL)


def hang(milter):
    os.kill(milter.process.pid, signal.SIGSTOP)


@pytest.mark.parametrize("failure", [stop, kill, hang])
def test_without_relay_milter_mail_waits(site, names, sink, failure):
    milter, mta = pair(site, sink=sink.port)
    with mta:
        milter.start()
        grant(milter, CLIENT)
        assert smtp.ask_relay(mta.port, CLIENT).code == 250
        process = milter.process
        failure(milter)
        try:
            reply = smtp.ask_relay(mta.port, CLIENT)
            assert 400 <= reply.code < 500, reply
        finally:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGCONT)
            milter.stop(signal.SIGKILL)
        with milter:        # over the stale sockets; the grant is still there
            assert smtp.ask_relay(mta.port, CLIENT).code == 250


def test_a_milter_that_goes_in_mid_session_defers(site, names, sink):
    milter, mta = pair(site, mc="", sink=sink.port)
    milter.start()
    with mta, smtp.Client(mta.port, CLIENT) as c:
        c("EHLO c")
        assert c("MAIL FROM:<a@example.com>").code == 250
        milter.stop(signal.SIGKILL)
        assert 400 <= c("RCPT TO:" + HERE).code < 500


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000], ids=["empty", "garbage"])
def test_an_unreadable_access_map_defers(site, names, sink, content):
    """sendmail reads its own copy, so that it is our answer that is seen."""
    milter, mta = pair(site, mc="FEATURE(`promiscuous_relay')dnl\n",
                       relay=f"\n  access: {site}/own/access", sink=sink.port)
    os.makedirs(site + "/own")
    makemap(site + "/own/access", "Connect:192.0.2\tOK\n")
    with milter, mta:
        assert smtp.ask_relay(mta.port, CLIENT, rcpt=HERE).code == 250
        with open(site + "/own/access.db", "wb") as f:
            f.write(content)
        reply = smtp.ask_relay(mta.port, CLIENT)
        assert reply.code == 451, reply
        assert smtp.ask_relay(mta.port, CLIENT, rcpt=HERE).code == 451
        os.unlink(site + "/own/access.db")
        makemap(site + "/own/access", "Connect:192.0.2\tRELAY\n")
        assert smtp.ask_relay(mta.port, CLIENT).code == 250


def test_a_reload_keeps_sessions_and_takes_the_new_file(site, names, sink):
    milter, mta = pair(site, mc="FEATURE(`promiscuous_relay')dnl\n", sink=sink.port)
    with milter, mta, smtp.Client(mta.port, CLIENT) as c:
        c("EHLO c")
        c("MAIL FROM:<a@example.com>")
        assert c("RCPT TO:" + FAR).code == 550
        with open(mta.dir + "/relay-domains", "w") as f:
            f.write("remote.example\n")
        milter.reload()
        net.wait_for(lambda: smtp.ask_relay(mta.port, CLIENT).code == 250)
        assert c("RCPT TO:" + HERE).code == 250     # the old session goes on
        with open(milter.conf, "a") as f:
            f.write("nonsense: [\n")
        milter.reload()
        time.sleep(0.3)
        assert smtp.ask_relay(mta.port, CLIENT).code == 250
        assert f"{milter.conf}:" in milter.stderr()


def test_relay_milter_and_sendmail_share_relayers_db(site, names, sink):
    """A daemon's grant is seen by sendmail's hash map; an admin's makemap by the daemon."""
    milter, mta = pair(site, mc="FEATURE(`postern_relay')dnl\n", sink=sink.port)
    with milter, mta:
        grant(milter, CLIENT)
        net.wait_for(lambda: smtp.ask_relay(mta.port, CLIENT).code == 250, 5)
        now = int(time.time())
        makemap(mta.dir + "/relayers", f"{OTHER}\t{now}\n")
        net.wait_for(lambda: smtp.ask_relay(mta.port, OTHER).code == 250, 5)
        net.wait_for(lambda: smtp.ask_relay(mta.port, CLIENT).code == 550, 5)
