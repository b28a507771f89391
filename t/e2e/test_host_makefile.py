"""contrib/etc-mail/Makefile, by GNU and by BSD make, with real sendmail."""
import grp
import os
import time

import pytest

from harness import smtp
from harness.host import Host
from harness.net import HOST


@pytest.fixture(params=["make", "bmake"])
def host(request, site, resolver):
    with Host(site, request.param) as h:
        yield h


def made(host, *targets):
    code, said = host.make(*targets)
    assert code == 0, said
    return said


def test_make_builds_all_from_the_default_and_then_rests(host):
    host.write("access", "Connect:192.0.2.4\tREJECT\n")
    made(host)
    for name in (f"{HOST}.mc", f"{HOST}.cf", f"{HOST}.submit.mc", f"{HOST}.submit.cf",
                 "access.db", "aliases.db"):
        assert os.path.getsize(host.path(name)) > 0, name
    assert host.read(f"{HOST}.mc") == host.read("freebsd.mc")
    assert os.stat(host.path("access.db")).st_mode & 0o777 == 0o640
    assert not os.path.exists(host.path("sendmail.cf"))
    assert not os.path.exists(host.path("virtusertable.db"))
    again = made(host)
    assert "m4" not in again.replace("Nothing", "") and "hash" not in again, again


def test_what_the_admin_wrote_is_never_overwritten(host):
    own = host.filled("dnl my own\n") + host.read("freebsd.mc")
    host.write(f"{HOST}.mc", own)
    host.older(f"{HOST}.mc", 1000)      # the default is newer: no matter
    made(host)
    assert host.read(f"{HOST}.mc") == own


def test_only_what_is_older_than_its_text_is_rebuilt(host):
    made(host)
    for name in ("access.db", "aliases.db", f"{HOST}.cf"):
        host.older(name)
    host.write("access", "From:spam.example\tREJECT\n")
    said = made(host)
    assert "access.db" in said and "aliases.db" in host.run(["ls"])[1]
    assert f"> {HOST}.cf" in said       # its .mc is newer
    assert f"> {HOST}.submit.cf" not in said
    host.older("aliases", 1000)
    assert "-bi" not in made(host)


def test_a_changed_feature_file_rebuilds_the_cf(host):
    made(host)
    for name in (f"{HOST}.mc", f"{HOST}.cf"):
        host.older(name, 100)
    later = time.time() - 50
    os.utime(host.cf_dir + "/feature/access_db.m4", (later, later))
    assert f"> {HOST}.cf" in made(host, "cf")


def test_a_mistake_in_a_map_leaves_the_old_map(host):
    host.write("access", "From:spam.example\tREJECT\n")
    made(host)
    with open(host.path("access.db"), "rb") as f:
        before = f.read()
    host.older("access.db")
    host.write("access", "From:other.example\n")
    host.write("mailertable", "example.net\tsmtp:[127.0.0.1]\n")
    code, said = host.make("maps")
    assert code != 0 and "access.db stays as it was" in said, said
    with open(host.path("access.db"), "rb") as f:
        assert f.read() == before
    assert os.path.exists(host.path("mailertable.db"))
    assert not os.path.exists(host.path("access.new.db"))


@pytest.mark.parametrize("line", ["FEATURE(`no_such_feature')dnl\n",
                                  "FEATURE(`postern_relay', `hash /x')dnl\n"])
def test_m4_that_complains_makes_no_cf(host, line):
    made(host, "cf")
    before = host.read(f"{HOST}.cf")
    host.older(f"{HOST}.cf")
    host.write(f"{HOST}.mc", host.read("freebsd.mc").replace("MAILER(`local')",
                                                             line + "MAILER(`local')"))
    code, said = host.make("cf")
    assert code != 0 and f"{HOST}.cf is not made: correct {HOST}.mc" in said, said
    assert host.read(f"{HOST}.cf") == before


