"""A whole host with the paths of the manuals: m4/cf/hostname.mc, relay-milter
by its default configuration, Dovecot with contrib/dovecot as it is."""
import os
import shutil
import signal
import subprocess

import pytest

from harness import TOP, net, program, smtp
from harness.dovecot import Dovecot, imap_login, pop3_login
from harness.login import SECRET_FILE
from harness.sendmail import SENDMAIL
from test_hostname_mc import etc_mail  # noqa: F401  a fixture

CLIENT, OTHER, SIX = "192.0.2.4", "198.51.100.8", "2001:db8::7"
MAIL, SUBMISSION, ALTERNATIVE = 25, 587, 5190
CONF = """user: postern:smmsp
relay:
  trust_auth_mech: [PLAIN, LOGIN]
  relayers: {file: /var/lib/postern/relayers.db}
  login:
    listen: 127.0.0.1:21580
    secret_file: /etc/mail/postern-secret.conf
"""


def start_milter():
    milter = subprocess.Popen([program("relay-milter"), "-f"],
                              stdin=subprocess.DEVNULL)
    net.wait_listening("/run/postern/relay.sock", milter)
    return milter


@pytest.fixture
def host(etc_mail, site, resolver):  # noqa: F811
    """[relay-milter's process], while sendmail and Dovecot run."""
    for address, name in ((CLIENT, "a.example.net"), (SIX, "six.example.net")):
        resolver.client(address, name)
    for name, text, mode in (("postern.yaml", CONF, 0o644),
                             ("postern-secret.conf", SECRET_FILE, 0o600)):
        with open(os.path.join(etc_mail, name), "w") as f:
            f.write(text)
        os.chmod(f.name, mode)
    shutil.chown(etc_mail + "/access.db", "root", "smmsp")      # as Debian has it
    with open(os.path.join(TOP, "contrib/dovecot/95-postern-policy.conf")) as f:
        hook = f.read()
    running = [start_milter()]
    daemon = subprocess.Popen([SENDMAIL, "-bD"], stdin=subprocess.DEVNULL)
    try:
        net.wait_listening(ALTERNATIVE, daemon)
        with Dovecot(site, extra_config=hook):
            yield running
    finally:
        for process in (daemon, running[0]):
            process.terminate()
            process.wait(10)
    net.wait_for(lambda: not os.listdir("/run/postern"), 5)


def code(client, port=MAIL):
    return smtp.ask_relay(port, client).code


def vsmtprelay(*args):
    done = subprocess.run([program("vsmtprelay"), *args], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_from_the_login_to_the_mail(host):
    for port in (MAIL, ALTERNATIVE):
        assert code(CLIENT, port) == code(SIX, port) == 550
    assert not pop3_login(CLIENT, "alice", "wrong")
    assert code(CLIENT) == 550
    assert pop3_login(CLIENT, "alice", "secret")
    for port in (MAIL, ALTERNATIVE):
        assert code(CLIENT, port) == 250
        assert code(OTHER, port) == code(SIX, port) == 550
    assert imap_login(SIX, "alice", "secret")
    assert code(SIX) == 250 and code("2001:db8:0:1::7") == 550
    # On the submission port a password is needed, whoever has logged in.
    assert smtp.ask_relay(SUBMISSION, CLIENT).code in (503, 530)
    dump = vsmtprelay("dump")
    assert f"\n{CLIENT}\t" in dump and " user=alice proto=pop3\n" in dump
    assert "\nipv6:2001:db8:0:0:0:0:0:7\t" in dump
    vsmtprelay("delete", CLIENT)
    assert code(CLIENT) == 550 and code(SIX) == 250


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_without_relay_milter_mail_waits_and_grants_stay(host, how):
    assert pop3_login(CLIENT, "alice", "secret")
    assert code(CLIENT) == 250
    host[0].send_signal(how)
    host[0].wait(10)
    # Logins go on; their reports are lost, not they.
    assert pop3_login(OTHER, "alice", "secret")
    for client in (CLIENT, OTHER):
        assert 400 <= code(client) < 500
    host[0] = start_milter()
    assert code(CLIENT) == 250 and code(OTHER) == 550
