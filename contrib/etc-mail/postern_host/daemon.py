"""The two sendmail daemons: start, stop, restart, and what is wrong with one."""
import os
import re
import shutil
import signal
import subprocess
import tempfile

from . import probe, process
from .cf import Cf
from .process import PidFile

CHECK_LIMIT = 150   # seconds; a host name without a dot alone costs sendmail 60
COMMAND_LIMIT = 120
TEST_MODE_SAYS = ("ADDRESS TEST MODE", "Enter <ruleset>", ">")


class Failed(Exception):
    """What could not be done, and why; `code` as in sysexits(3) or 1."""

    def __init__(self, text, code=1):
        super().__init__(text)
        self.code = code


def service_command(name, verb="restart"):
    """The command by which this host starts a service; None if it has none.

    `restart` also where it is down: systemd takes a unit whose daemon has died
    for started, if the unit came from an init script.
    """
    if os.path.isdir("/run/systemd/system"):
        known = subprocess.run(["systemctl", "cat", name], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, check=False)
        if known.returncode == 0:
            return ["systemctl", verb, name]
    for folder, prefix in (("/etc/init.d", ""), ("/usr/local/etc/rc.d", "one"),
                           ("/etc/rc.d", "one")):
        if os.access(f"{folder}/{name}", os.X_OK):
            return [f"{folder}/{name}", prefix + verb]
    return None


def run(command, limit=COMMAND_LIMIT):
    """Runs a list, or a text by sh; raises Failed with what it complained of."""
    shell = isinstance(command, str)
    # Not a pipe: a daemon that keeps its end open would hold us up.
    with open(os.devnull, "rb") as null, tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(command, shell=shell, stdin=null, stdout=said,
                                  stderr=said, timeout=limit, check=False)
        except (OSError, subprocess.TimeoutExpired) as e:
            raise Failed(str(e)) from None
        said.seek(0)
        text = said.read().decode("latin1").strip()
    if done.returncode:
        raise Failed(text or f"{command}: exit {done.returncode}")
    return text


class Daemon:
    """kind  `mta`, which takes mail from the network, or `mspq`, which runs the
    queue of mail submitted on this host"""

    def __init__(self, kind, settings):
        self.kind, self.settings = kind, settings
        mta = kind == "mta"
        self.label = "sendmail" if mta else "sendmail-clientmqueue"
        self.cf_path = settings["SENDMAIL_CF" if mta else "SENDMAIL_SUBMIT_CF"]
        self.flags = settings["SENDMAIL_FLAGS" if mta else "SENDMAIL_MSPQ_FLAGS"]
        self.command = settings["START_MTA" if mta else "START_MSPQ"]
        self.default_cf = "/etc/mail/" + ("sendmail.cf" if mta else "submit.cf")
        self.limit = settings["START_TIMEOUT"]

    def exists(self):
        return os.path.exists(self.cf_path)

    def by_cron(self):
        """Whether cron runs the queue, as on Debian, and no process is to be there."""
        for path in self.settings["CRON"].split() if self.kind == "mspq" else []:
            try:
                with open(path, encoding="latin1") as f:
                    if any("cron-msp" in line and line.lstrip()[:1] != "#"
                           for line in f):
                        return True
            except OSError:
                continue
        return False

    def cf(self):
        try:
            return Cf(self.cf_path)
        except OSError as e:
            raise Failed(f"{self.cf_path}: {e.strerror}", os.EX_NOINPUT) from None

    def pid_file(self):
        """The one of the .cf; else what is compiled in, here or by Debian."""
        mta = self.kind == "mta"
        default = "/var/run/sendmail.pid" if mta \
            else "/var/spool/clientmqueue/sm-client.pid"
        debian = f"/var/run/sendmail/{'mta' if mta else 'msp'}/sendmail.pid"
        if os.path.isdir(os.path.dirname(debian)):
            default = debian
        return PidFile(self.cf().pid_file(default))

    def program(self):
        path = shutil.which(self.settings["SENDMAIL"])
        if not path:
            raise Failed(f"{self.settings['SENDMAIL']}: not found", os.EX_UNAVAILABLE)
        return os.path.abspath(path)

    def check(self):
        """Has sendmail read the configuration; Failed names its lines."""
        try:
            said = run([self.program(), "-C", self.cf_path, "-bt"], CHECK_LIMIT)
            # After some mistakes -bt ends with 0; and it does not look for the
            # filters, without which the daemon would not start.
            bad = [line for line in said.splitlines() if re.search(r": line \d+: ", line)]
            bad += [f"InputMailFilters: no X line for {n}" for n in self.cf().undefined]
        except Failed as e:
            bad = [line for line in str(e).splitlines()
                   if not line.startswith(TEST_MODE_SAYS)]
        if bad:
            raise Failed("\n".join([f"sendmail cannot read {self.cf_path}:", *bad]),
                         os.EX_CONFIG)

    def banners(self):
        """The ports that greet with 220; Down with the first that does not."""
        good = []
        for port in self.cf().ports if self.kind == "mta" else []:
            if port.path:
                continue
            try:
                probe.banner((port.host, port.number), self.settings["BANNER_TIMEOUT"],
                             tls=port.tls)
                good.append(str(port))
            except probe.Down:
                if not port.optional:
                    raise
        return list(dict.fromkeys(good))

    def start(self):
        self.check()
        before = self.pid_file()
        if before.alive("sendmail"):
            raise Failed(f"{self.label} runs already, pid {before.pid}")
        self._launch()
        self._wait(before)

    def stop(self):
        now = self.pid_file()
        if not now.alive("sendmail"):
            raise Failed(f"{now.path} not found, or of no running sendmail")
        if not process.stop(now.pid):
            raise Failed(f"pid {now.pid} does not end")

    def restart(self, gently=True):
        """By HUP where that can work, else by stop and start.

        sendmail executes itself anew on HUP by the name it was started with: one
        started as plain `sendmail` would be gone.  gently=False does not try.
        """
        self.check()
        before = self.pid_file()
        if not before.alive("sendmail"):
            self._launch()
        elif gently and before.command.startswith("/"):
            os.kill(before.pid, signal.SIGHUP)
        else:
            process.stop(before.pid)
            self._launch()
        self._wait(before)

    def _launch(self):
        service = service_command("sendmail") if self.kind == "mta" else None
        own_cf = [] if self.cf_path == self.default_cf else ["-C", self.cf_path]
        run(self.command or service or
            [self.program(), *self.flags.split(), *own_cf])

    def _wait(self, before):
        """Until there is a new daemon, by its pid file, that greets with 220."""
        why = ["it wrote no new " + before.path]

        def up():
            now = self.pid_file()
            if now.mark == before.mark or not now.alive("sendmail"):
                return False
            try:
                self.banners()
            except probe.Down as e:
                why[0] = str(e)
                return False
            return True

        if process.until(up, self.limit):
            return
        log = process.last_lines(self.settings["LOG"].split(), ("sendmail", "sm-m"))
        raise Failed("\n".join([f"{self.label} is not up after {self.limit:g} s: "
                                f"{why[0]}", *log]))
