"""New signatures while mail flows: a good set takes over, a bad one never does,
beside the old one or in its place (virus.reload: serial)."""
import json
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest

from harness import net, program, virus
from harness.virus_gate import alone, ask, infected  # noqa: F401

HERE = "the old signatures stay"


def status(milter):
    done = subprocess.run([program("postern"), "virus", "status", "--json", "-c", milter.conf],
                          stdout=subprocess.PIPE, text=True)
    return done.returncode, json.loads(done.stdout)


def replace(milter, name, text):
    """As freshclam does: another file under that name."""
    virus.database(milter.database, [(name, text)])


def lines_about(milter, words):
    return [line for line in milter.stderr().splitlines() if words in line]


def hup(milter):
    milter.process.send_signal(signal.SIGHUP)


def serves(milter, mark):
    assert ask(milter, infected(mark)).code == 550
    assert ask(milter, virus.message(text=mark)).kind == "continue"


@pytest.fixture(params=["serial"])
def milter(request, alone):
    return alone(virus=f"  reload: {request.param}\n  workers: 1\n  watch: 1s\n  cache: 0\n")


both_ways = pytest.mark.parametrize("milter", ["beside", "serial"], indirect=True)


@both_ways
def test_a_broken_set_is_not_taken(milter):
    replace(milter, "bad.ndb", "this is no signature\n")
    milter.said("bad.ndb")
    serves(milter, "one")
    code, told = status(milter)
    assert code == 1 and told["ready"] and "bad.ndb" in told["last_error"]
    time.sleep(3)  # it is not tried over and over
    assert len(lines_about(milter, "bad.ndb")) == 1
    os.unlink(milter.database + "/bad.ndb")
    replace(milter, "new.ndb", "Worm.New:0:*:" + b"a new worm".hex() + "\n")
    net.wait_for(lambda: ask(milter, virus.message(("w", b"a new worm"))).code == 550, 20)
    assert status(milter)[0] == 0


@pytest.mark.parametrize("text", [
    "rule evil { strings: $a = \"evilword\" condition: $b }\n",
    "rule ok { strings: $a = \"x\" condition: $a }\nrule evil {\n", ""])
def test_yara_rules_that_would_be_passed_over(alone, text):
    good = "rule evil { strings: $a = \"evilword\" condition: $a }\n"
    milter = alone(virus="  workers: 1\n  watch: 1s\n  cache: 0\n",
                   signatures=[("own.yara", good)])
    replace(milter, "own.yara", text)
    milter.said("cli_loadyara: ")
    assert ask(milter, virus.message(("e.txt", b"an evilword"))).code == 550
    code, told = status(milter)
    assert code == 1 and f"{milter.database}: " in told["last_error"]
    replace(milter, "own.yara", good.replace("evil", "other"))
    milter.said("signatures loaded", 2)
    assert ask(milter, virus.message(("e.txt", b"an otherword"))).code == 550
    assert status(milter)[0] == 0


def test_an_empty_set_is_not_taken(milter):
    aside = milter.dir + "/aside"
    for name in os.listdir(milter.database):
        os.renames(f"{milter.database}/{name}", f"{aside}/{name}")
    os.makedirs(milter.database, exist_ok=True)
    milter.said(f"no signature files; {HERE}")
    serves(milter, "two")
    assert status(milter)[0] == 1
    hup(milter)
    milter.said("reloaded")
    serves(milter, "three")
    assert milter.stderr().count("no signature files") == 1
    shutil.rmtree(milter.database)
    os.rename(aside, milter.database)
    net.wait_for(lambda: status(milter)[0] == 0, 10, message="it does not see that all is well")


def test_a_set_that_fails_its_test_is_not_taken(milter):
    os.unlink(milter.database + "/test.hsb")
    with open(milter.database + "/new", "w") as f:
        f.write("Clam.Code:0:*:%s\n" % virus.clam()[0x40:0x70].hex())
    os.rename(milter.database + "/new", milter.database + "/test.ndb")
    milter.said("self-test: EICAR test file is called clean")
    serves(milter, "four")


@both_ways
def test_a_scanner_that_dies_beside_a_broken_set(milter):
    """What served before is loaded again, though its files have gone."""
    replace(milter, "bad.ndb", "this is no signature\n")
    milter.said("bad.ndb")
    serves(milter, "five")
    for name in ("test.ndb", "test.hsb"):
        replace(milter, name, "neither is this\n")
    scanner, _ = milter.workers(1)
    os.kill(scanner, signal.SIGKILL)
    serves(milter, "six")
    milter.said("the signatures that served before are loaded again")
    assert status(milter)[0] == 1


