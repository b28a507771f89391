"""-n of filter-milter and virus-milter: settings that read well and do not work."""
import os
import subprocess

import pytest

from harness import program
from harness.filter import FilterMilter
from harness.virus import VirusMilter


def check(milter, *args):
    """-> (exit code, what it said, without the program's name)"""
    done = subprocess.run([program(milter.name), "-n", "-c", milter.conf, *args],
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.replace(milter.name + ": ", "")


def line_of(milter, words):
    with open(milter.conf) as f:
        return next(n for n, line in enumerate(f, 1) if words in line)


def test_virus_settings_that_work(site):
    assert check(VirusMilter(site)) == (0, "")


@pytest.mark.parametrize("setting, value, why", [
    ("temp_dir", "/nonexistent", "/nonexistent: No such file or directory"),
    ("temp_dir", "/etc/passwd", "/etc/passwd: is not a folder"),
    ("database", "/nonexistent", "/nonexistent: "),
    ("database", "{empty}", "{empty}: "),
    ("scanner", "/nonexistent", "/nonexistent: No such file or directory"),
    ("scanner", "/etc/passwd", "/etc/passwd: Permission denied"),
    ("known_clean", "[/nonexistent]", "/nonexistent: No such file or directory"),
    ("notify", "{{templates: {large}}}", "{large}/admin: larger than 8 KiB"),
    ("limits", "{{recursion: 1}}", "'1'"),
    ("limits", "{{files: 1}}", "'1'"),
    ("temp_size", "1K", "'1K'"),
    ("groups", "[{{scan: no}}]", "a group needs a name"),
    ("groups", "[{{name: a, senders: [b@c], scan: no}}]", "anybody may forge"),
    ("skip", "{{access: /nonexistent/access}}", "/nonexistent/access"),
])
def test_virus_settings_that_do_not(site, setting, value, why):
    milter = VirusMilter(site)
    empty = site + "/empty"
    large = site + "/large"
    os.mkdir(empty)
    os.mkdir(large)
    with open(large + "/admin", "w") as f:
        f.write("x" * 8193)
    with open(milter.conf) as f:
        lines = [line for line in f if not line.startswith(f"  {setting}:")]
    lines.insert(1, f"  {setting}: {value.format(empty=empty, large=large)}\n")
    with open(milter.conf, "w") as f:
        f.writelines(lines)
    code, said = check(milter)
    assert code == 78
    assert said.startswith(f"{milter.conf}:2: virus.{setting}"), said
    assert why.format(empty=empty, large=large) in said and said.count("\n") == 1, said


def test_virus_checks_as_its_user(site):
    milter = VirusMilter(site)
    os.chmod(milter.dir + "/tmp", 0o700)
    assert check(milter)[0] == 0
    code, said = check(milter, "-u", "postern")
    assert code == 78
    assert said == (f"{milter.conf}:{line_of(milter, 'temp_dir')}: virus.temp_dir: "
                    f"{milter.dir}/tmp: Permission denied\n")


def test_virus_of_clamd_needs_none_of_it(site):
    milter = VirusMilter(site)
    with open(milter.conf) as f:
        text = f.read().replace(milter.database, "/nonexistent")
    with open(milter.conf, "w") as f:
        f.write(text.replace("virus:\n", "virus:\n  engine: clamd\n"
                             "  clamd: {servers: ['unix:/nonexistent']}\n"))
    assert check(milter) == (0, "")


def test_filter_settings(site):
    milter = FilterMilter(site)
    assert check(milter) == (0, "")
    for line, why in (
            ("programs: [/nonexistent]", "filter.programs: /nonexistent: No such file"),
            ("programs: [/etc/passwd]", "filter.programs: /etc/passwd: Permission denied"),
            ("classes: ['vip=/nonexistent']", "filter.classes: /nonexistent: No such file"),
            ("access: /nonexistent/access", "filter.access: /nonexistent/access")):
        milter.configure(f"  {line}\n")
        code, said = check(milter)
        assert code == 78 and said.count("\n") == 1, said
        assert said.startswith(f"{milter.conf}:{line_of(milter, line)}: {why}"), said
