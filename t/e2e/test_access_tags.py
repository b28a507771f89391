"""One access.db for sendmail and for the tags Virus: and Filter: of ours."""
import glob

import pytest

from harness.filter import FilterMilter
from harness.sendmail import Sendmail
from harness.virus import VirusMilter
from harness.virus_gate import infected, send

ACCESS = """\
To:nobody@example.org	550 5.1.1 Nobody
Virus:lab@example.org	OK
Virus:legal.example.org	QUARANTINE:for legal
Virus:trap@example.org	DISCARD
Virus:127.0.0.3	550 5.7.9 We know you
Filter:lists.example.org	OK
Filter:lab@example.org	OK
Filter:127.0.0.4	OK
Filter:spam@example.org	ERROR:5.7.8:550 Not to the trap
"""


@pytest.fixture
def mta(site, sink, resolver):
    """Both milters, whose recipes refuse a word, before sendmail."""
    viruses = VirusMilter(site, top=f"mail_dir: {site}/mail")
    filters = FilterMilter(site, rc=":0 B\n* forbidden\n{ REJECT=recipes }\n",
                           filter=f"  access: {site}/mail/access\n")
    sendmail = Sendmail(site, mc=viruses.mc() + filters.mc(), access=ACCESS, sink=sink.port,
                        local_host_names=("example.org", "lists.example.org",
                                          "legal.example.org"))
    running = [viruses.start(), filters.start(), sendmail.start()]
    yield sendmail
    for one in reversed(running):
        one.stop()


def forbidden(mark):
    return f"Subject: {mark}\r\n\r\nforbidden\r\n"


def test_virus_tags(mta, sink):
    def said(mark, *rcpts, **more):
        return send(mta, infected(mark), [f"<{r}>" for r in rcpts], **more)
    assert said("v1", "b@example.org").code == 550
    assert said("v2", "nobody@example.org").code != 250
    assert said("v3", "lab@example.org").code == 250
    assert "X-Virus-Status: not scanned" in sink.wait("v3")["text"]
    assert said("v4", "b@example.org", source="127.0.0.3") == "550 5.7.9 We know you"
    assert said("v5", "trap@example.org").code == 250
    assert said("v6", "trap@example.org", "lab@example.org").code == 250
    assert sink.wait("v6")["rcpt"] == ["RCPT To:<lab@[127.0.0.1]>"]
    assert said("v7", "b@legal.example.org").code == 250
    held = glob.glob(mta.dir + "/mqueue/hf*")
    assert len(held) == 1
    with open(held[0], encoding="latin1") as f:
        assert "for legal" in f.read()
    assert not [m for m in sink.messages if "v5" in m["text"] or "v7" in m["text"]]


def test_filter_tags(mta, sink):
    def said(mark, *rcpts, **more):
        return send(mta, forbidden(mark), [f"<{r}>" for r in rcpts], **more)
    assert said("f1", "b@example.org") == "550 5.7.1 recipes"
    assert said("f2", "b@lists.example.org").code == 250
    assert said("f3", "b@example.org", source="127.0.0.4").code == 250
    assert said("f4", "spam@example.org") == "550 5.7.8 Not to the trap"
    assert said("f5", "spam@example.org", source="127.0.0.4") == "550 5.7.8 Not to the trap"
    assert said("f6", "lab@example.org", "b@lists.example.org").code == 250
    assert len(sink.wait("f6")["rcpt"]) == 2
    # An entry counts as soon as makemap has written it.
    mta.set_access(ACCESS + "Filter:b@example.org\tOK\n")
    assert said("f7", "b@example.org").code == 250
    assert sink.wait("f7")
