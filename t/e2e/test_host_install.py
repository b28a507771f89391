"""make install and uninstall: what goes where, and that it works from there."""
import os
import re
import shutil
import socket
import stat
import subprocess

import pytest

from harness import TOP, net
from harness.files import written
from harness.milter_client import Milter
from harness.sendmail import MAKEMAP
from harness.virus import database

WORDS = ("relay", "virus", "filter")
ALL = WORDS + ("postern",)
PROGRAMS = """check_sendmail filter-milter postern postern-milter postern-postlogin relay-milter
restart_sendmail virus-milter virus-scanner vsmtprelay""".split()
FEATURES = ["postern", "postern_filter", "postern_milter", "postern_one_pass", "postern_ports",
            "postern_relay", "postern_relay_milter", "postern_virus"]
MODULES = "__init__ cf checks daemon files probe process sasl settings".split()
KEPT = ["/etc/mail/Makefile", "/etc/mail/Makefile.postern", "/etc/mail/postern.yaml"]
ELSEWHERE = ["/etc/logrotate.d/postern", "/usr/lib/security/pam_postern.so",
             "/usr/lib/sysusers.d/postern.conf", "/usr/lib/tmpfiles.d/postern.conf",
             "/usr/share/postern/contrib/cron/postern",
             "/usr/share/postern/contrib/etc-mail/Makefile"]
PAGES = os.listdir(os.path.join(TOP, "man"))


def make(*args):
    """With what is built already: an install must not wait for a compiler."""
    done = subprocess.run(["make", "-C", TOP, "-o", "all", *args], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def files(root):
    return sorted(os.path.join(folder, name)[len(root):]
                  for folder, _, names in os.walk(root) for name in names)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def expected():
    named = ["/usr/sbin/" + p for p in PROGRAMS]
    named += [f"/usr/share/sendmail/cf/feature/{f}.m4" for f in FEATURES]
    named += [f"/usr/lib/postern/postern_host/{m}.py" for m in MODULES]
    named += [f"/usr/lib/systemd/system/{w}-milter.service" for w in ALL]
    named += [f"/etc/init.d/{w}-milter" for w in ALL]
    named += [f"/usr/share/man/man{p[-1]}/{p}" for p in PAGES]
    return sorted(named + KEPT + ELSEWHERE)


def test_install_puts_everything_and_uninstall_leaves_configuration(site):
    root = site + "/root"
    make("install", "DESTDIR=" + root, "PREFIX=/usr")
    found = files(root)
    samples = [f for f in found if f.startswith("/usr/share/postern/")
               and f not in ELSEWHERE]
    assert "/usr/share/postern/m4/cf/hostname.mc" in samples
    assert sorted(set(found) - set(samples)) == expected()
    for name in found:
        program = "/sbin/" in name or "/init.d/" in name
        wanted = 0o755 if program else 0o640 if name.endswith("/etc/mail/postern.yaml") \
            else 0o644
        assert mode(root + name) == wanted, name
        with open(root + name, "rb") as f:
            text = f.read()
        if b"\0" not in text:
            assert not re.search(rb"@[A-Z]+@", text), name
            assert site.encode() not in text and TOP.encode() not in text, name
    # The admin's own words survive an upgrade, and a removal.
    for name in KEPT:
        with open(root + name, "w") as f:
            f.write("mine\n")
    os.makedirs(root + "/var/lib/postern")
    open(root + "/var/lib/postern/relayers.db", "w").close()
    make("install", "DESTDIR=" + root, "PREFIX=/usr")
    for name in KEPT:
        with open(root + name) as f:
            assert f.read() == "mine\n"
    make("uninstall", "DESTDIR=" + root, "PREFIX=/usr")
    assert files(root) == sorted(KEPT + ["/var/lib/postern/relayers.db"])


def test_a_relative_root_and_a_careful_umask(site):
    """Others have to read what is installed, whatever root's umask is."""
    stage = os.path.relpath(site + "/root", TOP)
    before = os.umask(0o077)
    try:
        make("install", "DESTDIR=" + stage, "PREFIX=/opt/postern")
    finally:
        os.umask(before)
    found = files(site + "/root")
    assert "/opt/postern/sbin/relay-milter" in found
    assert "/opt/postern/lib/systemd/system/relay-milter.service" in found
    folders = [folder for folder, _, _ in os.walk(site + "/root")][1:]
    assert [f for f in folders if mode(f) != 0o755] == []
    assert not [f for f in found if mode(site + "/root" + f) & 0o044 == 0
                and not f.endswith("postern.yaml")]


def test_debians_makefile_is_not_made(site):
    root = site + "/root"
    os.makedirs(root + "/etc")
    open(root + "/etc/debian_version", "w").close()
    make("install-host", "DESTDIR=" + root, "PREFIX=/usr")
    assert not os.path.exists(root + "/etc/mail/Makefile")
    assert os.path.exists(root + "/etc/mail/Makefile.postern")


@pytest.fixture(scope="module")
def installed(network):
    """Installed below /usr/local and /etc of this test's own, users and all."""
    net.own_tree("/usr/local")
    shutil.rmtree("/etc/mail", ignore_errors=True)
    make("install", "PREFIX=/usr/local", "CFDIR=/usr/local/share/sendmail/cf")
    subprocess.run(["systemd-sysusers", "/usr/local/lib/sysusers.d/postern.conf"],
                   check=True)
    net.forget_postern()
    subprocess.run(["systemd-tmpfiles", "--create",
                    "/usr/local/lib/tmpfiles.d/postern.conf"], check=True)
    return "/usr/local"


def unit(prefix, word):
    return f"{prefix}/lib/systemd/system/{word}-milter.service"


@pytest.mark.parametrize("word", ALL)
def test_systemd_likes_the_units(installed, word):
    done = subprocess.run(["systemd-analyze", "verify", unit(installed, word)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (done.returncode, done.stdout) == (0, "")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           unit(installed, word)], text=True, stdout=subprocess.PIPE)
    score = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)[1]
    with open(unit(installed, word)) as f:
        assert f"systemd-analyze security: {score}." in f.read()
    assert float(score) < 3.5


