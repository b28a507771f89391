"""A root of its own with sendmail's programs."""
import contextlib
import os
import shutil

from harness import server
from harness.net import HOST
from harness.root import Root


@contextlib.contextmanager
def opened(site):
    """A root with sendmail's programs, m4 files and users, as packages would
    have left them, and nothing in /etc/mail.  What runs there in the end is
    stopped."""
    with Root(site) as root:
        shutil.copytree(server("sendmail", "usr"), root.path("/usr"),
                        symlinks=True, dirs_exist_ok=True)
        shutil.copy("/etc/resolv.conf", root.path("/etc/resolv.conf"))
        shutil.copy("/etc/nsswitch.conf", root.path("/etc/nsswitch.conf"))
        os.symlink("/usr/libexec/sendmail/sendmail", root.path("/usr/sbin/sendmail"))
        with open(root.path("/etc/hosts"), "w", encoding="ascii") as f:
            f.write(f"127.0.0.1 localhost {HOST}\n")
        os.makedirs(root.path("/run/sendmail/mta"))     # compiled in there
        for name in ("smmta", "smmsp"):
            root.run("groupadd", "--system", name)
            root.run("useradd", "--system", "--gid", name, name)
        never_busy(root)
        for name in ("mqueue", "clientmqueue"):
            os.makedirs(root.path("/var/spool/" + name), mode=0o700, exist_ok=True)
        root.run("chown", "smmsp:smmsp", "/var/spool/clientmqueue")
        yield root
        for name in ("/run/sendmail/mta/sendmail.pid", "/run/postern/relay.pid",
                     "/var/spool/clientmqueue/sm-client.pid"):
            root.run("sh", "-c", f"kill $(head -n 1 {name})", check=False)


def never_busy(root):
    """sendmail takes no connections on a busy machine."""
    with open(root.path("/tmp/loadavg"), "w", encoding="ascii") as f:
        f.write("0.10 0.10 0.10 1/100 100\n")
    root.mount(root.path("/tmp/loadavg"), root.path("/proc/loadavg"), "--bind")
