"""make deb: real apt-get and dpkg install, upgrade, remove and purge it."""
import glob
import os
import re
import subprocess

import pytest

from harness import TOP, package
from harness.root import Root
from harness.sendmail import MAKEMAP

def test_what_is_in_the_package(deb):
    done = subprocess.run(["dpkg-deb", "-f", deb], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    assert re.search("(?m)^Depends: .*libmilter1.0.1", done)
    files = package.shipped(deb)
    for name in ("/usr/sbin/relay-milter", "/etc/init.d/virus-milter",
                 "/usr/lib/systemd/system/filter-milter.service",
                 "/usr/share/man/man8/relay-milter.8.gz",
                 "/usr/share/sendmail/cf/feature/postern.m4",
                 "/etc/mail/Makefile.postern"):
        assert name in files, name
    # Debian's sendmail makes this one by itself.
    assert "/etc/mail/Makefile" not in files


@pytest.fixture
def bare(site):
    """A host without sendmail and maps; but with the group of Debian's sendmail."""
    with Root(site) as root:
        root.run("groupadd", "--system", "smmsp")
        yield root
        for word in ("relay", "virus", "filter", "postern"):
            root.run("sh", "-c", f"kill -KILL $(cat /run/postern/{word}.pid)", check=False)


def test_install_upgrade_remove_and_purge(deb, bare, site):
    said = package.install(bare, deb)
    assert "relay-milter is not started: " in said and "access.db" in said
    assert package.answers(bare, "filter"), said
    with open(bare.path("/etc/passwd"), encoding="utf-8") as f:
        assert "postern-relay:x:" in f.read()
    package.maps(bare)
    package.signatures(bare)
    for word in ("relay", "virus"):
        bare.run("invoke-rc.d", word + "-milter", "start")
        assert package.answers(bare, word)

    # The admin's words, and grants, outlive an upgrade; what ran runs anew.
    with open(bare.path("/etc/mail/postern.yaml"), "a", encoding="ascii") as f:
        f.write("# mine\n")
    before = {word: bare.pid(word) for word in ("relay", "virus", "filter")}
    package.install(bare, package.newer(deb, site))
    assert "Version: 0.1+2" in bare.run("dpkg", "-s", "postern")
    with open(bare.path("/etc/mail/postern.yaml"), encoding="ascii") as f:
        assert f.read().endswith("# mine\n")
    for word, old in before.items():
        assert bare.pid(word) != old and package.answers(bare, word), word

    pids = [bare.pid(word) for word in before]
    bare.run("apt-get", "-y", "-q", "remove", "postern")
    for number in pids:
        bare.wait_gone(number)
    assert not os.path.exists(bare.path("/usr/sbin/relay-milter"))
    assert os.path.exists(bare.path("/etc/mail/postern.yaml"))
    assert os.path.isdir(bare.path("/var/lib/postern"))

    bare.run("apt-get", "-y", "-q", "purge", "postern")
    assert package.left(bare, deb) == []
    # What the admin made is his.
    assert os.path.exists(bare.path("/etc/mail/access.db"))


def test_an_upgrade_restarts_the_one_in_place_of_three(deb, bare, site):
    package.maps(bare)
    package.signatures(bare)
    package.install(bare, deb)
    for word in ("relay", "virus", "filter"):
        number = bare.pid(word)
        bare.run("invoke-rc.d", word + "-milter", "stop")
        bare.run("update-rc.d", word + "-milter", "disable")
        bare.wait_gone(number)
    bare.run("update-rc.d", "postern-milter", "defaults")
    bare.run("invoke-rc.d", "postern-milter", "start")
    before = bare.pid("postern")
    package.install(bare, package.newer(deb, site))
    assert bare.pid("postern") != before and package.answers(bare, "postern")
    for word in ("relay", "virus", "filter"):
        assert not os.path.exists(bare.path(f"/run/postern/{word}.pid")), word
    # Stopped, and nothing else is asked for: an upgrade starts none of them.
    number = bare.pid("postern")
    bare.run("invoke-rc.d", "postern-milter", "stop")
    bare.wait_gone(number)
    package.install(bare, package.newer(deb, site, "0.1+3"))
    assert os.listdir(bare.path("/run/postern")) == []
    bare.run("apt-get", "-y", "-q", "purge", "postern")
    assert package.left(bare, deb) == []


SENDMAIL = """#!/bin/sh
set -e
test "$1" = configure
groupadd --system smmsp
cd /etc/mail
for f in local-host-names relay-domains; do : > $f; done
mv /usr/share/access.db . && chgrp smmsp access.db && chmod 640 access.db
"""


def sendmail_package(site):
    """What counts of Debian's: a program, and maps of a group that it makes."""
    tree = site + "/sendmail"
    for name in ("DEBIAN", "usr/libexec/sendmail", "usr/share", "etc/mail"):
        os.makedirs(f"{tree}/{name}")
    with open(tree + "/DEBIAN/control", "w", encoding="ascii") as f:
        f.write("Package: sendmail-bin\nVersion: 99\nArchitecture: all\n"
                "Maintainer: nobody\nDescription: for a test\n")
    with open(tree + "/DEBIAN/postinst", "w", encoding="ascii") as f:
        f.write(SENDMAIL)
    os.chmod(tree + "/DEBIAN/postinst", 0o755)
    open(tree + "/usr/libexec/sendmail/sendmail", "w").close()
    subprocess.run([MAKEMAP, "-C", "/dev/null", "hash", tree + "/usr/share/access"],
                   check=True, stdin=subprocess.DEVNULL)
    subprocess.run(["dpkg-deb", "-Znone", "-b", tree, tree + ".deb"],
                   check=True, stdout=subprocess.DEVNULL)
    return tree + ".deb"


@pytest.mark.parametrize("together", [False, True])
def test_sendmail_may_come_later(deb, site, together):
    """relay-milter gets at its maps by a group that was not there before."""
    with Root(site) as root:
        other = sendmail_package(site)
        if together:
            package.install(root, deb, other)
        else:
            assert "relay-milter is not started" in package.install(root, deb)
            package.install(root, other)
        assert "smmsp" in root.run("id", "-nG", "postern-relay")
        assert package.answers(root, "relay")
        for word in ("relay", "filter"):
            root.run("invoke-rc.d", word + "-milter", "stop")


# What systemd-rpm-macros has, and Debian's rpm has not.
SYSTEMD_MACROS = {"%sysusers_create_compat", "%tmpfiles_create", "%systemd_post",
                  "%systemd_preun", "%systemd_postun_with_restart"}


def rpmbuild(site, *how):
    """As on a host where %build has been done."""
    os.makedirs(site + "/BUILD", exist_ok=True)
    if not os.path.lexists(site + "/BUILD/postern-0.1"):
        os.symlink(TOP, site + "/BUILD/postern-0.1")
    done = subprocess.run(
        ["rpmbuild", *how, "--short-circuit", "--nodeps", "--noclean",
         "--define", "_topdir " + site, "--define", "debug_package %{nil}",
         "--define", "_build_id_links none", "--define", "_binary_payload w0.gzdio",
         os.path.join(TOP, "contrib/rpm/postern.spec")], text=True, cwd=site,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout


def rpm(site, what):
    found = glob.glob(site + "/RPMS/*/postern-*.rpm")
    assert len(found) == 1
    return subprocess.run(["rpm", "--dbpath", site + "/db", "-qp", *what.split(), found[0]],
                          text=True, check=True, stdout=subprocess.PIPE).stdout


def test_rpmbuild_makes_a_package_of_every_file(deb, site):
    """It ends with an error if a file is in no line of %files, or a line has no file."""
    rpmbuild(site, "-bi")
    rpmbuild(site, "-bb")
    with open(os.path.join(TOP, "NEWS.md"), encoding="utf-8") as f:
        version = re.search(r"(?m)^## (.*)$", f.read())[1]
    assert rpm(site, "--qf %{VERSION}") == version
    packed = set(rpm(site, "-l").split())
    for name in package.shipped(deb):
        if "/sbin/" in name or "/lib/systemd/" in name:
            assert name in packed, name
    assert "/usr/share/sendmail-cf/feature/postern.m4" in packed
    assert "/etc/mail/postern.yaml" in rpm(site, "-c").split()
    scripts = rpm(site, "--scripts")
    assert set(re.findall("%[a-z_]+", scripts)) == SYSTEMD_MACROS
    assert scripts.count("postern-milter.service") == 3


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
