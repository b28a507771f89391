"""The log follower as a process: live, rotated, stopped, killed, started."""
import glob
import os
import subprocess
import time

import pytest

from harness import TOP, program
from harness.login import LoginSink, own_folder


def line(user="alice", when=None, ip="192.0.2.7"):
    stamp = time.strftime("%b %e %H:%M:%S", time.localtime(when))
    return (f"{stamp} imap-login: Info: Login: user=<{user}>, method=PLAIN, "
            f"rip={ip}, lip=192.0.2.1, mpid=7, secured, session=<zD/6>\n")


class Log:
    def __init__(self, site):
        self.path, self.site = site + "/mail.log", site
        self.append("")

    def append(self, text, suffix=""):
        with open(self.path + suffix, "a") as f:
            f.write(text)

    def sink(self):
        return LoginSink(self.site, follow=self.path, format="dovecot",
                         state=self.site)


@pytest.fixture
def site():
    with own_folder() as path:
        yield path


@pytest.fixture
def log(site):
    return Log(site)


def test_seen_as_it_is_written(log):
    with log.sink() as sink:
        start = time.time()
        log.append(line())
        assert sink.short(0.5) == "imap 192.0.2.7 alice log"
        log.append(line("bob")[:40])
        assert sink.none()
        log.append(line("bob")[40:])
        got = sink.login(0.5)
        assert got["user"] == "bob" and start - 1 <= got["when"] <= time.time()


def test_an_anonymous_login_is_none(log):
    with log.sink() as sink:
        log.append(line("guest").replace("PLAIN", "ANONYMOUS") + line("anonymous")
                   + line("alice"))
        assert sink.short(0.5) == "imap 192.0.2.7 alice log"
        assert sink.none()
    assert sink.counters["follow"]["ignored"] == 2


def test_live_lines_count_from_now_whatever_the_zone_of_their_stamp(log):
    with log.sink() as sink:
        for offset in (-7200, 7200, 0):
            log.append(line(when=time.time() + offset))
            assert abs(sink.login()["when"] - time.time()) < 3


def test_old_lines_keep_their_age(log):
    log.append(line("before"))
    with log.sink() as sink:
        log.append(line("a"))
        assert sink.login()["user"] == "a"
    hour_ago = int(time.time()) - 3600
    log.append(line("b", hour_ago) + line("future", hour_ago + 7200) + line("c"))
    with log.sink() as sink:
        got = sink.login()
        assert (got["user"], got["when"]) == ("b", hour_ago)
        assert sink.login()["user"] == "c"
        log.append(line("d"))
        assert sink.login()["user"] == "d"
    assert sink.counters["follow"]["ignored"] == 1


def test_rotation_by_rename(log):
    with log.sink() as sink:
        log.append(line("a"))
        assert sink.login()["user"] == "a"
        os.rename(log.path, log.path + ".1")
        log.append(line("b"), ".1")
        log.append(line("c"))
        assert [sink.login()["user"], sink.login()["user"]] == ["b", "c"]
        log.append(line("d"), ".1")
        assert sink.login()["user"] == "d"
        log.append(line("e"))
        assert sink.login(0.5)["user"] == "e"


def test_rotation_by_copy_and_truncate(log):
    with log.sink() as sink:
        log.append(line("a") * 3)
        assert [sink.login()["user"] for _ in range(3)] == ["a"] * 3
        os.truncate(log.path, 0)
        log.append(line("b"))
        assert sink.login()["user"] == "b"


def test_rotated_while_stopped(log):
    with log.sink() as sink:
        log.append(line("a"))
        sink.login()
    log.append(line("b"))
    os.rename(log.path, log.path + ".1")
    log.append(line("c"))
    with log.sink() as sink:
        assert [sink.login()["user"], sink.login()["user"]] == ["b", "c"]
        assert sink.none()


