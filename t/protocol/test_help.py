"""The options of each program: in its manual page, and in what it prints."""
import os
import re
import runpy
import subprocess

import pytest

from harness import TOP, program

# Programs that know --help; postern and its subcommands are in the unit tests.
OURS = """relay-milter virus-milter filter-milter postern-milter virus-scanner
vsmtprelay postern-postlogin""".split()
SCRIPTS = ["check_sendmail", "restart_sendmail"]
# Said by none of the programs' tables: CLI11 has them by itself.
EVERYWHERE = {"-h", "--help"}


def printed(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True, timeout=20,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def options_in(text):
    """Of lines `  -c,--config FILE   about`."""
    rows = re.findall(r"(?m)^ {2,}(-[-\w]+(?:,-[-\w]+)*)", text)
    return {word for row in rows for word in row.split(",")}


def of_program(name):
    text = printed(program(name), "--help")
    found = options_in(text)
    commands = re.findall(r"(?m)^  ([a-z]+) ", text.partition("Subcommands:")[2])
    for command in commands:
        found |= options_in(printed(program(name), command, "--help"))
    return found


def of_page(name):
    """-x and --words of the `.It Fl` lines."""
    with open(os.path.join(TOP, "man", name + ".8"), encoding="ascii") as f:
        rows = [line for line in f if line.startswith(".It Fl ")]
    words = [w.replace("\\-", "-") for row in rows for w in re.findall(r"Fl (\S+)", row)]
    return {"-" + word for word in words}


@pytest.mark.parametrize("name", OURS)
def test_page_and_help_name_the_same_options(name):
    assert of_page(name) | EVERYWHERE == of_program(name) | EVERYWHERE


@pytest.mark.parametrize("name", SCRIPTS)
def test_page_and_usage_name_the_same_options(name):
    usage = printed(os.path.join(TOP, "contrib", "etc-mail", name), "-h")
    found = set(re.findall(r"--[a-z]+", usage))
    for letters in re.findall(r"\[-([a-z]+)(?=\]| )(?!\|)", usage):
        found |= {"-" + letter for letter in letters}
    assert of_page(name) | EVERYWHERE == found | EVERYWHERE
    assert len(found) > 2


def source(*path):
    with open(os.path.join(TOP, *path), encoding="ascii") as f:
        return f.read()


def items(page, macro):
    """Words of the `.It macro` lines of a page."""
    rows = re.findall(rf"(?m)^\.It {macro} (.*)$", source("man", page))
    return {word for row in rows for word in re.split(r"[ ,]+", row) if word}


def test_no_program_is_forgotten():
    """What the Makefile installs, and scripts beside it."""
    listed = subprocess.run(["make", "-C", TOP, "-pnq", "no-such-target"], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    progs = re.search(r"(?m)^progs :=(.*)$", listed)[1].split()
    assert sorted(progs) == sorted(OURS + ["postern"])
    folder = os.path.join(TOP, "contrib", "etc-mail")
    assert sorted(n for n in os.listdir(folder) if n.endswith("_sendmail")) == SCRIPTS
    for name in progs + SCRIPTS:
        assert printed(program(name) if name in progs else f"{folder}/{name}", "--help")


def test_settings_of_the_scripts_are_in_their_page():
    settings = runpy.run_path(os.path.join(
        TOP, "contrib", "etc-mail", "postern_host", "settings.py"))["DEFAULTS"]
    assert len(settings) > 20
    assert items("check_sendmail.8", "Ev") == set(settings) | {"START_MILTER_", "Ns", "Ar", "name"}


def test_variables_and_targets_of_the_makefile_are_in_its_page():
    text = source("contrib", "etc-mail", "Makefile")
    settable = set(re.findall(r"(?m)^([A-Z_0-9]+)[?+]=", text))
    assert items("etc-mail.makefile.5", "Ev") == settable | {"DESTDIR"}
    phony = set(re.search(r"\.PHONY: ((?:.*\\\n)*.*)", text)[1].replace("\\\n", " ").split())
    known = items("etc-mail.makefile.5", "Cm")
    for target in phony:
        assert re.sub("-(mta|mspq)$", "", target) in known, target


def test_each_feature_is_in_its_page():
    names = {n.removesuffix(".m4") for n in os.listdir(os.path.join(TOP, "m4", "feature"))}
    # What the others share is not for the .mc file.
    assert items("postern-m4.7", "Li") >= names - {"postern_milter"}
    for name in names:
        text = source("m4", "feature", name + ".m4")
        most = max([0] + [int(n or 1) for n in re.findall(r"\b_ARG(\d?)_", text)])
        told = re.search(rf"(?m)^\.Li FEATURE\(`{name}'((?:, Ar \w+ )*)", source(
            "man", "postern-m4.7"))
        assert name == "postern_milter" or name == "postern" or told[1].count("Ar ") == most, name


def test_arguments_of_the_pam_module_are_in_its_page():
    read = set(re.findall(r'argument\(argc, argv, "(\w+)"\)', source(
        "contrib", "pam", "pam_postern.cc")))
    assert read == {word.rstrip("=") for word in items("pam_postern.8", "Cm")
                    if word.endswith("=")}


def test_every_page_says_what_a_page_must():
    """mdoc sections in their order, for each program."""
    wanted = ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO", "HISTORY"]
    for name in OURS + SCRIPTS + ["postern"]:
        with open(os.path.join(TOP, "man", name + ".8"), encoding="ascii") as f:
            sections = [line[4:].strip() for line in f if line.startswith(".Sh ")]
        assert [s for s in sections if s in wanted] == wanted, name
