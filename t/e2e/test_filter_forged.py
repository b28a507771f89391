"""What a sender's bytes, or a user's, cannot forge by way of recipes."""
import glob

from harness.filter_gate import gate, mail, rcpts_of, send  # noqa: F401

EVIL = "X-Virus-Status: clean"


def test_header_fields_stay_one(gate, sink):
    """MATCH with line ends of the sender's, where they become a header."""
    rc = ("* B ?? ^BEGIN\\/(.|$)+end\n{ TAG=\"X-Tag: $MATCH\"\n:0\n* ^Subject: .*hold\n"
          "{ QUARANTINE=\"$MATCH\" }\n:0\n\"lists$MATCH\"\n}\n")
    milter, mta = gate(":0\n" + rc)
    text = mail("one") + f"BEGIN\r\n{EVIL}\r\n\r\nend;\r\n"
    assert send(mta, text).code == 250
    got = sink.wait("Subject: one")["text"]
    head = got.split("\r\n\r\n")[0]
    assert "X-Procmail-Folder: lists" in head, milter.stderr()
    assert f"\r\n{EVIL}" not in head
    assert "body of one" in got.split("\r\n\r\n", 1)[1]
    assert send(mta, text.replace("one", "hold")).code == 250
    held = glob.glob(mta.dir + "/mqueue/hf*")
    assert len(held) == 1
    with open(held[0], encoding="latin1") as f:
        assert f"\n{EVIL}" not in f.read()
    assert all(line.split(": ")[0] == "filter-milter" for line in milter.stderr().splitlines())


def test_addresses_that_are_none(gate, sink):
    secret = "/tmp/postern-forged-list"
    with open(secret, "w") as f:
        f.write("carol@example.org\n")
    rc = "".join(f":0 c\n! '{address}'\n" for address in (
        f":include:{secret}", f"{secret}", "|/usr/bin/touch /tmp/postern-forged-pipe",
        "\"|/usr/bin/touch\"@example.org", "a b@example.org", "<x@example.org>",
        "x@example.org,y@example.org", "\\bob@example.org"))
    milter, mta = gate(users={"alice": rc})
    assert send(mta, mail("strange")).code == 250
    assert rcpts_of(sink, "strange") == ["RCPT To:<alice@example.org>"]
    assert "not an address" in milter.stderr(), milter.stderr()
    assert not glob.glob("/tmp/postern-forged-pipe")
