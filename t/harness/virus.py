"""Signatures, hostile files and mail, all made at run time."""
import base64
import glob
import hashlib
import io
import os
import subprocess
import tarfile
import zipfile

from harness import net, server
from harness.daemon import Daemon

TESTFILES = server("clamav", "usr/share/clamav-testfiles/")
CLAMSCAN = server("clamav", "usr/bin/clamscan")
CLAMD = server("clamav", "usr/sbin/clamd")
CLAMAV_MILTER = server("clamav", "usr/sbin/clamav-milter")


def eicar():
    """The EICAR test file; no file of ours holds it."""
    return (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD" +
            b"-ANTIVIRUS-TEST" + b"-FILE!$H+H*")


def clam():
    return contents(TESTFILES + "clam.exe")


def testfiles():
    return sorted(glob.glob(TESTFILES + "*"))


def database(directory, extra=()):
    """A small set: EICAR and clam.exe, by hash and by pattern.

    extra  (file name, text) of more signature files
    """
    os.makedirs(directory, exist_ok=True)
    sha = hashlib.sha256
    files = {
        "test.hsb": f"{sha(eicar()).hexdigest()}:{len(eicar())}:Eicar-Test:73\n"
                    f"{sha(clam()).hexdigest()}:{len(clam())}:Clam.Exe:73\n",
        "test.ndb": f"Eicar-Test-Signature:0:0:{eicar().hex()}\n"
                    f"Clam.Code:0:*:{clam()[0x40:0x70].hex()}\n",
        **dict(extra)}
    for name, text in files.items():
        # As freshclam does: complete, then in its place.
        path = os.path.join(directory, name)
        with open(path + ".new", "w") as f:
            f.write(text)
        os.rename(path + ".new", path)
    os.chmod(directory, 0o755)
    return directory


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    """A zip of (name, bytes) pairs."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in members:
            z.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def nested_zip(data, depth, name="file.txt"):
    for i in range(depth):
        data = zipped((name if i == 0 else f"{i}.zip", data))
    return data


def encrypted_zip(directory, name, data):
    """Made by zip(1), since Python reads these but does not write them."""
    with open(os.path.join(directory, name), "wb") as f:
        f.write(data)
    path = os.path.join(directory, name + ".locked.zip")
    subprocess.run(["zip", "-q", "-j", "-P", "secret", path, f.name], check=True)
    with open(path, "rb") as f:
        return f.read()


def tar_gz(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def message(*attachments, text="Hello.", headers=""):
    """A mail with (name, bytes) attachments, CRLF line ends."""
    parts = ["--=_b", "Content-Type: text/plain", "", text]
    for name, data in attachments:
        parts += ["--=_b", f'Content-Type: application/octet-stream; name="{name}"',
                  f'Content-Disposition: attachment; filename="{name}"',
                  "Content-Transfer-Encoding: base64", "",
                  base64.encodebytes(data).decode().rstrip("\n").replace("\n", "\r\n")]
    head = ["From: <a@example.net>", "To: <b@example.org>", "Subject: test",
            "MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="=_b"']
    return headers + "\r\n".join(head + [""] + parts + ["--=_b--", ""])


def contents(path):
    with open(path, "rb") as f:
        return f.read()


def clamd(site, name, database, tcp=None, temp=None,
          alerts=("AlertExceedsMax", "AlertEncrypted")):
    """clamd with a configuration of the test's own, listening."""
    where = f"TCPSocket {tcp}\nTCPAddr 127.0.0.1" if tcp else f"LocalSocket {site}/{name}"
    with open(f"{site}/{name}.conf", "w") as f:
        f.write(f"Foreground yes\nDatabaseDirectory {database}\n{where}\n"
                f"TemporaryDirectory {temp or site}\n" + "".join(f"{a} yes\n" for a in alerts))
    process = subprocess.Popen([CLAMD, "-c", f"{site}/{name}.conf"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    net.wait_listening(tcp or f"{site}/{name}", process)
    return process


def process_state(stat):
    """-> (letter, parent, pid) from /proc/PID/stat; "-" if it is gone."""
    try:
        with open(stat) as f:
            text = f.read()
    except OSError:
        return "-", 0, 0
    words = text[text.rindex(")") + 2:].split()
    return words[0], int(words[1]), int(text.split()[0])


def alive(pid):
    """Whether it runs; one that waits to be fetched does not."""
    return process_state(f"/proc/{pid}/stat")[0] not in "Z-"


class VirusMilter(Daemon):
    """virus-milter with a small set of signatures, in a folder of its own.

    virus    more lines of the section, indented by two
    top      lines beside the section
    """

    name = "virus-milter"
    ready = ("signatures loaded",)

    def __init__(self, directory, virus="", top="", signatures=()):
        super().__init__(directory, "virus")
        os.makedirs(self.dir + "/tmp")
        os.chmod(self.dir + "/tmp", 0o755)
        self.database = database(self.dir + "/db", signatures)
        self.control = self.dir + "/control.sock"
        self.configure(virus, top)

    def configure(self, virus="", top=""):
        with open(self.conf, "w") as f:
            f.write(f"virus:\n  socket: unix:{self.socket}\n"
                    f"  control_socket: unix:{self.control}\n"
                    f"  database: {self.database}\n  temp_dir: {self.dir}/tmp\n"
                    f"{virus}\nlog: {{level: debug, decisions: {self.decisions}}}\n{top}\n")

    def descendants(self):
        """(scanner pid, [worker pids]) of each scanner that runs."""
        children = {}
        for stat in glob.glob("/proc/[0-9]*/stat"):
            state, parent, pid = process_state(stat)
            if state not in "Z-":
                children.setdefault(parent, []).append(pid)
        return [(pid, children.get(pid, [])) for pid in children.get(self.process.pid, [])]

    def workers(self, number):
        """-> (scanner pid, worker pids), once there are that many."""
        found = net.wait_for(lambda: [d for d in self.descendants() if len(d[1]) == number],
                             10, self.process, f"there are not {number} workers")
        return found[0]
