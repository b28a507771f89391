"""The package on a host that systemd has booted: ready when the milters are,
watched, confined, restarted, upgraded, and gone when it is removed."""
import contextlib
import glob
import os
import random

import pytest

from harness import net, package, virus
from harness.booted import Booted
from harness.files import written
from harness.virus_gate import ask, infected

WORDS = ("relay", "virus", "filter")


@pytest.fixture(scope="module")
def host(deb, tmp_path_factory):
    """Postern beside sendmail's maps and freshclam's signatures."""
    with Booted(str(tmp_path_factory.mktemp("booted"))) as root:
        root.run("groupadd", "--system", "smmsp")
        package.maps(root)
        package.signatures(root)
        root.deb, root.said = deb, package.install(root, deb)
        yield root


def milter(word):
    return word + "-milter.service"


def pid(host, word):
    """The main process, as it is numbered inside."""
    return host.unit(milter(word), "MainPID")


def runs(host, word):
    return host.unit(milter(word), "ActiveState") == "active" and package.answers(host, word)


def runs_anew(host, word, before):
    return pid(host, word) not in ("0", before) and runs(host, word)


def configured(host, text):
    return written(host.path("/etc/mail/postern.yaml"), text)


class Asked:
    """What virus_gate.ask() wants to know of a milter."""

    def __init__(self, host, word):
        self.socket = host.path(f"/run/postern/{word}.sock")


@pytest.mark.parametrize("word", WORDS)
def test_the_package_starts_each_when_it_serves(host, word):
    assert "is not started" not in host.said
    assert host.unit(milter(word), "UnitFileState") == "enabled"
    assert host.unit(milter(word), "Type") == "notify"
    assert host.unit(milter(word), "StatusText") == f"serving unix:/run/postern/{word}.sock"
    assert runs(host, word)
    with open(host.path(f"/run/postern/{word}.pid"), encoding="ascii") as f:
        assert f.read().strip() == pid(host, word)


def test_what_is_confined_still_scans(host):
    gate = Asked(host, "virus")
    net.wait_for(lambda: ask(gate, virus.message(("a.txt", b"plain"))).kind == "continue",
                 message="no signatures")
    assert ask(gate, infected()).code == 550
    # No mount is allowed in there: folders are measured, and bounded.
    log = host.run("journalctl", "--no-pager", "-t", "virus-milter")
    assert "no tmpfs" in log, log
    bomb = virus.message(("b.zip", virus.zipped(("r", random.Random(1).randbytes(9_000_000)))))
    assert ask(gate, bomb).kind == "continue"
    with configured(host, "virus: {temp_size: 1M}\n"):
        host.run("systemctl", "restart", milter("virus"))
        reply = net.wait_for(lambda: ask(gate, bomb))
        assert reply.text.startswith("451 4.7.1"), reply
        assert ask(gate, infected("after")).code == 550
    host.run("systemctl", "restart", milter("virus"))


@pytest.mark.parametrize("word", WORDS)
def test_reload_takes_over_what_is_right(host, word):
    before = pid(host, word)
    with configured(host, "nonsense: 1\n"):
        said = host.run("sh", "-c", f"systemctl reload {milter(word)}; echo code $?")
        assert "code 0" not in said
        assert pid(host, word) == before and runs(host, word)
    host.run("systemctl", "reload", milter(word))
    assert pid(host, word) == before and runs(host, word)


def test_the_init_script_leaves_the_work_to_systemd(host):
    """Or there would be two."""
    def script(verb):
        return host.run("sh", "-c", f"/etc/init.d/filter-milter {verb}; echo code $?")

    before = pid(host, "filter")
    assert script("start").endswith("code 0\n") and pid(host, "filter") == before
    assert "active (running)" in script("status")
    assert script("reload").endswith("code 0\n") and pid(host, "filter") == before
    with configured(host, "nonsense: 1\n"):
        assert "nonsense" in script("restart") and pid(host, "filter") == before
    assert script("restart").endswith("code 0\n") and runs_anew(host, "filter", before)
    assert script("stop").endswith("code 0\n") and pid(host, "filter") == "0"
    assert script("start").endswith("code 0\n") and runs(host, "filter")
    assert script("sing").endswith("code 64\n")


