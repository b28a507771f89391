"""The options of each program: in its manual page, and in what it prints."""
import os
import re
import subprocess

import pytest

from harness import TOP, program

# Programs that know --help; postern and its subcommands are in the unit tests.
OURS = """relay-milter virus-milter filter-milter postern-milter virus-scanner
vsmtprelay""".split()
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


def test_every_page_says_what_a_page_must():
    """mdoc sections in their order, for each program."""
    wanted = ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO", "HISTORY"]
    for name in OURS + SCRIPTS + ["postern"]:
        with open(os.path.join(TOP, "man", name + ".8"), encoding="ascii") as f:
            sections = [line[4:].strip() for line in f if line.startswith(".Sh ")]
        assert [s for s in sections if s in wanted] == wanted, name
