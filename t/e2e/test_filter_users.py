"""Recipes of site, domains and users: which are read, and what users reach."""
import os
import signal

from harness.filter_gate import gate, mail, send  # noqa: F401


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
    assert send(mta, mail("reached")).code == 250
    assert "X-Own: mine" in sink.wait("Subject: reached\r")["text"]


def test_hostile_user_slows_only_himself(gate, sink):
    pattern = "(.*a.?.?.?.?.?.?.?.?.?.?.?.?.?.?.?.?b.*c)" * 20
    rc = "".join(f":0 B\n* {pattern}{n}\n/dev/null\n" for n in range(300))
    milter, mta = gate(users={"alice": rc}, filter="  user_time: 50ms\n")
    body = mail("heavy") + ("ab" * 35 + "\r\n") * 16000
    assert send(mta, body).code == 451
    milter.said("Out of time")
    assert send(mta, mail("light"), ("<bob@example.org>",)).code == 250
