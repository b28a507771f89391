"""posternintro(7), posternprovider(7) and README.md: each of their commands, typed in order on a
bare host."""
import os
import re

import pytest

from harness import TOP, mail_root, net, smtp


def commands(page="posternintro.7"):
    with open(os.path.join(TOP, "man", page)) as f:
        return [line[2:].strip().replace("\\e", "\\") for line in f
                if line.startswith("# ")]


@pytest.fixture
def host(site):
    with mail_root.opened(site) as root:
        yield root


def typed(host, folder, line):
    """-> what it said.  A refusal is what `postern explain` is asked about."""
    if line == "make install":      # of what is built
        line = "make -o all install"
    refused = "; test $? = 1" if line.endswith("friend@remote.example") else ""
    return host.run("sh", "-c", f"export START_TIMEOUT=20; cd {folder}; {line}{refused}")


def test_every_command_of_the_page(host, resolver):
    folder, said = TOP, {}
    assert len(commands()) > 15
    for line in commands():
        if line.startswith("cd "):
            folder = line[3:]
            continue
        said[line] = typed(host, folder, line)
    assert "relay-milter" in said["check_sendmail -n"]
    assert "DOWN" not in said["check_sendmail -n"]
    assert "Relaying denied" in "".join(said.values())
    assert "192.0.2.4" in said["vsmtprelay dump"]
    # And that is what a client sees.
    assert smtp.ask_relay(25, "192.0.2.4").code == 250
    assert smtp.ask_relay(25, "192.0.2.5").code == 550
    assert smtp.ask_relay(25, "192.0.2.5", sender="<a@spam.example>").code == 550


def of_readme():
    """The commands of `On your host`: a line each, without the remark."""
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as f:
        section = f.read().partition("## On your host")[2]
    block = section.split("```\n")[1]
    return [re.split(r" {2,}# ", line) for line in block.splitlines()]


def as_typed(line, remark):
    """An editor changes nothing here; without systemd there is the script that
    the remark names."""
    if line.startswith("vi "):
        return "test -f " + line[3:]
    if line.startswith("systemctl "):
        return remark.removeprefix("or ")
    return line.replace("make && make install", "make -o all install")


def test_every_command_of_the_readme(host, resolver):
    folder, said = TOP, {}
    assert len(of_readme()) > 7
    for line, *remark in of_readme():
        place, _, rest = line.partition(" && ")
        if place.startswith("cd "):
            folder, line = place[3:], rest
        said[line] = typed(host, folder, as_typed(line, "".join(remark)))
        # What a host with sendmail has there.
        host.run("sh", "-c", "cd /etc/mail && for f in aliases access local-host-names;"
                 " do test -e $f || : > $f; done")
    assert "DOWN" not in said["check_sendmail"], said["check_sendmail"]
    assert said["postern check"] == ""
    assert "relay-milter" in said["check_sendmail"]
    assert smtp.ask_relay(25, "192.0.2.5").code == 550
    host.run("sh", "-c", "vsmtprelay add 192.0.2.4")
    assert smtp.ask_relay(25, "192.0.2.4").code == 250


def test_every_command_of_the_provider(host, resolver):
    for line in commands()[:4]:         # posternintro(7) comes first
        typed(host, TOP, line)
    folder, said = TOP, {}
    for line in commands("posternprovider.7"):
        if line.startswith("cd "):
            folder = line[3:]
            continue
        said[line] = typed(host, folder, line)
    flow = [text for line, text in said.items() if line.startswith("postern explain")][0]
    assert "virtusertable: info@d1234.example = root" in flow
    assert "goes to: root by local" in flow
    assert "DOWN" not in said["check_sendmail -n"]
    assert said["postern check"] == ""
    # The reload of relay-milter is under way.
    net.wait_for(lambda: smtp.ask_relay(25, "192.0.2.5",
                                        rcpt="<info@new.example>").code == 250)
    for rcpt, code in (("<info@d3000.example>", 250), ("<nobody@d3000.example>", 550),
                       ("<a@d3001.example>", 550)):
        assert smtp.ask_relay(25, "192.0.2.5", rcpt=rcpt).code == code, rcpt
