"""Processes by their pid files.  Nothing is ever found, or killed, by name."""
import os
import signal
import subprocess
import time

STEP = 0.05     # seconds between two looks


class PidFile:
    """What a pid file says now: pid, the command line that sendmail keeps in
    the second line, and a mark that changes whenever the file is written."""

    def __init__(self, path):
        self.path, self.pid, self.command, self.mark = path, 0, "", None
        try:
            with open(path, encoding="latin1") as f:
                lines = f.read().splitlines()
                stat = os.fstat(f.fileno())
            self.mark = (stat.st_ino, stat.st_mtime_ns)
            self.pid = int(lines[0])
            self.command = lines[1] if len(lines) > 1 else ""
        except (OSError, ValueError, IndexError):
            pass

    def alive(self, name=""):
        return self.pid > 0 and running(self.pid) and name in title(self.pid)


def state(pid):
    """Its letter in /proc: Z has ended, T is halted; "" where that is not told."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin1") as f:
            return f.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def running(pid):
    """Whether there is such a process that is no zombie."""
    letter = state(pid)
    if letter:
        return letter not in "ZX"
    if os.path.exists("/proc/self/stat"):
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def title(pid):
    """The command line, which sendmail rewrites to say what it does."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().replace(b"\0", b" ").decode("latin1").strip()
    except OSError:
        done = subprocess.run(["ps", "-o", "command=", "-p", str(pid)],
                              stdout=subprocess.PIPE, check=False)
        return done.stdout.decode("latin1").strip()


def until(what, limit):
    """Calls `what` until it is true; False when the time is over."""
    end = time.monotonic() + limit
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(STEP)
    return True


def children(pid):
    """The processes that `pid` has forked and that are still its own."""
    found = []
    for entry in os.listdir("/proc") if os.path.exists("/proc/self/stat") else []:
        try:
            with open(f"/proc/{int(entry)}/stat", encoding="latin1") as f:
                if int(f.read().rpartition(")")[2].split()[1]) == pid:
                    found.append(int(entry))
        except (OSError, ValueError):
            continue
    return found


def stop_family(pid, limit):
    """The same for a server whose children serve, and may be what hangs."""
    family = children(pid)
    stopped = stop(pid, limit)
    return all([stop(child, limit) for child in family]) and stopped


def stop(pid, limit=10):
    """TERM, and KILL for one that does not obey; False if it lives on."""
    try:
        os.kill(pid, signal.SIGTERM)
        # One that is halted cannot heed it.
        if state(pid) == "T" or not until(lambda: not running(pid), limit):
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    return until(lambda: not running(pid), limit)


def last_lines(paths, words, count=10):
    """The last lines that hold one of `words`, of the first log that is there."""
    for path in paths:
        try:
            with open(path, "rb") as f:
                f.seek(max(0, os.fstat(f.fileno()).st_size - 65536))
                lines = f.read().decode("latin1").splitlines()
        except OSError:
            continue
        return [line for line in lines if any(w in line for w in words)][-count:]
    return []
