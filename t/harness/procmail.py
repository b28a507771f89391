"""Asks the real procmail, from the unpacked package, what it does with a rc
file and a message.

procmail runs in mount, network, process and host-name namespaces of its own,
in a root directory that has only itself, formail and a sendmail that says yes,
as an unprivileged user.  Its verbose log is the answer.
"""
import ctypes
import os
import re
import shutil
import subprocess
import tempfile

from harness import TOP

TREE = os.path.join(TOP, "build", "servers", "procmail")
HOME = "/home/alice"
HOST = "mx.oracle.test"
UID = 1000
SECONDS = 2

SENDMAIL = r"""
#include <unistd.h>
int main(void) { char b[4096]; while (read(0, b, sizeof b) > 0) {} return 0; }
"""
# A clock that stands still: From_ lines come out the same every time.
CLOCK = r"""
#include <time.h>
#include <unistd.h>
time_t time(time_t *t) { if (t) *t = 1000000000; return 1000000000; }
unsigned sleep(unsigned s) { (void)s; return 0; }
"""


def libraries(program):
    out = subprocess.run(["ldd", program], capture_output=True, text=True,
                         check=True).stdout
    return set(re.findall(r"(/\S+\.so\S*)", out))


class Procmail:
    """One root directory, for many runs."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="procmail.", dir="/dev/shm")
        os.chmod(self.root, 0o755)
        for name in ("usr/bin", "usr/sbin", "bin", "etc", "dev", "tmp", "home",
                     "log", "var/mail"):
            os.makedirs(self.path(name))
        programs = [os.path.join(TREE, "usr/bin", name)
                    for name in ("procmail", "formail")]
        self.compile(SENDMAIL, "usr/sbin/sendmail")
        self.compile(CLOCK, "log/clock.so", "-shared", "-fPIC")
        for program in programs:
            shutil.copy(program, self.path("usr/bin"))
            os.chmod(self.path("usr/bin", os.path.basename(program)), 0o755)
        for library in set().union(*map(libraries, programs)):
            os.makedirs(os.path.dirname(self.path(library)), exist_ok=True)
            shutil.copy(os.path.realpath(library), self.path(library))
        self.put("etc/passwd", "root:x:0:0::/:/bin/sh\n"
                 f"alice:x:{UID}:{UID}::{HOME}:/bin/sh\n")
        self.put("etc/group", f"root:x:0:\nalice:x:{UID}:\n")
        self.put("etc/ld.so.preload", "/log/clock.so\n")
        self.put("etc/nsswitch.conf", "passwd: files\ngroup: files\n")
        with open(self.path("dev/null"), "w"):
            pass

    def path(self, *names):
        return os.path.join(self.root, *(name.lstrip("/") for name in names))

    def compile(self, source, name, *flags):
        subprocess.run(["cc", "-O1", *flags, "-x", "c", "-", "-o",
                        self.path(name)], input=source.encode(), check=True)

    def put(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="latin-1", newline="") as out:
            out.write(text)

    def fresh(self):
        """An empty home, mail folder and log."""
        for name in (HOME, "/var/mail", "/tmp"):
            shutil.rmtree(self.path(name), ignore_errors=True)
            os.makedirs(self.path(name))
        for name in ("log/main", "log/message"):
            self.put(name, "")
            os.chown(self.path(name), UID, UID)

    def inside(self):
        """Runs in the child, before procmail takes its place."""
        libc = ctypes.CDLL(None)
        os.chroot(self.root)
        os.chdir(HOME)
        os.setgroups([])
        os.setgid(UID)
        os.setuid(UID)
        os.umask(0o077)
        libc.alarm(SECONDS)

    def run(self, case):
        """-> (exit code, or None if it was still running; log)"""
        self.fresh()
        for name in case.get("dirs", []):
            os.makedirs(self.path(HOME, name), exist_ok=True)
        for name, text in case.get("files", {}).items():
            self.put(os.path.join(HOME, name), text)
        self.put(HOME + "/.procmailrc", case["rc"])
        self.put("log/message", case["message"])
        for base, _, names in os.walk(self.path("home")):
            for name in [base] + [os.path.join(base, one) for one in names]:
                os.chown(name, UID, UID)
        for name in ("/var/mail", "/tmp"):
            os.chown(self.path(name), UID, UID)
        command = ["/usr/bin/procmail", "-f", case["from"]]
        for word in case.get("args", []):
            command += ["-a", word]
        command += ["VERBOSE=on", "LOGABSTRACT=all", "LOGFILE=/log/main",
                    HOME + "/.procmailrc"]
        try:
            with open(self.path("log/message"), "rb") as message:
                code = subprocess.run(
                    command, stdin=message, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, preexec_fn=self.inside,
                    env={"TZ": "UTC", "LOGNAME": "alice"}, timeout=SECONDS,
                    check=False).returncode
        except subprocess.TimeoutExpired:
            code = None
        with open(self.path("log/main"), encoding="latin-1", newline="") as log:
            return code, log.read()

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)
