"""What recipes of a user, or a sender, may make much of: log, memory, replies."""
from harness.milter_client import opened
from test_filter_hostile import KEPT, cpu_seconds, judge, memory, milter  # noqa: F401


def test_a_user_cannot_end_the_connection(milter):
    for rc in ("TEMPFAIL=\"421 4.7.0 bye\"\n", "EXITCODE=75\nSMTPREPLY=\"421 4.7.0 bye\"\n"):
        milter.user("alice", rc)
        assert judge(milter, "alice").text == "451 4.7.0 bye"
    milter.write("filterrc", "TEMPFAIL=\"421 4.7.0 bye\"\n")
    assert judge(milter, "bob").text == "421 4.7.0 bye"


def test_the_log_of_a_user(milter):
    milter.user("alice", "LOG=\"word\n\"\n" * 5000)
    before = len(milter.stderr())
    assert judge(milter, "alice").kind == "continue"
    milter.said("LOG: and 4950 more")
    milter.user("alice", ":0\n| /bin/x\n" * 5000)
    judge(milter, "alice")
    milter.said("rc/alice.rc: and 4950 more mistakes")
    milter.user("alice", "LINEBUF=128\nA=" + "x" * 100 + "\n" + "B=$A$A\n" * 5000)
    judge(milter, "alice")
    milter.said("note: and ")
    assert len(milter.stderr()) - before < 40_000


def test_mail_of_many_parts(milter):
    """GMime makes objects of all parts and fields before anybody can look."""
    milter.user("alice", ":0 BU\n* nothing\nbox\n")
    for piece in (b"--b\r\n\r\nx\r\n", b"X: y\r\n", b"Content-Type: message/rfc822\r\n\r\n"):
        before, cpu = memory(milter.process), cpu_seconds(milter.process)
        body = b"--b\r\n" + piece * (12_000_000 // len(piece))
        with opened(milter.socket, timeout=60) as m:
            m.mail("<s@example.net>", i="q1")
            m.rcpt("<alice@example.org>")
            m.message([("MIME-Version", "1.0"),
                       ("Content-Type", "multipart/mixed; boundary=b")],
                      [body[at:at + 60000] for at in range(0, len(body), 60000)])
        assert memory(milter.process) - before < (150 << 20) + KEPT
        assert cpu_seconds(milter.process) - cpu < 8