def test_killed(log):
    sink = log.sink().start()
    log.append(line("a"))
    sink.login()
    time.sleep(1.2)  # the place is stored once a second
    log.append(line("b"))
    sink.login()
    sink.process.kill()
    sink.process.wait()
    log.append(line("c"))
    with log.sink() as sink:
        users = [sink.login()["user"]]
        while users[-1] != "c":
            users.append(sink.login()["user"])
        assert users in (["b", "c"], ["c"])


def test_stopped_clock(log):
    """Lines that waited while we were stopped are as old as they say."""
    with log.sink() as sink:
        log.append(line("a"))
        sink.login()
        os.kill(sink.process.pid, 19)
        written = int(time.time())
        log.append(line("b"))
        time.sleep(7)
        os.kill(sink.process.pid, 18)
        assert written - 2 <= sink.login()["when"] <= written + 2


def test_attacker_in_the_log(log):
    with log.sink() as sink:
        log.append("Nov 21 22:21:00 imap-login: Info: Disconnected: Connection "
                   "closed (auth failed, 1 attempts in 2 secs): user=<x?Login: "
                   "user=<bob>, method=PLAIN, rip=6.6.6.6,>, method=PLAIN, "
                   "rip=127.0.0.1, lip=127.0.0.1, secured, session=<x>\n")
        log.append(line("fence"))
        assert sink.login()["user"] == "fence"


def test_log_that_is_not_there_yet(site):
    with LoginSink(site, follow=site + "/later.log", format="dovecot",
                   state=site) as sink:
        sink.wait_warning("no such file")
        with open(site + "/later.log", "w") as f:
            f.write(line())
        assert sink.login()["user"] == "alice"


@pytest.mark.parametrize("pattern,complaint", [
    ("login {syslog}x: {user} from {ip}\nlogin nonsense", ":2: it must begin with"),
    ("login {syslog}x: {user}{ip}", ":1: {user} must be followed by text"),
    ("login {syslog}x: {user}:{ip}", ":1: a field runs into what precedes it"),
    ("login {syslog}x {name}{user} {ip}", ":1: a field runs into what follows"),
    ("login {syslog}x: {user} logged in", ":1: the pattern has no {ip}"),
    ("session {syslog}x: {ip}", ":1: the pattern has no {pid}"),
    ("login {syslog}{colour}", ":1: unknown field {colour}"),
    ("login {syslog}{user", ":1: a brace is not closed"),
    ("match {syslog}", ":1: 'match': no rule"),
    ("# nothing", ": no pattern in it")])
def test_mistakes_in_a_pattern_file(log, pattern, complaint):
    path = log.site + "/my.pattern"
    with open(path, "w") as f:
        f.write(pattern + "\n")
    done = subprocess.run([program("login-sink"), "follow=" + log.path,
                           "format=" + path], stderr=subprocess.PIPE, text=True,
                          timeout=20)
    assert done.returncode == 1 and path + complaint in done.stderr, done.stderr


def test_own_pattern(log):
    path = log.site + "/my.pattern"
    with open(path, "w") as f:
        f.write("# my server\nservice imap\n"
                "login {stamp} mine[{pid}]: {{ok} {user} from {ip}{? (tls)}\n")
    with LoginSink(log.site, follow=log.path, format=path) as sink:
        log.append("2026-11-21 10:00:00 mine[3]: {ok} a b from 192.0.2.5 (tls)\n")
        assert sink.short() == "imap 192.0.2.5 a b log"


@pytest.mark.parametrize("path", glob.glob(TOP + "/contrib/follower/*.pattern"),
                         ids=os.path.basename)
def test_contributed_patterns(log, path):
    """Each has the lines it is for, as comments that begin with `# > `."""
    with open(path) as f:
        examples = [line[4:] for line in f if line.startswith("# > ")]
    assert examples
    with LoginSink(log.site, follow=log.path, format=path) as sink:
        for example in examples:
            log.append(example)
            got = sink.login()
            assert (got["user"], got["ip"]) == ("alice", "192.0.2.7")


def test_unknown_format(log):
    done = subprocess.run([program("login-sink"), "follow=" + log.path,
                           "format=exim"], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "'exim': no log format; known: dovecot" in done.stderr
