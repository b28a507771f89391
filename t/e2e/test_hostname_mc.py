"""m4/cf/hostname.mc, as a postmaster would install it in /etc/mail."""
import os
import subprocess

import pytest

from harness import TOP, net, smtp
from harness.sendmail import SENDMAIL, makemap, run_m4


@pytest.fixture
def etc_mail(site):
    """/etc/mail with the sample, its maps and its cf; private to this network."""
    os.makedirs("/etc/mail", exist_ok=True)
    os.makedirs("/var/spool/mqueue", mode=0o700, exist_ok=True)
    net.forget_postern()
    os.makedirs("/run/postern")
    for name, text in {"local-host-names": "example.org\n", "access": "",
                       "aliases": "postmaster: root\n", "helpfile": "",
                       "trusted-users": "", "relay-domains": ""}.items():
        with open("/etc/mail/" + name, "w") as f:
            f.write(text)
    makemap("/etc/mail/access", "From:spam.example\tREJECT\n")
    with open("/etc/mail/sendmail.cf", "w") as f:
        f.write(run_m4(site, os.path.join(TOP, "m4/cf/hostname.mc")))
    subprocess.run([SENDMAIL, "-bi", "-oA/etc/mail/aliases"], check=True,
                   stdout=subprocess.DEVNULL)
    return "/etc/mail"


def test_the_sample_parses_and_serves_its_ports(etc_mail, resolver, log):
    daemon = subprocess.Popen([SENDMAIL, "-bD"], stdin=subprocess.DEVNULL)
    try:
        for port in (25, 587, 5190):
            net.wait_listening(port, daemon)
            with smtp.Client(port, "192.0.2.4") as c:
                assert c.greeting.startswith("220 " + net.HOST)
                c("EHLO c.example.net")
                # F=T: no milter, no mail, on any port.
                reply = c("MAIL FROM:<a@example.com>")
                assert reply.code in (451, 530), reply
        with smtp.Client(25, "2001:db8::4") as c:
            assert c("EHLO c.example.net").code == 250
    finally:
        daemon.terminate()
        daemon.wait(10)
    assert log.grep("Milter .relay-milter.: .*/run/postern/relay.sock")
