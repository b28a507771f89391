"""Our Makefile beside what the scripts of Debian's sendmail generate."""
import os
import shutil

import pytest

from harness import TOP, mail_root, server, smtp
from harness.net import HOST

FEATURE = "FEATURE(`postern', `filter')dnl\n"


@pytest.fixture
def host(site, resolver):
    with mail_root.opened(site) as root:
        shutil.copytree(server("sendmail", "etc"), root.path("/etc"), symlinks=True,
                        dirs_exist_ok=True)
        shutil.copytree(server("sendmail", "var"), root.path("/var"), symlinks=True,
                        dirs_exist_ok=True)
        # As far as its maintainer scripts make them.
        for name in ("sendmail-mta", "sendmail-msp"):
            os.symlink("/usr/libexec/sendmail/sendmail", root.path("/usr/sbin/" + name))
        for name in ("local-host-names", "trusted-users", "access", "aliases"):
            open(root.path("/etc/mail/" + name), "w").close()
        root.run("make", "-C", TOP, "-o", "all", "install", "PREFIX=/usr")
        for script in ("update_conf", "update_sendmail"):
            root.run("/usr/share/sendmail/" + script, check=False)
        yield root


def sendmailconfig(root):
    """As an admin who goes on with the files that are there."""
    return root.run("sh", "-c", "yes | sendmailconfig --no-reload")


def ours(root, *targets, check=True):
    return root.run("sh", "-c", "cd /etc/mail && START_TIMEOUT=20 make -f Makefile.postern "
                    + " ".join(targets), check=check)


def read(root, name):
    with open(root.path("/etc/mail/" + name), encoding="latin1") as f:
        return f.read()


def change(root, name, old, new):
    text = read(root, name)
    assert old in text
    with open(root.path("/etc/mail/" + name), "w", encoding="latin1") as f:
        f.write(text.replace(old, new))


def settings(root, name):
    """What is not a comment."""
    return [line for line in read(root, name).splitlines() if line and line[0] != "#"]


def test_debian_keeps_the_configuration(host):
    makefile = read(host, "Makefile")
    assert "update_mk" in makefile
    with open(os.path.join(TOP, "contrib/etc-mail/Makefile"), encoding="ascii") as f:
        assert read(host, "Makefile.postern") == f.read()
    before = read(host, "sendmail.cf")
    said = ours(host, "cf", "install", check=False)
    assert "belongs to Debian's sendmailconfig" in said
    assert read(host, "sendmail.cf") == before
    change(host, "sendmail.mc", "MAILER_DEFINITIONS", FEATURE + "MAILER_DEFINITIONS")
    sendmailconfig(host)
    assert "\nO InputMailFilters=filter-milter\n" in read(host, "sendmail.cf")
    with open(host.path("/etc/mail/access"), "a", encoding="ascii") as f:
        f.write("From:spam.example\tREJECT\n")
    os.utime(host.path("/etc/mail/access.db"), (1, 1))
    assert "makemap hash access.db" in ours(host, "maps")
    # Debian's own has nothing left to do.
    assert "access" not in host.run("make", "-C", "/etc/mail", "all")


def test_this_file_takes_over(host):
    ours(host, "cf")
    assert read(host, f"{HOST}.mc") == read(host, "sendmail.mc")
    assert settings(host, f"{HOST}.cf") == settings(host, "sendmail.cf")
    change(host, "sendmail.conf", '\nHANDS_OFF="No"', '\nHANDS_OFF="Yes"')
    # As the manual page has it: one source.
    host.run("sh", "-c", "cd /etc/mail && ln -sf sendmail.mc $(hostname).mc"
             " && ln -sf submit.mc $(hostname).submit.mc")
    change(host, "sendmail.mc", "MAILER_DEFINITIONS", FEATURE + "MAILER_DEFINITIONS")
    ours(host, "all", "install")
    mine = settings(host, "sendmail.cf")
    assert "O InputMailFilters=filter-milter" in mine
    sendmailconfig(host)
    assert settings(host, "sendmail.cf") == mine
    # Debian's make, typed out of habit.
    host.run("touch", "/etc/mail/databases")
    host.run("make", "-C", "/etc/mail", "all")
    assert settings(host, "sendmail.cf") == mine
    ours(host, "all", "install")
    assert settings(host, "sendmail.cf") == mine
    assert "Starting: sendmail" in ours(host, "start-mta")
    with smtp.Client(25) as c:
        assert c.greeting.startswith("220 " + HOST)
    assert "Stopping: sendmail." in ours(host, "stop-mta")
