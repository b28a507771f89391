"""relayers.db in a folder of its own, changed by vsmtprelay and makemap."""
import os
import subprocess

from harness import program, server

MAKEMAP = server("sendmail", "usr/sbin/makemap")


class Host:
    """A folder for relayers.db."""

    def __init__(self, path):
        self.dir = path
        self.db = os.path.join(path, "relayers.db")

    def run(self, *args, stdin="", where=None):
        """-> CompletedProcess, text"""
        where = ["-f", self.db] if where is None else where
        return subprocess.run([program("vsmtprelay"), *where, *args],
                              input=stdin, capture_output=True, text=True,
                              timeout=60)

    def ok(self, *args, stdin=""):
        """-> stdout of a call that must succeed and say nothing on stderr."""
        r = self.run(*args, stdin=stdin)
        assert (r.returncode, r.stderr) == (0, ""), r
        return r.stdout

    def makemap(self, text, *args, name="relayers.db"):
        return subprocess.run([MAKEMAP, "-C", "/dev/null", *args, "hash",
                               os.path.join(self.dir, name)],
                              input=text, capture_output=True, text=True)

    def entries(self, name="relayers.db"):
        """What sendmail would find: {key: value} as makemap -u prints it."""
        r = subprocess.run([MAKEMAP, "-C", "/dev/null", "-u", "hash",
                            os.path.join(self.dir, name)],
                           capture_output=True, text=True)
        assert r.returncode == 0, r
        return dict(line.split("\t", 1) for line in r.stdout.splitlines())

    def keys(self, *args):
        """Keys that a listing command prints."""
        return [line.split("\t")[0] for line in self.ok(*args).splitlines()
                if not line.startswith("#")]
