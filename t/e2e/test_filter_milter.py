"""filter-milter before real sendmail: what the client is told, what arrives."""
import glob
import json
import os
import subprocess

from harness import program
from harness.filter import FilterMilter
from harness.filter_gate import gate, mail, rcpts_of, replies, send  # noqa: F401
from harness.sendmail import Sendmail, makemap

SITE = r"""
# what the client hears, by the last words of the subject
:0
* ^Subject: own text
{ REJECT="550 5.7.1 No, thank you" }
:0
* ^Subject: later
{ TEMPFAIL="Come back" }
:0
* ^Subject: unknown
{
  EXITCODE=67
  :0
  /dev/null
}
:0
* ^Subject: host stop
{ EXITCODE=77
  HOST }
:0
* ^Subject: null
/dev/null
:0
* ^Subject: hold
{ QUARANTINE="look at this" }
:0
* ^Subject: away
! other@example.org
:0 c
* ^Subject: copied
! other@example.org
:0
* ^Subject: tagged
{ TAG="X-Suspect: yes" }
:0 fhw
* ^Subject: edited
| formail -A "X-Added: one" -I "X-Gone: new" -i "X-Kept: new"
:0
* ^Subject: folder
work
"""

ANSWERS = [("own text", "550 5.7.1 No, thank you"), ("later", "451 4.7.1 Come back"),
           ("unknown", "550 5.1.1 User unknown"),
           ("host stop", "550 5.7.1 Insufficient permission")]


def test_what_recipes_mean(gate, sink):
    milter, mta = gate(SITE)
    for mark, answer in ANSWERS:
        assert send(mta, mail(mark)) == answer
    for mark in ("null", "hold", "away", "copied", "tagged", "folder", "plain"):
        assert send(mta, mail(mark, "X-Procmail-Folder: forged\r\n")).code == 250
    assert send(mta, mail("edited", "X-Gone: a\r\nX-Kept: b\r\nX-Gone: c\r\n")).code == 250
    alice, other = "RCPT To:<alice@example.org>", "RCPT To:<other@example.org>"
    assert rcpts_of(sink, "plain") == [alice]
    assert rcpts_of(sink, "away") == [other]
    assert rcpts_of(sink, "copied", 2) == [alice, other]
    assert "X-Suspect: yes\r\n" in sink.wait("Subject: tagged")["text"]
    folder = sink.wait("Subject: folder")["text"]
    assert folder.count("X-Procmail-Folder") == 1 and "X-Procmail-Folder: work\r\n" in folder
    assert "X-Procmail-Folder" not in sink.wait("Subject: plain")["text"]
    edited = sink.wait("Subject: edited")["text"]
    for line in ("X-Added: one", "X-Gone: new", "X-Kept: new", "Old-X-Kept: b"):
        assert edited.count(f"\r\n{line}\r\n") == 1, line
    assert "X-Gone: a" not in edited and "X-Gone: c" not in edited
    assert len(glob.glob(mta.dir + "/mqueue/hf*")) == 1
    assert not rcpts_of(sink, "null", timeout=0.5) and not rcpts_of(sink, "hold", timeout=0)
    with open(milter.decisions) as f:
        decisions = [json.loads(line) for line in f]
    assert decisions[0]["verdict"] == "reject" and decisions[0]["code"] == 550
    assert decisions[0]["why"]["source"] == milter.site_rc + ":5"
    assert decisions[0]["program"] == "filter-milter"


def test_settings_change_meanings(gate, sink):
    milter, mta = gate(SITE, filter="  dev_null: reject\n  folder: recipient\n"
                               "  quarantine_folders: [work2]\n")
    assert send(mta, mail("null")).code == 550
    assert send(mta, mail("folder")).code == 250
    milter.said("removed=<alice@example.org> added=alice+work@example.org")


def test_recipients_that_disagree_come_apart(gate, sink):
    milter, mta = gate(users={"alice": ":0\n* ^Subject: two\n{ REJECT=mine }\n",
                              "bob": ":0\n* ^Subject: two\n! away@example.org\n"})
    both = ("<alice@example.org>", "<bob@example.org>", "<carol@example.org>")
    first = replies(mta, mail("two"), both)
    assert [r.code for r in first] == [250, 250, 250, 250, 354, 451]
    second = replies(mta, mail("two"), both)
    assert [r.code for r in second] == [250, 250, 452, 452, 354, 550]
    assert second[-1] == "550 5.7.1 mine"
    third = replies(mta, mail("two"), both[1:])
    assert [r.code for r in third] == [250, 250, 250, 354, 250]
    assert rcpts_of(sink, "two", 2) == ["RCPT To:<away@example.org>",
                                        "RCPT To:<carol@example.org>"]
    assert "differ, apart" in milter.stderr()
    # Nobody disagrees about other mail, and it is not held up.
    assert replies(mta, mail("three"), both, "<z@example.net>")[-1].code == 250
    assert len(rcpts_of(sink, "three", 3)) == 3


