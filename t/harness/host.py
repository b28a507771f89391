"""A mail directory with the Makefile and scripts of contrib/etc-mail."""
import os
import shutil
import signal
import subprocess

from harness import TOP, net
from harness.sendmail import HEAD, MAKEMAP, SENDMAIL, cf_dir

ETC_MAIL = os.path.join(TOP, "contrib", "etc-mail")
SUBMIT = """divert(0)dnl
VERSIONID(`test')
define(`confCF_VERSION', `Submit')dnl
define(`__OSTYPE__', `')dnl
define(`MAIL_SETTINGS_DIR', `{dir}/')dnl
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')dnl
define(`confDOMAIN_NAME', `{host}')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/service.switch')dnl
define(`MSP_QUEUE_DIR', `{dir}/clientmqueue')dnl
define(`STATUS_FILE', `')dnl
define(`confPID_FILE', `{dir}/clientmqueue/sm-client.pid')dnl
define(`confDONT_INIT_GROUPS', `True')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {port}')dnl
FEATURE(`msp', `[127.0.0.1]')dnl
"""
MAILERS = "MODIFY_MAILER_FLAGS(`LOCAL', `-w')dnl\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n"


class Host:
    """site/mail as /etc/mail, with real sendmail below build/servers.

    make     `make` or `bmake`
    mc       more lines of hostname.mc; submit: whether there is a submit.mc
    """

    def __init__(self, site, make="make", mc="", local_config=""):
        self.dir, self.make_program = site + "/mail", make
        self.cf_dir = cf_dir(site).rstrip("/")
        self.port = net.free_port()
        os.makedirs(self.dir + "/mqueue", mode=0o700)
        os.mkdir(self.dir + "/clientmqueue", 0o770)
        shutil.chown(self.dir + "/clientmqueue", "smmsp", "smmsp")
        shutil.copy(ETC_MAIL + "/Makefile", self.dir)
        for name, text in {"service.switch": "hosts files dns\naliases files\n",
                           "local-host-names": "example.org\n", "helpfile": "",
                           "aliases": "postmaster: root\n", "access": ""}.items():
            self.write(name, text)
        self.set_mc(mc, local_config)
        self.write("freebsd.submit.mc", self.filled(SUBMIT))

    def filled(self, text):
        for key, value in {"dir": self.dir, "host": net.HOST, "port": self.port}.items():
            text = text.replace("{%s}" % key, str(value))
        return text

    def set_mc(self, mc="", local_config=""):
        access = "FEATURE(`access_db', `hash -T<TMPF> {dir}/access')dnl\n"
        self.write("freebsd.mc", self.filled(
            HEAD + access + mc + MAILERS + "LOCAL_CONFIG\n" + local_config + "\n"))

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="latin1") as f:
            f.write(text)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="latin1") as f:
            return f.read()

    def older(self, name, seconds=10):
        """Makes a file look as if it had been written before."""
        at = os.stat(self.path(name)).st_mtime - seconds
        os.utime(self.path(name), (at, at))

    def environment(self, **more):
        return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "SENDMAIL": SENDMAIL,
                "SENDMAIL_CF": self.path("sendmail.cf"),
                "SENDMAIL_SUBMIT_CF": self.path("submit.cf"),
                "LOCK": self.path("lock"), "START_TIMEOUT": "15", **more}

    def run(self, command, **more):
        """-> (exit code, output and errors together)"""
        done = subprocess.run(command, cwd=self.dir, env=self.environment(**more),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)
        return done.returncode, done.stdout.decode("latin1")

    def make_words(self):
        """make with the paths of this host's programs."""
        return [self.make_program, "SENDMAIL=" + SENDMAIL, "MAKEMAP=" + MAKEMAP,
                "SENDMAIL_CF_DIR=" + self.cf_dir,
                "SENDMAIL_START_SCRIPT=" + ETC_MAIL + "/restart_sendmail"]

    def make(self, *targets, **more):
        return self.run([*self.make_words(), *targets], **more)

    def check(self, *args, **more):
        return self.run([ETC_MAIL + "/check_sendmail", *args], **more)

    def restart(self, *args, **more):
        return self.run([ETC_MAIL + "/restart_sendmail", *args], **more)

    def pid(self, which="sendmail.pid"):
        """The pid in a pid file, 0 if there is none."""
        try:
            return int(self.read(which).split()[0])
        except (OSError, IndexError):
            return 0

    def stop(self):
        """Ends both daemons, also those that hang."""
        for which in ("sendmail.pid", "clientmqueue/sm-client.pid"):
            if self.pid(which):
                try:
                    os.kill(self.pid(which), signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
