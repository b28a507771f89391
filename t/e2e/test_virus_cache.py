"""Verdicts that are remembered, and what is not shared by them."""
import subprocess

from harness import program, virus
from harness.virus_gate import alone, ask  # noqa: F401

HEADER = [("head.ndb", "Bad.Header:0:*:" + b"badheader".hex() + "\n")]


def remembered(milter):
    done = subprocess.run([program("postern"), "virus", "metrics", "-c", milter.conf],
                          stdout=subprocess.PIPE, text=True, check=True)
    [line] = [line for line in done.stdout.splitlines()
              if line.startswith("postern_virus_cache_hits_total ")]
    return int(line.split()[1])


def mail(subject, body="test"):
    return f"From: <a@example.net>\r\nSubject: {subject}\r\n\r\n{body}\r\n"


def test_a_bad_header_makes_no_other_mail_bad(alone):
    milter = alone(virus="  workers: 1\n", signatures=HEADER)
    for _ in range(2):
        assert ask(milter, mail("a badheader")).code == 550
        assert ask(milter, mail("fine")).kind == "continue"
        assert ask(milter, mail("also fine")).kind == "continue"
    # By the same body, and the second time all three.
    assert remembered(milter) == 4


def test_what_was_found_is_remembered_for_the_same_mail(alone):
    milter = alone(virus="  workers: 1\n", signatures=HEADER)
    bad = virus.message(("e.com", virus.eicar()))
    assert ask(milter, bad).code == 550
    assert remembered(milter) == 0
    assert ask(milter, bad).code == 550
    assert remembered(milter) == 1
    assert ask(milter, "X-Other: 1\r\n" + bad).code == 550
    assert remembered(milter) == 1


def test_a_new_engine_knows_nothing(alone):
    """Be it of the same signatures."""
    milter = alone(virus="  workers: 1\n")
    for _ in range(2):
        assert ask(milter, mail("fine")).kind == "continue"
    assert remembered(milter) == 1
    subprocess.run([program("postern"), "virus", "reload", "-c", milter.conf], check=True)
    milter.said("signatures loaded", 2)
    assert ask(milter, mail("fine")).kind == "continue"
    assert remembered(milter) == 1
