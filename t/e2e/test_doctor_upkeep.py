"""postern check: what grows old, and who listens where."""
import os
import shutil
import time

import pytest

from harness import doctor
from harness.doctor import listeners, milter     # noqa: F401
from harness.relay_milter import RelayMilter
from harness.sendmail import Sendmail, makemap


def test_signatures_that_are_old(site, resolver):
    mta = Sendmail(site, mc=milter("virus-milter", site + "/none.sock"))
    folder = site + "/signatures"
    conf = f"virus: {{database: {folder}, max_age: 3d}}\n"
    assert "no virus signatures" in doctor.check(mta, conf=conf).only(
        "old-signatures")["cause"]
    os.mkdir(folder)
    path = folder + "/own.ndb"
    with open(path, "w", encoding="ascii") as f:
        f.write("Own:0:*:41424344\n")
    assert doctor.check(mta, conf=conf).of("old-signatures") == []
    os.utime(path, (time.time() - 5 * 86400,) * 2)
    finding = doctor.check(mta, conf=conf).only("old-signatures")
    assert finding["file"] == folder and "5 days old" in finding["cause"]
    # Nobody scans here.
    shutil.rmtree(mta.dir)
    assert doctor.check(Sendmail(site), conf=conf).of("old-signatures") == []


@pytest.mark.parametrize("answer,cause", [
    (b"ClamAV 1.4.6/27345/Mon Jan  2 03:04:05 2023\0", "days old"),
    (b"ClamAV 1.4.6\0", "does not tell the age"), (b"", "closed the connection"),
    (time.strftime("ClamAV 1.4.6/27900/%a %b %d %H:%M:%S %Y").encode() + b"\0", None)])
def test_signatures_of_clamd(site, resolver, listeners, answer, cause):
    """Those that it has loaded count, wherever they came from."""
    clamd = listeners(site + "/clamd.sock", answer)
    mta = Sendmail(site, mc=milter("virus-milter", site + "/none.sock"))
    conf = (f"virus: {{engine: clamd, max_age: 3d, database: {site}/none,\n"
            f"        clamd: {{servers: ['unix:{clamd}']}}}}\n")
    found = doctor.check(mta, conf=conf).of("old-signatures")
    assert [cause in f["cause"] for f in found] == ([True] if cause else [])
    assert all(f["file"] == "unix:" + clamd for f in found)


def test_milters_are_known_by_the_program_that_listens(site, resolver):
    """Whatever the MTA calls it, and wherever -p has put its socket."""
    relay = RelayMilter(site, Sendmail(site).dir)
    with relay:
        mta = Sendmail(site + "/two", mc=milter("virus-milter", site + "/none.sock") +
                       milter("guard", relay.socket))
        assert "guard comes after virus-milter" in doctor.check(mta).only(
            "filter-order")["cause"]
    assert doctor.check(mta).of("filter-order") == []


@pytest.fixture
def grants(site, resolver):
    mta = Sendmail(site, mc="FEATURE(`postern_relay')dnl")
    makemap(mta.dir + "/relayers", "192.0.2.4\t906502527\n")
    return mta


def written(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


CRON = "*/5 * * * * root vsmtprelay expire 30\n"
SERVICE = "[Service]\nType=oneshot\nExecStart=/usr/sbin/vsmtprelay expire 30\n"


@pytest.mark.parametrize("files,found", [
    ({"/etc/cron.d/expire-grants": (CRON, 0o644)}, 0),
    # cron takes no file with such a name; nor a script that cannot be run.
    ({"/etc/cron.d/expire-grants.dpkg-old": (CRON, 0o644)}, 1),
    ({"/etc/cron.hourly/expire": ("#!/bin/sh\nvsmtprelay expire 30\n", 0o644)}, 1),
    ({"/etc/cron.hourly/expire": ("#!/bin/sh\nvsmtprelay expire 30\n", 0o755)}, 0),
    ({"/etc/systemd/system/grants.service": (SERVICE, 0o644)}, 1),
    ({"/etc/systemd/system/grants.service": (SERVICE, 0o644),
      "/etc/systemd/system/timers.target.wants/grants.timer":
          ("[Timer]\nOnCalendar=*:0/5\n", 0o644)}, 0),
    ({"/etc/systemd/system/grants.service": (SERVICE, 0o644),
      "/etc/systemd/system/timers.target.wants/other.timer":
          ("[Timer]\nOnCalendar=*:0/5\nUnit=grants.service\n", 0o644)}, 0),
])
def test_where_grants_may_be_taken_out(grants, files, found):
    try:
        for path, (text, mode) in files.items():
            written(path, text, mode)
        assert len(doctor.check(grants).of("no-expire")) == found
    finally:
        for path in files:
            os.unlink(path)


def test_grants_that_nothing_takes_out(site, resolver):
    mta = Sendmail(site, mc="FEATURE(`postern_relay')dnl")
    makemap(mta.dir + "/relayers", "192.0.2.4\t906502527\n")
    finding = doctor.check(mta).only("no-expire")
    assert finding["line"] == doctor.line_of(mta, "Krelayers")
    tab = site + "/crontab"
    for line, found in (("#*/5 * * * * root vsmtprelay expire 30", 1),
                        ("*/5 * * * *\troot\tvsmtprelay expire 30", 0)):
        with open(tab, "w", encoding="ascii") as f:
            f.write(line + "\n")
        assert len(doctor.check(mta, "--crontab", tab).of("no-expire")) == found
    # So does relay-milter, while it runs.
    milter_of_it = RelayMilter(site, mta.dir)
    with milter_of_it, open(milter_of_it.conf, encoding="ascii") as f:
        assert doctor.check(mta, conf=f.read()).of("no-expire") == []
