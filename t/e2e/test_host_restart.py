"""restart_sendmail with real sendmail: it never trades a daemon for none."""
import os
import subprocess

import pytest

from harness import net, smtp
from harness.host import Host
from harness.net import HOST
from harness.virus import alive
from harness.sendmail import SENDMAIL


@pytest.fixture
def host(site, resolver):
    with Host(site) as h:
        code, said = h.make("all", "install")
        assert code == 0, said
        yield h


def started(host, **more):
    code, said = host.restart("start-mta", **more)
    assert code == 0, said
    return host.pid()


def greets(host):
    with smtp.Client(host.port) as c:
        return c.greeting.startswith("220 " + HOST)


@pytest.mark.parametrize("which", ["sendmail.cf", "submit.cf"])
@pytest.mark.parametrize("mistake,told", [
    ("Rthis is no rule\n", ": line "),
    # sendmail -bt ends with 0 after these; the daemon ends after the second.
    ("O Timeout.connect=1z\n", "Invalid time unit"),
    ("Xa, S=unix:/a, F=T\nO InputMailFilters=a, b\n", "no X line for b")])
def test_a_broken_configuration_is_refused_and_nothing_touched(host, which, mistake, told):
    first = started(host)
    os.chmod(host.path(which), 0o644)
    host.write(which, host.read(which) + mistake)
    code, said = host.restart("restart")
    assert code == os.EX_CONFIG, said
    assert f"sendmail cannot read {host.path(which)}" in said and told in said
    assert "ADDRESS TEST MODE" not in said
    assert host.pid() == first and greets(host)
    code, said = host.restart("-n")
    assert code == os.EX_CONFIG and host.pid() == first


def test_a_daemon_started_by_a_bare_name_is_stopped_and_started(host):
    """HUP would end it: it could not execute itself again."""
    env = host.environment(PATH=os.path.dirname(SENDMAIL) + ":/usr/bin:/bin")
    subprocess.run(["sendmail", "-bd", "-C", host.path("sendmail.cf")], env=env,
                   executable=SENDMAIL, check=True, cwd=host.dir)
    before = net.wait_for(host.pid)
    assert host.read("sendmail.pid").splitlines()[1].startswith("sendmail ")
    code, said = host.restart("restart-mta")
    assert code == 0, said
    assert not alive(before) and greets(host)
    assert host.read("sendmail.pid").splitlines()[1].startswith("/")


def test_hup_is_used_where_it_works(host, log):
    before = started(host)
    seen = len(log.grep("restarting .* due to signal"))
    code, said = host.restart("restart-mta")
    assert code == 0 and "Restarting: sendmail." in said, said
    assert host.pid() != before and greets(host)
    assert len(log.grep("restarting .* due to signal")) > seen


def test_one_that_does_not_come_up_shows_the_last_log_lines(host):
    started(host)
    host.write("maillog", "old line of postfix/smtpd\n" + "sm-mta[1]: cannot bind\n" * 20)
    code, said = host.restart("restart-mta", START_MTA="true", START_TIMEOUT="1",
                              SENDMAIL_FLAGS="", LOG=host.path("none maillog"))
    assert code == 0, said      # HUP works: START_MTA is not used
    host.restart("stop-mta")
    code, said = host.restart("restart-mta", START_MTA="true", START_TIMEOUT="1",
                              LOG=f"{host.path('none')} {host.path('maillog')}")
    assert code == 1 and "not up after 1 s" in said, said
    assert said.count("cannot bind") == 10 and "postfix" not in said


def test_start_and_stop_say_what_is_wrong(host):
    code, said = host.restart("stop-mta")
    assert code == 1 and "sendmail.pid not found" in said
    first = started(host)
    code, said = host.restart("start-mta")
    assert code == 1 and f"runs already, pid {first}" in said
    # A pid file whose process is no sendmail is not obeyed.
    host.restart("stop-mta")
    host.write("sendmail.pid", f"{os.getpid()}\n/usr/sbin/sendmail -bd\n")
    code, said = host.restart("stop-mta")
    assert code == 1 and "not found, or of no running sendmail" in said


def test_usage(host):
    for args in (["-x"], ["restart-all"], ["start", "stop"], ["-c"]):
        code, said = host.restart(*args)
        assert code == os.EX_USAGE and said.startswith("usage: "), args
    assert host.restart("-h")[0] == 0


def test_settings_from_a_file(host):
    conf = host.write("own.conf", "# mine\nSTART_MTA='false'\n")
    code, said = host.restart("-c", conf, "start-mta")
    assert code == 1 and "exit 1" in said
    host.write("own.conf", "SENDMIAL=/usr/sbin/sendmail\n")
    code, said = host.restart("-c", conf, "-n")
    assert code == os.EX_CONFIG and "own.conf:1: unknown setting" in said
