"""make deb: real apt-get and dpkg install, upgrade, remove and purge it."""
import glob
import os
import re
import shutil
import subprocess

import pytest

from harness import TOP
from harness.milter_client import Milter
from harness.root import Root
from harness.sendmail import MAKEMAP

APT = ("apt-get", "-y", "-qq", "-o", "Dpkg::Use-Pty=0", "--no-install-recommends", "install")


@pytest.fixture(scope="module")
def deb(network):
    """What `make deb` makes of the programs that are built."""
    done = subprocess.run(["make", "-s", "-C", TOP, "-o", "all", "deb"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    with open(os.path.join(TOP, "NEWS.md")) as f:
        version = re.search(r"(?m)^## (.*)$", f.read())[1]
    found = glob.glob(os.path.join(TOP, "build", f"postern_{version}_*.deb"))
    assert len(found) == 1
    return found[0]


def newer(deb, directory):
    """The same package as version 0.1+2."""
    tree = directory + "/newer"
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    with open(tree + "/DEBIAN/control") as f:
        text = re.sub(r"(?m)^Version: .*$", "Version: 0.1+2", f.read())
    with open(tree + "/DEBIAN/control", "w") as f:
        f.write(text)
    subprocess.run(["dpkg-deb", "-Znone", "-b", tree, directory + "/newer.deb"],
                   check=True, stdout=subprocess.DEVNULL)
    return directory + "/newer.deb"


def answers(root, word):
    with Milter(root.path(f"/run/postern/{word}.sock")) as m:
        m.negotiate()
    return True


def shipped(deb):
    done = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True,
                          stdout=subprocess.PIPE)
    names = subprocess.run(["tar", "-tf", "-"], input=done.stdout, check=True,
                           stdout=subprocess.PIPE).stdout.decode().split()
    return [name[1:] for name in names if not name.endswith("/")]


def test_what_is_in_the_package(deb):
    done = subprocess.run(["dpkg-deb", "-f", deb], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    assert re.search("(?m)^Depends: .*libmilter1.0.1", done)
    files = shipped(deb)
    for name in ("/usr/sbin/relay-milter", "/etc/init.d/virus-milter",
                 "/usr/lib/systemd/system/filter-milter.service",
                 "/usr/share/man/man8/relay-milter.8.gz",
                 "/usr/share/sendmail/cf/feature/postern.m4",
                 "/etc/mail/Makefile.postern"):
        assert name in files, name
    # Debian's sendmail makes this one by itself.
    assert "/etc/mail/Makefile" not in files


def test_install_upgrade_remove_and_purge(deb, site):
    with Root(site) as root:
        # A bare host: no sendmail, no maps; but the group of Debian's sendmail.
        root.run("groupadd", "--system", "smmsp")
        shutil.copy(deb, root.path("/tmp/postern.deb"))
        said = root.run(*APT, "/tmp/postern.deb")
        assert "relay-milter is not started: " in said and "access.db" in said
        assert answers(root, "filter"), said
        assert "postern-relay:x:" in open(root.path("/etc/passwd")).read()

        for name in ("access", "local-host-names", "relay-domains"):
            open(root.path("/etc/mail/" + name), "w").close()
        subprocess.run([MAKEMAP, "-C", "/dev/null", "hash", root.path("/etc/mail/access")],
                       check=True, stdin=subprocess.DEVNULL)
        # As Debian's sendmail has it.
        root.run("chgrp", "smmsp", "/etc/mail/access.db")
        root.run("invoke-rc.d", "relay-milter", "start")
        assert answers(root, "relay")

        # The admin's words, and grants, outlive an upgrade; what ran runs anew.
        with open(root.path("/etc/mail/postern.yaml"), "a") as f:
            f.write("# mine\n")
        before = root.pid("relay")
        shutil.copy(newer(deb, site), root.path("/tmp/newer.deb"))
        root.run(*APT, "/tmp/newer.deb")
        assert "Version: 0.1+2" in root.run("dpkg", "-s", "postern")
        assert open(root.path("/etc/mail/postern.yaml")).read().endswith("# mine\n")
        assert root.pid("relay") != before
        assert answers(root, "relay") and answers(root, "filter")

        pids = [root.pid(word) for word in ("relay", "filter")]
        root.run("apt-get", "-y", "-q", "remove", "postern")
        for pid in pids:
            root.wait_gone(pid)
        assert not os.path.exists(root.path("/usr/sbin/relay-milter"))
        assert os.path.exists(root.path("/etc/mail/postern.yaml"))
        assert os.path.isdir(root.path("/var/lib/postern"))

        root.run("apt-get", "-y", "-q", "purge", "postern")
        left = [name for name in shipped(deb) if os.path.lexists(root.path(name))]
        assert left == []
        for name in ("/var/lib/postern", "/var/log/postern", "/run/postern"):
            assert not os.path.exists(root.path(name)), name
        for name in ("/etc/passwd", "/etc/group"):
            assert "postern" not in open(root.path(name)).read()
        links = [os.path.join(folder, name) for top in ("/etc/rc2.d", "/etc/systemd")
                 for folder, _, names in os.walk(root.path(top)) for name in names]
        assert not [name for name in links if "-milter" in name and "clamav" not in name]
        # What the admin made is his.
        assert os.path.exists(root.path("/etc/mail/access.db"))


def rpm_files(text):
    """Patterns of %files, macros expanded."""
    lines = text.partition("\n%files")[2].splitlines()
    words = [line.split() for line in lines if line.strip()]
    return [w[-1] for w in words if w[0] not in ("%license", "%doc") and "/" in w[-1]]


def test_the_rpm_spec_parses_and_packs_every_file(site):
    spec = os.path.join(TOP, "contrib/rpm/postern.spec")
    done = subprocess.run(["rpmspec", "-P", spec], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")
    with open(os.path.join(TOP, "NEWS.md")) as f:
        version = re.search(r"(?m)^## (.*)$", f.read())[1]
    assert f"Version:        {version}\n" in done.stdout
    # The lines of %install, as rpmbuild would run them.
    script = done.stdout.partition("\n%install")[2].partition("\n%pre")[0]
    buildroot = re.search(r"DESTDIR=(\S+)", script)[1]
    subprocess.run(["sh", "-ec", script.replace(buildroot, site + "/root")
                    .replace("make ", "make -s -C " + TOP + " ")], check=True)
    packed = set()
    for pattern in rpm_files(done.stdout):
        found = glob.glob(site + "/root" + pattern)
        assert found, pattern
        for top in found:
            packed.add(top)
            packed.update(os.path.join(folder, name) for folder, _, names in os.walk(top)
                          for name in names)
    missed = [os.path.join(folder, name) for folder, _, names in os.walk(site + "/root")
              for name in names if os.path.join(folder, name) not in packed]
    assert missed == []


def test_the_freebsd_port_parses_and_names_every_library(site):
    for name in ("sys.mk", "bsd.port.mk"):      # FreeBSD has them, and rules in them
        open(f"{site}/{name}", "w").close()
    done = subprocess.run(
        ["bmake", "-m", site, "-C", os.path.join(TOP, "contrib/freebsd"), "-V", "PORTNAME",
         "-V", "LIB_DEPENDS", "-V", "BUILD_DEPENDS"], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    assert done.returncode == 0 and done.stdout.startswith("postern\n"), done.stdout
    with open(os.path.join(TOP, "contrib/deps")) as f:
        needs = f.read().partition("needs='")[2].partition("'")[0]
    wanted = {line.split(" : ")[2] for line in needs.splitlines() if line}
    for name in wanted - {"-", "libmilter"}:     # libmilter is FreeBSD's own
        assert "/" + name in done.stdout, name
