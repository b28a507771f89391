"""Files that mail goes by and that can be bad while every server is up: the
grants in relayers.db, and virus signatures.  Like the classes of checks.py."""
import json
import os
import shutil
import subprocess
import time

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
    name = "signatures"

    def __init__(self, settings, cf):
        asked = settings["SIGNATURES"]
        scans = cf is not None and any(m.name in SCANNERS for m in cf.milters)
        self.path = asked if asked not in ("auto", "no") else ""
        if asked == "auto" and scans:
            self.path = configured(settings["POSTERN"])
        self.limit = settings["SIGNATURES_DAYS"]

    def used(self):
        return bool(self.path)

    def look(self):
        try:
            times = [entry.stat().st_mtime for entry in os.scandir(self.path)
                     if entry.is_file() and not entry.name.endswith(NO_SIGNATURES)]
        except OSError as e:
            raise Down(f"{self.path}: {e.strerror}") from None
        if not times:
            raise Down(f"{self.path}: there are none")
        days = max(0, time.time() - max(times)) / DAY
        if self.limit and days > self.limit:
            raise Down(f"{self.path}: the newest are {days:.0f} days old")
        return 0, f"{days:.0f} days old"

    def start(self):
        raise Failed("freshclam has to fetch newer ones")


def configured(program):
    """virus.database of postern.yaml, or its default."""
    try:
        done = subprocess.run([program, "config", "--json", "virus.database"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=LIMIT, check=True)
        return json.loads(done.stdout)["value"]
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        return DATABASE
