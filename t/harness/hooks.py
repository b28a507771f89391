"""The ways by which Dovecot tells of a login, as contrib/dovecot has them."""
import os
import pwd

from harness import TOP, program, server
from harness.dovecot import MAIL_USER, internal_user
from harness.login import SECRET, SECRET_FILE, LoginSink

HTTP = "127.0.0.1:21580"
REDIS_PORT = 6379


def contrib(name, site):
    """Text of contrib/dovecot/95-postern-NAME.conf, with this site's paths."""
    path = os.path.join(TOP, "contrib", "dovecot", f"95-postern-{name}.conf")
    with open(path) as f:
        text = f.read()
    for there, here in (("/run/postern", site),
                        ("/etc/mail/postern-secret.conf", site + "/secret"),
                        ("SOME-LONG-SECRET", SECRET),
                        ("/usr/local/sbin/postern-postlogin",
                         program("postern-postlogin")),
                        ("group = postern", "group = root")):
        text = text.replace(there, here)
    return text


class Hook:
    """A contrib file, the listener it speaks to and what that calls it."""

    def __init__(self, conf, source, listener, user=None):
        self.conf, self.source, self.listener, self.user = conf, source, listener, user

    def __repr__(self):
        return self.conf

    def config(self, site):
        # Dovecot reads the secret even if nobody listens.
        with open(site + "/secret", "w") as f:
            f.write(SECRET_FILE)
        os.chmod(site + "/secret", 0o600)
        return contrib(self.conf, site)

    def address(self, site):
        """Where it reports to: HTTP address or socket path."""
        return {"http": HTTP, "dict": site + "/dict.sock",
                "dgram": site + "/login.sock"}[self.listener]

    def sink(self, site, **settings):
        settings[self.listener] = self.address(site)
        if self.user:
            settings["uid"] = self.user()
        return LoginSink(site, **settings)


def mail_uid():
    return pwd.getpwnam(MAIL_USER).pw_uid


def internal_uid():
    return pwd.getpwnam(internal_user()).pw_uid


HOOKS = [Hook("policy", "auth-policy", "http"),
         Hook("last-login", "dict", "dict", mail_uid),
         Hook("events", "event", "http"),
         Hook("postlogin", "dgram", "dgram", internal_uid)]

REDIS_SERVER = server("redis", "usr/bin/redis-server")
REDIS_CLI = server("redis", "usr/bin/redis-cli")
