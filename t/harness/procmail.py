"""Asks the real procmail, from the unpacked package, what it does with a rc
file and a message.

procmail runs as an unprivileged user in a root directory that has only itself,
formail and a sendmail that says yes; the test tier already has network,
process and host-name namespaces of its own.  The verbose log is the answer.
"""
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
SECONDS = 1

SENDMAIL = r"""
#include <unistd.h>
int main(void) { char b[4096]; while (read(0, b, sizeof b) > 0) {} return 0; }
"""
# A clock that only sleeping moves: From_ lines come out the same every time.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
static time_t now = 1000000000;
time_t time(time_t *t) { if (t) *t = now; return now; }
unsigned sleep(unsigned s) { now += (time_t)s; return 0; }
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
        self.put("dev/null", "")
        subprocess.run(["mount", "--bind", "/dev/null", self.path("dev/null")],
                       check=True)

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
        os.chroot(self.root)
        os.chdir(HOME)
        os.setgroups([])
        os.setgid(UID)
        os.setuid(UID)
        os.umask(0o077)

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

    def answer(self, case):
        """What the log says, or None if procmail hung or crashed, which it
        does with some patterns."""
        code, log = self.run(case)
        return None if code is None or code < 0 else read_log(log)

    def close(self):
        subprocess.run(["umount", "-l", self.path("dev/null")], check=True)
        shutil.rmtree(self.root, ignore_errors=True)


QUIET = ("Locking", "Unlocking", "Opening", "Acquiring", "Executing", "Rcfile",
         "Reiterating", "Linking", "Forking", "[")
TOKEN = re.compile(r"^(?=procmail: )", re.M)
ASSIGN = re.compile(r'procmail: Assigning "(.*)"\n', re.S)
TRIED = re.compile(r'procmail: (M|No m)atch on( !)? "(.*)"\n', re.S)
SCORE = re.compile(r'procmail: Score: +(-?\d+) +(\+?)(-?\d+)( !)? ?"(.*)"\n', re.S)
FOLDER = re.compile(r"^  Folder: ([^\t\n]*)\t+ *(\d+)$", re.M)
# Names of files that nobody can foretell.
MADE_UP = re.compile(r'Lock failure|/_|"_')


def plain(folder):
    """A folder without the file that was made in it."""
    for pattern, text in ((r"/new/.*$", "/"), (r"/msg\.\S+( .*)?$", ""),
                          (r"/\d+$", "/.")):
        folder = re.sub(pattern, text, folder)
    return folder


def read_log(log):
    """-> {"assigns", "conditions", "folders", "errors"}, each in order"""
    log = log[log.find('procmail: Rcfile: "'):]
    out = {"assigns": [], "conditions": [], "folders": [], "errors": []}
    for token in TOKEN.split(log):
        for folder, size in FOLDER.findall(token):
            out["folders"].append((plain(folder), int(size)))
        found = ASSIGN.match(token)
        if found:
            name, is_set, value = found[1].partition("=")
            if name != "LASTFOLDER":
                out["assigns"].append((name, value if is_set else None))
        elif token.startswith("procmail: Matched"):
            value = token[len('procmail: Matched "'):token.rindex('"\n')]
            # What was found in MATCH itself is not told of as an assignment.
            if out["assigns"] and out["assigns"][-1][0] == "MATCH":
                out["assigns"].pop()
            out["assigns"].append(("MATCH", value))
        elif (found := TRIED.match(token)):
            out["conditions"].append((found[3], bool(found[2]),
                                      found[1] == "M"))
        elif (found := SCORE.match(token)):
            out["conditions"].append((found[5], bool(found[4]), int(found[1]),
                                      int(found[3]), bool(found[2])))
        elif token[10:].startswith("HOST mismatched"):
            out["errors"].append("hostmis: " + HOST)
        elif token and not token[10:].startswith(QUIET):
            text = token[10:].split("\n")[0]
            text = re.sub(r'^Skipped "(.*)"$', r"Skipped: \1", text)
            text = re.sub(r'^Invalid regexp "(.*)"$', r"regexp: \1", text)
            if not MADE_UP.search(text):
                out["errors"].append(text)
    if out["assigns"][:1] == [("MAILDIR", HOME)]:
        del out["assigns"][0]
    return out
