"""What README.md tells a newcomer to type first.  Its other block, which installs,
is typed in test_host_intro.py."""
import os
import re
import subprocess

from harness import TOP


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def blocks():
    return re.findall(r"(?ms)^```\n(.*?)^```$", read("README.md"))


def first_commands():
    block = next(b for b in blocks() if b.startswith("make demo"))
    return [re.split(r" {2,}# ", line)[0].strip() for line in block.splitlines()]


def typed(command):
    """With what is built, and installed, already."""
    done = subprocess.run(["sh", "-c", command + " MAKE='make -o all'"], cwd=TOP, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def plain(line):
    return " ".join(line.split())


def test_the_demo_prints_what_readme_shows():
    demo, check = first_commands()
    assert demo == "make demo" and check == "make check"
    said = {plain(line) for line in typed(demo).splitlines()}
    shown = [plain(line) for line in next(b for b in blocks() if b.startswith("== ")).splitlines()]
    assert len(shown) > 8
    for line in shown:
        assert line == "..." or line in said, line


def test_check_is_what_ci_runs_and_runs_every_tier():
    _, check = first_commands()
    assert read(".ci", "run").splitlines()[-1].endswith("exec " + check)
    plan = subprocess.run(["sh", "-c", check + " -n MAKE=true"], cwd=TOP, text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    tiers = re.search(r"t/run (.*)", plan)[1].split()
    folders = [n for n in ("unit", "protocol", "diff", "e2e") if os.path.isdir(f"{TOP}/t/{n}")]
    assert {t.removesuffix("-asan") for t in tiers} == set(folders)
    assert {"unit-asan", "protocol-asan"} <= set(tiers)
    # And the last line is what README says that it is.
    assert "passed, {failed} failed" in read("t", "run")
    assert '"N passed, N failed"' in read("README.md")