@pytest.mark.parametrize("word", WORDS)
def test_who_is_killed_comes_back(host, word):
    before = pid(host, word)
    host.run("kill", "-KILL", before)
    net.wait_for(lambda: runs_anew(host, word, before))


def test_who_hangs_is_ended_by_the_watchdog(host):
    """The interval of the unit is half a minute; here it is shorter."""
    quick = "[Service]\nWatchdogSec=3s\nTimeoutAbortSec=1s\nRestartSec=0\n"
    with contextlib.ExitStack() as drop_ins:
        for word in WORDS:
            drop_ins.enter_context(written(
                host.path(f"/etc/systemd/system/{milter(word)}.d/quick.conf"), quick))
        host.run("systemctl", "daemon-reload")
        host.run("systemctl", "restart", *map(milter, WORDS))
        before = {word: pid(host, word) for word in WORDS}
        # Not one that answers.
        with pytest.raises(TimeoutError):
            net.wait_for(lambda: [w for w in WORDS if pid(host, w) != before[w]], 5)
        host.run("kill", "-STOP", *before.values())
        for word in WORDS:
            net.wait_for(lambda w=word: runs_anew(host, w, before[w]))
            assert "Watchdog timeout" in host.run("journalctl", "--no-pager", "-u", milter(word))
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "restart", *map(milter, WORDS))


def test_all_that_is_enabled_is_there_after_a_boot(host):
    host.reboot()
    for word in WORDS:
        assert runs(host, word), word
    assert host.unit(milter("postern"), "ActiveState") == "inactive"


def disabled(host):
    return [w for w in (*WORDS, "postern")
            if host.unit(milter(w), "UnitFileState") == "disabled"]


def upgrade(host, version):
    return package.install(host, package.newer(host.deb, host.layer, version))


def test_an_upgrade_restarts_what_runs(host):
    before = {word: pid(host, word) for word in WORDS}
    upgrade(host, "0.1+2")
    assert "Version: 0.1+2" in host.run("dpkg", "-s", "postern")
    for word in WORDS:
        assert runs_anew(host, word, before[word]), word
    assert disabled(host) == ["postern"]


def test_an_upgrade_starts_nothing_that_the_admin_has_ended(host):
    host.run("systemctl", "disable", "--now", milter("filter"))
    upgrade(host, "0.1+3")
    assert host.unit(milter("filter"), "ActiveState") == "inactive"
    assert disabled(host) == ["filter", "postern"]
    host.run("systemctl", "enable", "--now", milter("filter"))


def test_one_in_place_of_the_three_is_upgraded(host):
    host.run("systemctl", "disable", "--now", *map(milter, WORDS))
    host.run("systemctl", "enable", "--now", milter("postern"))
    gate = Asked(host, "postern")
    net.wait_for(lambda: ask(gate, infected()).code == 550, message="no signatures")
    before = pid(host, "postern")
    upgrade(host, "0.1+4")
    assert runs_anew(host, "postern", before)
    assert disabled(host) == list(WORDS)
    for word in WORDS:
        assert host.unit(milter(word), "ActiveState") == "inactive", word
    net.wait_for(lambda: ask(gate, infected()).code == 550, message="no signatures")
    host.reboot()
    assert runs(host, "postern")
    assert disabled(host) == list(WORDS)
    before = pid(host, "postern")
    host.run("kill", "-KILL", before)
    net.wait_for(lambda: runs_anew(host, "postern", before))


def test_what_is_removed_stops_and_what_is_purged_is_gone(host):
    assert [word for word in (*WORDS, "postern") if runs(host, word)]
    assert package.left(host, host.deb)
    host.run("apt-get", "-y", "-q", "remove", "postern")
    assert host.run("systemctl", "list-units", "--no-legend", "*-milter*") == ""
    assert not glob.glob(host.path("/run/postern/*"))
    for name in ("/etc/mail/postern.yaml", "/var/lib/postern", "/etc/mail/access.db"):
        assert os.path.exists(host.path(name)), name
    # Changed again: it finds what it has left.
    package.install(host, host.deb)
    host.run("systemctl", "start", milter("relay"))
    assert runs(host, "relay")
    host.run("apt-get", "-y", "-q", "purge", "postern")
    assert host.run("systemctl", "list-units", "--no-legend", "*-milter*") == ""
    assert package.left(host, host.deb) == []
    assert os.path.exists(host.path("/etc/mail/access.db"))
