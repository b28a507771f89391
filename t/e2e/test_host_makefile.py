"""contrib/etc-mail/Makefile, by GNU and by BSD make, with real sendmail."""
import glob
import grp
import os
import time

import pytest

from harness import TOP, smtp
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


@pytest.mark.parametrize("mistake,told", [
    ("Rthis is no rule\n", "line "),
    ("O NoSuchOption=1\n", "unknown option name NoSuchOption"),
    ("F{w}/none/such\n", "No such file"),
    # sendmail -bt ends with 0 after these; the daemon ends after the second.
    ("O Timeout.connect=1z\n", "Invalid time unit"),
    ("Xa, S=unix:/a, F=T\nO InputMailFilters=a, b\n", "no X line for b"),
    (None, "No local mailer defined")])
def test_install_refuses_what_sendmail_cannot_read(host, mistake, told):
    made(host)
    made(host, "install")
    host.write("sendmail.cf.old", "the previous one\n")
    good = host.read("sendmail.cf")
    if mistake is None:         # the disk was full, say
        host.write(f"{HOST}.cf", good[:len(good) // 2])
    else:
        host.older(f"{HOST}.cf")
        host.write(f"{HOST}.mc", host.read(f"{HOST}.mc") + "LOCAL_CONFIG\n" + mistake)
    code, said = host.make("install")
    assert code != 0 and "sendmail.cf stays as it was" in said and told in said, said
    assert host.read("sendmail.cf") == good
    assert host.read("sendmail.cf.old") == "the previous one\n"
    # Without a sendmail that could say so, nothing is taken for right.
    assert host.make("install", "SENDMAIL=/none/such")[0] != 0
    assert host.read("sendmail.cf") == good


def test_two_filters_that_are_there_are_right(host):
    host.set_mc("INPUT_MAIL_FILTER(`a', `S=unix:/a, F=T')dnl\n"
                "INPUT_MAIL_FILTER(`b', `S=unix:/b, F=T')dnl\n")
    made(host, "all", "install")
    assert "\nO InputMailFilters=a, b\n" in host.read("sendmail.cf")


def test_a_mistake_in_aliases_leaves_the_old_ones(host):
    made(host)
    with open(host.path("aliases.db"), "rb") as f:
        before = f.read()
    host.older("aliases.db")
    host.write("aliases", "postmaster: root\nno colon here\n")
    for _ in range(2):      # it is told until it is mended
        code, said = host.make("aliases")
        assert code != 0 and "line 2: missing colon" in said, said
        assert "aliases.db stays as it was: correct " in said
        with open(host.path("aliases.db"), "rb") as f:
            assert f.read() == before
    assert not glob.glob(host.path("aliases.new*"))
    host.write("aliases", "postmaster: root\n")
    made(host, "aliases")


def test_a_mistake_in_the_mc_does_not_hold_up_maps_and_aliases(host):
    made(host, "all", "install")
    host.write(f"{HOST}.mc", "FEATURE(`no_such_feature')dnl\n")
    for name in (f"{HOST}.cf", "aliases.db", "access.db"):
        host.older(name)
    for name in ("aliases", "access"):
        host.write(name, host.read(name) + "# later\n")
    said = made(host, "maps", "aliases")
    assert "hash access.db" in said and "-bi" in said
    assert host.make("all")[0] != 0


def test_a_link_goes_on_being_one(host):
    """As of /etc/aliases.db on some hosts."""
    host.write("access", "Connect:192.0.2.4\tREJECT\n")
    made(host)
    for name in ("access.db", "aliases.db"):
        os.rename(host.path(name), host.path("mqueue/" + name))
        os.symlink(host.path("mqueue/" + name), host.path(name))
        host.older(name)
        text = name.removesuffix(".db")
        host.write(text, host.read(text) + "# later\n")
    made(host)
    for name in ("access.db", "aliases.db"):
        assert os.path.islink(host.path(name))
        assert os.path.getmtime(host.path(name)) >= \
            os.path.getmtime(host.path(name.removesuffix(".db")))


def test_many_jobs_keep_the_order(host):
    said = made(host, "-j4", "all", "install")
    steps = [f"> {HOST}.cf", "hash access.db", "-bi -OAliasFile", "sendmail.cf"]
    if host.make_program == "bmake":    # what a .cf needs, and no more
        steps = [steps[0], steps[3]]
    at = [said.index(step) for step in steps]
    assert at == sorted(at), said


def test_new_aliases_count_while_the_daemon_runs(host):
    made(host, "all", "install", "start-mta")
    with smtp.Client(host.port) as c:
        c("EHLO c.example.net")
        assert "root" not in c("EXPN list@example.org")
        host.older("aliases.db")
        host.write("aliases", "postmaster: root\nlist: root\n")
        made(host, "aliases")
    with smtp.Client(host.port) as c:
        c("EHLO c.example.net")
        assert "root" in c("EXPN list@example.org")


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


def examples():
    """The displays of the page's EXAMPLES, a list of lines each."""
    with open(os.path.join(TOP, "man/etc-mail.makefile.5"), encoding="ascii") as f:
        section = f.read().partition(".Sh EXAMPLES\n")[2].partition("\n.Sh")[0]
    return [block.partition("\n")[2].partition("\n.Ed")[0].splitlines()
            for block in section.split(".Bd -literal")[1:]]


def test_the_examples_of_the_page(host):
    """Typed as they stand there, in the folder that is /etc/mail here; an editor
    changes nothing."""
    made(host, "all", "install", "start")
    before = host.pid()
    make = " ".join(f"'{word}'" for word in host.make_words())
    for lines in examples():
        for line in lines:
            if line.startswith(("cd ", "vi ")):
                continue
            code, said = host.run(["sh", "-c", line.replace("make", make)])
            assert code == 0, said
    assert host.pid() not in (0, before)
    with smtp.Client(host.port) as c:
        c("EHLO c.example.net")
        assert c("MAIL FROM:<a@spam.example>").code == 550
