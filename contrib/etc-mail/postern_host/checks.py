"""One class for each thing that check_sendmail looks at.

look()   -> (pid or 0, detail); raises Down with the reason
start()  starts it, or starts it anew where it hangs; raises Failed
"""
import os
import shutil
import subprocess
import time

from . import probe, process, sasl
from .daemon import Daemon, Failed, run, service_command
from .probe import Down
from .process import PidFile

DOVECOT_PORTS = {"pop3": 110, "imap": 143}
OLD_QUEUE = 24 * 3600   # seconds: submitted mail that is older is worth a word


class Mta:
    name = "sendmail MTA"

    def __init__(self, settings):
        self.daemon = Daemon("mta", settings)

    def look(self):
        try:
            pid = self.daemon.pid_file()
        except Failed as e:
            raise Down(str(e)) from None
        if not pid.alive("sendmail"):
            raise Down(f"no such process; pid file {pid.path}")
        what = process.title(pid.pid).partition("sendmail: ")[2] or "running"
        return pid.pid, f"{what} ({', '.join(self.daemon.banners())})"

    def start(self):
        # One that is there and does not greet would not heed a HUP either.
        self.daemon.restart(gently=False)


class Mspq:
    name = "sendmail MSP queue"

    def __init__(self, settings):
        self.daemon = Daemon("mspq", settings)

    def look(self):
        if self.daemon.by_cron():
            return 0, "via cron" + self.waiting()
        pid = self.daemon.pid_file()
        if not pid.alive("sendmail"):
            raise Down(f"no such process; pid file {pid.path}")
        what = process.title(pid.pid).partition("sendmail: ")[2] or "running"
        return pid.pid, what + self.waiting()

    def waiting(self):
        """`, 3 waiting, the oldest 26 h` about files in clientmqueue."""
        folder = self.daemon.cf().options.get("queuedirectory", "")
        try:
            times = [e.stat().st_mtime for e in os.scandir(folder)
                     if e.name.startswith("qf")]
        except OSError:
            return ""
        if not times:
            return ""
        age = max(0, time.time() - min(times))
        old = f", the oldest {age / 3600:.0f} h" if age > OLD_QUEUE else ""
        return f", {len(times)} waiting{old}"

    def start(self):
        self.daemon.restart(gently=False)



class Saslauthd:
    name = "saslauthd"

    def __init__(self, settings, cf):
        self.settings, self.cf = settings, cf
        self.folder = cf.environment.get("SASL_CONF_PATH", "") if cf else ""
        self.values = sasl.configuration(self.folder)
        self.path = settings["SASLAUTHD_SOCKET"] or sasl.socket_path(self.values)

    def used(self):
        asked = self.settings["SASLAUTHD"]
        return asked == "yes" or (
            asked == "auto" and "saslauthd" in self.values.get("pwcheck_method", ""))

    def pid(self):
        default = os.path.join(os.path.dirname(self.path), "saslauthd.pid")
        return PidFile(self.settings["SASLAUTHD_PID_FILE"] or default)

    def look(self):
        probe.saslauthd(self.path)
        pid = self.pid()
        return (pid.pid if pid.alive() else 0), self.mechanisms()

    def mechanisms(self):
        """What a client is offered: known to libsasl2 and named in sendmail.cf."""
        known = sasl.mechanisms(self.folder)
        if known is None:
            return "answers; mechanisms: libsasl2 does not tell"
        wanted = (self.cf.options.get("authmechanisms", "") if self.cf else "").split()
        both = [m for m in known if not wanted or m in wanted]
        if not both:
            raise Down("no mechanism of sendmail.cf is known to libsasl2")
        return "answers; mechanisms: " + " ".join(both)

    def start(self):
        pid = self.pid()
        if pid.alive("saslauthd"):
            # A hung one does not end by TERM, nor do its children.
            process.stop_family(pid.pid, 1)
        command = self.settings["START_SASLAUTHD"] or service_command("saslauthd")
        if not command:
            raise Failed("nothing is known that starts it: set START_SASLAUTHD")
        run(command)


class Milter:
    def __init__(self, settings, milter):
        self.name, self.milter = milter.name, milter
        key = "START_MILTER_" + "".join(c if c.isalnum() else "_" for c in milter.name)
        self.command = settings.get(key) or service_command(milter.name)

    def look(self):
        version = probe.milter(self.milter.socket)
        return 0, f"answers at {self.milter.socket}, milter protocol {version}"

    def start(self):
        if not self.command:
            raise Failed("nothing is known that starts it")
        run(self.command)


class Dovecot:
    name = "dovecot"

    def __init__(self, settings):
        self.settings = settings
        self.ports = [int(p) for p in settings["DOVECOT_PORTS"].split()]

    def used(self):
        asked = self.settings["DOVECOT"]
        if asked == "auto":
            return bool(self.ports or self.configured())
        return asked == "yes"

    @staticmethod
    def configured():
        """The ports of the protocols that Dovecot's own configuration names."""
        if not shutil.which("doveconf"):
            return []
        done = subprocess.run(["doveconf", "-h", "protocols"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
        return [DOVECOT_PORTS[p] for p in done.stdout.decode().split()
                if p in DOVECOT_PORTS]

    def look(self):
        pid = PidFile(self.settings["DOVECOT_PID_FILE"])
        if not pid.alive():
            raise Down(f"no such process; pid file {pid.path}")
        ports = self.ports or self.configured()
        for port in ports:
            greeting = "* OK" if port == DOVECOT_PORTS["imap"] else ""
            probe.banner(("127.0.0.1", port), self.settings["BANNER_TIMEOUT"],
                         greeting or "+OK")
        return pid.pid, "greets on " + ", ".join(map(str, ports)) if ports else "runs"

    def start(self):
        command = self.settings["START_DOVECOT"] or service_command("dovecot")
        if not command:
            raise Failed("nothing is known that starts it: set START_DOVECOT")
        run(command)
