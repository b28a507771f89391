"""filter-milter before real sendmail: what the client is told, what arrives."""
import glob
import json
import os
import signal
import subprocess

import pytest

from harness import program, smtp
from harness.filter import FilterMilter
from harness.sendmail import Sendmail, makemap


@pytest.fixture
def gate(site, sink, resolver):
    """gate(rc=..., filter=..., users=...): filter-milter and sendmail."""
    made = []

    def make(rc="", **settings):
        milter = FilterMilter(site, rc=rc, **settings).start()
        mta = Sendmail(site, mc=milter.mc(), sink=sink.port).start()
        made.extend([mta, milter])
        return milter, mta

    yield make
    for one in made:
        one.stop()


def send(mta, text="Subject: test\r\n\r\nbody\r\n", rcpts=("<alice@example.org>",),
         sender="<a@example.net>"):
    with smtp.Client(mta.port) as c:
        c("EHLO client.example.net")
        return c.send(sender, rcpts, text)[-1]


def replies(mta, text, rcpts, sender="<a@example.net>"):
    """All replies: MAIL, RCPTs, DATA, end."""
    with smtp.Client(mta.port) as c:
        c("EHLO client.example.net")
        return c.send(sender, rcpts, text)


def mail(mark, head=""):
    return f"{head}Subject: {mark}\r\nTo: x@example.org\r\n\r\nbody of {mark}\r\n"


def rcpts_of(sink, mark, times=1, timeout=10):
    """Recipients of all copies of a message that arrived."""
    with sink.changed:
        sink.changed.wait_for(lambda: sum(
            len(m["rcpt"]) for m in sink.messages if f"Subject: {mark}\r" in m["text"])
            >= times, timeout)
        # The hub that all local mail goes to gets its own name as domain.
        return sorted(r.replace("@[127.0.0.1]", "@example.org") for m in sink.messages if f"Subject: {mark}\r" in m["text"]
                      for r in m["rcpt"])


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


def test_scopes_and_reload(gate, sink):
    milter, mta = gate(":0\n* ^Subject: site\n{ REJECT=site }\nFROM_SITE=yes\n",
                       domains={"example.org": ":0\n* ^Subject: domain\n{ REJECT=domain }\n"},
                       users={"alice": ":0\n* FROM_SITE ?? yes\n* ^Subject: user\n"
                                       "{ REJECT=user }\n"})
    for name in ("site", "domain", "user"):
        assert send(mta, mail(name)) == f"550 5.7.1 {name}"
    assert send(mta, mail("user"), ("<bob@example.org>",)).code == 250
    # A new text counts at once; a broken one leaves the old and is told.
    milter.user("alice", ":0\n* ^Subject: fresh\n{ REJECT=fresh }\n")
    assert send(mta, mail("fresh")) == "550 5.7.1 fresh"
    milter.user("alice", ":0\n| /bin/sh -c evil\n")
    assert send(mta, mail("fresh")) == "550 5.7.1 fresh"
    milter.said("rc/alice.rc:2: ")
    milter.said("stay in force")
    milter.write("filterrc", ":0\n* (\nbox\n")
    assert send(mta, mail("site")) == "550 5.7.1 site"
    milter.said("filterrc:2: Invalid regexp")
    milter.process.send_signal(signal.SIGHUP)
    milter.said("reloaded")
    assert send(mta, mail("site")) == "550 5.7.1 site"
    # Gone is gone, for a user.
    os.unlink(milter.dir + "/rc/alice.rc")
    assert send(mta, mail("fresh")).code == 250


def test_files_of_users_are_looked_at(gate, sink):
    milter, mta = gate(users={"alice": ":0\n{ REJECT=mine }\n"})
    assert send(mta).code == 550
    for kind, why in (({"owner": 2002}, "belongs to somebody else"),
                      ({"mode": 0o666}, "written by everybody"),
                      ({"mode": 0o664, "owner": 2001}, None)):
        os.unlink(milter.dir + "/rc/alice.rc")
        assert send(mta).code == 250
        milter.user("alice", ":0\n{ REJECT=mine }\n", **kind)
        assert send(mta).code == (250 if why else 550), why
        if why:
            milter.said(why)
    os.unlink(milter.dir + "/rc/alice.rc")
    assert send(mta).code == 250
    secret = milter.write("secret", "A=b\n:0\n{ REJECT=$A }\n")
    os.symlink(secret, milter.dir + "/rc/alice.rc")
    assert send(mta).code == 250
    milter.said("symbolic link")


def test_users_cannot_reach_out(gate, sink):
    rc = ":0 fw\n| /usr/bin/tr a b\n"
    milter, mta = gate(filter="  programs: [/usr/bin/tr]\n", users={"alice": rc})
    secret = milter.write("secret.rc", "WORD=open-sesame\n")
    assert send(mta, mail("prog")).code == 250
    milter.said("rc/alice.rc:2: Programs are not run: /usr/bin/tr")
    for path in (secret, "../secret.rc", milter.dir + "/rc/../secret.rc", "/etc/passwd",
                 milter.dir + "/rc/link.rc"):
        if not os.path.islink(milter.dir + "/rc/link.rc"):
            os.symlink(secret, milter.dir + "/rc/link.rc")
        milter.user("alice", f"MAILDIR={milter.dir}/rc\nINCLUDERC={path}\n"
                             'TAG="X-Word: <$WORD>"\n')
        assert send(mta, mail("reach")).code == 250
    assert "open-sesame" not in "".join(m["text"] for m in sink.messages)
    assert sink.wait("X-Word: <>")
    # His own file beside is his.
    milter.user("bob", "x", owner=2002)
    milter.write("rc/more.rc", "WORD=mine\n", owner=2001)
    milter.user("alice", f"INCLUDERC={milter.dir}/rc/more.rc\nTAG=\"X-Own: $WORD\"\n")
    assert send(mta, mail("own")).code == 250
    assert "X-Own: mine" in sink.wait("Subject: own")["text"]


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


def test_hostile_user_slows_only_himself(gate, sink):
    pattern = "(.*a.?.?.?.?.?.?.?.?.?.?.?.?.?.?.?.?b.*c)" * 20
    rc = "".join(f":0 B\n* {pattern}{n}\n/dev/null\n" for n in range(300))
    milter, mta = gate(users={"alice": rc}, filter="  user_time: 50ms\n")
    body = mail("heavy") + ("ab" * 35 + "\r\n") * 16000
    assert send(mta, body).code == 451
    milter.said("Out of time")
    assert send(mta, mail("light"), ("<bob@example.org>",)).code == 250


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