def test_install_keeps_the_previous_and_refuses_a_broken_one(host):
    made(host)
    host.write("sendmail.cf", "the previous one\n")
    made(host, "install")
    assert host.read("sendmail.cf") == host.read(f"{HOST}.cf")
    assert host.read("submit.cf") == host.read(f"{HOST}.submit.cf")
    assert host.read("sendmail.cf.old") == "the previous one\n"
    made(host, "install")               # nothing new: the previous one stays
    assert host.read("sendmail.cf.old") == "the previous one\n"
    good = host.read("sendmail.cf")
    host.older(f"{HOST}.cf")
    host.write(f"{HOST}.mc", host.read(f"{HOST}.mc") + "Rthis is no rule\n")
    code, said = host.make("install")
    assert code != 0 and "sendmail.cf stays as it was" in said, said
    assert "line " in said
    assert host.read("sendmail.cf") == good
    assert host.read("sendmail.cf.old") == "the previous one\n"


def test_what_belongs_to_debian_is_left_alone(host):
    made(host)
    host.write("sendmail.cf", "made by Debian\n")
    host.write("sendmail.conf", '# comment\nHANDS_OFF="No";\n')
    code, said = host.make("install")
    assert code != 0 and "HANDS_OFF" in said, said
    assert host.read("sendmail.cf") == "made by Debian\n"
    host.write("sendmail.conf", 'HANDS_OFF="Yes";\n')
    made(host, "install")
    assert host.read("sendmail.cf") == host.read(f"{HOST}.cf")


def test_makefile_local_counts(host):
    host.write("own.mc", host.read("freebsd.mc"))
    host.write("Makefile.local", "SENDMAIL_MC=own.mc\nSENDMAIL_MAP_SRC+=extra\n")
    host.write("extra", "a\tb\n")
    made(host)
    assert os.path.exists(host.path("own.cf"))
    assert os.path.exists(host.path("extra.db"))
    assert os.path.exists(host.path("access.db"))
    assert not os.path.exists(host.path(f"{HOST}.mc"))


def test_start_restart_and_stop(host):
    made(host)
    made(host, "install")
    said = made(host, "start")
    assert "Starting: sendmail sendmail-clientmqueue." in said, said
    first = host.pid()
    with smtp.Client(host.port) as c:
        assert c.greeting.startswith("220 " + HOST)
    assert "Restarting: sendmail." in made(host, "restart-mta")
    assert host.pid() not in (0, first)
    with smtp.Client(host.port) as c:
        assert c.greeting.startswith("220 " + HOST)
    # The new entry of a map counts for who connects after make.
    host.older("access.db")
    host.write("access", "Connect:192.0.2.4\tREJECT\n")
    made(host, "maps")
    with smtp.Client(host.port, "192.0.2.4") as c:
        c("EHLO c.example.net")
        assert c("MAIL FROM:<a@example.com>").code == 550
    queue_runner = host.pid("clientmqueue/sm-client.pid")
    assert "Restarting: sendmail-clientmqueue." in made(host, "restart-mspq")
    assert host.pid("clientmqueue/sm-client.pid") not in (0, queue_runner)
    assert "Stopping: sendmail sendmail-clientmqueue." in made(host, "stop")
    with pytest.raises(OSError):
        smtp.Client(host.port)


def test_maps_can_be_read_by_the_group_and_sendmail(host):
    host.write("authinfo", 'AuthInfo:relay.example\t"U:a" "P:secret"\n')
    host.write("access", "Connect:192.0.2.4\tREJECT\n")
    made(host, "all", "install")
    status = os.stat(host.path("access.db"))
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (
        0, grp.getgrnam("smmsp").gr_gid, 0o640)
    assert os.stat(host.path("authinfo.db")).st_gid == 0    # passwords
    made(host, "start-mta")
    with smtp.Client(host.port, "192.0.2.4") as c:
        c("EHLO c.example.net")
        assert c("MAIL FROM:<a@example.com>").code == 550
