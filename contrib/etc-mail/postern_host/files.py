"""Files that mail goes by and that can be bad while every server is up: the
grants in relayers.db, and virus signatures.  Like the classes of checks.py."""
import json
import os
import shutil
import subprocess
import time

from . import probe
from .daemon import Failed
from .probe import Down

LIMIT = 20      # seconds for one of our own programs
DAY = 24 * 3600
SCANNERS = ("virus-milter", "postern-milter")
DATABASE = "/var/lib/clamav"
NO_SIGNATURES = (".dat", ".lock", ".tmp", ".log")


def said_by(command):
    """-> (exit code, the last line that it printed)"""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as e:
        return 1, str(e)
    lines = done.stdout.decode("latin1").strip().splitlines()
    return done.returncode, lines[-1] if lines else ""


class Grants:
    name = "relayers.db"

    def __init__(self, settings):
        self.program = settings["VSMTPRELAY"]
        asked = settings["RELAYERS"]
        beside = os.path.join(os.path.dirname(settings["SENDMAIL_CF"]), "relayers.db")
        self.path = {"auto": beside, "no": ""}.get(asked, asked)
        self.asked = asked != "auto"

    def used(self):
        there = os.path.exists(self.path) and shutil.which(self.program)
        return bool(self.path and (self.asked or there))

    def look(self):
        code, said = said_by([self.program, "-f", self.path, "verify"])
        if code:
            raise Down(f"{self.path}: {said}")
        return 0, f"whole, {self.path}"

    def start(self):
        raise Failed("vsmtprelay verify --repair mends it from the journal")


class Signatures:
    """Those of the folder, or with `engine: clamd` those that each clamd has."""
    name = "signatures"

    def __init__(self, settings, cf):
        asked = settings["SIGNATURES"]
        self.path = asked if asked not in ("auto", "no") else ""
        self.servers = []
        self.limit = settings["SIGNATURES_DAYS"]
        if asked == "auto" and cf is not None and cf.milters:
            self.learn(configured(settings["POSTERN"]), cf.milters)

    def learn(self, values, milters):
        sockets = {values.get("virus.socket"), values.get("postern.socket")}
        if not any(m.name in SCANNERS or m.socket in sockets for m in milters):
            return
        if values.get("virus.engine") == "clamd":
            self.servers = values.get("virus.clamd.servers") or []
        else:
            self.path = values.get("virus.database") or DATABASE

    def used(self):
        return bool(self.path or self.servers)

    def look(self):
        where = ", ".join(self.servers) or self.path
        newest = min(map(probe.clamd, self.servers)) if self.servers else self.newest()
        days = max(0, time.time() - newest) / DAY
        if self.limit and days > self.limit:
            raise Down(f"{where}: the newest are {days:.0f} days old")
        return 0, f"{days:.0f} days old"

    def newest(self):
        try:
            times = [entry.stat().st_mtime for entry in os.scandir(self.path)
                     if entry.is_file() and not entry.name.endswith(NO_SIGNATURES)]
        except OSError as e:
            raise Down(f"{self.path}: {e.strerror}") from None
        if not times:
            raise Down(f"{self.path}: there are none")
        return max(times)

    def start(self):
        raise Failed("freshclam has to fetch newer ones")


def configured(program):
    """Settings of postern.yaml by name; none where it cannot be read."""
    try:
        done = subprocess.run([program, "config", "--json"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=LIMIT, check=True)
        lines = map(json.loads, done.stdout.splitlines())
        return {line["name"]: line["value"] for line in lines}
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        return {}