def test_folders_have_the_owners_that_keep_milters_apart(installed):
    assert (mode("/run/postern"), os.stat("/run/postern").st_uid) == (0o755, 0)
    assert mode("/var/lib/postern") == 0o750
    assert mode("/var/log/postern") == 0o2770
    users = {line.split(":")[0]: line.split(":") for line in open("/etc/passwd")}
    for word in WORDS:
        assert users[f"postern-{word}"][6].strip() == "/usr/sbin/nologin"


def test_logrotate_reads_its_file(installed):
    done = subprocess.run(["logrotate", "-d", "-s", "/dev/null",
                           "/etc/logrotate.d/postern"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0 and "error" not in done.stdout, done.stdout
    assert "/var/log/postern/decisions.jsonl" in done.stdout


@pytest.fixture
def etc_mail(installed):
    for name in ("local-host-names", "relay-domains", "access"):
        open("/etc/mail/" + name, "w").close()
    subprocess.run([MAKEMAP, "-C", "/dev/null", "hash", "/etc/mail/access"],
                   stdin=subprocess.DEVNULL, check=True)
    shutil.chown("/etc/mail/access.db", "root", "postern")
    shutil.chown("/etc/mail/postern.yaml", "root", "postern")
    os.chmod("/etc/mail/access.db", 0o640)
    database("/var/lib/clamav")


def answers(word):
    with Milter(f"/run/postern/{word}.sock") as m:
        m.negotiate()
    return True


def owner(pid):
    return os.stat(f"/proc/{pid}").st_uid


@pytest.mark.parametrize("word", ALL)
def test_the_init_script_starts_reloads_and_stops(installed, etc_mail, word):
    def script(verb):
        done = subprocess.run([f"/etc/init.d/{word}-milter", verb], text=True, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def pid():
        with open(f"/run/postern/{word}.pid") as f:
            return int(f.read())

    assert script("status")[0] == 3
    assert script("start") == (0, "")
    first = pid()
    assert answers(word)
    passwd = {line.split(":")[0]: int(line.split(":")[2]) for line in open("/etc/passwd")}
    assert owner(first) == passwd["postern-relay" if word == "postern" else f"postern-{word}"]
    code, said = script("status")
    assert code == 0 and f"pid {first}" in said
    assert script("start")[0] == 0 and pid() == first
    assert script("reload")[0] == 0 and pid() == first
    assert script("restart")[0] == 0 and pid() != first and answers(word)
    # A mistake in the configuration: the one that runs goes on.
    second = pid()
    with written("/etc/mail/postern.yaml", "nonsense: 1\n"):
        assert script("restart")[0] != 0 and pid() == second and answers(word)
    assert script("stop")[0] == 0
    assert script("status")[0] == 3
    assert script("sing")[0] == 64


@pytest.mark.parametrize("word", ALL)
def test_what_the_unit_allows_is_enough(installed, etc_mail, word):
    """The unit's own command lines, with its capabilities and no more."""
    with open(unit(installed, word)) as f:
        lines = dict(line.strip().split("=", 1) for line in f if "=" in line)
    caps = ",+".join(c[4:].lower() for c in lines["CapabilityBoundingSet"].split())
    limited = ["setpriv", "--bounding-set", "-all,+" + caps, "--no-new-privs"]
    subprocess.run(limited + lines["ExecStartPre"].split(), check=True, timeout=60)
    assert (lines["Type"], lines["WatchdogSec"]) == ("notify", "60s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0postern-unit-" + word)
        manager.settimeout(60)
        process = subprocess.Popen(
            limited + lines["ExecStart"].split(), stderr=subprocess.DEVNULL,
            env=dict(os.environ, NOTIFY_SOCKET="@postern-unit-" + word))
        try:
            assert manager.recv(1000).startswith(b"READY=1\nMAINPID=%d\n" % process.pid)
            assert answers(word)
        finally:
            process.terminate()
            process.wait(20)
    net.wait_for(lambda: not os.path.exists(f"/run/postern/{word}.pid"))
