"""The harness' own Dovecot: it serves, refuses and stops."""
from harness import net
from harness.dovecot import Dovecot, Imap, imap_login, pop3_login


def test_logins_from_any_address(site):
    with Dovecot(site, users={"alice": "secret", "bob": "geheim"}) as d:
        assert pop3_login("203.0.113.9", "alice", "secret")
        assert not pop3_login("203.0.113.9", "alice", "wrong")
        assert imap_login("2001:db8::9", "bob", "geheim")
        assert not imap_login("203.0.113.9", "carol", "secret")
        assert "rip=203.0.113.9" in d.log()
        assert "rip=2001:db8::9" in d.log()
    assert not net.listening(110)


def test_sessions_stay(site):
    with Dovecot(site) as d, Imap("203.0.113.10") as client:
        assert client.login("alice", "secret").startswith("OK")
        assert "203.0.113.10" in d.doveadm("who", "-1")
