"""postern-milter as a process: its sockets, its log, reload, and failures."""
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from harness import net, program, smtp, virus
from harness.one_pass import Gate
from harness.relay_milter import vsmtprelay
from harness.virus_gate import infected

RC = ":0\n* ^Subject: unwanted\n{ REJECT=\"no, thanks\" }\n"
RELAY = "  features: [access_db]"
UNWANTED = "Subject: unwanted\r\n\r\nbody\r\n"


def gate(site, **settings):
    settings.setdefault("relay", RELAY)
    made = Gate(site + "/one", ("postern",), rc=RC, mc="FEATURE(`promiscuous_relay')dnl\n",
                access=None, **settings)
    made.write("mail/access", "From:spam@example.net REJECT\n")
    return made


@pytest.fixture
def one(site, resolver):
    with gate(site) as made:
        yield made


def send(one, text, sender="<a@example.net>"):
    with smtp.Client(one.mta.port) as c:
        c("EHLO client.example.net")
        return c.send(sender, ["<bob@example.org>"], text)[-1]


def answers(one):
    """What a spammer, a virus and unwanted mail are told."""
    return [send(one, "Subject: x\r\n\r\n", "<spam@example.net>").code,
            send(one, infected()).code, send(one, UNWANTED).code]


def ask(path, request):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(json.dumps(request).encode() + b"\n")
        with s.makefile() as lines:
            return json.loads(lines.readline())


def configure(one, *changes):
    with open(one.site + "/postern.yaml") as f:
        text = f.read()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    one.write("postern.yaml", text)


def test_each_says_its_own_in_the_log(one, log):
    milter = one.milters[0]
    assert answers(one) == [550, 550, 550]
    pid = milter.process.pid
    for name, words in (("relay", "relay: verdict=reject"), ("virus", "virus: status=infected"),
                        ("filter", "filter: action=reject"), ("postern", "started, serving")):
        assert log.wait(rf"{name}-milter\[{pid}\]: .*{words}"), name
    # Nothing of one is under the name of another.
    assert not log.grep(rf"(virus|filter|postern)-milter\[{pid}\]: .*relay: ")


def test_sockets_of_all_are_there_and_go(one):
    milter, site = one.milters[0], one.site
    code, out, err = vsmtprelay("-s", site + "/relay/control.sock", "add", "192.0.2.4")
    assert code == 0, out + err
    assert "192.0.2.4" in vsmtprelay("-s", site + "/relay/control.sock", "dump")[1]
    assert ask(site + "/relay/control.sock", {"command": "status"})["ok"]
    assert ask(site + "/virus/control.sock", {"command": "status"})["ok"]
    assert net.listening(site + "/relay/map.sock")
    workers = workers_of(milter)
    assert workers
    assert milter.stop() == 0
    assert glob.glob(site + "/*/*.sock") == []
    net.wait_for(lambda: not any(map(virus.alive, workers)), 10)
    # While it is down nothing passes.
    assert send(one, "Subject: x\r\n\r\n").startswith("451")
    milter.start()
    assert answers(one) == [550, 550, 550]


def workers_of(milter):
    said = subprocess.run(["ps", "--ppid", str(milter.process.pid), "-o", "pid="],
                          stdout=subprocess.PIPE, text=True).stdout
    return list(map(int, said.split()))


def test_killed_it_lets_nothing_pass_and_comes_back(one):
    """In the middle of a message, too."""
    milter = one.milters[0]
    workers = workers_of(milter)
    assert workers
    with smtp.Client(one.mta.port) as c:
        c("EHLO client.example.net")
        for line, code in (("MAIL FROM:<a@example.net>", 250),
                           ("RCPT TO:<bob@example.org>", 250), ("DATA", 354)):
            assert c(line).code == code
        milter.stop(signal.SIGKILL)
        assert c(infected() + ".").code == 451
    net.wait_for(lambda: not any(map(virus.alive, workers)), 10)
    assert send(one, "Subject: x\r\n\r\n").code == 451
    milter.start()
    net.wait_for(lambda: answers(one) == [550, 550, 550])


