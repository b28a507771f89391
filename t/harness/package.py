"""The Debian package: made, changed, installed in a Root."""
import glob
import os
import re
import shutil
import subprocess

from harness import TOP
from harness.milter_client import Milter
from harness.sendmail import MAKEMAP
from harness.virus import database

APT = ("apt-get", "-y", "-qq", "-o", "Dpkg::Use-Pty=0", "--no-install-recommends")


def build():
    """What `make deb` makes of the programs that are built."""
    done = subprocess.run(["make", "-s", "-C", TOP, "-o", "all", "deb"], text=True,
                          env=dict(os.environ, DPKG_DEB_COMPRESSOR_TYPE="none"),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    with open(os.path.join(TOP, "NEWS.md"), encoding="utf-8") as f:
        version = re.search(r"(?m)^## (.*)$", f.read())[1]
    found = glob.glob(os.path.join(TOP, "build", f"postern_{version}_*.deb"))
    assert len(found) == 1
    return found[0]


def newer(deb, directory, version="0.1+2"):
    """The same package as another version."""
    tree = f"{directory}/{version}"
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    with open(tree + "/DEBIAN/control", encoding="ascii") as f:
        text = re.sub(r"(?m)^Version: .*$", "Version: " + version, f.read())
    with open(tree + "/DEBIAN/control", "w", encoding="ascii") as f:
        f.write(text)
    subprocess.run(["dpkg-deb", "-Znone", "-b", tree, tree + ".deb"],
                   check=True, stdout=subprocess.DEVNULL)
    return tree + ".deb"


def shipped(deb):
    """Paths of the files in it."""
    done = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True,
                          stdout=subprocess.PIPE)
    names = subprocess.run(["tar", "-tf", "-"], input=done.stdout, check=True,
                           stdout=subprocess.PIPE).stdout.decode().split()
    return [name[1:] for name in names if not name.endswith("/")]


def install(root, *debs):
    """-> what apt-get said"""
    names = ["/tmp/" + os.path.basename(deb) for deb in debs]
    for deb, name in zip(debs, names):
        shutil.copy(deb, root.path(name))
    return root.run(*APT, "install", *names)


def maps(root):
    """What relay-milter reads, as Debian's sendmail has it."""
    os.makedirs(root.path("/etc/mail"), exist_ok=True)
    for name in ("access", "local-host-names", "relay-domains"):
        with open(root.path("/etc/mail/" + name), "w", encoding="ascii"):
            pass
    subprocess.run([MAKEMAP, "-C", "/dev/null", "hash", root.path("/etc/mail/access")],
                   check=True, stdin=subprocess.DEVNULL)
    root.run("chgrp", "smmsp", "/etc/mail/access.db")
    os.chmod(root.path("/etc/mail/access.db"), 0o640)


def signatures(root):
    """Where freshclam puts them."""
    database(root.path("/var/lib/clamav"))


def answers(root, word):
    with Milter(root.path(f"/run/postern/{word}.sock")) as m:
        m.negotiate()
    return True


def left(root, deb):
    """What a purge should have taken."""
    found = [n for n in shipped(deb) if os.path.lexists(root.path(n))]
    found += [n for n in ("/var/lib/postern", "/var/log/postern", "/run/postern")
              if os.path.exists(root.path(n))]
    for name in ("/etc/passwd", "/etc/group"):
        with open(root.path(name), encoding="utf-8") as f:
            found += [f"{name}: {line}" for line in f if "postern" in line]
    # What would start a milter at the next boot.
    found += [os.path.join(folder, name) for top in ("/etc/rc2.d", "/etc/systemd", "/var/lib/systemd")
              for folder, _, names in os.walk(root.path(top)) for name in names
              if "-milter" in name and "clamav" not in name]
    return found
