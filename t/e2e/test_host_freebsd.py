"""What `make install` puts on FreeBSD, as far as it can be tried elsewhere."""
import os
import subprocess

import pytest

from harness.files import written
from test_host_install import (answers, etc_mail, files, installed,  # noqa: F401
                               make, owner)


def test_freebsd_gets_rc_scripts(site):
    root = site + "/root"
    make("install-host", "DESTDIR=" + root, "PREFIX=/usr/local", "SYSTEM=FreeBSD")
    found = files(root)
    assert [f for f in found if "rc.d" in f] == [
        "/usr/local/etc/rc.d/filter_milter", "/usr/local/etc/rc.d/postern_milter",
        "/usr/local/etc/rc.d/relay_milter"]
    assert not [f for f in found if "systemd" in f or "init.d" in f]
    for name in found:
        if "rc.d" in name:
            subprocess.run(["sh", "-n", root + name], check=True)
            with open(root + name) as f:
                assert 'command="/usr/local/sbin/' in f.read()


# What rc.subr(8) says of what a script sets and calls; FreeBSD has the real one.
RC_SUBR = """
load_rc_config() { . /etc/rc.conf; }
is_running() { kill -0 "$(cat "$pidfile" 2>/dev/null)" 2>/dev/null; }
run_rc_command()
{
    eval "value=\\$$rcvar; rc_flags=\\$${name}_flags"
    test "$value" = YES || exit 0
    eval "precmd=\\${${1}_precmd-}"
    case $1 in
    start)
        is_running && return 1
        for f in $required_files; do test -r "$f" || exit 1; done
        ${precmd:-:} && $command $rc_flags
        ;;
    stop) is_running && kill "$(cat "$pidfile")" && while is_running; do sleep 0.1; done ;;
    status) is_running ;;
    reload)
        case " $extra_commands " in *" reload "*) ;; *) exit 1 ;; esac
        is_running && ${precmd:-:} && kill -HUP "$(cat "$pidfile")"
        ;;
    esac
}
"""


@pytest.mark.parametrize("word", ["relay", "filter", "postern"])
def test_the_rc_script_does_its_part(installed, etc_mail, site, word):  # noqa: F811
    make("install-host", "DESTDIR=" + site, "PREFIX=/usr/local", "SYSTEM=FreeBSD")
    path = f"{site}/usr/local/etc/rc.d/{word}_milter"
    for name, text in (("rc.subr", RC_SUBR), ("rc.conf", "")):
        with open("/etc/" + name, "w", encoding="ascii") as f:
            f.write(text)

    def script(verb):
        return subprocess.run([path, verb], stdin=subprocess.DEVNULL, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT).returncode

    assert script("start") == 0 and script("status") == 0
    assert not os.path.exists(f"/run/postern/{word}.pid")      # not enabled
    with open("/etc/rc.conf", "w", encoding="ascii") as f:
        f.write(f'{word}_milter_enable="YES"\n')
    assert script("status") != 0
    assert script("start") == 0 and script("status") == 0 and answers(word)
    with open(f"/run/postern/{word}.pid", encoding="ascii") as f:
        assert owner(int(f.read())) != 0
    assert script("reload") == 0
    with written("/etc/mail/postern.yaml", "nonsense: 1\n"):
        assert script("reload") != 0 and script("status") == 0 and answers(word)
        assert script("stop") == 0 and script("start") != 0 and script("status") != 0