def test_a_reload_is_for_all_or_for_none(one):
    milter = one.milters[0]
    configure(one, ("features: [access_db]", "features: []"),
              ("filter:\n", "filter:\n  include_dir: relative\n"))
    milter.reload()
    milter.said("reload failed: the old configuration stays")
    assert answers(one) == [550, 550, 550]
    # The configuration is right, and a file that it names is not.
    configure(one, ("  include_dir: relative\n", "  domain_rc: /none/%d\n"),
              (one.site + "/filterrc", one.site + "/missing"))
    milter.reload()
    milter.said("reload failed: the old configuration stays", 2)
    assert "missing: is missing" in milter.stderr()
    assert answers(one) == [550, 550, 550]
    one.write("missing", "")
    milter.reload()
    milter.said("reloaded ")
    assert answers(one) == [250, 550, 250]
    code = ask(one.site + "/relay/control.sock", {"command": "reload"})
    assert code["ok"]
    milter.said("reloaded ", 2)
    configure(one, ("postern:\n", "postern:\n  milters: [relay]\n"))
    milter.reload()
    milter.said("postern.milters has changed: restart to take it over")
    assert answers(one) == [250, 550, 250]


def test_only_those_that_are_wanted(site, resolver):
    made = gate(site)
    configure(made, ("postern:\n", "postern:\n  milters: [filter, relay]\n"))
    made.milters[0].ready = ()
    with made as one:
        assert answers(one) == [550, 250, 550]
        assert not os.path.exists(one.site + "/virus/control.sock")
        assert "virus-milter" not in one.milters[0].stderr()


def test_mail_waits_while_nothing_can_be_scanned(site, resolver):
    made = gate(site)
    shutil.rmtree(made.site + "/signatures")
    made.milters[0].ready = ()
    configure(made, ("virus:\n", "virus:\n  deadline: 2s\n"))
    with made as one:
        assert send(one, "Subject: x\r\n\r\n").startswith("451")
        # What comes before is asked as ever, what comes behind is not.
        assert answers(one)[0] == 550
        assert send(one, UNWANTED).startswith("451")
        assert "action=reject" not in one.milters[0].stderr()


def check(one, *args):
    done = subprocess.run([program("postern-milter"), "-n", "-c", one.milters[0].conf, *args],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def test_the_check_finds_what_is_wrong_with_each(site, resolver):
    made = gate(site)
    assert check(made) == (0, "")
    made.write("filterrc", ":0\n* ^Subject: ((\n/dev/null\n")
    os.unlink(made.site + "/mail/access")
    code, said = check(made)
    assert code == 78
    assert re.search(r"(?m)^postern-milter: .*filterrc:2", said), said
    assert re.search(r"(?m)^postern-milter: .*access", said), said
    configure(made, ("postern:\n", "postern:\n  milters: []\n"))
    assert "postern.milters: names no milter" in check(made)[1]


def test_root_is_given_up(site, resolver):
    made = gate(site, relay=f"{RELAY}\n  relayers: {{file: {site}/one/state/relayers.db}}")
    os.makedirs(made.site + "/state")
    for folder, names, files in os.walk(made.site):
        if "/mail" in folder[len(made.site):]:
            continue
        for name in ["", *files]:
            os.chown(os.path.join(folder, name), net.USERS["postern"], net.USERS["postern"])
    milter = made.milters[0]
    configure(made, ("mail_dir:", "user: postern\nmail_dir:"),
              ("postern:\n", "postern:\n  socket_mode: 0666\n"))
    with made as one:
        assert os.stat(f"/proc/{milter.process.pid}").st_uid == net.USERS["postern"]
        assert answers(one) == [550, 550, 550]
        assert os.stat(one.site + "/decisions.jsonl").st_uid == net.USERS["postern"]
        milter.reload()
        milter.said("reloaded ")
        assert answers(one) == [550, 550, 550]
    assert "decision log" not in milter.stderr()