def test_recipients_that_disagree_together(gate, sink):
    milter, mta = gate(filter="  differ: together\n", users={
        "alice": ":0\n* ^Subject: four\n{ REJECT=mine }\n:0\n/dev/null\n",
        "bob": "TAG=\"X-Bob: his\"\n"})
    both = ("<alice@example.org>", "<bob@example.org>", "<carol@example.org>")
    assert send(mta, mail("four"), both).code == 250
    assert rcpts_of(sink, "four", 2) == ["RCPT To:<bob@example.org>",
                                         "RCPT To:<carol@example.org>"]
    assert "X-Bob" not in sink.wait("Subject: four")["text"]
    milter.said("refuses alone")
    assert send(mta, mail("five"), both[:2]).code == 250
    assert rcpts_of(sink, "five") == ["RCPT To:<bob@example.org>"]
    assert "X-Bob: his" in sink.wait("Subject: five")["text"]


def test_nobody_gets_two(gate, sink):
    _, mta = gate(users={"alice": ":0\n! bob@example.org bob@EXAMPLE.org\n",
                         "bob": ":0 c\n! alice@example.org\n"})
    both = ("<alice@example.org>", "<bob@example.org>")
    assert send(mta, mail("swap"), both).code == 250
    assert rcpts_of(sink, "swap", 2) == ["RCPT To:<alice@example.org>",
                                         "RCPT To:<bob@example.org>"]


def test_listed_programs(gate, sink):
    rc = (":0 fbw\n* ^Subject: filter\n| /usr/bin/tr a-z A-Z\n"
          ":0\n* ^Subject: asked\n* ? /usr/bin/test x = y\n{ REJECT=no }\n"
          ":0 fw\n* ^Subject: slow\n| /usr/bin/sleep 60\n"
          "WHO=`/usr/bin/id -u`\nTAG=\"X-Who: $WHO\"\n")
    milter, mta = gate(rc, filter="  program_time: 500ms\n  program_user: bob\n"
                       "  programs: [/usr/bin/tr, /usr/bin/test, /usr/bin/sleep, /usr/bin/id]\n")
    for mark in ("filter", "asked", "slow"):
        assert send(mta, mail(mark)).code == 250
    assert "BODY OF FILTER" in sink.wait("Subject: filter")["text"]
    assert "body of slow" in sink.wait("Subject: slow")["text"]
    assert "X-Who: 2002\r\n" in sink.wait("Subject: asked")["text"]
    milter.said("took too long")


def test_refused_at_start_with_file_and_line(site):
    milter = FilterMilter(site, rc="A=b\n:0\n| /bin/mail root; rm x\n")
    done = subprocess.run([program("filter-milter"), "-n", "-c", milter.conf],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert f"{milter.site_rc}:3: No shell is started for ;" in done.stderr
    milter.write("filterrc", ":0\n| /bin/mail root\n")
    done = subprocess.run([program("filter-milter"), "-n", "-c", milter.conf],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 78 and "filterrc:2: Programs are not run" in done.stderr


def test_lookups_and_decoding(site, sink, resolver):
    rc = (':0\n* SENDER ?? ^^bad@\n* CLIENT_ADDR ?? ^^127\\.0\\.0\\.1^^\n'
          '* HELO ?? client\n* RECIPIENT ?? ^^alice@\n{ REJECT="by envelope" }\n'
          ':0 BU\n* caf\xc3\xa9 au lait\n{ REJECT=decoded }\n'
          ':0\n* ATTACHMENT_NAMES ?? \\.scr$\n{ REJECT=attachment }\n'
          'LOOKUP="access From:$SENDER"\n:0\n* FOUND ?? ^^REJECT\n{ REJECT=access }\n'
          'LOOKUP="vip $SENDER"\n:0\n* FOUND ?? .\n{ TAG="X-Vip: yes" }\n')
    milter = FilterMilter(site, rc=rc)
    milter.configure(f"  classes: ['vip={milter.dir}/vip']\n")
    makemap(milter.dir + "/access", "From:spam.example\tREJECT\n")
    milter.write("vip", "boss@example.net\n")
    mta = Sendmail(site, mc=milter.mc(), sink=sink.port).start()
    part = ("MIME-Version: 1.0\r\nContent-Type: {}\r\n"
            "Content-Transfer-Encoding: base64\r\nSubject: {}\r\n\r\nY2Fm6SBhdSBsYWl0Cg==\r\n")
    try:
        milter.start()
        assert send(mta, mail("a"), sender="<bad@example.net>") == "550 5.7.1 by envelope"
        assert send(mta, mail("b"), ("<bob@example.org>",), "<bad@example.net>").code == 250
        coffee = part.format("text/plain; charset=iso-8859-1", "c")
        assert send(mta, coffee) == "550 5.7.1 decoded"
        named = part.format('application/octet-stream; name="x.SCR"', "d")
        assert send(mta, named) == "550 5.7.1 attachment"
        assert send(mta, mail("e"), sender="<x@mail.spam.example>") == "550 5.7.1 access"
        assert send(mta, mail("vip"), sender="<Boss@example.net>").code == 250
        assert "X-Vip: yes" in sink.wait("Subject: vip")["text"]
        # A map that cannot be read is no answer.
        os.unlink(milter.dir + "/access.db")
        assert send(mta, mail("f")).code == 451
    finally:
        mta.stop()
        milter.stop()


def test_test_mode_changes_nothing(site, sink, resolver):
    milter = FilterMilter(site, rc=SITE).start("-t")
    mta = Sendmail(site, mc=milter.mc(), sink=sink.port).start()
    try:
        assert send(mta, mail("own text")).code == 250
        milter.said("test mode: action=reject")
    finally:
        mta.stop()
        milter.stop()
