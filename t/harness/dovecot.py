"""Real Dovecot from an unpacked package, and the two clients that log in."""
import os
import pwd
import re
import subprocess
import tempfile

from harness import net, server

LIB = server("dovecot", "usr/lib/dovecot")
DOVECOT = server("dovecot", "usr/sbin/dovecot")
DOVECONF = server("dovecot", "usr/bin/doveconf")
DOVEADM = server("dovecot", "usr/bin/doveadm")
MAIL_USER = "mail"

CONF = """
base_dir = {dir}/run
state_dir = {dir}/state
libexec_dir = {lib}
mail_plugin_dir = {lib}/modules
import_environment = TZ LD_LIBRARY_PATH={lib}
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
log_path = {dir}/dovecot.log
listen = *, ::
protocols = pop3 imap
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
auth_username_chars =
first_valid_uid = 1
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {dir}/users
}}
userdb {{
  driver = static
  args = uid={mail} gid={mail} home={dir}/home/%{{auth_user}}
}}
service pop3-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
{extra}
"""


def _two_users():
    """Unprivileged users for Dovecot's own processes, that exist here."""
    there = {entry.pw_name for entry in pwd.getpwall()}
    pairs = (("dovecot", "dovenull"), ("daemon", "nobody"))
    return next(pair for pair in pairs if there.issuperset(pair))


def internal_user():
    """Whom hooks run as that Dovecot starts as default_internal_user."""
    return _two_users()[0]


def _compiled_in():
    """Puts Dovecot's modules where its login processes look for them."""
    there = "/usr/lib/dovecot"
    if not os.path.exists(there + "/modules"):
        net.own_tree("/usr/lib")
        os.symlink(LIB, there)


def reachable(path):
    """Lets other uids walk down to `path`, where its parents are temporary."""
    top = tempfile.gettempdir()
    while path.startswith(top + "/"):
        os.chmod(path, os.stat(path).st_mode | 0o055)
        path = os.path.dirname(path)


class Dovecot:
    """POP3 and IMAP on every address of the test's network.

    `users` maps login names to passwords; mail lies in {dir}/home.  Text in
    `extra_config` comes last and so wins; {dir} in it is the directory.  All
    of Dovecot's own messages are in {dir}/dovecot.log.
    """

    def __init__(self, dir, users=None, extra_config="", pop3_port=110,
                 imap_port=143):
        self.dir, self.pop3_port, self.imap_port = str(dir), pop3_port, imap_port
        self.conf = os.path.join(self.dir, "dovecot.conf")
        self.log_file = os.path.join(self.dir, "dovecot.log")
        self.process = None
        mail = pwd.getpwnam(MAIL_USER)
        os.makedirs(os.path.join(self.dir, "home"), exist_ok=True)
        reachable(os.path.join(self.dir, "home"))
        os.chown(os.path.join(self.dir, "home"), mail.pw_uid, mail.pw_gid)
        self.set_users(users or {"alice": "secret"})
        internal, login = _two_users()
        with open(self.conf, "w") as f:
            f.write(CONF.format(
                dir=self.dir, lib=LIB, internal=internal, login=login,
                internal_group=internal, mail=MAIL_USER, pop3_port=pop3_port,
                imap_port=imap_port,
                extra=extra_config.replace("{dir}", self.dir)))

    def set_users(self, users):
        """Takes effect at once: Dovecot looks at the file for each login."""
        with open(os.path.join(self.dir, "users"), "w",
                  encoding="latin1") as f:
            for user, password in users.items():
                f.write(f"{user}:{{PLAIN}}{password}::::::\n")
        os.chmod(f.name, 0o644)

    def start(self):
        _compiled_in()
        # What dovecot(1) does by itself, with /usr/bin/doveconf compiled in.
        self.process = subprocess.Popen(
            [DOVECONF, "-c", self.conf, "-m", "master", "-p", "-e",
             DOVECOT, "-F", "-c", self.conf], stdin=subprocess.DEVNULL,
            stdout=open(os.path.join(self.dir, "dovecot.out"), "w"),
            stderr=subprocess.STDOUT, env=self._env())
        try:
            for port in (self.pop3_port, self.imap_port):
                net.wait_listening(port, self.process)
        except (RuntimeError, TimeoutError) as e:
            self.stop()
            raise RuntimeError(f"{e}\n{self.output()}\n{self.log()}") from None
        return self

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    def _env(self):
        return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LD_LIBRARY_PATH": LIB}

    def doveadm(self, *args):
        return subprocess.run([DOVECONF, "-c", self.conf, "-m", "doveadm", "-e",
                               DOVEADM, *args], text=True, env=self._env(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT).stdout

    def _read(self, path):
        if not os.path.exists(path):
            return ""
        with open(path, encoding="latin1") as f:
            return f.read()

    def log(self):
        return self._read(self.log_file)

    def output(self):
        return self._read(os.path.join(self.dir, "dovecot.out"))

    def wait_log(self, pattern, timeout=10):
        return net.wait_for(lambda: re.search(pattern, self.log()), timeout,
                            self.process, f"no log line like {pattern!r}")


class Client:
    """A line of talk with a server, from a source address of one's choice."""

    def __init__(self, source, port, timeout=20):
        self.sock = net.connect(port, source, timeout)
        self.file = self.sock.makefile("rb")
        self.greeting = self.read()

    def read(self):
        return self.file.readline().decode("latin1").rstrip("\r\n")

    def send(self, line):
        self.sock.sendall(line.encode("latin1") + b"\r\n")

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Pop3(Client):
    def __init__(self, source, port=110, **kwargs):
        super().__init__(source, port, **kwargs)

    def command(self, line):
        self.send(line)
        return self.read()

    def login(self, user, password):
        """The reply to PASS, or to USER if that was refused."""
        reply = self.command("USER " + user)
        if not reply.startswith("+OK"):
            return reply
        return self.command("PASS " + password)


class Imap(Client):
    def __init__(self, source, port=143, **kwargs):
        super().__init__(source, port, **kwargs)

    def command(self, line):
        """The tagged reply."""
        self.send("a " + line)
        while True:
            reply = self.read()
            if reply.startswith("a ") or not reply:
                return reply[2:]

    def login(self, user, password):
        quoted = ['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
                  for text in (user, password)]
        return self.command("LOGIN " + " ".join(quoted))


def pop3_login(addr_from, user, password, port=110):
    """Logs in from an address and quits; whether the password was taken."""
    with Pop3(addr_from, port) as client:
        fine = client.login(user, password).startswith("+OK")
        client.command("QUIT")
        return fine


def imap_login(addr_from, user, password, port=143):
    with Imap(addr_from, port) as client:
        fine = client.login(user, password).startswith("OK")
        client.command("LOGOUT")
        return fine
