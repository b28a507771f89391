"""The ground the other tests stand on: real sendmail in a network of its own."""
from harness import smtp
from harness.postfix import Postfix
from harness.sendmail import Sendmail


def test_sendmail_refuses_and_delivers(site, resolver, sink):
    resolver.client("192.0.2.4", "a.example.net")
    with Sendmail(site, access="From:spam.example\tREJECT\n", sink=sink.port,
                  users={"alice": "secret"}) as mta:
        assert smtp.ask_relay(mta.port, "192.0.2.4") == (
            "550 5.7.1 <friend@remote.example>... Relaying denied. "
            "Proper authentication required.")
        assert "lookup failed [198.51.100.8]" in smtp.ask_relay(mta.port, "198.51.100.8")
        assert smtp.ask_relay(mta.port, "2001:db8::7").code == 550
        assert smtp.ask_relay(mta.port, "192.0.2.4", "<x@spam.example>").code == 550
        with smtp.Client(mta.port, "192.0.2.4") as c:
            c("EHLO c")
            assert c.login("alice", "wrong").code == 535
            assert c.login("alice", "secret").code == 235
            replies = c.send("<a@example.com>", ["<far@remote.example>"])
            assert replies[-1].code == 250, replies
        assert sink.wait("far@remote.example")


def test_postfix_refuses_and_delivers(site, resolver, sink):
    with Postfix(site, sink=sink.port) as mta:
        assert smtp.ask_relay(mta.port, "192.0.2.4").code in (454, 554)
        with smtp.Client(mta.port) as c:
            c("EHLO c")
            replies = c.send("<a@example.com>", ["<pf@remote.example>"])
            assert replies[-1].code == 250, replies
        assert sink.wait("pf@remote.example")