def test_a_set_that_was_overwritten_is_not_called_the_old_one(alone):
    """Not as freshclam does: written into the file that serves.  There is
    nothing to go back to, and no mail passes."""
    milter = alone(virus="  reload: serial\n  workers: 1\n  deadline: 2s\n")
    with open(milter.database + "/test.ndb", "r+") as f:
        f.write("no signature\n")
    hup(milter)
    milter.said("test.ndb")
    assert ask(milter, virus.message(text="seven")).text.startswith("451 4.7.1")
    assert not status(milter)[1]["ready"]
    virus.database(milter.database)
    net.wait_for(lambda: ask(milter, infected()).code == 550, 40)


def test_memory_is_looked_at_first(alone):
    milter = alone(virus="  workers: 1\n  cache: 0\n")
    fake = milter.dir + "/meminfo"
    with open(fake, "w") as f:
        f.write("MemTotal: 9000 kB\nMemAvailable: 1000 kB\n")
    subprocess.run(["mount", "--bind", fake, "/proc/meminfo"], check=True)
    try:
        hup(milter)
        milter.said(f"no memory to load the new signatures beside the old ones; "
                    f"see virus.reload; {HERE}")
    finally:
        subprocess.run(["umount", "/proc/meminfo"], check=True)
    serves(milter, "eight")
    hup(milter)
    milter.said("signatures loaded", 2)
    assert status(milter)[0] == 0


def test_no_message_waits(alone):
    """Set after set is loaded under load; the old scanners go."""
    milter = alone(virus="  cache: 0\n  workers: 2\n")
    stop, took, wrong = threading.Event(), [], []

    def client(number):
        n = 0
        while not stop.is_set():
            n += 1
            mark = f"client {number} {n}"
            begin = time.monotonic()
            reply = ask(milter, infected(mark) if n % 2 else virus.message(text=mark))
            took.append(time.monotonic() - begin)
            if (reply.code == 550) != bool(n % 2):
                wrong.append(reply)
    threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for n in range(2, 7):
        replace(milter, "more.ndb", f"Worm.{n}:0:*:{os.urandom(20).hex()}\n" * n)
        hup(milter)
        milter.said("signatures loaded", n)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong and len(took) > 20 and max(took) < 3, (wrong, len(took), max(took))
    net.wait_for(lambda: len(milter.descendants()) == 1, 10, message="old scanners stay")
    assert sorted(os.listdir(milter.dir + "/tmp"))[0].startswith("postern-scan.")
    assert sum(n.startswith("postern-set.") for n in os.listdir(milter.dir + "/tmp")) == 1


def test_a_load_that_hangs_is_given_up(alone, site):
    """Its self-test reads from a pipe into which nobody writes."""
    sample = site + "/sample"
    with open(sample, "w") as f:
        f.write("harmless\n")
    milter = alone(virus="  workers: 1\n  watch: 0\n  cache: 0\n  load_time: 4s\n"
                         f"  known_clean: ['{sample}']\n")
    os.unlink(sample)
    os.mkfifo(sample)
    hup(milter)
    milter.said("not loaded within virus.load_time")
    serves(milter, "nine")
    code, told = status(milter)
    assert code == 1 and told["ready"] and "virus.load_time" in told["last_error"]
    net.wait_for(lambda: len(milter.descendants()) == 1, 5, message="the loader stays")
    os.unlink(sample)
    with open(sample, "w") as f:
        f.write("harmless\n")
    replace(milter, "new.ndb", "Worm.New:0:*:" + b"a new worm".hex() + "\n")
    hup(milter)
    milter.said("signatures loaded", 2)
    assert ask(milter, virus.message(("w", b"a new worm"))).code == 550
    assert status(milter)[0] == 0


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_not_loaded(milter, make):
    """libclamav would wait for either without end."""
    make(milter.database + "/odd.ndb")
    milter.said(f"/odd.ndb: not a file; {HERE}")
    serves(milter, "ten")
    assert status(milter)[0] == 1
    os.kill(milter.workers(1)[0], signal.SIGKILL)
    serves(milter, "eleven")
