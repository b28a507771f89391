"""contrib/postfix/main.cf on real Postfix."""
import os
import re

import pytest

from harness import TOP, smtp
from harness.postfix import Postfix
from harness.relay_milter import RelayMilter, vsmtprelay

CLIENT, OTHER = "192.0.2.4", "198.51.100.8"
HERE, FAR = "<bob@example.org>", "<friend@remote.example>"


def snippet(milter, delegation=False):
    """Our lines for main.cf, with this test's sockets."""
    with open(os.path.join(TOP, "contrib/postfix/main.cf")) as f:
        text = f.read()
    if delegation:
        _, policy = text.split("(relay.policy_socket):\n")
        text = "\n".join(line for line in text.splitlines()
                         if re.match("smtpd_milters|milter_", line))
        text += "\n" + re.sub("(?m)^#", "", policy)
    return text.replace("/run/postern/", milter.dir + "/") + "\n"


@pytest.fixture(params=[False, True], ids=["socketmap", "delegation"])
def hosts(request, site, resolver, sink):
    mail = site + "/mail"
    os.makedirs(mail)
    for name, text in {"local-host-names": "example.org\n",
                       "relay-domains": "127.0.0.1\n", "access": ""}.items():
        with open(os.path.join(mail, name), "w") as f:
            f.write(text)
    milter = RelayMilter(site, mail, relay="\n  features: []")
    with milter, Postfix(site, main=snippet(milter, request.param),
                         sink=sink.port) as mta:
        yield milter, mta


def test_a_grant_opens_the_relay_on_postfix(hosts, sink):
    milter, mta = hosts
    assert smtp.ask_relay(mta.port, CLIENT).code in (454, 550, 554)
    assert vsmtprelay("-s", milter.control_socket, "add", CLIENT)[0] == 0
    with smtp.Client(mta.port, CLIENT) as c:
        c("EHLO c")
        assert c.send("<a@example.com>", [FAR],
                      "Subject: by postfix\r\n\r\nhi\r\n")[-1].code == 250
    assert smtp.ask_relay(mta.port, OTHER).code in (454, 550, 554)
    assert smtp.ask_relay(mta.port, OTHER, rcpt=HERE).code == 250
    assert sink.wait("by postfix")


def test_postfix_defers_while_relay_milter_is_down(hosts):
    milter, mta = hosts
    assert vsmtprelay("-s", milter.control_socket, "add", CLIENT)[0] == 0
    assert smtp.ask_relay(mta.port, CLIENT).code == 250
    milter.stop()
    reply = smtp.ask_relay(mta.port, CLIENT)
    assert 400 <= reply.code < 500, reply
